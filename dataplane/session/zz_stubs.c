#include "admit.h"
#include "guard.h"
struct dp_verdict dp_policy_check(const struct dp_policy *policy, const struct dp_port_policy *port, enum dp_direction direction, const struct dp_subject *subject){return (struct dp_verdict){.allowed=true,.stateful=true};}
enum socle_drop dp_guard_check(const struct dp_port_policy *port, const struct rte_mbuf *m, bool *t){*t=false;return SOCLE_DROP_COUNT;}
bool dp_guard_trusted_in(const struct rte_mbuf *m){return false;}
