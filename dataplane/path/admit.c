/* The slow way: the first packet of a conversation, the first after a change of policy, and all that the session node
 * does not look at itself (fragments, ICMP, other protocols). Decides by session/admit.h and does what was decided. */
#include "admission.h"
#include "fragments.h"

enum { EDGE_COUNT = DP_WAY_EDGES };

#define KEPT DP_ADMISSION_KEPT

static bool has_key(const struct dp_flow *flow)
{
        return flow->words && flow->kind != DP_FLOW_MALFORMED && flow->kind != DP_FLOW_BAD_FRAGMENT;
}

static void forget(struct dp_admission *a)
{
        if (!a->dry)
                dp_session_delete(a->worker->index, a->session);
        a->session = NULL;
}

/* A trace changes nothing that is shared. */
static void take_copy(struct dp_admission *a)
{
        a->before = *a->session;
        a->before.lock = 0;
        a->copy = a->before;
        a->before_protocol = a->copy_protocol = *dp_session_protocol(a->session);
        a->found = !a->past || (int32_t)(a->before.created_ms - a->now_ms) < 0;
        a->session = a->found ? &a->copy : NULL;
}

static void find(struct dp_admission *a)
{
        const uint8_t *frame = rte_pktmbuf_mtod(a->m, const uint8_t *);

        if (!has_key(&a->flow) || frame[0] & 1)
                return;
        a->session = dp_session_find(a->flow.key, a->flow.words, dp_session_hash(a->flow.key, a->flow.words));
        if (a->session && dp_session_expired(a->session, a->now_ms))
                forget(a);
        if (a->session && a->dry)
                take_copy(a);
}

/* A new connection on the ports of one that was cut. */
static bool begins_tcp(const struct dp_admission *a)
{
        const uint8_t flags = RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG | RTE_TCP_RST_FLAG | RTE_TCP_FIN_FLAG;

        return a->flow.kind == DP_FLOW_WHOLE && a->flow.protocol == IPPROTO_TCP &&
               (rte_pktmbuf_mtod_offset(a->m, const struct rte_tcp_hdr *, a->flow.l4)->tcp_flags & flags) ==
                       RTE_TCP_SYN_FLAG;
}

static void decide(struct dp_admission *a)
{
        if (a->session && a->session->flags & DP_SESSION_CUT && begins_tcp(a))
                forget(a);
        a->decided = true;
        dp_admit_decide(a->policy, a->m, &a->flow, a->session, a->now_ms, &a->decision);
        if (!a->decision.replace)
                return;
        forget(a);
        dp_admit_decide(a->policy, a->m, &a->flow, NULL, 0, &a->decision); /* picked up, as after our start */
}

/* Later fragments share the fate of this first one. */
static void tell_datagram(struct dp_admission *a, const struct dp_session_way *way, enum socle_drop drop)
{
        if (a->flow.kind != DP_FLOW_FIRST_FRAGMENT || a->dry)
                return;
        dp_admit_datagram(a->worker->index, a->policy, a->m, &a->flow, way, drop, a->now_ms);
        a->worker->fragments->first_came = a->worker->fragments->count > 0;
}

static rte_edge_t refuse(struct dp_admission *a)
{
        struct dp_session *session = a->session;

        if (session && a->decision.cut && !a->dry) {
                dp_sessions.pools[a->worker->index].cut += !(session->flags & DP_SESSION_CUT);
                session->timeout_state = SOCLE_SESSION_TCP_UNACK;
                if (a->flow.protocol == IPPROTO_TCP)
                        session->seen_ms = a->now_ms; /* who goes on talking is kept from beginning anew */
                dp_admit_renew(session, a->policy, a->m, &a->flow, &a->decision);
        }
        tell_datagram(a, &a->decision.ways[a->flow.direction], a->decision.drop);
        if (!a->decision.refused_by_out)
                return dp_drop(a->m, a->decision.drop, DP_WAY_DROP);
        dp_meta(a->m)->out = dp_location_index(a->decision.location);
        return dp_drop_out(a->m, a->decision.drop, DP_WAY_DROP);
}

static rte_edge_t hold(struct dp_admission *a)
{
        if (a->dry)
                return KEPT;
        switch (dp_fragments_hold(a->worker->fragments, a->m, a->now_ms)) {
        case DP_FRAGMENT_HELD:
                return KEPT;
        case DP_FRAGMENT_NO_ROOM:
                return dp_drop(a->m, SOCLE_DROP_FRAGMENT_FULL, DP_WAY_DROP);
        default:
                return dp_drop(a->m, SOCLE_DROP_FRAGMENT_LOST, DP_WAY_DROP);
        }
}

static rte_edge_t forward(struct dp_admission *a, struct dp_session_way way)
{
        tell_datagram(a, &way, SOCLE_DROP_COUNT);
        return dp_way_take(a->m, way, a->flow.l3);
}

/* A packet of a session that is there and allows it; `way`: where it goes. KEPT: it is a new connection's after all. */
static rte_edge_t follow(struct dp_admission *a, struct dp_session_way way)
{
        union dp_session_protocol *protocol = a->dry ? &a->copy_protocol : dp_session_protocol(a->session);

        a->track = dp_track(a->session, protocol, a->flow.direction, a->m, a->flow.l4, a->flow.l4_length, a->now_ms);
        a->tracked = true;
        if (a->track == DP_TRACK_REOPEN) {
                forget(a);
                a->reopened = true;
                return KEPT;
        }
        if (a->track == DP_TRACK_INVALID)
                return dp_drop(a->m, SOCLE_DROP_SESSION_INVALID, DP_WAY_DROP);
        if (a->track == DP_TRACK_LAST)
                forget(a);
        return forward(a, way);
}

/* By the way that was decided just now, not the session's: renewal leaves that alone when its lock cannot be had, and
 * what it names may be another's by then. */
static rte_edge_t renew_and_follow(struct dp_admission *a)
{
        dp_admit_renew(a->session, a->policy, a->m, &a->flow, &a->decision);
        return follow(a, a->decision.ways[a->flow.direction]);
}

/* As begin() would, if nothing else happened meanwhile. */
static rte_edge_t begin_dry(struct dp_admission *a)
{
        enum socle_drop drop = dp_admit_may_begin(&a->decision);

        if (drop != SOCLE_DROP_COUNT)
                return dp_drop(a->m, drop, DP_WAY_DROP);
        return forward(a, a->decision.ways[a->flow.direction]);
}

static rte_edge_t begin(struct dp_admission *a)
{
        enum socle_drop drop;
        bool fresh;

        if (a->dry)
                return begin_dry(a);
        a->session =
                dp_admit_begin(a->worker->index, a->policy, a->m, &a->flow, &a->decision, a->now_ms, &fresh, &drop);
        if (!a->session) {
                tell_datagram(a, &a->decision.ways[a->flow.direction], drop);
                return dp_drop(a->m, drop, DP_WAY_DROP);
        }
        if (fresh)
                return forward(a, a->decision.ways[a->flow.direction]);
        /* The other direction's worker was first. */
        rte_edge_t edge = renew_and_follow(a);
        return edge != KEPT ? edge : dp_drop(a->m, SOCLE_DROP_SESSION_INVALID, DP_WAY_DROP);
}

static rte_edge_t act(struct dp_admission *a)
{
        decide(a);
        if (a->decision.drop != SOCLE_DROP_COUNT)
                return refuse(a);
        if (a->decision.hold)
                return hold(a);
        if (a->decision.make_session)
                return begin(a);
        if (!a->session || a->flow.kind == DP_FLOW_ICMP_ERROR || !a->decision.ways[a->flow.direction].allowed) {
                /* Nothing to remember: it needs no session, or belongs to the one that it quotes. */
                dp_meta(a->m)->flags |= DP_META_ADMITTED;
                return DP_WAY_BRIDGE;
        }
        if (!a->dry)
                dp_sessions.pools[a->worker->index].reevaluated++;
        return renew_and_follow(a);
}

rte_edge_t dp_admission_run(struct dp_admission *a)
{
        const struct dp_meta *meta = dp_meta(a->m);
        rte_edge_t edge = KEPT;

        dp_flow_parse(a->m, meta->network, &a->flow);
        find(a);
        if (a->session && a->flow.kind != DP_FLOW_ICMP_ERROR) {
                unsigned int d = a->flow.direction;
                struct dp_session_way way = dp_session_way(a->session, d);
                if (dp_session_fits(a->session, d, way, a->m, meta, a->policy->generation, a->now_ms))
                        edge = follow(a, way);
        }
        if (edge == KEPT)
                edge = act(a);
        if (edge == KEPT && a->flow.kind == DP_FLOW_WHOLE) /* renewed, and then found to be a new connection */
                edge = act(a);
        return edge;
}

static rte_edge_t admit_one(struct dp_worker *worker, struct rte_mbuf *m)
{
        struct dp_admission a; /* not all of it: what only a trace reads is large */

        a.worker = worker;
        a.policy = dp_load(dp.policy);
        a.m = m;
        a.now_ms = worker->now_ms;
        a.dry = false;
        a.session = NULL;
        return dp_admission_run(&a);
}

static uint16_t admit_process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
        struct dp_worker *worker = dp_node_worker(node);

        for (uint16_t i = 0; i < n; i++) {
                rte_edge_t edge = admit_one(worker, objs[i]);
                if (edge != KEPT)
                        rte_node_enqueue_x1(graph, node, edge, objs[i]);
        }
        return n;
}

static struct rte_node_register admit_node = {
        .name = "admit",
        .init = dp_node_init,
        .process = admit_process,
        .nb_edges = EDGE_COUNT,
        .next_nodes = {DP_WAY_NEXT_NODES},
};
RTE_NODE_REGISTER(admit_node);

const char *dp_way_name(rte_edge_t edge)
{
        return admit_node.next_nodes[edge];
}
