/* Port security: may a guest send this frame? MACs and addresses that are not its own, a DHCP server's or a router's
 * part. Neutron's rules (neutron/agent/linux/openvswitch_firewall), each with a drop reason of its own. */
#pragma once

#include <netinet/in.h>

#include "flow.h"
#include "policy.h"
#include "state.h"

/* A frame that a guest with port security sent. SOCLE_DROP_COUNT: let through; else why not. *ret_trusted: what every
 * guest may send whatever its groups say (ARP, RARP, its DHCP requests, neighbour discovery and MLD), once it passed
 * here. Reads the first segment only, and nothing beyond its end. */
enum socle_drop dp_guard_check(const struct dp_port_policy *port, const struct rte_mbuf *m, bool *ret_trusted);

/* The same, of a packet that dp_flow_parse() has been through. */
enum socle_drop dp_guard_check_flow(const struct dp_port_policy *port, const struct rte_mbuf *m,
                                    const struct dp_flow *flow, bool *ret_trusted);

#define DP_GUARD_QUICK_MIN 38 /* Ethernet, IPv4 without options, ports */

/* The same for IPv4 from the port's own MAC and one of two addresses or prefixes, inlined where every packet passes:
 * true: it is right; false: ask dp_guard_check(). `frame` holds at least DP_GUARD_QUICK_MIN bytes. What may be a DHCP
 * server's is not right: UDP from port 67, or whose port is not to be seen here. */
static __rte_always_inline bool dp_guard_quick(const struct dp_port_policy *port, const uint8_t *frame)
{
        uint64_t ether;
        uint32_t source;
        uint16_t fragment, from;

        __builtin_memcpy(&ether, frame + 6, sizeof(ether)); /* source MAC and EtherType */
        __builtin_memcpy(&fragment, frame + 20, sizeof(fragment));
        __builtin_memcpy(&source, frame + 26, sizeof(source));
        __builtin_memcpy(&from, frame + 34, sizeof(from));
        bool no_udp = frame[23] != IPPROTO_UDP;
        bool client = (frame[14] == 0x45) & !(fragment & RTE_BE16(0x3fff)) & (from != RTE_BE16(67));
        bool own = ((source & port->quick_mask[0]) == port->quick_ipv4[0]) |
                   ((source & port->quick_mask[1]) == port->quick_ipv4[1]);
        return (ether == port->quick_ether) & own & (no_udp | client);
}

/* A frame towards a guest that needs no rule: ARP; neighbour discovery, router advertisements and MLD queries; a DHCP
 * server's answers. */
bool dp_guard_trusted_in(const struct rte_mbuf *m);
bool dp_guard_trusted_in_flow(const struct rte_mbuf *m, const struct dp_flow *flow);
