/* A session: one conversation, both its directions, and everything that is to be done with its packets. The table that
 * finds it is table.h; what may begin one is admit.h.
 *
 * Three cache lines: the first is all that a packet of an established IPv4 session reads, with the second for its counters;
 * the third is TCP's. Read and written by workers; control reads, marks, and takes away what has expired. */
#pragma once

#include <rte_common.h>
#include <stdbool.h>
#include <stdint.h>

#include "sctp.h"
#include "tcp.h"

/* What a direction's packets look like when they arrive, and where they go. */
struct dp_session_side {
        uint8_t macs[12]; /* destination, source */
        uint16_t in;      /* index of the port, or of the tunnel, it comes from */
        uint16_t out;     /* of the port or tunnel it goes to */
};

/* Where a side comes from or goes to, 2 bits each. */
enum dp_session_place {
        DP_SESSION_PORT,   /* a local port */
        DP_SESSION_TUNNEL, /* a remote VTEP */
        DP_SESSION_WIRE,   /* the VLAN's underlay */
        DP_SESSION_BRIDGE, /* out: wherever the forwarding table says at that moment (networks that learn) */
};

#define DP_SESSION_KEY_WORDS_V4 2
#define DP_SESSION_KEY_WORDS_V6 5

enum { DP_SESSION_FREE, DP_SESSION_LIVE, DP_SESSION_DYING };

struct dp_session {
        /* first line: the look-up and the way; written when made or evaluated again, but for seen_ms and state */
        uint64_t key[2]; /* see flow.h of this folder; IPv6: its first words */
        struct dp_session_side sides[2]; /* by direction: 0: packets of the lower endpoint */
        uint32_t generation;             /* of the policy that allowed it */
        uint32_t seen_ms;                /* of dp_worker.now_ms, by any worker */
        uint8_t places[2];               /* by direction: enum dp_session_place of in | of out << 2 | DP_SESSION_ALLOWED */
        uint8_t state;                   /* enum socle_session_state */
        uint8_t timeout_state;           /* whose timeout counts */
        uint8_t flags;                   /* DP_SESSION_… */
        uint8_t origin;                  /* direction of who began */
        uint8_t lock;                    /* of the third line; workers only, never held across a round */
        uint8_t life;                    /* DP_SESSION_FREE … */

        /* second line */
        uint64_t packets[2], bytes[2]; /* by direction; written by the workers that forward it, without atomics: a
                                          direction has one worker at a time */
        uint64_t key6[3];              /* IPv6: the rest of the key */
        uint32_t created_ms;
        uint16_t network; /* index */
        uint16_t owner;   /* port index whose session_limit it counts against; DP_INDEX_NONE: none */

        /* third line */
        union {
                struct dp_tcp tcp;
                struct dp_sctp sctp;
        };
} __rte_cache_aligned;
_Static_assert(sizeof(struct dp_session) == 192, "three cache lines");

#define DP_SESSION_ALLOWED   (1 << 4) /* places: this direction's packets may pass */
#define DP_SESSION_REPLIED   (1 << 0) /* flags: seen in the other direction */
#define DP_SESSION_ASSURED   (1 << 1) /* not embryonic: does not give way when the table is full */
#define DP_SESSION_STATELESS (1 << 2) /* a stateless group's: neither tracked nor assured */
#define DP_SESSION_PICKED_UP (1 << 3) /* begun in the middle of a conversation */
