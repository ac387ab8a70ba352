/* See admit.h: what a decision does to the table. */
#include <string.h>

#include "admit.h"
#include "clock.h"
#include "table.h"

#define RATE_BURST_MS 100 /* a port may begin this long's worth of sessions at once */

/* ---- limits ---- */

static bool is_early(uint64_t next, uint64_t now)
{
        return next > now + dp_clock.hz / 1000 * RATE_BURST_MS;
}

/* Generic cell rate algorithm (ITU-T I.371): `next` is when the next session would be on time. */
static bool rate_allows(const struct dp_port *port, uint16_t owner)
{
        uint32_t rate = __atomic_load_n(&port->session_rate_limit, __ATOMIC_RELAXED);
        uint64_t now, next, after;

        if (rate == 0)
                return true;
        now = rte_rdtsc();
        next = __atomic_load_n(&dp_sessions.port_next[owner], __ATOMIC_RELAXED);
        do {
                if (is_early(next, now))
                        return false;
                after = RTE_MAX(next, now) + dp_clock.hz / rate;
        } while (!__atomic_compare_exchange_n(&dp_sessions.port_next[owner], &next, after, true, __ATOMIC_RELAXED,
                                              __ATOMIC_RELAXED));
        return true;
}

static void uncharge(uint16_t owner)
{
        if (owner < DP_PORT_MAX)
                __atomic_fetch_sub(&dp_sessions.port_live[owner], 1, __ATOMIC_RELAXED);
}

/* Charges the session to its port. SOCLE_DROP_COUNT, or which limit says no. */
static enum socle_drop charge(uint16_t owner)
{
        const struct dp_port *port = owner < DP_PORT_MAX ? dp_load(dp.ports[owner]) : NULL;

        if (port && !rate_allows(port, owner))
                return SOCLE_DROP_SESSION_RATE;
        if (owner >= DP_PORT_MAX)
                return SOCLE_DROP_COUNT;
        uint32_t live = __atomic_fetch_add(&dp_sessions.port_live[owner], 1, __ATOMIC_RELAXED);
        uint32_t limit = port ? __atomic_load_n(&port->session_limit, __ATOMIC_RELAXED) : 0;
        if (limit == 0 || live < limit)
                return SOCLE_DROP_COUNT;
        uncharge(owner);
        return SOCLE_DROP_SESSION_LIMIT;
}

enum socle_drop dp_admit_may_begin(const struct dp_decision *decision)
{
        uint16_t owner = decision->ways[0].owner;
        const struct dp_port *port = owner < DP_PORT_MAX ? dp_load(dp.ports[owner]) : NULL;

        if (port && port->session_rate_limit &&
            is_early(__atomic_load_n(&dp_sessions.port_next[owner], __ATOMIC_RELAXED), rte_rdtsc()))
                return SOCLE_DROP_SESSION_RATE;
        if (port && port->session_limit &&
            __atomic_load_n(&dp_sessions.port_live[owner], __ATOMIC_RELAXED) >= port->session_limit)
                return SOCLE_DROP_SESSION_LIMIT;
        return dp_session_table_is_full() ? SOCLE_DROP_SESSION_FULL : SOCLE_DROP_COUNT;
}

/* ---- making one ---- */

static void set_macs(struct dp_session *session, const struct rte_mbuf *m, unsigned int d)
{
        memcpy(session->macs[d], rte_pktmbuf_mtod(m, const void *), sizeof(session->macs[d]));
}

/* What the answers' MACs will be, unless they go by another router. */
static void guess_macs(struct dp_session *session, unsigned int d)
{
        memcpy(session->macs[!d], session->macs[d] + 6, 6);
        memcpy(session->macs[!d] + 6, session->macs[d], 6);
}

static void set_key(struct dp_session *session, const uint64_t *key)
{
        memcpy(session->key, key, sizeof(session->key));
        memcpy(session->key6, key + 2, sizeof(session->key6));
}

/* A free entry, zeroed, charged to its port. It is filled in where it is: made elsewhere and copied, a session would
 * cost more to begin. */
static struct dp_session *take(unsigned int worker, uint16_t owner, enum socle_drop *ret_drop)
{
        struct dp_session *session;

        *ret_drop = charge(owner);
        if (*ret_drop != SOCLE_DROP_COUNT)
                return NULL;
        session = dp_session_alloc(worker);
        if (!session) {
                uncharge(owner);
                *ret_drop = SOCLE_DROP_SESSION_FULL;
                return NULL;
        }
        memset(session, 0, sizeof(*session));
        return session;
}

/* The entry, filled in by now, into the table. */
static struct dp_session *put(unsigned int worker, struct dp_session *session, unsigned int words, bool *ret_new,
                              enum socle_drop *ret_drop)
{
        uint64_t key[5] = {session->key[0], session->key[1], session->key6[0], session->key6[1], session->key6[2]};
        struct dp_session *found = dp_session_insert(session, dp_session_hash(key, words), words);

        *ret_new = found == session;
        if (!*ret_new) {
                uncharge(session->ways[0].owner);
                dp_session_discard(worker, session);
        }
        if (!found)
                *ret_drop = SOCLE_DROP_SESSION_FULL;
        return found;
}

struct dp_session *dp_admit_begin(unsigned int worker, const struct dp_policy *policy, const struct rte_mbuf *m,
                                  const struct dp_flow *flow, const struct dp_decision *decision, uint32_t now_ms,
                                  bool *ret_new, enum socle_drop *ret_drop)
{
        struct dp_session *session = take(worker, decision->ways[0].owner, ret_drop);

        if (!session)
                return NULL;
        session->ways[0] = decision->ways[0];
        session->ways[1] = decision->ways[1];
        session->generation = policy->generation;
        session->created_ms = session->seen_ms = now_ms;
        session->state = decision->state;
        session->timeout_state = decision->timeout_state;
        session->flags = DP_SESSION_LIVE | (decision->untracked ? DP_SESSION_UNTRACKED : 0) |
                         (decision->picked_up ? DP_SESSION_PICKED_UP : 0);
        if (decision->state >= SOCLE_SESSION_TCP_SYN_SENT) /* what has states */
                dp_session_protocol(session)->tcp = decision->tcp;
        set_key(session, flow->key);
        set_macs(session, m, flow->direction);
        guess_macs(session, flow->direction);
        session->packets[flow->direction] = 1;
        session->bytes[flow->direction] = m->pkt_len;
        return put(worker, session, flow->words, ret_new, ret_drop);
}

/* The other direction's way is known from its own packets alone (it may use another router), but whether it is allowed
 * is decided for both. */
static void renew(struct dp_session *session, const struct dp_policy *policy, const struct rte_mbuf *m, unsigned int d,
                  const struct dp_decision *decision)
{
        struct dp_session_way mine = decision->ways[d], other = dp_session_way(session, !d);

        mine.initiator = session->ways[d].initiator;
        mine.owner = session->ways[d].owner;
        mine.allowed &= !decision->cut;
        other.allowed = decision->ways[!d].allowed & !decision->cut;
        if (session->generation != policy->generation)
                other.in_place = DP_SESSION_NOWHERE;
        if (decision->cut)
                dp_session_flag(session, DP_SESSION_CUT);
        else
                dp_session_unflag(session, DP_SESSION_CUT);
        set_macs(session, m, d);
        __atomic_store_n(&session->ways[d].word, mine.word, __ATOMIC_RELAXED);
        __atomic_store_n(&session->ways[!d].word, other.word, __ATOMIC_RELAXED);
        __atomic_store_n(&session->generation, policy->generation, __ATOMIC_RELEASE);
}

void dp_admit_renew(struct dp_session *session, const struct dp_policy *policy, const struct rte_mbuf *m,
                    const struct dp_flow *flow, const struct dp_decision *decision)
{
        /* Whose lock cannot be had, or who holds the older policy, leaves it to the next packet. */
        if (!dp_session_lock(session))
                return;
        if ((int32_t)(policy->generation - session->generation) >= 0)
                renew(session, policy, m, flow->direction, decision);
        dp_session_unlock(session);
}

/* ---- fragments ---- */

void dp_admit_datagram(unsigned int worker, const struct dp_policy *policy, const struct rte_mbuf *m,
                       const struct dp_flow *flow, const struct dp_session_way *way, enum socle_drop drop,
                       uint32_t now_ms)
{
        struct dp_session_way ways[2] = {};
        unsigned int d = flow->direction;
        struct dp_session *session;
        enum socle_drop reason;
        uint64_t key[5];
        bool fresh;

        ways[d] = *way;
        ways[d].allowed = drop == SOCLE_DROP_COUNT;
        ways[d].drop = ways[d].allowed ? 0 : drop;
        ways[d].initiator = true;
        ways[!d].in_place = DP_SESSION_NOWHERE;
        ways[!d].owner = way->owner;
        dp_flow_fragment_key(flow, key);
        session = dp_session_find(key, flow->words, dp_session_hash(key, flow->words));
        if (session) {
                /* The identification has come round again. */
                session->seen_ms = now_ms;
                session->created_ms = now_ms;
                __atomic_store_n(&session->ways[d].word, ways[d].word, __ATOMIC_RELAXED);
                __atomic_store_n(&session->generation, policy->generation, __ATOMIC_RELEASE);
                return;
        }
        session = take(worker, way->owner, &reason);
        if (!session)
                return; /* no room: the later fragments are lost, as without their first */
        session->ways[0] = ways[0];
        session->ways[1] = ways[1];
        session->generation = policy->generation;
        session->created_ms = session->seen_ms = now_ms;
        session->state = session->timeout_state = SOCLE_SESSION_FRAGMENT;
        session->flags = DP_SESSION_LIVE | DP_SESSION_UNTRACKED;
        set_key(session, key);
        set_macs(session, m, d);
        put(worker, session, flow->words, &fresh, &reason);
}
