/* VXLAN, outwards (RFC 7348): puts a tunnel's prebuilt outer headers in front and fills in what differs by packet:
 * length, DSCP and ECN (RFC 2983 uniform, RFC 6040 normal mode), source port from the inner flow, VNI, and for IPv6 the
 * UDP checksum, which receivers insist on (RFC 8200 8.1). */
#include "csum.h"
#include "decide.h"
#include "flow_hash.h"
#include "vxlan.h"

enum { EDGE_TX, EDGE_DROP, EDGE_COUNT };

/* The inner packet's traffic class: DSCP and ECN. 0 where there is none. */
static uint8_t traffic_class(const struct rte_mbuf *m, uint16_t l2, uint16_t type)
{
        if (type == RTE_BE16(RTE_ETHER_TYPE_IPV4)) {
                const struct rte_ipv4_hdr *ip = dp_ipv4(m, l2);
                return ip ? ip->type_of_service : 0;
        }
        if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6)) {
                const struct rte_ipv6_hdr *ip = dp_ipv6(m, l2);
                return ip ? rte_be_to_cpu_32(ip->vtc_flow) >> 20 & 0xff : 0;
        }
        return 0;
}

/* The sum of the inner frame for the outer checksum, the frame being at offset `start` of m. Where the inner L4
 * checksum is still to be made, it is known without reading the payload what it will come to: local checksum offload,
 * as the kernel's lco_csum(). */
static uint32_t inner_sum(struct rte_mbuf *m, uint16_t start, rte_be16_t *l4_field)
{
        uint16_t sum;

        if (l4_field) {
                uint16_t headers = m->l2_len + m->l3_len;
                return rte_raw_cksum(rte_pktmbuf_mtod_offset(m, void *, start), headers) + (uint16_t) ~*l4_field;
        }
        if (rte_raw_cksum_mbuf(m, start, m->pkt_len - start, &sum) < 0)
                return 0;
        return sum;
}

static void finish_ipv4(struct rte_mbuf *m, struct rte_ipv4_hdr *ip, uint8_t class)
{
        uint16_t size = m->pkt_len - sizeof(struct rte_ether_hdr);

        ip->type_of_service = class;
        ip->total_length = rte_cpu_to_be_16(size);
        ((struct rte_udp_hdr *)(ip + 1))->dgram_len = rte_cpu_to_be_16(size - sizeof(*ip));
        ip->hdr_checksum = rte_ipv4_cksum(ip);
}

static void finish_ipv6(struct rte_mbuf *m, struct rte_ipv6_hdr *ip, uint8_t class, rte_be16_t *l4_field)
{
        struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
        uint16_t start = sizeof(struct rte_ether_hdr) + sizeof(*ip);
        const uint16_t outer = sizeof(*udp) + sizeof(struct rte_vxlan_hdr);

        ip->vtc_flow |= rte_cpu_to_be_32((uint32_t) class << 20);
        ip->payload_len = rte_cpu_to_be_16(m->pkt_len - start);
        udp->dgram_len = ip->payload_len;

        uint32_t sum = rte_ipv6_phdr_cksum(ip, 0) + rte_raw_cksum(udp, outer) + inner_sum(m, start + outer, l4_field);
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        sum = ~sum & 0xffff;
        udp->dgram_cksum = sum ? sum : 0xffff;
}

static rte_edge_t encap_one(struct dp_worker *worker, struct rte_mbuf *m)
{
        struct dp_meta *meta = dp_meta(m);
        const struct dp_tunnel *tunnel = meta->out < DP_TUNNEL_MAX ? dp_load(dp.tunnels[meta->out]) : NULL;
        const struct dp_network *network = dp_network_get(meta->network);
        rte_be16_t *l4_field = NULL;

        if (unlikely(!tunnel || !network))
                return dp_drop(m, SOCLE_DROP_PORT_GONE, EDGE_DROP);
        if (unlikely(tunnel->outer_len == 0))
                return dp_drop(m, SOCLE_DROP_NO_UNDERLAY_ADDRESS, EDGE_DROP);
        if (unlikely(!tunnel->resolved))
                return dp_drop(m, SOCLE_DROP_NEIGHBOUR_UNRESOLVED, EDGE_DROP);
        const struct dp_port *underlay = dp_port_get(tunnel->underlay);
        if (unlikely(!underlay))
                return dp_drop(m, SOCLE_DROP_PORT_GONE, EDGE_DROP);

        uint16_t type, l2 = dp_ether_len(m, &type);
        uint8_t class = traffic_class(m, l2, type);
        uint32_t hash = dp_flow_hash(m, l2, type);
        if (tunnel->dscp != 255)
                class = tunnel->dscp << 2 | (class & ECN_MASK);

        if (m->ol_flags & RTE_MBUF_F_TX_L4_MASK) {
                if (underlay->tx_caps & DP_TX_TUNNEL_CSUM) {
                        l4_field = dp_csum_field(m);
                        m->ol_flags |= RTE_MBUF_F_TX_TUNNEL_VXLAN;
                        m->outer_l2_len = sizeof(struct rte_ether_hdr);
                        m->outer_l3_len = tunnel->outer_l3_len;
                } else if (!dp_csum_finish(m)) {
                        return dp_drop(m, SOCLE_DROP_RX_OFFLOAD, EDGE_DROP);
                }
        }

        uint8_t *outer = (uint8_t *)rte_pktmbuf_prepend(m, tunnel->outer_len);
        if (unlikely(!outer))
                return dp_drop(m, SOCLE_DROP_NO_MBUF, EDGE_DROP);
        rte_memcpy(outer, tunnel->outer, tunnel->outer_len);

        struct rte_vxlan_hdr *vxlan = (void *)(outer + tunnel->outer_len - sizeof(*vxlan));
        struct rte_udp_hdr *udp = (struct rte_udp_hdr *)vxlan - 1;
        udp->src_port = rte_cpu_to_be_16(0xc000 | (hash & 0x3fff)); /* 49152 … 65535 */
        vxlan->vx_vni = rte_cpu_to_be_32(network->tag << 8);

        void *ip = outer + sizeof(struct rte_ether_hdr);
        if (tunnel->outer_l3_len == sizeof(struct rte_ipv4_hdr))
                finish_ipv4(m, ip, class);
        else
                finish_ipv6(m, ip, class, l4_field);
        if (m->ol_flags & RTE_MBUF_F_TX_TUNNEL_VXLAN)
                m->l2_len += sizeof(*udp) + sizeof(*vxlan); /* DPDK counts from the outer UDP header on */
        meta->out = tunnel->underlay;
        return EDGE_TX;
}

DP_NODE_PER_PACKET(encap_process, encap_one)

static struct rte_node_register encap_node = {
        .name = "encap",
        .init = dp_node_init,
        .process = encap_process,
        .nb_edges = EDGE_COUNT,
        .next_nodes = {[EDGE_TX] = "tx", [EDGE_DROP] = "drop"},
};
RTE_NODE_REGISTER(encap_node);

const char *dp_encap_next(struct rte_mbuf *m)
{
        return encap_node.next_nodes[encap_one(NULL, m)];
}
