#include "admit.h"
#include "guard.h"
enum socle_drop dp_guard_check(const struct dp_port_policy *port, const struct rte_mbuf *m, bool *t){*t=false;return SOCLE_DROP_COUNT;}
bool dp_guard_trusted_in(const struct rte_mbuf *m){return false;}
