/* Following a session packet by packet: is it still valid, protocol state, timeout, counters. */
#pragma once

#include "settings.h"
#include "state.h"
#include "table.h"

enum dp_track {
        DP_TRACK_PASS,
        DP_TRACK_INVALID, /* the packet is not the session's: drop it */
        DP_TRACK_REOPEN,  /* it begins a new connection in place of this dead one */
        DP_TRACK_LAST,    /* let it through, and delete the session */
        DP_TRACK_IGNORE,  /* of dp_track_protocol() only: let it through, but the session lives no longer for it */
};

/* The protocols with a state machine; `protocol`: the session's. `l4`: offset of the transport header, `length`: bytes
 * by the IP header. */
enum dp_track dp_track_protocol(struct dp_session *session, union dp_session_protocol *protocol, unsigned int d,
                                const struct rte_mbuf *m, uint16_t l4, uint16_t length, uint32_t now_ms);

/* The TCP header at l4 as the state machine wants it. false: malformed. */
bool dp_track_segment(const struct rte_mbuf *m, uint16_t l4, uint16_t length, struct dp_tcp_segment *ret);

static __rte_always_inline unsigned int dp_session_origin(const struct dp_session *session)
{
        return !session->ways[0].initiator;
}

static __rte_always_inline bool dp_session_expired(const struct dp_session *session, uint32_t now_ms)
{
        const struct dp_session_settings *settings = dp_load(dp_session_settings);

        /* Signed: another worker's clock may be a moment ahead. */
        return (int32_t)(now_ms - session->seen_ms) >= (int32_t)settings->timeout_ms[session->timeout_state];
}

/* TCP in the state in which it spends its life. The whole header but for options is at hand. false: not looked at. */
static __rte_always_inline bool dp_track_quick(struct dp_session *session, union dp_session_protocol *protocol,
                                               unsigned int d, const struct rte_mbuf *m, uint16_t l4, uint16_t length)
{
        const struct rte_tcp_hdr *tcp = rte_pktmbuf_mtod_offset(m, const struct rte_tcp_hdr *, l4);
        uint16_t header = (tcp->data_off >> 4) * 4;
        uint8_t timeout_state;
        bool done;

        if (unlikely(header < sizeof(*tcp) || header > length || m->data_len < l4 + header ||
                     !dp_tcp_plain_options((const uint8_t *)(tcp + 1), header - sizeof(*tcp))))
                return false;
        if (unlikely(!dp_session_lock(session)))
                return false;
        const struct dp_tcp_segment segment = {
                .seq = rte_be_to_cpu_32(tcp->sent_seq),
                .ack = rte_be_to_cpu_32(tcp->recv_ack),
                .window = rte_be_to_cpu_16(tcp->rx_win),
                .flags = tcp->tcp_flags,
                .payload = length - header,
        };
        done = session->state ==
                       SOCLE_SESSION_TCP_ESTABLISHED && /* still: the other direction's worker may have closed it */
               dp_tcp_quick(&protocol->tcp, d, &segment, &dp_load(dp_session_settings)->tcp, &timeout_state);
        if (done && unlikely(timeout_state != session->timeout_state))
                session->timeout_state = timeout_state;
        dp_session_unlock(session);
        return done;
}

/* One packet of a live session in direction d. */
static __rte_always_inline enum dp_track dp_track(struct dp_session *session, union dp_session_protocol *protocol,
                                                  unsigned int d, const struct rte_mbuf *m, uint16_t l4,
                                                  uint16_t length, uint32_t now_ms)
{
        enum dp_track result = DP_TRACK_PASS;

        if (session->state == SOCLE_SESSION_TCP_ESTABLISHED &&
            likely(dp_track_quick(session, protocol, d, m, l4, length))) {
                ;
        } else if (session->state >= SOCLE_SESSION_TCP_SYN_SENT && !(session->flags & DP_SESSION_UNTRACKED)) {
                result = dp_track_protocol(session, protocol, d, m, l4, length, now_ms);
                if (unlikely(result == DP_TRACK_INVALID || result == DP_TRACK_REOPEN))
                        return result;
        } else if (unlikely(!(session->flags & DP_SESSION_REPLIED) && !session->ways[d].initiator)) {
                dp_session_flag(session,
                                DP_SESSION_REPLIED | (session->flags & DP_SESSION_UNTRACKED ? 0 : DP_SESSION_ASSURED));
                if (session->state == SOCLE_SESSION_UDP)
                        session->state = session->timeout_state = SOCLE_SESSION_UDP_STREAM;
        }
        if (unlikely(result == DP_TRACK_IGNORE))
                result = DP_TRACK_PASS;
        else if (session->seen_ms != now_ms)
                session->seen_ms = now_ms;
        session->packets[d]++;
        session->bytes[d] += m->pkt_len;
        return result;
}
