/* A session: one conversation, both its directions, and everything that is to be done with its packets. The table that
 * finds it is table.h; what may begin one is admit.h.
 *
 * Two cache lines: the first is all that a packet of an established IPv4 session reads, with the second for its
 * counters. What TCP and SCTP remember is a third one, apart, so that those that need none lie densely. Read and
 * written by workers; control reads, marks, and takes away what has expired. */
#pragma once

#include <rte_common.h>
#include <stdbool.h>
#include <stdint.h>

#include "sctp.h"
#include "socle/drop.h"
#include "tcp.h"

/* Where packets come from or go to. */
enum dp_session_place {
        DP_SESSION_PORT,    /* a local port */
        DP_SESSION_TUNNEL,  /* a remote VTEP */
        DP_SESSION_WIRE,    /* in: the VLAN of the underlay `in`; out: the network's VLAN */
        DP_SESSION_BRIDGE,  /* out: wherever the forwarding table says at that moment (networks that learn) */
        DP_SESSION_NOWHERE, /* in: not known yet: the first packet is judged on the slow way */
};

/* The way of one direction. Read and written as one 64-bit word, so that nobody sees half of a change. */
struct dp_session_way {
        union {
                struct {
                        uint16_t in, out;     /* indices of ports or tunnels */
                        uint16_t owner;       /* port index whose session_limit it counts against */
                        uint8_t in_place : 4; /* enum dp_session_place */
                        uint8_t out_place : 4;
                        uint8_t allowed : 1;   /* this direction's packets may pass */
                        uint8_t initiator : 1; /* it is the direction of the first packet */
                        uint8_t drop : 6;      /* FRAGMENT that is not allowed: why (enum socle_drop) */
                };
                uint64_t word;
        };
};

_Static_assert(SOCLE_DROP_COUNT <= 64, "struct dp_session_way.drop");

#define DP_SESSION_LIVE      (1 << 0) /* flags: in the table */
#define DP_SESSION_REPLIED   (1 << 1) /* seen in both directions */
#define DP_SESSION_ASSURED   (1 << 2) /* not embryonic: does not give way when the table is full */
#define DP_SESSION_UNTRACKED (1 << 3) /* stateless groups': no protocol state */
#define DP_SESSION_PICKED_UP (1 << 4) /* begun in the middle of a conversation */
#define DP_SESSION_CUT       (1 << 5) /* no longer allowed by the policy: nothing passes */

/* "Direction" is the key's: 0 is that of packets from the lower endpoint (flow.h). */
struct dp_session {
        /* First line, read for every packet; written when the session is made or judged again. */
        uint64_t key[2];               /* IPv6: its first two words */
        struct dp_session_way ways[2]; /* by direction */
        uint8_t macs[2][12];           /* by direction: destination and source as they arrive */
        uint32_t generation;           /* of the policy that allowed it */
        uint32_t created_ms;           /* on the workers' clock, dp_worker.now_ms */

        /* Second line, written for every packet by the workers that forward it: without atomics, since a direction has
         * one worker at a time. Control reads it. */
        uint64_t packets[2], bytes[2]; /* by direction */
        uint64_t key6[3];              /* IPv6: the rest of the key */
        uint32_t seen_ms;
        uint8_t state;         /* enum socle_session_state */
        uint8_t timeout_state; /* the one whose timeout counts */
        uint8_t flags;         /* DP_SESSION_… */
        uint8_t lock;          /* of dp_session_protocol; held for one segment */
} __rte_cache_aligned;
_Static_assert(sizeof(struct dp_session) == 128, "two cache lines");

/* What a session's protocol remembers: a cache line for each, by the session's index. */
union dp_session_protocol {
        struct dp_tcp tcp;
        struct dp_sctp sctp;
} __rte_cache_aligned;
_Static_assert(sizeof(union dp_session_protocol) == 64, "a cache line");
