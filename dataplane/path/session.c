/* The way of an established conversation: one exact-match look-up a packet, whose entry says everything. A batch at a
 * time in three passes, so that cache misses overlap: keys and buckets, candidates, decisions. What does not fit its
 * entry in every respect, or has none, goes to admit. */
#include "flow.h"
#include "policy.h"
#include "way.h"

enum { EDGE_ADMIT = DP_WAY_EDGES, EDGE_COUNT };

#define BATCH 32

struct lookup {
        uint64_t key[5];
        uint64_t hash;
        struct dp_session *session; /* a candidate, once it is known */
        uint8_t words;              /* of the key; 0: not a packet for the quick way */
        uint8_t direction;
};

static __rte_always_inline void begin_lookup(const struct rte_mbuf *m, struct lookup *lookup)
{
        uint16_t network = dp_meta_const(m)->network;

        if (likely(dp_flow_quick4(m, network, lookup->key, &lookup->direction)))
                lookup->words = 2;
        else if (dp_flow_quick6(m, network, lookup->key, &lookup->direction))
                lookup->words = 5;
        else
                lookup->words = 0;
        if (likely(lookup->words)) {
                lookup->hash = dp_session_hash(lookup->key, lookup->words);
                rte_prefetch0(dp_session_bucket(lookup->hash));
        }
}

static __rte_always_inline void find_candidate(struct lookup *lookup)
{
        lookup->session = dp_session_candidate(dp_session_bucket(lookup->hash), lookup->hash);
        if (lookup->session && (uint8_t)(lookup->key[0] >> 48) == IPPROTO_TCP)
                rte_prefetch0(&lookup->session->tcp);
}

static __rte_always_inline rte_edge_t use(struct dp_worker *worker, struct rte_mbuf *m, const struct lookup *lookup,
                                          uint32_t generation)
{
        struct dp_session *session = lookup->session;
        unsigned int d = lookup->direction;

        if (unlikely(!lookup->words))
                return EDGE_ADMIT;
        if (unlikely(!session || !dp_session_same(session, lookup->key, lookup->words))) {
                session = dp_session_find(lookup->key, lookup->words, lookup->hash);
                if (!session)
                        return EDGE_ADMIT;
        }

        struct dp_session_way way = dp_session_way(session, d);
        if (unlikely(!dp_session_fits(session, d, way, m, dp_meta(m), generation, worker->now_ms)))
                return EDGE_ADMIT;

        uint16_t l4 = sizeof(struct rte_ether_hdr) +
                      (likely(lookup->words == 2) ? sizeof(struct rte_ipv4_hdr) : sizeof(struct rte_ipv6_hdr));
        uint16_t length = 0;
        if (session->state >= SOCLE_SESSION_TCP_SYN_SENT)
                length = likely(lookup->words == 2)
                                 ? rte_be_to_cpu_16(
                                           rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, 14)->total_length) -
                                           sizeof(struct rte_ipv4_hdr)
                                 : rte_be_to_cpu_16(
                                           rte_pktmbuf_mtod_offset(m, const struct rte_ipv6_hdr *, 14)->payload_len);
        enum dp_track track = dp_track(session, d, m, l4, length, worker->now_ms);
        if (unlikely(track != DP_TRACK_PASS)) {
                if (track == DP_TRACK_REOPEN)
                        return EDGE_ADMIT;
                if (track == DP_TRACK_INVALID)
                        return dp_drop(m, SOCLE_DROP_SESSION_INVALID, DP_WAY_DROP);
                dp_session_delete(worker->index, session);
        }
        return dp_way_take(m, way, sizeof(struct rte_ether_hdr));
}

static uint16_t session_process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
        struct dp_worker *worker = dp_node_worker(node);
        uint32_t generation = dp_load(dp.policy)->generation;
        struct lookup lookups[BATCH];
        struct dp_run run = {0};

        for (uint16_t i = 0; i < n && i < BATCH; i++)
                rte_prefetch0(rte_pktmbuf_mtod((struct rte_mbuf *)objs[i], void *));

        for (uint16_t base = 0; base < n; base += BATCH) {
                uint16_t count = RTE_MIN(n - base, BATCH);
                for (uint16_t i = 0; i < count; i++) {
                        if (base + BATCH + i < n)
                                rte_prefetch0(rte_pktmbuf_mtod((struct rte_mbuf *)objs[base + BATCH + i], void *));
                        begin_lookup(objs[base + i], &lookups[i]);
                }
                for (uint16_t i = 0; i < count; i++)
                        if (likely(lookups[i].words))
                                find_candidate(&lookups[i]);
                for (uint16_t i = 0; i < count; i++)
                        dp_run_add(graph, node, &run, objs, base + i,
                                   use(worker, objs[base + i], &lookups[i], generation));
        }
        dp_run_flush(graph, node, &run, objs, n);
        return n;
}

static struct rte_node_register session_node = {
        .name = "session",
        .init = dp_node_init,
        .process = session_process,
        .nb_edges = EDGE_COUNT,
        .next_nodes = {DP_WAY_NEXT_NODES, [EDGE_ADMIT] = "admit"},
};
RTE_NODE_REGISTER(session_node);
