/* Hands to control what is for the VTEP itself: ARP, ND and ICMP of the underlay. Bounded: a full ring drops. */
#include "node.h"

enum { EDGE_DROP, EDGE_COUNT };

static uint16_t punt_process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
        struct dp_worker *worker = dp_node_worker(node);
        uint16_t taken = rte_ring_sp_enqueue_burst(worker->punt, objs, n, NULL);

        worker->notify = true;
        for (uint16_t i = taken; i < n; i++)
                rte_node_enqueue_x1(graph, node, dp_drop(objs[i], SOCLE_DROP_PUNT_FULL, EDGE_DROP), objs[i]);
        return n;
}

static struct rte_node_register punt_node = {
        .name = "punt",
        .init = dp_node_init,
        .process = punt_process,
        .nb_edges = EDGE_COUNT,
        .next_nodes = {[EDGE_DROP] = "drop"},
};
RTE_NODE_REGISTER(punt_node);
