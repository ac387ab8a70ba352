/* The end of what is not delivered: counts each packet under its reason, at the port it came from or the one that
 * refused it, and frees it. */
#include "capture.h"

static uint16_t drop_process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
        const struct dp_capture_set *captures = dp_load(dp_captures);
        struct dp_worker *worker = dp_node_worker(node);

        for (uint16_t i = 0; i < n; i++) {
                struct rte_mbuf *m = objs[i];
                const struct dp_meta *meta = dp_meta(m);
                uint16_t port = meta->flags & DP_META_COUNT_OUT ? meta->out : m->port;
                dp_count_drop(worker, dp_port_get(port), meta->drop);
                if (unlikely(captures != NULL))
                        dp_capture_dropped(captures, worker, m, port, meta->drop);
        }
        rte_pktmbuf_free_bulk((struct rte_mbuf **)objs, n);
        return n;
}

static struct rte_node_register drop_node = {
        .name = "drop",
        .init = dp_node_init,
        .process = drop_process,
};
RTE_NODE_REGISTER(drop_node);
