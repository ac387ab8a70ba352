/* Port security: may a guest send this frame? MACs and addresses that are not its own, a DHCP server's or a router's
 * part. Neutron's rules (neutron/agent/linux/openvswitch_firewall), each with a drop reason of its own. */
#pragma once

#include "policy.h"
#include "state.h"

/* A frame that a guest with port security sent. SOCLE_DROP_COUNT: let through; else why not. *ret_trusted: what every
 * guest may send whatever its groups say (ARP, RARP, its DHCP requests, neighbour discovery and MLD), once it passed
 * here. */
enum socle_drop dp_guard_check(const struct dp_port_policy *port, const struct rte_mbuf *m, bool *ret_trusted);

/* The same for unicast IPv4 of one address, inlined where every packet passes: true: it is right; false: ask
 * dp_guard_check(). `frame` holds at least 34 bytes. */
static __rte_always_inline bool dp_guard_quick(const struct dp_port_policy *port, const uint8_t *frame)
{
        (void)port;
        (void)frame;
        return false;
}

/* A frame towards a guest that needs no rule: ARP, and the ICMPv6 of neighbour and router discovery and MLD queries. */
bool dp_guard_trusted_in(const struct rte_mbuf *m);
