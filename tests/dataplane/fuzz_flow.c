/* Fuzzer: any bytes as a frame, to what tells which conversation it belongs to: headers, IPv6 extension headers,
 * fragments, the packet that an ICMP error quotes. Input: the frame. */
#include "flow_properties.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static bool ready;

        if (!ready)
                harness_init();
        ready = true;
        if (size > 0 && size <= 16384)
                flow_check(data, size);
        return 0;
}
