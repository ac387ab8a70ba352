/* Broadcast, multicast and unknown unicast: a copy to every other local port of the network, and, for what did not come
 * from there, to every peer of its flood list or the VLAN. Never a session, never a shared buffer: a copy may be
 * rewritten (checksums, outer headers) on its way. A port with security groups gets a copy that its rules allow:
 * without a session, since a group's answers come from anybody. */
#include "capture.h"
#include "decide.h"
#include "flow.h"
#include "guard.h"
#include "headers.h"

enum { EDGE_TX, EDGE_ENCAP, EDGE_WIRE, EDGE_GSO, EDGE_DROP, EDGE_COUNT };

struct flooding {
        struct rte_graph *graph;
        struct rte_node *node;
        struct rte_mbuf *original;
        struct rte_mbuf *pending; /* the copy before, sent when it is known that another follows */
        rte_edge_t edge;
};

/* A copy that is not made. */
static void count_drop(const struct flooding *f, uint16_t index, enum socle_drop reason)
{
        const struct dp_capture_set *captures = dp_load(dp_captures);
        struct dp_worker *worker = dp_node_worker(f->node);

        dp_count_drop(worker, dp_port_get(index), reason);
        if (unlikely(captures != NULL))
                dp_capture_dropped(captures, worker, f->original, index, reason);
}

/* Sends a copy to the target; the last target gets the original, so nothing is copied for nothing. */
static void target(struct flooding *f, rte_edge_t edge, uint16_t out)
{
        if (f->pending) {
                bool afford = dp_budget_take(dp_node_worker(f->node), 1);
                struct rte_mbuf *copy = afford ? dp_packet_copy(f->original) : NULL;
                if (copy)
                        rte_node_enqueue_x1(f->graph, f->node, f->edge, copy);
                else
                        count_drop(f, f->original->port, afford ? SOCLE_DROP_NO_MBUF : SOCLE_DROP_ROUND_LIMIT);
        }
        f->pending = f->original;
        f->edge = edge;
        dp_meta(f->original)->out = out;
}

static void to_tunnels_and_wire(struct flooding *f, const struct dp_network *network, const struct dp_flood *list)
{
        bool segment = f->original->ol_flags & RTE_MBUF_F_TX_TCP_SEG;

        if (network->vlan) {
                target(f, segment ? EDGE_GSO : EDGE_WIRE, DP_INDEX_NONE);
                return;
        }
        for (uint16_t i = 0; list && i < list->tunnel_count; i++) {
                target(f, segment ? EDGE_GSO : EDGE_ENCAP, list->targets[list->port_count + i]);
                dp_meta(f->original)->flags |= DP_META_ENCAP;
        }
}

/* Do the groups of a secured port let the frame in? */
static bool lets_in(const struct rte_mbuf *m, const struct dp_port *port)
{
        const struct dp_policy *policy = dp_load(dp.policy);
        const struct dp_port_policy *rules = policy->ports[port->index];
        const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
        bool own = rte_is_multicast_ether_addr(&ether->dst_addr);
        struct dp_flow flow;

        if (!rules)
                return false;
        for (uint16_t i = 0; i < rules->mac_count && !own; i++)
                own = rte_is_same_ether_addr(&rules->macs[i], &ether->dst_addr);
        if (!own)
                return false; /* unknown unicast, and surely not for it */
        if (rules->open || dp_guard_trusted_in(m))
                return true;
        dp_flow_parse(m, dp_meta_const(m)->network, &flow);
        if (flow.kind >= DP_FLOW_NOT_IP)
                return false;
        struct dp_subject subject = {
                .v6 = flow.v6, .protocol = flow.protocol, .port = flow.destination_port, .remote = flow.source};
        return dp_policy_check(policy, rules, DP_INGRESS, &subject).allowed;
}

enum socle_drop dp_flood_to_port(const struct rte_mbuf *m, const struct dp_port *port, uint32_t size)
{
        if (!port || port->index == m->port || !port->admin_up)
                return SOCLE_DROP_SAME_PORT;
        if (port->secured && !lets_in(m, port))
                return SOCLE_DROP_SG_INGRESS;
        return unlikely(size > port->mtu) ? SOCLE_DROP_MTU_EXCEEDED : SOCLE_DROP_COUNT;
}

static void to_ports(struct flooding *f, const struct dp_flood *list, uint32_t size)
{
        uint64_t flags = f->original->ol_flags;
        uint32_t need = flags & RTE_MBUF_F_TX_IPV6 ? DP_TX_TSO6 : DP_TX_TSO4;

        for (uint16_t i = 0; list && i < list->port_count; i++) {
                const struct dp_port *port = dp_port_get(list->targets[i]);
                enum socle_drop refused = dp_flood_to_port(f->original, port, size);
                if (refused != SOCLE_DROP_COUNT) {
                        if (refused != SOCLE_DROP_SAME_PORT)
                                count_drop(f, port->index, refused);
                        continue;
                }
                target(f, flags & RTE_MBUF_F_TX_TCP_SEG && !(port->tx_caps & need) ? EDGE_GSO : EDGE_TX, port->index);
        }
}

enum socle_drop dp_flood_refuses(const struct rte_mbuf *m, uint16_t ether_len)
{
        const struct dp_network *network = dp_network_get(dp_meta_const(m)->network);

        if (unlikely(!network))
                return SOCLE_DROP_NO_NETWORK;
        return dp_carried_size(m, ether_len) > network->mtu ? SOCLE_DROP_MTU_EXCEEDED : SOCLE_DROP_COUNT;
}

static void flood_one(struct rte_graph *graph, struct rte_node *node, struct rte_mbuf *m)
{
        const struct dp_network *network = dp_network_get(dp_meta(m)->network);
        struct flooding f = {.graph = graph, .node = node, .original = m};
        uint16_t type, ether_len = dp_ether_len(m, &type);

        enum socle_drop refused = dp_flood_refuses(m, ether_len);
        if (unlikely(refused != SOCLE_DROP_COUNT)) {
                rte_node_enqueue_x1(graph, node, dp_drop(m, refused, EDGE_DROP), m);
                return;
        }

        /* Ports first: a copy for a port must not carry DP_META_ENCAP. */
        to_ports(&f, network->list, dp_l3_size(m, ether_len));
        if (!(dp_meta(m)->flags & DP_META_FROM_WIRE))
                to_tunnels_and_wire(&f, network, network->list);
        if (f.pending)
                rte_node_enqueue_x1(graph, node, f.edge, m);
        else
                rte_node_enqueue_x1(graph, node, dp_drop(m, SOCLE_DROP_NO_FLOOD_TARGET, EDGE_DROP), m);
}

static uint16_t flood_process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
        for (uint16_t i = 0; i < n; i++)
                flood_one(graph, node, objs[i]);
        return n;
}

static struct rte_node_register flood_node = {
        .name = "flood",
        .init = dp_node_init,
        .process = flood_process,
        .nb_edges = EDGE_COUNT,
        .next_nodes = {[EDGE_TX] = "tx",
                       [EDGE_ENCAP] = "encap",
                       [EDGE_WIRE] = "wire",
                       [EDGE_GSO] = "gso",
                       [EDGE_DROP] = "drop"},
};
RTE_NODE_REGISTER(flood_node);
