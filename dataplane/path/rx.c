/* The source of the graph: takes bursts from the worker's receive queues and hands them to session (ports with security
 * groups), bridge (other tenants) or underlay_in (the wire); what control injects, ready for tx; and fragments that
 * waited for their first one. Looks at no packet's bytes. */
#include "capture.h"
#include "decide.h"
#include "fragments.h"
#include "node.h"

#define RX_BURST 64  /* packets from one queue at a time: two of librte_vhost's own bursts */
#define RX_ROUND 256 /* packets in one walk of the graph, so that many busy queues do not delay each other */

enum { EDGE_SESSION, EDGE_BRIDGE, EDGE_UNDERLAY, EDGE_ADMIT, EDGE_TX, EDGE_DROP, EDGE_COUNT };

struct rx_context {
        struct dp_worker *worker;
        uint32_t next; /* the queue to begin with: round robin when a round ends early */
};

/* Where the port's packets go first, and what is to be known of them there. */
static rte_edge_t first_edge(const struct dp_port *port, struct dp_meta *ret)
{
        *ret = (struct dp_meta){.network = port->network,
                                .out = DP_INDEX_NONE,
                                .tunnel = DP_INDEX_NONE,
                                .drop = SOCLE_DROP_PORT_DISABLED};
        if (unlikely(!__atomic_load_n(&port->admin_up, __ATOMIC_RELAXED)))
                return EDGE_DROP;
        if (port->role == DP_ROLE_UNDERLAY) {
                ret->flags = DP_META_FROM_WIRE;
                return EDGE_UNDERLAY;
        }
        if (!__atomic_load_n(&port->secured, __ATOMIC_RELAXED))
                return EDGE_BRIDGE;
        if (!__atomic_load_n(&port->guarded, __ATOMIC_RELAXED))
                return EDGE_SESSION;
        ret->flags = DP_META_GUARD;
        return EDGE_BRIDGE;
}

static void receive(struct rte_graph *graph, struct rte_node *node, struct dp_worker *worker, struct dp_rxq *rxq,
                    struct rte_mbuf **packets, uint16_t n)
{
        struct dp_port *port = rxq->port;
        struct dp_port_counters *counters = &port->counters[worker->index];
        const struct dp_capture_set *captures = dp_load(dp_captures);
        struct dp_meta meta;
        rte_edge_t edge = first_edge(port, &meta);
        uint64_t bytes = 0;

        if (rxq->cold)
                for (uint16_t i = 0; i < n; i++)
                        rte_prefetch0(rte_pktmbuf_mtod(packets[i], void *));
        for (uint16_t i = 0; i < n; i++) {
                packets[i]->port = port->index;
                *dp_meta(packets[i]) = meta;
                bytes += packets[i]->pkt_len;
        }
        counters->rx_packets += n;
        counters->rx_bytes += bytes;
        rxq->packets += n;
        worker->packets += n;

        if (unlikely(captures != NULL))
                dp_capture_received(captures, worker, port, packets, n);
        rte_node_enqueue(graph, node, edge, (void **)packets, n);
}

/* Of rounds that found something only: a figure per packet would drown in those that polled in vain. */
static void account(struct dp_worker_perf *perf, uint16_t packets, uint64_t tsc, uint64_t io_tsc)
{
        perf->rx_rounds++;
        perf->rx_packets += packets;
        perf->rx_tsc += tsc;
        perf->rx_io_tsc += io_tsc;
}

static uint16_t rx_process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t unused)
{
        struct rx_context *context = (struct rx_context *)node->ctx;
        struct dp_worker *worker = context->worker;
        const struct dp_rxq_list *list = dp_load(worker->rxqs);
        struct rte_mbuf *packets[RX_BURST];
        uint64_t start = rte_rdtsc(), io_tsc = 0;
        uint16_t total = rte_ring_sc_dequeue_burst(worker->inject, (void **)packets, RX_BURST, NULL);

        worker->budget = DP_ROUND_BUDGET;
        if (total > 0)
                rte_node_enqueue(graph, node, EDGE_TX, (void **)packets, total);

        if (unlikely(worker->fragments->count > 0)) {
                uint16_t n = dp_fragments_take(worker->fragments, packets, RX_BURST, worker->now_ms);
                if (n > 0)
                        rte_node_enqueue(graph, node, EDGE_ADMIT, (void **)packets, n);
                total += n;
        }

        uint32_t at = context->next;
        for (uint16_t i = 0; i < list->count && total < RX_ROUND; i++) {
                if (++at >= list->count)
                        at = 0;
                struct dp_rxq *rxq = list->rxqs[at];
                if (rxq->costly && !rxq->ready)
                        continue;
                uint64_t before = rte_rdtsc();
                uint16_t n = rxq->burst(rxq, packets, RX_BURST);
                io_tsc += rte_rdtsc() - before;
                if (n > 0)
                        receive(graph, node, worker, rxq, packets, n);
                else
                        rxq->ready = false;
                total += n;
        }
        context->next = at;
        node->idx = total;
        if (total > 0)
                account(&worker->perf, total, rte_rdtsc() - start, io_tsc);
        return total;
}

static struct rte_node_register rx_node = {
        .name = "rx",
        .flags = RTE_NODE_SOURCE_F,
        .init = dp_node_init,
        .process = rx_process,
        .nb_edges = EDGE_COUNT,
        .next_nodes = {[EDGE_SESSION] = "session",
                       [EDGE_BRIDGE] = "bridge",
                       [EDGE_UNDERLAY] = "underlay_in",
                       [EDGE_ADMIT] = "admit",
                       [EDGE_TX] = "tx",
                       [EDGE_DROP] = "drop"},
};
RTE_NODE_REGISTER(rx_node);

const char *dp_rx_next(struct rte_mbuf *m, const struct dp_port *port)
{
        m->port = port->index;
        return rx_node.next_nodes[first_edge(port, dp_meta(m))];
}
