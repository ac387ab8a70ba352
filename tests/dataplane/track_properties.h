/* What must hold of the state machines of TCP and SCTP whatever the segments: shared by their tests and their fuzzer.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sctp.h"
#include "settings.h"

#define TRACK_MUST(x)                                                                                                  \
        do {                                                                                                           \
                if (!(x)) {                                                                                            \
                        fprintf(stderr, "state machines: %s does not hold\n", #x);                                     \
                        abort();                                                                                       \
                }                                                                                                      \
        } while (0)

/* ---- TCP ---- */

struct track_tcp {
        struct dp_tcp tcp;
        uint8_t state, timeout_state;
        bool live;
        unsigned int origin;
        unsigned int quick; /* segments that the quick way took */
};

static inline bool track_is_tcp_state(uint8_t state)
{
        return state >= SOCLE_SESSION_TCP_SYN_SENT && state <= SOCLE_SESSION_TCP_SYN_SENT2;
}

/* The quick way says nothing, or what the long one says. `before`: as it was, `after`: as the long way left it. */
static inline bool track_check_quick(const struct track_tcp *before, const struct track_tcp *after, unsigned int d,
                                     const struct dp_tcp_segment *segment, const struct dp_tcp_settings *settings,
                                     enum dp_tcp_verdict verdict)
{
        struct dp_tcp tcp = before->tcp;
        uint8_t timeout_state = before->timeout_state;

        if (before->state != SOCLE_SESSION_TCP_ESTABLISHED ||
            !dp_tcp_plain_options(segment->options, segment->option_length))
                return false;
        if (!dp_tcp_quick(&tcp, d, segment, settings, &timeout_state)) {
                TRACK_MUST(memcmp(&tcp, &before->tcp, sizeof(tcp)) == 0);
                return false;
        }
        TRACK_MUST(verdict == DP_TCP_ACCEPT && after->state == SOCLE_SESSION_TCP_ESTABLISHED);
        TRACK_MUST(timeout_state == after->timeout_state);
        TRACK_MUST(memcmp(&tcp, &after->tcp, sizeof(tcp)) == 0);
        return true;
}

static inline enum dp_tcp_verdict track_tcp_begin(struct track_tcp *c, unsigned int d,
                                                  const struct dp_tcp_segment *segment,
                                                  const struct dp_tcp_settings *settings)
{
        enum dp_tcp_verdict verdict = dp_tcp_begin(&c->tcp, d, segment, settings, &c->state, &c->timeout_state);

        TRACK_MUST(verdict == DP_TCP_ACCEPT || verdict == DP_TCP_INVALID);
        c->live = verdict == DP_TCP_ACCEPT;
        c->origin = d;
        TRACK_MUST(!c->live || c->state == SOCLE_SESSION_TCP_SYN_SENT ||
                   (c->state == SOCLE_SESSION_TCP_ESTABLISHED && settings->loose));
        return verdict;
}

/* One segment of a conversation that began with the first that may begin one. */
static inline enum dp_tcp_verdict track_tcp(struct track_tcp *c, unsigned int d, const struct dp_tcp_segment *segment,
                                            const struct dp_tcp_settings *settings)
{
        const struct track_tcp before = *c;

        if (!c->live)
                return track_tcp_begin(c, d, segment, settings);
        enum dp_tcp_verdict verdict =
                dp_tcp_track(&c->tcp, d, c->origin, segment, settings, &c->state, &c->timeout_state);
        TRACK_MUST(track_is_tcp_state(c->state));
        TRACK_MUST(track_is_tcp_state(c->timeout_state) || c->timeout_state == SOCLE_SESSION_TCP_RETRANS ||
                   c->timeout_state == SOCLE_SESSION_TCP_UNACK);
        TRACK_MUST(c->tcp.peers[0].scale <= 14 && c->tcp.peers[1].scale <= 14);
        TRACK_MUST(!(before.tcp.flags & ~c->tcp.flags)); /* once assured, always assured */
        c->quick += track_check_quick(&before, c, d, segment, settings, verdict);
        switch (verdict) {
        case DP_TCP_INVALID:
                TRACK_MUST(c->state == before.state && c->tcp.flags == before.tcp.flags);
                TRACK_MUST(c->timeout_state == before.timeout_state || c->timeout_state == SOCLE_SESSION_TCP_UNACK);
                break;
        case DP_TCP_IGNORE:
                TRACK_MUST(c->timeout_state == before.timeout_state);
                break;
        case DP_TCP_REOPEN:
                TRACK_MUST(memcmp(&c->tcp, &before.tcp, sizeof(c->tcp)) == 0 && segment->flags & DP_TCP_SYN);
                track_tcp_begin(c, d, segment, settings);
                break;
        case DP_TCP_DELETE:
                TRACK_MUST(segment->flags & DP_TCP_RST && !(before.tcp.flags & DP_TCP_REPLIED));
                c->live = false;
                break;
        default:
                break;
        }
        return verdict;
}

/* The same conversation with the ends of the key exchanged is the same conversation. */
static inline void track_tcp_both(struct track_tcp c[2], unsigned int d, const struct dp_tcp_segment *segment,
                                  const struct dp_tcp_settings *settings)
{
        enum dp_tcp_verdict verdict = track_tcp(&c[0], d, segment, settings);

        TRACK_MUST(track_tcp(&c[1], !d, segment, settings) == verdict);
        TRACK_MUST(c[0].live == c[1].live);
        if (!c[0].live)
                return;
        TRACK_MUST(c[0].state == c[1].state && c[0].timeout_state == c[1].timeout_state);
        for (unsigned int p = 0; p < 2; p++)
                TRACK_MUST(memcmp(&c[0].tcp.peers[p], &c[1].tcp.peers[!p], sizeof(c[0].tcp.peers[p])) == 0);
}

/* ---- SCTP ---- */

struct track_sctp {
        struct dp_sctp sctp;
        uint8_t state;
        bool live;
        unsigned int origin;
};

static inline enum dp_sctp_verdict track_sctp(struct track_sctp *c, unsigned int d, const uint8_t *packet,
                                              uint32_t length)
{
        const struct track_sctp before = *c;
        enum dp_sctp_verdict verdict;

        if (c->live) {
                verdict = dp_sctp_track(&c->sctp, d, c->origin, packet, length, &c->state);
                TRACK_MUST(verdict != DP_SCTP_INVALID || memcmp(&before, c, sizeof(before)) == 0);
        } else {
                verdict = dp_sctp_begin(&c->sctp, d, packet, length, &c->state);
                c->origin = d;
                c->live = verdict != DP_SCTP_INVALID;
        }
        TRACK_MUST(!c->live ||
                   (c->state >= SOCLE_SESSION_SCTP_CLOSED && c->state <= SOCLE_SESSION_SCTP_HEARTBEAT_SENT));
        return verdict;
}

static inline void track_sctp_both(struct track_sctp c[2], unsigned int d, const uint8_t *packet, uint32_t length)
{
        enum dp_sctp_verdict verdict = track_sctp(&c[0], d, packet, length);

        TRACK_MUST(track_sctp(&c[1], !d, packet, length) == verdict);
        TRACK_MUST(c[0].live == c[1].live && (!c[0].live || c[0].state == c[1].state));
}
