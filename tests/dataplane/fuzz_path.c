/* Fuzzer: any bytes, with any claims about offloads, at a tenant's port or on the wire. Whatever they are, nothing is
 * read outside the frame (sanitizer), no buffer leaks, and every packet is accounted for. Input: frame_input.h. */
#include <stdlib.h>

#include "frame_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static bool ready;
        unsigned int port;

        if (!ready)
                harness_init();
        ready = true;
        if (!frame_input_fits(data, size))
                return 0;

        port = data[0] % HARNESS_PORTS;
        harness_receive(port, frame_input_make(data, size));
        uint64_t out = harness_all_drops() + harness_punted();
        for (unsigned int p = 0; p < HARNESS_PORTS; p++)
                out += harness_sent_count(p);
        if (out == 0) {
                fprintf(stderr, "a packet vanished without a count\n");
                abort();
        }
        harness_clear();
        if (harness_leaked() != 0) {
                fprintf(stderr, "%u buffers leaked\n", harness_leaked());
                abort();
        }
        return 0;
}
