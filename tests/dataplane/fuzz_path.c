/* Fuzzer: any bytes, with any claims about offloads, at a tenant's port or on the wire. Whatever they are, nothing is
 * read outside the frame (sanitizer), no buffer leaks, and every packet is accounted for. Input: port, flags, segment
 * size (2), l2_len, l3_len, l4_len, then the frame. */
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define HEADER 7

static struct rte_mbuf *make(const uint8_t *data, size_t size)
{
        struct rte_mbuf *m = harness_packet(data + HEADER, size - HEADER);

        if (data[1] & 1) {
                m->ol_flags |= data[1] & 2 ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
                m->ol_flags |= data[1] & 4 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4;
                m->l2_len = data[4];
                m->l3_len = data[5];
                m->l4_len = data[6];
        }
        if ((data[1] & 9) == 9) {
                m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
                m->tso_segsz = data[2] << 8 | data[3];
        }
        /* Only the port types say that a packet is a tunnel's, and they have parsed it then. */
        return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static bool ready;
        unsigned int port;

        if (!ready)
                harness_init();
        ready = true;
        if (size <= HEADER || size > 16384)
                return 0;

        port = data[0] % HARNESS_PORTS;
        harness_receive(port, make(data, size));
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
