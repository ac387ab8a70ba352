/* Fuzzer: any bytes, with any claims about offloads, at a tenant's port or on the wire. Whatever they are, nothing is
 * read outside the frame (sanitizer), no buffer leaks, and every packet is accounted for. Input: frame_input.h; 0x80
 * in the port: A and B have security groups. */
#include <stdlib.h>

#include "fragments.h"
#include "frame_input.h"
#include "harness_policy.h"
#include "headers.h"
#include "worker.h"

static void secure(bool wanted)
{
        static const struct harness_rule rules[] = {HARNESS_ANY(DP_EGRESS, false),
                                                    HARNESS_ANY(DP_EGRESS, true),
                                                    {DP_INGRESS, false, IPPROTO_UDP, 0, 1000},
                                                    {DP_INGRESS, true, IPPROTO_TCP, 0, 1000}};
        static bool secured;

        if (wanted == secured)
                return;
        secured = wanted;
        for (unsigned int p = HARNESS_PORT_A; p <= HARNESS_PORT_B; p++)
                if (wanted)
                        harness_secure(p, true, rules, RTE_DIM(rules));
                else
                        harness_unsecure(p);
}

/* A fragment that waits for its first is given up. */
static void pass_time(void)
{
        while (dp.workers->fragments->count > 0) {
                dp.workers->now_ms += DP_FRAGMENTS_WAIT_MS;
                harness_walk();
        }
}

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

        port = (data[0] & 0x7f) % HARNESS_PORTS;
        secure(data[0] & 0x80);
        harness_receive(port, frame_input_make(data, size));
        pass_time();
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
