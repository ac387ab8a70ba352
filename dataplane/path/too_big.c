/* A packet larger than where it is going can take: drops it by name, and tells the sender in ICMP (RFC 792, RFC 1191,
 * RFC 4443 3.2), so that path MTU discovery works across the switch. A bridge has no address of its own: as the Linux
 * kernel's vxlan does, the answer comes from the destination's. */
#include "decide.h"
#include "headers.h"

enum { EDGE_TX, EDGE_DROP, EDGE_COUNT };

#define QUOTE4 (sizeof(struct rte_ipv4_hdr) + 60 + 8) /* the header with options and 8 bytes, RFC 792 */
#define QUOTE6 (1280 - 40 - 8)                        /* as much as fits the minimum MTU, RFC 4443 */

#define ICMP_UNREACHABLE 3
#define ICMP_FRAG_NEEDED 4
#define ICMPV6_TOO_BIG   2

static uint16_t limit_of(const struct dp_meta *meta, uint16_t ether_len)
{
        const struct dp_network *network = dp_network_get(meta->network);
        const struct dp_port *port = meta->flags & DP_META_ENCAP ? NULL : dp_port_get(meta->out);
        uint16_t limit = network ? network->mtu : 0;

        if (port && port->role == DP_ROLE_TENANT)
                return RTE_MIN(limit, port->mtu);
        return limit - (ether_len - sizeof(struct rte_ether_hdr)); /* see dp_carried_size() */
}

/* Is it an error message? Those are never answered with another (RFC 1122 3.2.2, RFC 4443 2.4). */
static bool is_icmp_error(const struct rte_mbuf *m, uint16_t l4, uint8_t protocol)
{
        const uint8_t *type = rte_pktmbuf_mtod_offset(m, const uint8_t *, l4);

        if (m->data_len <= l4)
                return true;
        if (protocol == IPPROTO_ICMP)
                return *type != RTE_IP_ICMP_ECHO_REQUEST && *type != RTE_IP_ICMP_ECHO_REPLY;
        return protocol == IPPROTO_ICMPV6 && *type < 128;
}

/* A new packet with an Ethernet header back to the sender and `size` bytes behind it. */
static struct rte_mbuf *answer_new(struct rte_mbuf *m, uint16_t ether_len, uint16_t size)
{
        struct rte_mbuf *answer = rte_pktmbuf_alloc(m->pool);
        const struct rte_ether_hdr *from = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);

        if (!answer)
                return NULL;
        uint8_t *frame = (uint8_t *)rte_pktmbuf_append(answer, ether_len + size);
        if (!frame) {
                rte_pktmbuf_free(answer);
                return NULL;
        }
        memcpy(frame, from, ether_len); /* with its VLAN tag */
        memcpy(frame, &from->src_addr, RTE_ETHER_ADDR_LEN);
        memcpy(frame + RTE_ETHER_ADDR_LEN, &from->dst_addr, RTE_ETHER_ADDR_LEN);
        answer->port = m->port;
        *dp_meta(answer) = (struct dp_meta){.out = m->port, .network = dp_meta(m)->network, .tunnel = DP_INDEX_NONE};
        return answer;
}

static struct rte_mbuf *icmp4(struct rte_mbuf *m, uint16_t l2, uint16_t mtu)
{
        const struct rte_ipv4_hdr *ip = dp_ipv4(m, l2);

        if (!ip || !(ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG)) ||
            ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK) ||
            is_icmp_error(m, l2 + rte_ipv4_hdr_len(ip), ip->next_proto_id))
                return NULL;

        uint16_t quote = RTE_MIN(m->data_len - l2, (int)QUOTE4);
        uint16_t size = sizeof(*ip) + 8 + quote;
        struct rte_mbuf *answer = answer_new(m, l2, size);
        if (!answer)
                return NULL;

        struct rte_ipv4_hdr *out = rte_pktmbuf_mtod_offset(answer, struct rte_ipv4_hdr *, l2);
        uint8_t *icmp = (uint8_t *)(out + 1);
        *out = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
                                     .type_of_service = 0xc0,
                                     .time_to_live = 64,
                                     .next_proto_id = IPPROTO_ICMP,
                                     .total_length = rte_cpu_to_be_16(size),
                                     .src_addr = ip->dst_addr,
                                     .dst_addr = ip->src_addr};
        out->hdr_checksum = rte_ipv4_cksum(out);
        memset(icmp, 0, 8);
        icmp[0] = ICMP_UNREACHABLE;
        icmp[1] = ICMP_FRAG_NEEDED;
        *(rte_be16_t *)(icmp + 6) = rte_cpu_to_be_16(mtu);
        memcpy(icmp + 8, ip, quote);
        *(uint16_t *)(icmp + 2) = ~rte_raw_cksum(icmp, 8 + quote);
        return answer;
}

static struct rte_mbuf *icmp6(struct rte_mbuf *m, uint16_t l2, uint16_t mtu)
{
        const struct rte_ipv6_hdr *ip = dp_ipv6(m, l2);

        if (!ip || ip->src_addr[0] == 0xff || is_icmp_error(m, l2 + sizeof(*ip), ip->proto))
                return NULL;

        uint16_t quote = RTE_MIN(m->data_len - l2, QUOTE6);
        struct rte_mbuf *answer = answer_new(m, l2, sizeof(*ip) + 8 + quote);
        if (!answer)
                return NULL;

        struct rte_ipv6_hdr *out = rte_pktmbuf_mtod_offset(answer, struct rte_ipv6_hdr *, l2);
        uint8_t *icmp = (uint8_t *)(out + 1);
        *out = (struct rte_ipv6_hdr){.vtc_flow = RTE_BE32(6u << 28),
                                     .hop_limits = 255,
                                     .proto = IPPROTO_ICMPV6,
                                     .payload_len = rte_cpu_to_be_16(8 + quote)};
        memcpy(out->src_addr, ip->dst_addr, 16);
        memcpy(out->dst_addr, ip->src_addr, 16);
        memset(icmp, 0, 8);
        icmp[0] = ICMPV6_TOO_BIG;
        *(rte_be32_t *)(icmp + 4) = rte_cpu_to_be_32(mtu);
        memcpy(icmp + 8, ip, quote);
        *(rte_be16_t *)(icmp + 2) = rte_ipv6_udptcp_cksum(out, icmp);
        return answer;
}

struct rte_mbuf *dp_too_big_answer(struct rte_mbuf *m, uint16_t *ret_mtu)
{
        uint16_t type, l2 = dp_ether_len(m, &type);

        *ret_mtu = limit_of(dp_meta(m), l2);
        /* What came from afar is the far node's to size. */
        if (!l2 || dp_meta(m)->flags & DP_META_FROM_WIRE)
                return NULL;
        if (type == RTE_BE16(RTE_ETHER_TYPE_IPV4))
                return icmp4(m, l2, *ret_mtu);
        return type == RTE_BE16(RTE_ETHER_TYPE_IPV6) ? icmp6(m, l2, *ret_mtu) : NULL;
}

static uint16_t too_big_process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
        for (uint16_t i = 0; i < n; i++) {
                uint16_t mtu;
                struct rte_mbuf *m = objs[i], *answer = dp_too_big_answer(m, &mtu);

                if (answer)
                        rte_node_enqueue_x1(graph, node, EDGE_TX, answer);
                rte_node_enqueue_x1(graph, node, dp_drop(m, SOCLE_DROP_MTU_EXCEEDED, EDGE_DROP), m);
        }
        return n;
}

static struct rte_node_register too_big_node = {
        .name = "too_big",
        .init = dp_node_init,
        .process = too_big_process,
        .nb_edges = EDGE_COUNT,
        .next_nodes = {[EDGE_TX] = "tx", [EDGE_DROP] = "drop"},
};
RTE_NODE_REGISTER(too_big_node);
