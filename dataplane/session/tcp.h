/* TCP as a session sees it: state machine and window check as Linux' connection tracking does them
 * (net/netfilter/nf_conntrack_proto_tcp.c; after Guido van Rooij, "Real Stateful TCP Packet Filtering in IP Filter";
 * RFC 9293; RFC 5961 for what an off-path attacker may try). Pure functions of their arguments. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "socle/session_states.h"

/* What a sender has said so far. Sequence numbers in host byte order. 16 bytes. */
struct dp_tcp_peer {
        uint32_t end;        /* highest sequence number sent, + 1 */
        uint32_t max_end;    /* highest that the other side's window allows */
        uint32_t max_window; /* largest window it advertised, scaled */
        uint8_t scale;       /* its window scale */
        uint8_t flags;       /* DP_TCP_PEER_… (tcp.c) */
        uint8_t spare[2];
};

/* One cache line. Written by the workers that see the connection, one at a time (the session's lock). */
struct dp_tcp {
        struct dp_tcp_peer peers[2];           /* by direction of the session's key, not by who began */
        uint32_t last_seq, last_ack, last_end; /* of the segment that moved things last, for retransmissions and
                                                  challenge ACKs */
        uint16_t last_window;
        uint8_t last_direction, last_kind, last_scale, last_flags, retrans;
        uint8_t spare[13];
};
_Static_assert(sizeof(struct dp_tcp) == 64, "a cache line");

struct dp_tcp_segment {
        uint32_t seq, ack; /* host byte order */
        uint16_t window;   /* unscaled */
        uint8_t flags;     /* as on the wire */
        uint8_t option_length;
        uint32_t payload;       /* bytes */
        const uint8_t *options; /* window scale, SACK */
};

struct dp_tcp_settings {
        bool loose, liberal;
        uint8_t max_retrans;
        const uint32_t *timeout_ms; /* by enum socle_session_state */
};

enum dp_tcp_verdict {
        DP_TCP_ACCEPT,
        DP_TCP_INVALID, /* drop; the session stays as it is */
        DP_TCP_REOPEN,  /* a new connection on the ports of a dead one: forget the session, begin anew with this segment
                         */
        DP_TCP_DELETE,  /* let through, and forget the session (RST to a SYN, as Linux does) */
};

/* The first segment of a session. ACCEPT, and *state is set; INVALID. `d`: its direction, 0 or 1. */
enum dp_tcp_verdict dp_tcp_begin(struct dp_tcp *tcp, unsigned int d, const struct dp_tcp_segment *segment,
                                 const struct dp_tcp_settings *settings, uint8_t *state);

/* A further one. *state: SOCLE_SESSION_TCP_…; *timeout_state: the state whose timeout counts from now on (RETRANS and
 * UNACK shorten it). `origin`: the direction of the first segment. */
enum dp_tcp_verdict dp_tcp_track(struct dp_tcp *tcp, unsigned int d, unsigned int origin,
                                 const struct dp_tcp_segment *segment, const struct dp_tcp_settings *settings,
                                 uint8_t *state, uint8_t *timeout_state);
