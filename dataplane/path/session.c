/* The way of an established conversation: one exact-match look-up a packet, whose entry says everything. A batch at a
 * time in three passes, so that cache misses overlap: keys and buckets, candidates, decisions. What does not fit its
 * entry in every respect, or has none, goes to admit. */
#include "flow.h"
#include "policy.h"
#include "way.h"

enum { EDGE_ADMIT = DP_WAY_EDGES, EDGE_COUNT };

#define BATCH 32 /* buckets, entries and headers of more are too many for a first-level cache */

struct lookup {
        uint64_t key[2]; /* IPv6: its first words; both 0: not a packet for the quick way, no session has that key */
        uint64_t hash;
        union {
                const struct dp_session_bucket *bucket; /* first */
                struct dp_session *session;             /* then: a candidate */
        };
        uint8_t direction;
};

struct batch {
        struct lookup lookups[BATCH];
        uint64_t key6[BATCH][3]; /* IPv6: the rest of the key; apart, so that IPv4 does not step over it */
};

static __rte_always_inline unsigned int words_of(const struct lookup *lookup)
{
        return unlikely(lookup->key[0] & (DP_FLOW_KIND_V4 ^ DP_FLOW_KIND_V6)) ? 5 : 2;
}

/* What a burst has in common. */
struct scene {
        struct dp_worker *worker;
        const uint32_t *timeout_ms; /* by enum socle_session_state */
        uint32_t generation;        /* of the policy */
        uint32_t now_ms;

        /* The ports that the last packet went between: nearly always the next one's as well. */
        uint32_t in_out;    /* struct dp_session_way's `in` and `out`, as one word */
        uint32_t frame_max; /* what `out` takes; 0: not from `in` */
};

static __rte_always_inline void begin_lookup(const struct rte_mbuf *m, struct batch *batch, unsigned int i)
{
        struct lookup *lookup = &batch->lookups[i];
        uint16_t network = dp_meta_const(m)->network;
        uint64_t key[5];

        if (likely(dp_flow_quick4(m, network, lookup->key, &lookup->direction))) {
                lookup->hash = dp_session_hash(lookup->key, 2);
        } else if (dp_flow_quick6(m, network, key, &lookup->direction)) {
                lookup->hash = dp_session_hash(key, 5);
                memcpy(lookup->key, key, sizeof(lookup->key));
                memcpy(batch->key6[i], key + 2, sizeof(batch->key6[i]));
        } else {
                lookup->hash = lookup->key[0] = lookup->key[1] = 0;
        }
        lookup->bucket = dp_session_home(lookup->hash);
        rte_prefetch0(lookup->bucket);
}

/* false: its bucket has none. */
static __rte_always_inline bool find_candidate(struct lookup *lookup, struct dp_session *nobody)
{
        uint32_t number;
        bool found = dp_session_bucket_first(lookup->bucket, lookup->hash, &number);

        lookup->session = nobody + number;
        rte_prefetch0(lookup->session);
        rte_prefetch0(RTE_PTR_ADD(lookup->session, RTE_CACHE_LINE_SIZE));
        if ((uint8_t)(lookup->key[0] >> 48) == IPPROTO_TCP)
                rte_prefetch0(dp_session_protocol(lookup->session));
        return found;
}

/* Not at home: a home that was full has sent it on. false: it was not. */
static __rte_noinline bool look_further(struct lookup *lookup)
{
        if (dp_session_home(lookup->hash)->spilled == 0)
                return false;
        lookup->bucket = dp_session_overflow(lookup->hash, 0);
        rte_prefetch0(lookup->bucket);
        return true;
}

static __rte_always_inline uint16_t l4_of(const struct lookup *lookup)
{
        return sizeof(struct rte_ether_hdr) +
               (likely(words_of(lookup) == 2) ? sizeof(struct rte_ipv4_hdr) : sizeof(struct rte_ipv6_hdr));
}

/* Bytes behind it by the IP header. */
static __rte_always_inline uint16_t l4_length(const struct rte_mbuf *m, const struct lookup *lookup)
{
        const void *ip = rte_pktmbuf_mtod_offset(m, const void *, sizeof(struct rte_ether_hdr));

        if (likely(words_of(lookup) == 2))
                return rte_be_to_cpu_16(((const struct rte_ipv4_hdr *)ip)->total_length) - sizeof(struct rte_ipv4_hdr);
        return rte_be_to_cpu_16(((const struct rte_ipv6_hdr *)ip)->payload_len);
}

/* A packet that fits its session: what its protocol says of it, then where it goes. */
static __rte_noinline rte_edge_t follow(const struct scene *scene, struct dp_session *session, struct rte_mbuf *m,
                                        const struct lookup *lookup)
{
        unsigned int d = lookup->direction;
        struct dp_session_way way = dp_session_way(session, d);

        switch (dp_track(session, dp_session_protocol(session), d, m, l4_of(lookup), l4_length(m, lookup),
                         scene->now_ms)) {
        case DP_TRACK_REOPEN:
                return EDGE_ADMIT;
        case DP_TRACK_INVALID:
                return dp_drop(m, SOCLE_DROP_SESSION_INVALID, DP_WAY_DROP);
        case DP_TRACK_LAST:
                dp_session_delete(scene->worker->index, session);
                break;
        default:
                break;
        }
        return dp_way_take(m, way, sizeof(struct rte_ether_hdr));
}

/* Whatever differs from the rule below. */
static __rte_noinline rte_edge_t use_slowly(const struct scene *scene, struct rte_mbuf *m, const struct lookup *lookup,
                                            const uint64_t key6[3])
{
        struct dp_session *session = lookup->session;
        unsigned int d = lookup->direction;
        uint64_t key[5] = {lookup->key[0], lookup->key[1]};

        if (words_of(lookup) == 5)
                memcpy(key + 2, key6, 3 * sizeof(key6[0]));
        if (session == dp_session_nobody() && dp_session_home(lookup->hash)->spilled == 0)
                return EDGE_ADMIT; /* the first packet of a conversation */
        if (session == dp_session_nobody() || !dp_session_same(session, key, words_of(lookup))) {
                session = dp_session_find(key, words_of(lookup), lookup->hash);
                if (!session)
                        return EDGE_ADMIT;
        }

        struct dp_session_way way = dp_session_way(session, d);
        if (!dp_session_fits(session, d, way, m, dp_meta(m), scene->generation, scene->now_ms))
                return EDGE_ADMIT;

        return follow(scene, session, m, lookup);
}

/* In what the packet differs from what nearly every one is: of a session that fits it in every respect (as in
 * dp_session_fits()), from a local port to a local port, not to be segmented. 0: in nothing; found without a branch. */
static __rte_always_inline uint64_t differs(const struct scene *scene, const struct dp_session *session,
                                            struct dp_session_way way, unsigned int d, const struct rte_mbuf *m,
                                            const struct lookup *lookup)
{
        const struct dp_session_way expected = {.in = m->port, .allowed = 1}, /* both places: a port */
                mask = {.in = UINT16_MAX, .in_place = 15, .out_place = 15, .allowed = 1};
        _Static_assert(DP_SESSION_PORT == 0, "what `expected` does not name");
        const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *), *macs = session->macs[d];
        uint64_t a, b;
        uint32_t c, e;

        memcpy(&a, frame, sizeof(a));
        memcpy(&b, macs, sizeof(b));
        memcpy(&c, frame + sizeof(a), sizeof(c));
        memcpy(&e, macs + sizeof(b), sizeof(e));
        return (session->key[0] ^ lookup->key[0]) | (session->key[1] ^ lookup->key[1]) | (a ^ b) | (c ^ e) |
               ((way.word ^ expected.word) & mask.word) | (session->generation ^ scene->generation) |
               (dp_meta_const(m)->flags & DP_META_FROM_WIRE) | (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG);
}

static __rte_always_inline bool key6_differs(const struct dp_session *session, const struct lookup *lookup,
                                             const uint64_t key6[3])
{
        return words_of(lookup) == 5 &&
               ((session->key6[0] ^ key6[0]) | (session->key6[1] ^ key6[1]) | (session->key6[2] ^ key6[2]));
}

/* Does its session's protocol let the packet through, without a change but of the counters? */
static __rte_always_inline bool goes_on(struct dp_session *session, unsigned int d, struct dp_session_way way,
                                        const struct rte_mbuf *m, const struct lookup *lookup)
{
        if (session->state < SOCLE_SESSION_TCP_SYN_SENT || session->flags & DP_SESSION_UNTRACKED)
                return way.initiator || session->flags & DP_SESSION_REPLIED;
        return session->state == SOCLE_SESSION_TCP_ESTABLISHED &&
               dp_track_quick(session, dp_session_protocol(session), d, m, l4_of(lookup), l4_length(m, lookup));
}

/* What may go from port to port by this way; its result is in *scene. */
static __rte_noinline void know_ports(struct scene *scene, struct dp_session_way way)
{
        const struct dp_port *port = dp_port_get(way.out);

        scene->in_out = way.word;
        scene->frame_max = port && way.in != way.out ? port->mtu + sizeof(struct rte_ether_hdr) : 0;
}

static __rte_always_inline rte_edge_t use(struct scene *scene, struct rte_mbuf *m, const struct batch *batch,
                                          unsigned int i)
{
        const struct lookup *lookup = &batch->lookups[i];

        if (unlikely(lookup->key[0] == 0)) /* it may be shorter than two MACs */
                return EDGE_ADMIT;

        struct dp_session *session = lookup->session;
        unsigned int d = lookup->direction;
        struct dp_session_way way = dp_session_way(session, d);
        int32_t idle_ms = scene->now_ms - session->seen_ms;

        if (unlikely(differs(scene, session, way, d, m, lookup) || key6_differs(session, lookup, batch->key6[i]) ||
                     idle_ms >= (int32_t)scene->timeout_ms[session->timeout_state]))
                return use_slowly(scene, m, lookup, batch->key6[i]);
        if (unlikely((uint32_t)way.word != scene->in_out))
                know_ports(scene, way);
        if (unlikely(m->pkt_len > scene->frame_max || !goes_on(session, d, way, m, lookup)))
                return follow(scene, session, m, lookup);

        session->seen_ms = scene->now_ms;
        session->packets[d]++;
        session->bytes[d] += m->pkt_len;
        dp_meta(m)->out = way.out;
        return DP_WAY_TX;
}

/* Bit i: packet i does not go to DP_WAY_TX, but to edges[i]. A function of its own, for the sake of its registers. */
static __rte_noinline uint64_t use_batch(struct scene *scene, struct rte_mbuf *packets[], const struct batch *batch,
                                         unsigned int count, rte_edge_t edges[])
{
        uint64_t others = 0;

        for (unsigned int i = 0; i < count; i++) {
                rte_edge_t edge = use(scene, packets[i], batch, i);
                if (unlikely(edge != DP_WAY_TX)) {
                        edges[i] = edge;
                        others |= RTE_BIT64(i);
                }
        }
        return others;
}

static __rte_noinline void find_batch(struct batch *batch, unsigned int count)
{
        struct dp_session *nobody = dp_session_nobody();
        unsigned int away_count = 0;
        uint8_t away[BATCH]; /* not at home */

        for (unsigned int i = 0; i < count; i++)
                if (unlikely(!find_candidate(&batch->lookups[i], nobody)) && look_further(&batch->lookups[i]))
                        away[away_count++] = i;
        for (unsigned int i = 0; i < away_count; i++)
                find_candidate(&batch->lookups[away[i]], nobody);
}

static uint16_t session_process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
        struct dp_worker *worker = dp_node_worker(node);
        struct scene scene = {.worker = worker,
                              .timeout_ms = dp_load(dp_session_settings)->timeout_ms,
                              .generation = dp_load(dp.policy)->generation,
                              .now_ms = worker->now_ms};
        struct batch batch;
        rte_edge_t edges[BATCH];
        struct dp_run run = {0};

        for (unsigned int base = 0; base < n; base += BATCH) {
                unsigned int count = RTE_MIN(n - base, (unsigned int)BATCH);
                for (unsigned int i = 0; i < count; i++)
                        begin_lookup(objs[base + i], &batch, i);
                find_batch(&batch, count);
                uint64_t others = use_batch(&scene, (struct rte_mbuf **)objs + base, &batch, count, edges);
                if (likely(others == 0 && run.edge == DP_WAY_TX))
                        continue;
                for (unsigned int i = 0; i < count; i++)
                        dp_run_add(graph, node, &run, objs, base + i,
                                   others & RTE_BIT64(i) ? edges[i] : (rte_edge_t)DP_WAY_TX);
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
