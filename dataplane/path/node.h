/* What all graph nodes share: their worker, runs of packets with one next edge, and the way to the drop node.
 *
 *      rx ─▶ bridge ─▶ tx                           rx ─▶ underlay_in ─▶ bridge
 *              ├─▶ encap ─▶ tx                              └─▶ punt (ARP, ND, ICMP to the VTEP itself)
 *              ├─▶ wire (VLAN) ─▶ tx
 *              ├─▶ gso ─▶ encap, wire, tx           any ─▶ drop
 *              ├─▶ neigh (ARP/ND answers) ─▶ tx
 *              ├─▶ flood ─▶ tx, encap, wire
 *              └─▶ too_big (ICMP) ─▶ tx
 *
 * A node is one file. Its functions run on workers: no system call, allocation (but of mbufs), lock or log. */
#pragma once

#include <rte_graph_worker.h>

#include "meta.h"
#include "worker.h"

/* A node's init function: puts the worker of the graph, "worker-N", into the node's context. */
int dp_node_init(const struct rte_graph *graph, struct rte_node *node);

static __rte_always_inline struct dp_worker *dp_node_worker(const struct rte_node *node)
{
        return *(struct dp_worker *const *)node->ctx;
}

/* Marks a packet for the drop node; returns `edge`, that node's, for `return dp_drop(…)`. */
static __rte_always_inline rte_edge_t dp_drop(struct rte_mbuf *m, enum socle_drop reason, rte_edge_t edge)
{
        dp_meta(m)->drop = reason;
        return edge;
}

/* The same, counted at the port that refuses it, meta->out. */
static __rte_always_inline rte_edge_t dp_drop_out(struct rte_mbuf *m, enum socle_drop reason, rte_edge_t edge)
{
        dp_meta(m)->flags |= DP_META_COUNT_OUT;
        return dp_drop(m, reason, edge);
}

/* Hands packets on in runs of one edge: nearly all bursts are one run. */
struct dp_run {
        uint16_t start;
        rte_edge_t edge;
};

static __rte_always_inline void dp_run_flush(struct rte_graph *graph, struct rte_node *node, struct dp_run *run,
                                             void **objs, uint16_t end)
{
        if (end > run->start)
                rte_node_enqueue(graph, node, run->edge, objs + run->start, end - run->start);
        run->start = end;
}

static __rte_always_inline void dp_run_add(struct rte_graph *graph, struct rte_node *node, struct dp_run *run,
                                           void **objs, uint16_t i, rte_edge_t edge)
{
        if (unlikely(edge != run->edge)) {
                dp_run_flush(graph, node, run, objs, i);
                run->edge = edge;
        }
}

/* A node that decides packet by packet: `decide(worker, mbuf)` returns the edge. */
#define DP_NODE_PER_PACKET(function, decide)                                                                           \
        static uint16_t function(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)              \
        {                                                                                                              \
                struct dp_worker *worker = dp_node_worker(node);                                                       \
                struct dp_run run = {0};                                                                               \
                for (uint16_t i = 0; i < n && i < 4; i++)                                                              \
                        rte_prefetch0(rte_pktmbuf_mtod((struct rte_mbuf *)objs[i], void *));                           \
                for (uint16_t i = 0; i < n; i++) {                                                                     \
                        if (i + 4 < n)                                                                                 \
                                rte_prefetch0(rte_pktmbuf_mtod((struct rte_mbuf *)objs[i + 4], void *));               \
                        dp_run_add(graph, node, &run, objs, i, decide(worker, objs[i]));                               \
                }                                                                                                      \
                dp_run_flush(graph, node, &run, objs, n);                                                              \
                return n;                                                                                              \
        }

/* Counts a packet that was not delivered, at the port (NULL: gone) and at the worker. */
static __rte_always_inline void dp_count_drop(struct dp_worker *worker, struct dp_port *port, enum socle_drop reason)
{
        worker->drops[reason]++;
        if (likely(port != NULL))
                port->counters[worker->index].drops[reason]++;
}

/* How many packets flooding and segmenting may make of those of one round: bounds what a guest can cost the others, and
 * keeps a node's stream, counted in 16 bits, far from full. */
#define DP_ROUND_BUDGET 8192

/* Takes n from the round's budget. false: it is used up. */
static __rte_always_inline bool dp_budget_take(struct dp_worker *worker, uint32_t n)
{
        if (unlikely(worker->budget < n))
                return false;
        worker->budget -= n;
        return true;
}

static __rte_always_inline struct dp_port *dp_port_get(uint16_t index)
{
        return likely(index < DP_PORT_MAX) ? dp_load(dp.ports[index]) : NULL;
}

static __rte_always_inline struct dp_network *dp_network_get(uint16_t index)
{
        return likely(index < DP_NETWORK_MAX) ? dp_load(dp.networks[index]) : NULL;
}
