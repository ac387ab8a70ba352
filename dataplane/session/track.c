/* See track.h. */
#include "headers.h"
#include "track.h"

static void apply_tcp(struct dp_session *session, const struct dp_tcp *tcp, uint8_t state, uint8_t timeout_state)
{
        if (tcp->flags & DP_TCP_REPLIED)
                dp_session_flag(session, DP_SESSION_REPLIED);
        if (tcp->flags & DP_TCP_ASSURED)
                dp_session_flag(session, DP_SESSION_ASSURED);
        if (state != session->state)
                session->state = state;
        if (timeout_state != session->timeout_state)
                session->timeout_state = timeout_state;
}

#define END_IS_NEAR_MS 120000 /* nothing is gained below that; Linux' figure */

/* What does not belong may still say that the connection is over: it is to end sooner, never later. */
static void hasten(struct dp_session *session, uint8_t timeout_state, uint32_t now_ms)
{
        const uint32_t *timeout_ms = dp_load(dp_session_settings)->timeout_ms;
        uint32_t left = session->seen_ms + timeout_ms[session->timeout_state] - now_ms;

        if ((int32_t)left < END_IS_NEAR_MS || (int32_t)left <= (int32_t)timeout_ms[timeout_state])
                return;
        session->timeout_state = timeout_state;
        session->seen_ms = now_ms;
}

static enum dp_track track_tcp(struct dp_session *session, struct dp_tcp *tcp, unsigned int d, const struct rte_mbuf *m,
                               uint16_t l4, uint16_t length, uint32_t now_ms)
{
        struct dp_tcp_segment segment;
        uint8_t state = session->state, timeout_state = session->timeout_state;

        if (!dp_track_segment(m, l4, length, &segment))
                return DP_TRACK_INVALID;
        switch (dp_tcp_track(tcp, d, dp_session_origin(session), &segment, &dp_load(dp_session_settings)->tcp, &state,
                             &timeout_state)) {
        case DP_TCP_INVALID:
                if (timeout_state != session->timeout_state)
                        hasten(session, timeout_state, now_ms);
                return DP_TRACK_INVALID;
        case DP_TCP_REOPEN:
                return DP_TRACK_REOPEN;
        case DP_TCP_DELETE:
                apply_tcp(session, tcp, state, timeout_state);
                return DP_TRACK_LAST;
        case DP_TCP_IGNORE:
                apply_tcp(session, tcp, state, timeout_state);
                return DP_TRACK_IGNORE;
        default:
                apply_tcp(session, tcp, state, timeout_state);
                return DP_TRACK_PASS;
        }
}

static enum dp_track track_sctp(struct dp_session *session, struct dp_sctp *sctp, unsigned int d,
                                const struct rte_mbuf *m, uint16_t l4, uint16_t length)
{
        uint8_t state = session->state;
        enum dp_sctp_verdict verdict =
                dp_sctp_track(sctp, d, dp_session_origin(session), rte_pktmbuf_mtod_offset(m, const uint8_t *, l4),
                              RTE_MIN(length, m->data_len - l4), &state);

        if (verdict == DP_SCTP_INVALID)
                return DP_TRACK_INVALID;
        session->state = state;
        if (!session->ways[d].initiator)
                dp_session_flag(session, DP_SESSION_REPLIED);
        if (sctp->flags & DP_SCTP_ASSURED)
                dp_session_flag(session, DP_SESSION_ASSURED);
        if (verdict == DP_SCTP_IGNORE)
                return DP_TRACK_IGNORE;
        session->timeout_state = state;
        return DP_TRACK_PASS;
}

enum dp_track dp_track_protocol(struct dp_session *session, union dp_session_protocol *protocol, unsigned int d,
                                const struct rte_mbuf *m, uint16_t l4, uint16_t length, uint32_t now_ms)
{
        enum dp_track result = DP_TRACK_PASS;

        /* What cannot be tracked passes, and the next segment tells the window anew. */
        if (!dp_session_lock(session))
                return DP_TRACK_PASS;
        if (session->state <= SOCLE_SESSION_TCP_UNACK)
                result = track_tcp(session, &protocol->tcp, d, m, l4, length, now_ms);
        else
                result = track_sctp(session, &protocol->sctp, d, m, l4, length);
        dp_session_unlock(session);
        return result;
}

bool dp_track_segment(const struct rte_mbuf *m, uint16_t l4, uint16_t length, struct dp_tcp_segment *ret)
{
        const struct rte_tcp_hdr *tcp = rte_pktmbuf_mtod_offset(m, const struct rte_tcp_hdr *, l4);
        uint16_t header = (tcp->data_off >> 4) * 4;

        if (unlikely(header < sizeof(*tcp) || header > length || m->data_len < l4 + header))
                return false;
        *ret = (struct dp_tcp_segment){
                .seq = rte_be_to_cpu_32(tcp->sent_seq),
                .ack = rte_be_to_cpu_32(tcp->recv_ack),
                .window = rte_be_to_cpu_16(tcp->rx_win),
                .flags = tcp->tcp_flags,
                .option_length = header - sizeof(*tcp),
                .payload = length - header,
                .options = (const uint8_t *)(tcp + 1),
        };
        return true;
}
