/* What comes over the wire: takes VXLAN off and finds the network by VNI, or by VLAN; hands what is for the VTEP itself
 * (ARP, ND, ICMP) to control. */
#include <rte_arp.h>

#include "decide.h"
#include "headers.h"
#include "nd.h"
#include "vxlan.h"

enum { EDGE_SESSION, EDGE_BRIDGE, EDGE_PUNT, EDGE_DROP, EDGE_COUNT };

struct outer {
        const struct dp_port *port;
        const struct dp_underlay *underlay;
        bool to_us; /* by the destination MAC: devices are promiscuous for VLAN networks */
        uint8_t source[16];
        uint8_t class;   /* DSCP and ECN */
        uint16_t udp_at; /* offset of the UDP header */
        uint16_t size;   /* of the UDP datagram, by the IP header */
};

static bool find_segment(struct dp_meta *meta, uint16_t underlay, bool vlan, uint32_t tag)
{
        uint64_t key = dp_segment_key(underlay, vlan, tag);
        uint64_t value = dp_map_get(&dp.segments, &key, 1);

        meta->network = value >> 1;
        return value != 0;
}

/* Where tenants' ports have security groups, to their sessions. */
static rte_edge_t to_network(const struct dp_meta *meta)
{
        const struct dp_network *network = dp_network_get(meta->network);

        return network && __atomic_load_n(&network->secured, __ATOMIC_RELAXED) ? EDGE_SESSION : EDGE_BRIDGE;
}

/* What the inner ECN field becomes by RFC 6040 figure 4, or −1: drop. */
static int combine_ecn(uint8_t inner, uint8_t outer)
{
        if (outer == ECN_CE)
                return inner == ECN_NOT_ECT ? -1 : ECN_CE;
        return outer == ECN_ECT1 && inner == ECN_ECT0 ? ECN_ECT1 : inner;
}

/* The marks of the way through the underlay reach the inner packet. false: drop. */
static bool decap_ecn(struct rte_mbuf *m, uint8_t outer_class)
{
        uint16_t type, l2 = dp_ether_len(m, &type);
        int ecn;

        if (likely((outer_class & ECN_MASK) == ECN_NOT_ECT))
                return true;
        if (type == RTE_BE16(RTE_ETHER_TYPE_IPV4)) {
                struct rte_ipv4_hdr *ip = dp_ipv4(m, l2);
                if (!ip)
                        return true;
                ecn = combine_ecn(ip->type_of_service & ECN_MASK, outer_class & ECN_MASK);
                if (ecn >= 0 && ecn != (ip->type_of_service & ECN_MASK)) {
                        ip->type_of_service = (ip->type_of_service & ~ECN_MASK) | ecn;
                        ip->hdr_checksum = 0;
                        ip->hdr_checksum = ~rte_raw_cksum(ip, rte_ipv4_hdr_len(ip));
                }
        } else if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6)) {
                struct rte_ipv6_hdr *ip = dp_ipv6(m, l2);
                if (!ip)
                        return true;
                uint32_t flow = rte_be_to_cpu_32(ip->vtc_flow);
                ecn = combine_ecn(flow >> 20 & ECN_MASK, outer_class & ECN_MASK);
                if (ecn >= 0)
                        ip->vtc_flow = rte_cpu_to_be_32((flow & ~(ECN_MASK << 20)) | (uint32_t)ecn << 20);
        } else {
                return true;
        }
        return ecn >= 0;
}

/* Verifies the outer UDP checksum of IPv6, and of IPv4 where the sender made one. */
static bool outer_checksum_ok(const struct rte_mbuf *m, const struct outer *outer, const struct rte_udp_hdr *udp,
                              uint64_t flags)
{
        uint16_t sum;
        uint32_t total;
        const void *ip = rte_pktmbuf_mtod_offset(m, const void *, sizeof(struct rte_ether_hdr));

        /* Good, or not made yet: it never saw a real wire. */
        if (udp->dgram_cksum == 0 || flags & RTE_MBUF_F_TX_L4_MASK ||
            (flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
                return true;
        if (rte_raw_cksum_mbuf(m, outer->udp_at, rte_be_to_cpu_16(udp->dgram_len), &sum) < 0)
                return false;
        if (*(const uint8_t *)ip >> 4 == 4)
                total = rte_ipv4_phdr_cksum(ip, 0);
        else
                total = rte_ipv6_phdr_cksum(ip, 0);
        total += sum;
        total = (total & 0xffff) + (total >> 16);
        return (uint16_t)total == 0xffff;
}

/* The outer datagram is ours, UDP, whole. */
static rte_edge_t vxlan(struct rte_mbuf *m, const struct outer *outer)
{
        struct dp_meta *meta = dp_meta(m);
        const struct rte_udp_hdr *udp = rte_pktmbuf_mtod_offset(m, const struct rte_udp_hdr *, outer->udp_at);
        const struct rte_vxlan_hdr *vxlan = (const void *)(udp + 1);
        uint16_t inner_at = outer->udp_at + sizeof(*udp) + sizeof(*vxlan);
        uint64_t key[DP_VTEP_WORDS];

        if (m->data_len < outer->udp_at + sizeof(*udp) || udp->dst_port != outer->underlay->udp_port)
                return dp_drop(m, SOCLE_DROP_NOT_FOR_US, EDGE_DROP);
        if (m->data_len < inner_at + sizeof(struct rte_ether_hdr) || !(vxlan->vx_flags & VXLAN_FLAG_VNI) ||
            rte_be_to_cpu_16(udp->dgram_len) != outer->size || outer->udp_at + outer->size > m->pkt_len ||
            outer->udp_at + outer->size < inner_at + sizeof(struct rte_ether_hdr))
                return dp_drop(m, SOCLE_DROP_MALFORMED, EDGE_DROP);
        if (!outer_checksum_ok(m, outer, udp, m->ol_flags))
                return dp_drop(m, SOCLE_DROP_BAD_CHECKSUM, EDGE_DROP);

        dp_vtep_key(key, outer->port->index, outer->source);
        uint64_t tunnel = dp_map_get(&dp.vteps, key, DP_VTEP_WORDS);
        if (unlikely(!tunnel))
                return dp_drop(m, SOCLE_DROP_UNKNOWN_VTEP, EDGE_DROP);
        meta->tunnel = tunnel >> 1;
        if (unlikely(!find_segment(meta, outer->port->index, false, rte_be_to_cpu_32(vxlan->vx_vni) >> 8)))
                return dp_drop(m, SOCLE_DROP_NO_NETWORK, EDGE_DROP);

        /* Trim padding of short frames, then take the outer headers off. */
        if (unlikely(m->pkt_len > (uint32_t)outer->udp_at + outer->size) && m->nb_segs == 1)
                rte_pktmbuf_trim(m, m->pkt_len - outer->udp_at - outer->size);
        rte_pktmbuf_adj(m, inner_at);
        if (m->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK) {
                m->ol_flags &= ~RTE_MBUF_F_TX_TUNNEL_MASK;
                m->l2_len -= sizeof(*udp) + sizeof(*vxlan);
                m->outer_l2_len = m->outer_l3_len = 0;
        } else {
                m->ol_flags &= ~(RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG);
        }
        if (unlikely(!decap_ecn(m, outer->class)))
                return dp_drop(m, SOCLE_DROP_ECN_VIOLATION, EDGE_DROP);
        return to_network(dp_meta(m));
}

/* A frame of the underlay's untagged network, if there is one. */
static rte_edge_t untagged(struct rte_mbuf *m, const struct dp_port *port)
{
        if (find_segment(dp_meta(m), port->index, true, 0))
                return to_network(dp_meta(m));
        return dp_drop(m, SOCLE_DROP_NOT_FOR_US, EDGE_DROP);
}

static rte_edge_t ipv4(struct rte_mbuf *m, struct outer *outer)
{
        const struct rte_ipv4_hdr *ip = dp_ipv4(m, sizeof(struct rte_ether_hdr));

        if (!ip || !outer->to_us || !outer->underlay->has_vtep4 ||
            memcmp(&ip->dst_addr, outer->underlay->vtep4, 4) != 0)
                return untagged(m, outer->port);
        if (rte_be_to_cpu_16(ip->total_length) > m->pkt_len - sizeof(struct rte_ether_hdr))
                return dp_drop(m, SOCLE_DROP_MALFORMED, EDGE_DROP);
        if ((m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) != RTE_MBUF_F_RX_IP_CKSUM_GOOD &&
            rte_raw_cksum(ip, rte_ipv4_hdr_len(ip)) != 0xffff)
                return dp_drop(m, SOCLE_DROP_BAD_CHECKSUM, EDGE_DROP);
        if (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK))
                return dp_drop(m, SOCLE_DROP_NOT_FOR_US, EDGE_DROP); /* RFC 7348 4.3: VTEPs do not fragment */
        if (ip->next_proto_id == IPPROTO_ICMP)
                return EDGE_PUNT;
        if (ip->next_proto_id != IPPROTO_UDP)
                return dp_drop(m, SOCLE_DROP_NOT_FOR_US, EDGE_DROP);

        outer->class = ip->type_of_service;
        outer->udp_at = sizeof(struct rte_ether_hdr) + rte_ipv4_hdr_len(ip);
        outer->size = rte_be_to_cpu_16(ip->total_length) - rte_ipv4_hdr_len(ip);
        dp_ip_mapped(outer->source, &ip->src_addr);
        return vxlan(m, outer);
}

static rte_edge_t ipv6(struct rte_mbuf *m, struct outer *outer)
{
        const uint16_t l4 = sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv6_hdr);
        const struct rte_ipv6_hdr *ip = dp_ipv6(m, sizeof(struct rte_ether_hdr));
        const uint8_t *vtep = outer->underlay->vtep6;

        if (!ip || !outer->underlay->has_vtep6)
                return untagged(m, outer->port);
        if (rte_be_to_cpu_16(ip->payload_len) > m->pkt_len - l4)
                return dp_drop(m, SOCLE_DROP_MALFORMED, EDGE_DROP);
        if (ip->proto == IPPROTO_ICMPV6 && m->data_len > l4) {
                uint8_t type = *rte_pktmbuf_mtod_offset(m, const uint8_t *, l4);
                const uint8_t solicited[13] = {0xff, 0x02, [11] = 1, 0xff}; /* ff02::1:ff00:0/104 */
                if ((outer->to_us && memcmp(ip->dst_addr, vtep, 16) == 0) ||
                    (type == ND_SOLICITATION && memcmp(ip->dst_addr, solicited, 13) == 0 &&
                     memcmp(ip->dst_addr + 13, vtep + 13, 3) == 0))
                        return EDGE_PUNT;
        }
        if (!outer->to_us || memcmp(ip->dst_addr, vtep, 16) != 0)
                return untagged(m, outer->port);
        if (ip->proto != IPPROTO_UDP)
                return dp_drop(m, SOCLE_DROP_NOT_FOR_US, EDGE_DROP);

        outer->class = rte_be_to_cpu_32(ip->vtc_flow) >> 20;
        outer->udp_at = l4;
        outer->size = rte_be_to_cpu_16(ip->payload_len);
        memcpy(outer->source, ip->src_addr, 16);
        return vxlan(m, outer);
}

static rte_edge_t arp(struct rte_mbuf *m, const struct outer *outer)
{
        const struct rte_arp_hdr *arp =
                rte_pktmbuf_mtod_offset(m, const struct rte_arp_hdr *, sizeof(struct rte_ether_hdr));

        if (m->data_len >= sizeof(struct rte_ether_hdr) + sizeof(*arp) && outer->underlay->has_vtep4 &&
            memcmp(&arp->arp_data.arp_tip, outer->underlay->vtep4, 4) == 0)
                return EDGE_PUNT;
        return untagged(m, outer->port);
}

/* The tag, whether the device took it off or not; strips it. 0: none. */
static uint16_t take_vlan(struct rte_mbuf *m)
{
        uint16_t tag;

        if (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) {
                tag = m->vlan_tci & 0xfff;
                m->ol_flags &= ~(RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED);
                return tag;
        }
        if (m->data_len < sizeof(struct rte_ether_hdr) + sizeof(struct rte_vlan_hdr) || rte_vlan_strip(m) != 0)
                return 0;
        m->ol_flags &= ~(RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED);
        if (m->ol_flags & RTE_MBUF_F_TX_L4_MASK)
                m->l2_len -= sizeof(struct rte_vlan_hdr);
        return m->vlan_tci & 0xfff;
}

static rte_edge_t underlay_one(struct dp_worker *worker, struct rte_mbuf *m)
{
        struct outer outer = {.port = dp_port_get(m->port)};
        const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
        uint16_t vlan;

        if (unlikely(!outer.port || !(outer.underlay = dp_load(outer.port->underlay))))
                return dp_drop(m, SOCLE_DROP_PORT_GONE, EDGE_DROP);
        if (unlikely(m->data_len < sizeof(*ether)))
                return dp_drop(m, SOCLE_DROP_MALFORMED, EDGE_DROP);
        if (unlikely((vlan = take_vlan(m)))) {
                if (!find_segment(dp_meta(m), outer.port->index, true, vlan))
                        return dp_drop(m, SOCLE_DROP_NO_NETWORK, EDGE_DROP);
                return to_network(dp_meta(m));
        }

        ether = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
        outer.to_us = rte_is_same_ether_addr(&ether->dst_addr, &outer.underlay->mac);
        switch (ether->ether_type) {
        case RTE_BE16(RTE_ETHER_TYPE_IPV4):
                return ipv4(m, &outer);
        case RTE_BE16(RTE_ETHER_TYPE_IPV6):
                return ipv6(m, &outer);
        case RTE_BE16(RTE_ETHER_TYPE_ARP):
                return arp(m, &outer);
        default:
                return untagged(m, outer.port);
        }
}

DP_NODE_PER_PACKET(underlay_process, underlay_one)

static struct rte_node_register underlay_node = {
        .name = "underlay_in",
        .init = dp_node_init,
        .process = underlay_process,
        .nb_edges = EDGE_COUNT,
        .next_nodes =
                {[EDGE_SESSION] = "session", [EDGE_BRIDGE] = "bridge", [EDGE_PUNT] = "punt", [EDGE_DROP] = "drop"},
};
RTE_NODE_REGISTER(underlay_node);

const char *dp_underlay_next(struct rte_mbuf *m)
{
        return underlay_node.next_nodes[underlay_one(NULL, m)];
}
