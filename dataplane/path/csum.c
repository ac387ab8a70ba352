/* See csum.h. */
#include "csum.h"
#include "headers.h"

rte_be16_t *dp_csum_field(struct rte_mbuf *m)
{
        uint64_t l4 = m->ol_flags & RTE_MBUF_F_TX_L4_MASK;
        uint32_t start = m->l2_len + m->l3_len;
        uint32_t offset = l4 == RTE_MBUF_F_TX_UDP_CKSUM ? offsetof(struct rte_udp_hdr, dgram_cksum)
                                                        : offsetof(struct rte_tcp_hdr, cksum);

        if (l4 == RTE_MBUF_F_TX_SCTP_CKSUM || start + offset + sizeof(rte_be16_t) > m->data_len)
                return NULL;
        return rte_pktmbuf_mtod_offset(m, rte_be16_t *, start + offset);
}

bool dp_csum_finish(struct rte_mbuf *m)
{
        uint64_t l4 = m->ol_flags & RTE_MBUF_F_TX_L4_MASK;
        uint32_t start = m->l2_len + m->l3_len;
        rte_be16_t *field = dp_csum_field(m);
        uint16_t sum;

        if (!field || rte_raw_cksum_mbuf(m, start, m->pkt_len - start, &sum) < 0)
                return false;
        sum = ~sum;
        /* A UDP checksum of zero means "none" (RFC 768). */
        *field = sum == 0 && l4 == RTE_MBUF_F_TX_UDP_CKSUM ? 0xffff : sum;
        m->ol_flags &= ~(RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6);
        return true;
}
