/* See sessions.h. Workers write sessions while they are read here: each is copied, and what was torn or became another
 * session meanwhile is passed over. A killed session is deleted at once: what was on its way with it still passes, and
 * the next packet is a first packet (so a TCP connection goes on if the policy allows it and `tcp_loose` is on, as
 * with Linux' conntrack -D). */
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "clock.h"
#include "flow.h"
#include "rcu.h"
#include "sessions.h"
#include "track.h"

#define LOOK_AT_CLOCK 64 /* entries, or killed sessions, between two looks at the clock */
#define AHEAD         8  /* entries prefetched */

struct walk {
        struct wire_sessions_get wanted;
        const struct observe_names *names;
        uint16_t port, network; /* indices of those wanted; DP_INDEX_NONE: any */
        bool nothing;           /* what it asks for is not there */
        uint32_t next, end;     /* entries */
        uint64_t matched;
};

static uint64_t killed;

uint64_t observe_killed(void)
{
        return killed;
}

struct walk *walk_new(const struct wire_sessions_get *wanted, const struct observe_names *names)
{
        struct walk *walk = malloc(sizeof(*walk));

        if (!walk)
                return NULL;
        *walk = (struct walk){
                .wanted = *wanted,
                .names = names,
                .port = wanted->port ? names->find_port(wanted->port, false) : DP_INDEX_NONE,
                .network = wanted->network ? names->find_network(wanted->network) : DP_INDEX_NONE,
                .end = __atomic_load_n(&dp_sessions.touched, __ATOMIC_RELAXED),
        };
        walk->nothing = (wanted->port && walk->port == DP_INDEX_NONE) ||
                        (wanted->network && walk->network == DP_INDEX_NONE) || wanted->prefix > 128;
        return walk;
}

struct walk *walk_free(struct walk *walk)
{
        free(walk);
        return NULL;
}

/* ---- one session ---- */

/* A conversation as people see it: the end that began it, then the other. */
struct conversation {
        struct conversation_end {
                uint8_t place; /* enum dp_session_place */
                uint16_t index;
                uint8_t ip[16];
                uint16_t port;
        } ends[2];
        uint16_t network;
        uint8_t protocol, family;
};

static void read_end(const struct dp_session *session, unsigned int d, struct conversation_end *end)
{
        const uint64_t words[5] = {session->key[0], session->key[1], session->key6[0], session->key6[1],
                                   session->key6[2]};
        struct dp_session_way way = session->ways[d], towards = session->ways[!d];
        uint32_t ipv4 = d ? words[1] >> 32 : words[1];

        end->place = way.in_place;
        end->index = way.in;
        if (way.in_place == DP_SESSION_NOWHERE && towards.out_place != DP_SESSION_BRIDGE) {
                end->place = towards.out_place; /* it has not answered since it was judged */
                end->index = towards.out;
        }
        if (dp_session_words(session) == 2)
                dp_ip_mapped(end->ip, &ipv4);
        else
                memcpy(end->ip, d ? &words[3] : &words[1], 16);
        end->port = rte_be_to_cpu_16(d ? words[0] >> 16 : words[0]);
}

static void read_conversation(const struct dp_session *session, struct conversation *c)
{
        unsigned int origin = dp_session_origin(session);

        c->network = dp_session_network(session);
        c->protocol = session->key[0] >> 48;
        c->family = dp_session_words(session) == 2 ? 4 : 6;
        read_end(session, origin, &c->ends[0]);
        read_end(session, !origin, &c->ends[1]);
        if (session->state == SOCLE_SESSION_ICMP) {
                c->ends[0].port = rte_be_to_cpu_16(session->key[0]);
                c->ends[1].port = session->key[0] >> 16 & 0xff;
        }
}

static bool is_within(const uint8_t ip[16], const uint8_t prefix[16], unsigned int bits)
{
        if (memcmp(ip, prefix, bits / 8) != 0)
                return false;
        return bits % 8 == 0 || ((ip[bits / 8] ^ prefix[bits / 8]) >> (8 - bits % 8)) == 0;
}

static bool end_matches(const struct walk *walk, const struct conversation *c)
{
        const struct wire_sessions_get *wanted = &walk->wanted;
        bool port = walk->port == DP_INDEX_NONE, l4_port = wanted->l4_port == 0, ip = wanted->prefix == 0;

        for (unsigned int i = 0; i < 2; i++) {
                port |= c->ends[i].place == DP_SESSION_PORT && c->ends[i].index == walk->port;
                l4_port |= c->ends[i].port == wanted->l4_port && c->protocol != IPPROTO_ICMP &&
                           c->protocol != IPPROTO_ICMPV6;
                ip |= is_within(c->ends[i].ip, wanted->ip, wanted->prefix);
        }
        return port && l4_port && ip;
}

static bool matches(const struct walk *walk, const struct dp_session *session, const struct conversation *c)
{
        const struct wire_sessions_get *wanted = &walk->wanted;

        return (walk->network == DP_INDEX_NONE || walk->network == c->network) &&
               (wanted->protocol == WIRE_PROTOCOL_ANY || wanted->protocol == c->protocol) &&
               (wanted->state == 0 || wanted->state == session->state + 1) &&
               (wanted->family == 0 || wanted->family == c->family) && end_matches(walk, c);
}

static void name_end(const struct walk *walk, const struct conversation_end *end, uint32_t *port, uint32_t *peer)
{
        bool is_underlay = false;
        uint32_t id;

        if (end->place == DP_SESSION_TUNNEL)
                *peer = walk->names->peer(end->index);
        if (end->place != DP_SESSION_PORT)
                return;
        id = walk->names->port(end->index, &is_underlay);
        *port = is_underlay ? 0 : id;
}

static void put_session(const struct walk *walk, const struct dp_session *session, const struct conversation *c,
                        uint32_t now_ms, struct wire_writer *writer)
{
        unsigned int origin = dp_session_origin(session);
        uint32_t timeout = dp_load(dp_session_settings)->timeout_ms[session->timeout_state];
        struct wire_session record;

        wire_init(&record, WIRE_SESSION);
        record.cookie = walk->wanted.cookie;
        record.network = walk->names->network(c->network);
        for (unsigned int i = 0; i < 2; i++) {
                unsigned int d = i == 0 ? origin : !origin;
                name_end(walk, &c->ends[i], &record.ports[i], &record.peers[i]);
                memcpy(record.ip[i], c->ends[i].ip, 16);
                record.l4_port[i] = c->ends[i].port;
                record.packets[i] = session->packets[d];
                record.bytes[i] = session->bytes[d];
        }
        record.protocol = c->protocol;
        record.family = c->family;
        record.state = session->state;
        record.age_ms = now_ms - session->created_ms;
        record.idle_ms = (int32_t)(now_ms - session->seen_ms) > 0 ? now_ms - session->seen_ms : 0;
        record.expires_ms = timeout > record.idle_ms ? timeout - record.idle_ms : 0;
        record.reply_allowed = session->ways[!origin].allowed;
        wire_put(writer, &record);
}

/* ---- the walk ---- */

/* A whole copy of a conversation's session. false: there is none, or it is being made or going. */
static bool copy_session(const struct dp_session *entry, uint32_t now_ms, struct dp_session *ret)
{
        if (!(entry->flags & DP_SESSION_LIVE))
                return false;
        *ret = *entry;
        rte_smp_rmb();
        return ret->flags & DP_SESSION_LIVE && ret->state != SOCLE_SESSION_FRAGMENT &&
               ret->state < SOCLE_SESSION_STATE_COUNT && !dp_session_expired(ret, now_ms) &&
               ret->key[0] == entry->key[0] && ret->key[1] == entry->key[1] && ret->created_ms == entry->created_ms &&
               entry->flags & DP_SESSION_LIVE;
}

/* true: one was killed. */
static bool look_at(struct walk *walk, struct dp_session *entry, uint32_t now_ms, struct wire_writer *writer)
{
        const struct wire_sessions_get *wanted = &walk->wanted;
        struct conversation c;
        struct dp_session session;

        if (!copy_session(entry, now_ms, &session))
                return false;
        read_conversation(&session, &c);
        bool is_cut =
                session.flags & DP_SESSION_CUT; /* a mark of what was: taken away with the others, never counted */
        if (!matches(walk, &session, &c))
                return false;
        if (wanted->action == WIRE_SESSIONS_KILL) {
                bool gone = dp_session_delete(dp.worker_count, entry);
                walk->matched += gone && !is_cut;
                killed += gone && !is_cut;
                return gone;
        }
        if (is_cut)
                return false;
        if (wanted->action == WIRE_SESSIONS_LIST && (wanted->limit == 0 || walk->matched < wanted->limit))
                put_session(walk, &session, &c, now_ms, writer);
        walk->matched++;
        return false;
}

static void put_end(const struct walk *walk, struct wire_writer *writer)
{
        struct wire_sessions_end end;

        wire_init(&end, WIRE_SESSIONS_END);
        end.cookie = walk->wanted.cookie;
        end.matched = walk->matched;
        wire_put(writer, &end);
}

bool walk_go_on(struct walk *walk, struct wire_writer *writer, uint64_t until)
{
        uint32_t now_ms = dp_clock_ms(rte_rdtsc()), looked = 0, gone = 0;

        dp_rcu_enter();
        for (; !walk->nothing && walk->next < walk->end; walk->next++) {
                if (++looked % LOOK_AT_CLOCK == 0 && rte_rdtsc() >= until)
                        break;
                rte_prefetch0(&dp_sessions.entries[RTE_MIN(walk->next + AHEAD, walk->end - 1)]);
                rte_prefetch0(&dp_sessions.entries[RTE_MIN(walk->next + AHEAD, walk->end - 1)].packets);
                /* Freed in small batches: a worker that is given one counts it. */
                if (look_at(walk, &dp_sessions.entries[walk->next], now_ms, writer) && ++gone % LOOK_AT_CLOCK == 0)
                        dp_session_reclaim(dp.worker_count);
        }
        dp_rcu_leave();
        dp_session_reclaim(dp.worker_count);
        if (!walk->nothing && walk->next < walk->end)
                return false;
        put_end(walk, writer);
        return true;
}
