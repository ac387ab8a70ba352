/* ARP and ND answered from intent: who asks for an address that a port or a peer declares gets its MAC at once, and
 * nobody else is disturbed. What is not declared is flooded as any broadcast. Never answered: an address's own owner
 * (so that duplicate address detection and gratuitous ARP work as on any wire). */
#include <rte_arp.h>

#include "decide.h"
#include "headers.h"
#include "nd.h"

enum { EDGE_TX, EDGE_FLOOD, EDGE_DROP, EDGE_COUNT };

/* The declared MAC of an address, if another than `asker` has it. */
static bool lookup(uint16_t network, const uint8_t ip[16], const struct rte_ether_addr *asker,
                   struct rte_ether_addr *ret)
{
        uint64_t key[DP_NEIGH_WORDS];
        dp_neigh_key(key, network, ip);
        uint64_t value = dp_map_get(&dp.neigh, key, DP_NEIGH_WORDS);

        if (!value)
                return false;
        *ret = dp_neigh_mac(value);
        return !rte_is_same_ether_addr(ret, asker);
}

/* Turns the question around, once the payload is the answer. */
static rte_edge_t reply(struct rte_mbuf *m, const struct rte_ether_addr *mac)
{
        struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);

        ether->dst_addr = ether->src_addr;
        ether->src_addr = *mac;
        m->ol_flags &= ~(RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG);
        dp_meta(m)->out = m->port;
        return EDGE_TX;
}

static rte_edge_t arp(struct rte_mbuf *m)
{
        struct rte_arp_hdr *arp = rte_pktmbuf_mtod_offset(m, struct rte_arp_hdr *, sizeof(struct rte_ether_hdr));
        struct rte_ether_addr mac;
        uint8_t ip[16];

        if (m->data_len < sizeof(struct rte_ether_hdr) + sizeof(*arp) ||
            arp->arp_hardware != RTE_BE16(RTE_ARP_HRD_ETHER) || arp->arp_protocol != RTE_BE16(RTE_ETHER_TYPE_IPV4) ||
            arp->arp_hlen != RTE_ETHER_ADDR_LEN || arp->arp_plen != sizeof(rte_be32_t))
                return dp_drop(m, SOCLE_DROP_MALFORMED, EDGE_DROP);

        dp_ip_mapped(ip, &arp->arp_data.arp_tip);
        if (arp->arp_opcode != RTE_BE16(RTE_ARP_OP_REQUEST) || arp->arp_data.arp_sip == arp->arp_data.arp_tip ||
            !lookup(dp_meta(m)->network, ip, &arp->arp_data.arp_sha, &mac))
                return EDGE_FLOOD;

        rte_be32_t asked = arp->arp_data.arp_tip;
        arp->arp_opcode = RTE_BE16(RTE_ARP_OP_REPLY);
        arp->arp_data.arp_tha = arp->arp_data.arp_sha;
        arp->arp_data.arp_tip = arp->arp_data.arp_sip;
        arp->arp_data.arp_sha = mac;
        arp->arp_data.arp_sip = asked;
        return reply(m, &mac);
}

static rte_edge_t nd(struct rte_mbuf *m)
{
        static const uint8_t unspecified[16];
        const uint16_t l2 = sizeof(struct rte_ether_hdr), fixed = l2 + sizeof(struct rte_ipv6_hdr);
        struct rte_ipv6_hdr *ip = dp_ipv6(m, l2);
        struct nd_message *nd = rte_pktmbuf_mtod_offset(m, struct nd_message *, fixed);
        const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
        struct rte_ether_addr mac;

        if (!ip)
                return dp_drop(m, SOCLE_DROP_MALFORMED, EDGE_DROP);
        if (ip->proto != IPPROTO_ICMPV6 || ip->hop_limits != 255 ||
            m->data_len < fixed + offsetof(struct nd_message, option_type) || nd->type != ND_SOLICITATION ||
            memcmp(ip->src_addr, unspecified, 16) == 0 ||
            !lookup(dp_meta(m)->network, nd->target, &ether->src_addr, &mac))
                return EDGE_FLOOD;

        /* The question may be shorter or longer than the answer. */
        uint16_t size = fixed + sizeof(*nd);
        if (m->nb_segs != 1 || (m->data_len < size && !rte_pktmbuf_append(m, size - m->data_len)))
                return EDGE_FLOOD;
        rte_pktmbuf_trim(m, m->data_len - size);

        memcpy(ip->dst_addr, ip->src_addr, 16);
        memcpy(ip->src_addr, nd->target, 16);
        ip->payload_len = rte_cpu_to_be_16(sizeof(*nd));
        nd->type = ND_ADVERTISEMENT;
        nd->code = 0;
        nd->flags = RTE_BE32(ND_SOLICITED | ND_OVERRIDE);
        nd->option_type = ND_OPTION_TARGET;
        nd->option_length = 1;
        nd->option_mac = mac;
        nd->checksum = 0;
        nd->checksum = rte_ipv6_udptcp_cksum(ip, nd);
        return reply(m, &mac);
}

static rte_edge_t answer(struct rte_mbuf *m)
{
        if (rte_pktmbuf_mtod(m, const struct rte_ether_hdr *)->ether_type == RTE_BE16(RTE_ETHER_TYPE_ARP))
                return arp(m);
        return nd(m);
}

static rte_edge_t neigh_one(struct dp_worker *worker, struct rte_mbuf *m)
{
        rte_edge_t edge = answer(m);

        if (edge == EDGE_TX) /* what was received is accounted for: it was not forwarded */
                dp_count_drop(worker, dp_port_get(m->port), SOCLE_DROP_ANSWERED);
        return edge;
}

DP_NODE_PER_PACKET(neigh_process, neigh_one)

static struct rte_node_register neigh_node = {
        .name = "neigh",
        .init = dp_node_init,
        .process = neigh_process,
        .nb_edges = EDGE_COUNT,
        .next_nodes = {[EDGE_TX] = "tx", [EDGE_FLOOD] = "flood", [EDGE_DROP] = "drop"},
};
RTE_NODE_REGISTER(neigh_node);

const char *dp_neigh_next(struct rte_mbuf *m)
{
        return neigh_node.next_nodes[answer(m)];
}
