/* VLAN networks, outwards: tags the frame and sends it to the network's underlay. */
#include "decide.h"

enum { EDGE_TX, EDGE_DROP, EDGE_COUNT };

static bool is_tagged(rte_be16_t type)
{
        return type == RTE_BE16(RTE_ETHER_TYPE_VLAN) || type == RTE_BE16(RTE_ETHER_TYPE_QINQ) ||
               type == RTE_BE16(RTE_ETHER_TYPE_QINQ1);
}

static rte_edge_t wire_one(struct dp_worker *worker, struct rte_mbuf *m)
{
        struct dp_meta *meta = dp_meta(m);
        const struct dp_network *network = dp_network_get(meta->network);

        if (unlikely(!network || network->underlay == DP_INDEX_NONE))
                return dp_drop(m, SOCLE_DROP_NO_NETWORK, EDGE_DROP);
        meta->out = network->underlay;
        if (network->tag == 0) {
                if (unlikely(is_tagged(rte_pktmbuf_mtod(m, const struct rte_ether_hdr *)->ether_type)))
                        return dp_drop(m, SOCLE_DROP_VLAN_HOPPING, EDGE_DROP);
                return EDGE_TX;
        }

        struct rte_ether_hdr *ether = (void *)rte_pktmbuf_prepend(m, sizeof(struct rte_vlan_hdr));
        if (unlikely(!ether))
                return dp_drop(m, SOCLE_DROP_NO_MBUF, EDGE_DROP);
        memmove(ether, RTE_PTR_ADD(ether, sizeof(struct rte_vlan_hdr)), 2 * RTE_ETHER_ADDR_LEN);
        struct rte_vlan_hdr *vlan = (void *)(ether + 1);
        ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_VLAN);
        vlan->vlan_tci = rte_cpu_to_be_16(network->tag);
        m->l2_len += sizeof(*vlan);
        return EDGE_TX;
}

DP_NODE_PER_PACKET(wire_process, wire_one)

static struct rte_node_register wire_node = {
        .name = "wire",
        .init = dp_node_init,
        .process = wire_process,
        .nb_edges = EDGE_COUNT,
        .next_nodes = {[EDGE_TX] = "tx", [EDGE_DROP] = "drop"},
};
RTE_NODE_REGISTER(wire_node);

const char *dp_wire_next(struct rte_mbuf *m)
{
        return wire_node.next_nodes[wire_one(NULL, m)];
}
