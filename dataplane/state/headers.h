/* Looking into frames: the few header facts that several nodes need. Everything checks bounds against the first
 * segment: receive fills segments, so a header that is not in it is a lie. */
#pragma once

#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_udp.h>

/* Bytes before the IP header (14, or 18 with one VLAN tag), and the EtherType there; 0: truncated. */
static __rte_always_inline uint16_t dp_ether_len(const struct rte_mbuf *m, uint16_t *ret_type)
{
        const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);

        *ret_type = 0;
        if (unlikely(m->data_len < sizeof(*ether)))
                return 0;
        *ret_type = ether->ether_type;
        if (likely(*ret_type != RTE_BE16(RTE_ETHER_TYPE_VLAN)))
                return sizeof(*ether);
        if (m->data_len < sizeof(*ether) + sizeof(struct rte_vlan_hdr))
                return 0;
        *ret_type = ((const struct rte_vlan_hdr *)(ether + 1))->eth_proto;
        return sizeof(*ether) + sizeof(struct rte_vlan_hdr);
}

/* The IPv4 header at `offset`, whole and in bounds, or NULL. */
static __rte_always_inline struct rte_ipv4_hdr *dp_ipv4(const struct rte_mbuf *m, uint16_t offset)
{
        struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, offset);

        if (unlikely(m->data_len < offset + sizeof(*ip)) || ip->version != 4 || ip->ihl < 5 ||
            m->data_len < offset + rte_ipv4_hdr_len(ip) || rte_be_to_cpu_16(ip->total_length) < rte_ipv4_hdr_len(ip))
                return NULL;
        return ip;
}

/* The IPv6 header at `offset` in bounds, or NULL. */
static __rte_always_inline struct rte_ipv6_hdr *dp_ipv6(const struct rte_mbuf *m, uint16_t offset)
{
        struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, offset);

        if (unlikely(m->data_len < offset + sizeof(*ip)) || (*(const uint8_t *)ip >> 4) != 6)
                return NULL;
        return ip;
}

/* Bytes of the largest IP packet that this frame becomes on the wire: for a large segment, of one piece. */
static __rte_always_inline uint32_t dp_l3_size(const struct rte_mbuf *m, uint16_t ether_len)
{
        if (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG)
                return m->tso_segsz + m->l3_len + m->l4_len;
        return m->pkt_len - ether_len;
}

/* The same on its way over an underlay, where a tag of the guest's own travels inside and takes its room. */
static __rte_always_inline uint32_t dp_carried_size(const struct rte_mbuf *m, uint16_t ether_len)
{
        return dp_l3_size(m, ether_len) + ether_len - sizeof(struct rte_ether_hdr);
}
