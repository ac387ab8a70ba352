/* SCTP as a session sees it: the state machine of Linux' connection tracking (nf_conntrack_proto_sctp.c, RFC 9260),
 * with verification tags. Pure functions. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "socle/session_states.h"

#define DP_SCTP_ASSURED (1 << 0) /* flags: it was established once */

/* Written by the workers that see the association, one at a time. */
struct dp_sctp {
        uint32_t tags[2]; /* verification tag of packets in that direction of the key; host order; 0: not known */
        uint8_t flags;    /* DP_SCTP_… (sctp.c) */
        uint8_t spare[7];
};

enum dp_sctp_verdict {
        DP_SCTP_ACCEPT,
        DP_SCTP_IGNORE,  /* let through, but the session lives no longer for it */
        DP_SCTP_INVALID, /* drop; nothing has changed */
};

/* `packet`: from the common header on, `length` bytes of it at hand. The first packet: ACCEPT and *state, or INVALID:
 * may not begin one. */
enum dp_sctp_verdict dp_sctp_begin(struct dp_sctp *sctp, unsigned int d, const uint8_t *packet, uint32_t length,
                                   uint8_t *state);

/* A further one. `origin`: the direction of the first. */
enum dp_sctp_verdict dp_sctp_track(struct dp_sctp *sctp, unsigned int d, unsigned int origin, const uint8_t *packet,
                                   uint32_t length, uint8_t *state);
