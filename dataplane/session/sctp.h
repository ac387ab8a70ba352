/* SCTP as a session sees it: the state machine of Linux' connection tracking (nf_conntrack_proto_sctp.c, RFC 9260),
 * with verification tags. Pure functions. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "socle/session_states.h"

/* Written by the workers that see the association, one at a time. */
struct dp_sctp {
        uint32_t tags[2]; /* verification tag of packets in that direction of the key; host order; 0: not known */
        uint8_t flags;
        uint8_t spare[7];
};

/* `packet`: from the common header on, `length` bytes of it at hand. First packet: true and *state, or false: may not
 * begin one. */
bool dp_sctp_begin(struct dp_sctp *sctp, unsigned int d, const uint8_t *packet, uint32_t length, uint8_t *state);

/* A further one. false: invalid, drop. */
bool dp_sctp_track(struct dp_sctp *sctp, unsigned int d, unsigned int origin, const uint8_t *packet, uint32_t length,
                   uint8_t *state);
