/* See sessions.h. Workers write sessions while they are read here: each is copied, and what was torn or became another
 * session meanwhile is passed over. A killed session is deleted at once: what was on its way with it still passes, and
 * the next packet is a first packet (so a TCP connection goes on if the policy allows it and `tcp_loose` is on, as
 * with Linux' conntrack -D). */
#include <errno.h>
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
        uint64_t matched, sent, deleted;
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

/* An end of a conversation, as the record has it. */
struct end {
        uint8_t place; /* enum dp_session_place */
        uint16_t index;
        uint8_t ip[16];
        uint16_t port;
};

static bool is_query(const struct dp_session *session)
{
        uint8_t protocol = session->key[0] >> 48;

        return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

/* `side` 0: the end with the lower address. Its packets are those of direction `side`. */
static void read_end(const struct dp_session *session, unsigned int side, struct end *end)
{
        struct dp_session_way way = dp_session_way_of(session, side);
        uint32_t ipv4 = side ? session->key[1] >> 32 : session->key[1];

        end->place = way.in_place;
        end->index = way.in;
        end->port = side ? session->key[0] >> 16 : session->key[0];
        if (dp_session_words(session) == 2)
                dp_ip_mapped(end->ip, &ipv4);
        else
                memcpy(end->ip, side ? &session->key6[1] : (const void *)&session->key[1], 16);
}
