/* TCP as a session sees it: state machine and window check as Linux' connection tracking does them
 * (net/netfilter/nf_conntrack_proto_tcp.c; after Guido van Rooij, "Real Stateful TCP Packet Filtering in IP Filter";
 * RFC 9293; RFC 5961 for what an off-path attacker may try). Pure functions of their arguments. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "socle/session_states.h"

#define DP_TCP_FIN 0x01 /* flags as on the wire */
#define DP_TCP_SYN 0x02
#define DP_TCP_RST 0x04
#define DP_TCP_PSH 0x08
#define DP_TCP_ACK 0x10
#define DP_TCP_URG 0x20
#define DP_TCP_ECE 0x40
#define DP_TCP_CWR 0x80

/* What a segment is to the state machine: the first of these that fits. */
enum dp_tcp_kind {
        DP_TCP_KIND_SYN,
        DP_TCP_KIND_SYN_ACK,
        DP_TCP_KIND_FIN,
        DP_TCP_KIND_PLAIN, /* ACK and nothing of the above */
        DP_TCP_KIND_RST,   /* looked for first */
        DP_TCP_KIND_NONE,  /* not even ACK; and: nothing seen yet */
        DP_TCP_KIND_COUNT,
};

#define DP_TCP_PEER_SCALE      (1 << 0) /* it offered window scaling */
#define DP_TCP_PEER_SACK       (1 << 1) /* it permits SACK */
#define DP_TCP_PEER_CLOSES     (1 << 2) /* its FIN was the first */
#define DP_TCP_PEER_LIBERAL    (1 << 3) /* picked up: its scale is not known, so its windows mean nothing */
#define DP_TCP_PEER_UNACKED    (1 << 4) /* what it sent is not all acknowledged */
#define DP_TCP_PEER_ACKED_ONCE (1 << 5) /* max_ack is set */

/* What a sender has said so far. Sequence numbers in host byte order. */
struct dp_tcp_peer {
        uint32_t end;        /* highest sequence number sent, + 1 */
        uint32_t max_end;    /* highest that the other side's window allows */
        uint32_t max_window; /* largest window it advertised, scaled; 0: nothing seen from it */
        uint32_t max_ack;    /* highest acknowledgement it sent */
        uint8_t scale;       /* its window scale */
        uint8_t flags;       /* DP_TCP_PEER_… */
        uint8_t spare[2];
};

/* The last segment, for retransmissions, and to know what an answer answers. kind and direction are of the last one
 * that was let through; the rest is of the last plain one, or of one that was let through without belonging. */
struct dp_tcp_last {
        uint32_t seq, ack, end;
        uint16_t window; /* unscaled */
        uint8_t direction;
        uint8_t kind; /* enum dp_tcp_kind */
};

#define DP_TCP_REPLIED (1 << 0) /* flags of struct dp_tcp: a packet against the first one's direction was accepted */
#define DP_TCP_ASSURED (1 << 1) /* the handshake was finished, or a picked up connection answered */

/* One cache line. Written by the workers that see the connection, one at a time (the session's lock). */
struct dp_tcp {
        struct dp_tcp_peer peers[2]; /* by direction of the session's key, not by who began */
        struct dp_tcp_last last;
        uint8_t flags;       /* DP_TCP_… */
        uint8_t retrans;     /* the last segment has come that many times again */
        uint8_t noted_scale; /* of the last SYN that was let through in the middle of the connection */
        uint8_t noted_flags; /* its DP_TCP_PEER_…, and DP_TCP_NOTED_… (tcp.c) */
        uint8_t spare[4];
};
_Static_assert(sizeof(struct dp_tcp) == 64, "a cache line");
_Static_assert(sizeof(struct dp_tcp_last) == 16 && offsetof(struct dp_tcp, last) % 8 == 0, "dp_tcp_quick: two words");

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
        DP_TCP_IGNORE,  /* let through, but it proves nothing: the session lives no longer for it */
        DP_TCP_INVALID, /* drop. *timeout_state may have become UNACK: the session is to end by then, if it would later
                         */
        DP_TCP_REOPEN,  /* a new connection on the ports of a dead one: forget the session, begin anew with this segment
                         */
        DP_TCP_DELETE,  /* let through, and forget the session (RST to a SYN, as Linux does) */
};

/* The first segment of a session. ACCEPT, and *state, *timeout_state are set; or INVALID. `d`: its direction, 0 or 1.
 */
enum dp_tcp_verdict dp_tcp_begin(struct dp_tcp *tcp, unsigned int d, const struct dp_tcp_segment *segment,
                                 const struct dp_tcp_settings *settings, uint8_t *state, uint8_t *timeout_state);

/* A further one. *state: SOCLE_SESSION_TCP_…; *timeout_state: the state whose timeout counts from now on (RETRANS and
 * UNACK shorten it). `origin`: the direction of the first segment. */
enum dp_tcp_verdict dp_tcp_track(struct dp_tcp *tcp, unsigned int d, unsigned int origin,
                                 const struct dp_tcp_segment *segment, const struct dp_tcp_settings *settings,
                                 uint8_t *state, uint8_t *timeout_state);

/* ---- sequence numbers ---- */

/* Modulo 2^32 (RFC 9293 3.4). What is half of that away is both before and after. */
static inline bool dp_tcp_before(uint32_t a, uint32_t b)
{
        return (int32_t)(a - b) < 0;
}

static inline bool dp_tcp_after(uint32_t a, uint32_t b)
{
        return dp_tcp_before(b, a);
}

/* An acknowledgement may be this old: van Rooij's 66,000 bytes, or what the sender's largest window says. */
static inline uint32_t dp_tcp_ack_room(const struct dp_tcp_peer *sender)
{
        return sender->max_window > 66000 ? sender->max_window : 66000;
}

static inline uint32_t dp_tcp_end(const struct dp_tcp_segment *segment)
{
        return segment->seq + segment->payload + !!(segment->flags & DP_TCP_SYN) + !!(segment->flags & DP_TCP_FIN);
}

/* ---- the quick way ---- */

/* A segment without options, or with none but timestamps laid out as everyone does (RFC 7323 appendix A)? */
static inline bool dp_tcp_plain_options(const uint8_t *options, unsigned int length)
{
        const uint8_t timestamps[4] = {1, 1, 8, 10};

        return length == 0 || (length == 12 && memcmp(options, timestamps, 4) == 0);
}

/* What nearly every segment is: plain data or acknowledgement of an established, assured connection, in window both
 * ways, and none that comes again. true: done, as dp_tcp_track() would have; *timeout_state is set. false: nothing was
 * changed, and dp_tcp_track() has to look. Only in state ESTABLISHED, and with plain options. */
static inline __attribute__((always_inline)) bool dp_tcp_quick(struct dp_tcp *tcp, unsigned int d,
                                                               const struct dp_tcp_segment *segment,
                                                               const struct dp_tcp_settings *settings,
                                                               uint8_t *timeout_state)
{
        struct dp_tcp_peer *sender = &tcp->peers[d], *receiver = &tcp->peers[!d];
        uint32_t seq = segment->seq, ack = segment->ack, end = seq + segment->payload;
        uint32_t window = (uint32_t)segment->window << sender->scale;
        const struct dp_tcp_last now = {seq, ack, end, segment->window, d, DP_TCP_KIND_PLAIN};
        uint64_t words[2], last[2];

        memcpy(words, &now, sizeof(words));
        memcpy(last, &tcp->last, sizeof(last));
        bool expected = ((segment->flags & ~(DP_TCP_PSH | DP_TCP_ECE | DP_TCP_CWR)) == DP_TCP_ACK) &
                        (segment->window != 0) & (tcp->flags == (DP_TCP_REPLIED | DP_TCP_ASSURED)) &
                        (tcp->retrans == 0) & (tcp->last.kind == DP_TCP_KIND_PLAIN) &
                        (((words[0] ^ last[0]) | (words[1] ^ last[1])) != 0);
        bool known =
                (sender->max_window != 0) & (receiver->max_window != 0) & !!(sender->flags & DP_TCP_PEER_ACKED_ONCE);
        bool in_window = dp_tcp_before(seq, sender->max_end + 1) & !dp_tcp_after(end, sender->max_end) &
                         dp_tcp_before(ack, receiver->end + 1) &
                         dp_tcp_after(end, sender->end - receiver->max_window - 1) &
                         dp_tcp_after(ack, receiver->end - dp_tcp_ack_room(sender) - 1);
        if (__builtin_expect(!(expected & known & in_window), 0))
                return false;

        uint8_t sent = sender->flags, received = receiver->flags;
        sent |= dp_tcp_after(end, sender->end) ? DP_TCP_PEER_UNACKED : 0;
        received &= ack == receiver->end ? ~DP_TCP_PEER_UNACKED : 0xff;
        sender->flags = sent;
        receiver->flags = received;
        sender->end = dp_tcp_after(end, sender->end) ? end : sender->end;
        sender->max_ack = dp_tcp_after(ack, sender->max_ack) ? ack : sender->max_ack;
        sender->max_window = window > sender->max_window ? window : sender->max_window;
        receiver->max_end = dp_tcp_after(ack + window, receiver->max_end - 1) ? ack + window : receiver->max_end;
        memcpy(&tcp->last, words, sizeof(words));
        bool shortened =
                ((sent | received) & DP_TCP_PEER_UNACKED) &&
                settings->timeout_ms[SOCLE_SESSION_TCP_ESTABLISHED] > settings->timeout_ms[SOCLE_SESSION_TCP_UNACK];
        *timeout_state = shortened ? SOCLE_SESSION_TCP_UNACK : SOCLE_SESSION_TCP_ESTABLISHED;
        return true;
}
