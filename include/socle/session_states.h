/* The states of a session and their timeouts: the one table. The dataplane tracks by it, socled names and sets the timeouts
 * by it (kind SessionSettings), soclectl shows it. Defaults are those of Linux' nf_conntrack
 * (Documentation/networking/nf_conntrack-sysctl.rst). Append only: the number goes over the wire. */
#pragma once

/* clang-format off */
/* X(ID, "name", default timeout in seconds, "help") */
#define SOCLE_SESSION_STATES(X) \
        X(UDP, "udp", 30, "UDP, no answer yet") \
        X(UDP_STREAM, "udp_stream", 120, "UDP, seen in both directions") \
        X(ICMP, "icmp", 30, "ICMP or ICMPv6 echo and other queries") \
        X(GENERIC, "generic", 600, "other IP protocols, told apart by addresses alone") \
        X(FRAGMENT, "fragment", 30, "a fragmented datagram whose first fragment was let through") \
        X(TCP_SYN_SENT, "tcp_syn_sent", 120, "SYN seen") \
        X(TCP_SYN_RECV, "tcp_syn_recv", 60, "SYN and SYN+ACK seen") \
        X(TCP_ESTABLISHED, "tcp_established", 432000, "handshake done") \
        X(TCP_FIN_WAIT, "tcp_fin_wait", 120, "FIN seen") \
        X(TCP_CLOSE_WAIT, "tcp_close_wait", 60, "FIN acknowledged by the other side") \
        X(TCP_LAST_ACK, "tcp_last_ack", 30, "FINs seen both ways") \
        X(TCP_TIME_WAIT, "tcp_time_wait", 120, "both FINs acknowledged") \
        X(TCP_CLOSE, "tcp_close", 10, "RST seen") \
        X(TCP_SYN_SENT2, "tcp_syn_sent2", 120, "SYNs seen both ways (simultaneous open)") \
        X(TCP_RETRANS, "tcp_retrans", 300, "three retransmissions without an answer: shortens a longer timeout") \
        X(TCP_UNACK, "tcp_unack", 300, "data not acknowledged yet: shortens a longer timeout") \
        X(SCTP_CLOSED, "sctp_closed", 10, "ABORT or SHUTDOWN COMPLETE seen") \
        X(SCTP_COOKIE_WAIT, "sctp_cookie_wait", 3, "INIT seen") \
        X(SCTP_COOKIE_ECHOED, "sctp_cookie_echoed", 3, "COOKIE ECHO seen") \
        X(SCTP_ESTABLISHED, "sctp_established", 210, "COOKIE ACK seen") \
        X(SCTP_SHUTDOWN_SENT, "sctp_shutdown_sent", 3, "SHUTDOWN seen from the initiator") \
        X(SCTP_SHUTDOWN_RECD, "sctp_shutdown_recd", 3, "SHUTDOWN seen from the responder") \
        X(SCTP_SHUTDOWN_ACK_SENT, "sctp_shutdown_ack_sent", 3, "SHUTDOWN ACK seen") \
        X(SCTP_HEARTBEAT_SENT, "sctp_heartbeat_sent", 30, "HEARTBEAT on a path not known yet")
/* clang-format on */

enum socle_session_state {
#define X(id, name, timeout_s, help) SOCLE_SESSION_##id,
        SOCLE_SESSION_STATES(X)
#undef X
                SOCLE_SESSION_STATE_COUNT
};

struct socle_session_state_info {
        const char *name;
        const char *help;
        unsigned int timeout_s; /* default */
};

/* Indexed by enum socle_session_state. */
extern const struct socle_session_state_info socle_session_state_info[SOCLE_SESSION_STATE_COUNT];
