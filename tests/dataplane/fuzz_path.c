/* Fuzzer: any bytes, with any claims about offloads, at a tenant's port or on the wire. Whatever they are, nothing is
 * read outside the frame (sanitizer), no buffer leaks, and every packet is accounted for. Input: port (0x80: A and B
 * have security groups), flags, segment size (2), l2_len, l3_len, l4_len, then the frame. */
#include <stdlib.h>
#include <string.h>

#include "fragments.h"
#include "harness_policy.h"
#include "headers.h"
#include "worker.h"

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
        if (size <= HEADER || size > 16384)
                return 0;

        port = (data[0] & 0x7f) % HARNESS_PORTS;
        secure(data[0] & 0x80);
        harness_receive(port, make(data, size));
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
