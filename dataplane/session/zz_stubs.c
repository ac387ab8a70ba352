#include "admit.h"
#include "guard.h"
enum socle_drop dp_guard_check(const struct dp_port_policy *port, const struct rte_mbuf *m, bool *t){*t=false;return SOCLE_DROP_COUNT;}
bool dp_guard_trusted_in(const struct rte_mbuf *m){return false;}
enum dp_tcp_verdict dp_tcp_begin(struct dp_tcp *tcp, unsigned int d, const struct dp_tcp_segment *segment, const struct dp_tcp_settings *settings, uint8_t *state){*state=SOCLE_SESSION_TCP_SYN_SENT;return 0;}
enum dp_tcp_verdict dp_tcp_track(struct dp_tcp *tcp, unsigned int d, unsigned int origin, const struct dp_tcp_segment *segment, const struct dp_tcp_settings *settings, uint8_t *state, uint8_t *timeout_state){return 0;}
bool dp_sctp_begin(struct dp_sctp *sctp, unsigned int d, const uint8_t *packet, uint32_t length, uint8_t *state){return true;}
bool dp_sctp_track(struct dp_sctp *sctp, unsigned int d, unsigned int origin, const uint8_t *packet, uint32_t length, uint8_t *state){return true;}
