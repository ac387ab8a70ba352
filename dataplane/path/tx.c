/* The way out: groups a burst by egress port, completes checksums that the egress cannot, and sends. What the egress
 * does not take is dropped and counted there. */
#include "capture.h"
#include "csum.h"
#include "decide.h"

enum { EDGE_DROP, EDGE_COUNT };

/* Makes the packet fit for a port that lacks some offloads. Large segments were cut before (gso). */
static bool prepare(const struct dp_port *port, struct rte_mbuf *m)
{
        uint32_t need = m->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK ? DP_TX_TUNNEL_CSUM : DP_TX_L4_CSUM;

        if (!(m->ol_flags & RTE_MBUF_F_TX_L4_MASK) || port->tx_caps & need || m->ol_flags & RTE_MBUF_F_TX_TCP_SEG)
                return true;
        return dp_csum_finish(m);
}

/* Drops packets on account of the egress. */
static void refuse(struct rte_graph *graph, struct rte_node *node, struct rte_mbuf **packets, uint16_t n,
                   enum socle_drop reason)
{
        for (uint16_t i = 0; i < n; i++)
                dp_drop_out(packets[i], reason, EDGE_DROP);
        rte_node_enqueue(graph, node, EDGE_DROP, (void **)packets, n);
}

/* Hands packets to the device. */
static __rte_always_inline uint16_t hand_over(struct dp_worker *worker, struct dp_port *port, struct rte_mbuf **packets,
                                              uint16_t n, enum socle_drop *ret_reason)
{
        const struct dp_capture_set *captures = dp_load(dp_captures);
        uint64_t before = rte_rdtsc();
        uint16_t sent;

        if (likely(!captures))
                sent = dp_load(port->tx)(port, worker->index, packets, n, ret_reason);
        else
                sent = dp_capture_transmit(captures, worker, port, packets, n, ret_reason);
        worker->perf.tx_io_tsc += rte_rdtsc() - before;
        return sent;
}

/* Sends packets that all leave by meta->out == index. */
static void transmit(struct rte_graph *graph, struct rte_node *node, uint16_t index, struct rte_mbuf **packets,
                     uint16_t n)
{
        struct dp_worker *worker = dp_node_worker(node);
        struct dp_port *port = dp_port_get(index);
        uint64_t bytes = 0;
        uint16_t ready = 0;

        if (unlikely(!port)) {
                for (uint16_t i = 0; i < n; i++)
                        dp_drop(packets[i], SOCLE_DROP_PORT_GONE, EDGE_DROP);
                rte_node_enqueue(graph, node, EDGE_DROP, (void **)packets, n);
                return;
        }
        if (unlikely(!__atomic_load_n(&port->admin_up, __ATOMIC_RELAXED))) {
                refuse(graph, node, packets, n, SOCLE_DROP_PORT_DISABLED);
                return;
        }

        for (uint16_t i = 0; i < n; i++) {
                if (likely(!(packets[i]->ol_flags & RTE_MBUF_F_TX_L4_MASK)) || prepare(port, packets[i])) {
                        bytes += packets[i]->pkt_len;
                        packets[ready++] = packets[i];
                } else {
                        refuse(graph, node, &packets[i], 1, SOCLE_DROP_RX_OFFLOAD);
                }
        }

        struct dp_port_counters *counters = &port->counters[worker->index];
        for (uint16_t at = 0; at < ready;) {
                enum socle_drop reason = SOCLE_DROP_TX_FULL;
                uint16_t sent = hand_over(worker, port, packets + at, ready - at, &reason);
                counters->tx_packets += sent;
                at += sent;
                if (likely(at == ready))
                        break;
                /* The bytes of what is refused are taken back: sent packets are no longer ours to look at. */
                uint16_t refused = reason == SOCLE_DROP_TX_ERROR ? 1 : ready - at;
                for (uint16_t i = at; i < at + refused; i++)
                        bytes -= packets[i]->pkt_len;
                refuse(graph, node, packets + at, refused, reason);
                at += refused;
        }
        counters->tx_bytes += bytes;
}

/* Up to RTE_GRAPH_BURST_SIZE packets: the passes below are one an egress. */
static void send_all(struct rte_graph *graph, struct rte_node *node, struct rte_mbuf **packets, uint16_t left)
{
        struct rte_mbuf *batch[RTE_GRAPH_BURST_SIZE];

        /* Nearly always one egress, found in one pass; order within an egress is kept. */
        while (left > 0) {
                uint16_t index = dp_meta(packets[0])->out;
                uint16_t taken = 0, kept = 0;
                for (uint16_t i = 0; i < left; i++) {
                        if (dp_meta(packets[i])->out == index && taken < RTE_DIM(batch))
                                batch[taken++] = packets[i];
                        else
                                packets[kept++] = packets[i];
                }
                transmit(graph, node, index, batch, taken);
                left = kept;
        }
}

static uint16_t tx_process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
        for (uint16_t i = 0; i < n; i += RTE_GRAPH_BURST_SIZE)
                send_all(graph, node, (struct rte_mbuf **)objs + i, RTE_MIN(n - i, RTE_GRAPH_BURST_SIZE));
        return n;
}

static struct rte_node_register tx_node = {
        .name = "tx",
        .init = dp_node_init,
        .process = tx_process,
        .nb_edges = EDGE_COUNT,
        .next_nodes = {[EDGE_DROP] = "drop"},
};
RTE_NODE_REGISTER(tx_node);

enum socle_drop dp_tx_refuses(struct rte_mbuf *m)
{
        const struct dp_port *port = dp_port_get(dp_meta(m)->out);

        if (!port)
                return SOCLE_DROP_PORT_GONE;
        if (!__atomic_load_n(&port->admin_up, __ATOMIC_RELAXED))
                return SOCLE_DROP_PORT_DISABLED;
        return prepare(port, m) ? SOCLE_DROP_COUNT : SOCLE_DROP_RX_OFFLOAD;
}
