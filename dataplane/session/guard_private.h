/* What guard.c and guard_nd.c share. */
#pragma once

#include "flow.h"
#include "guard.h"

/* Types of ICMPv6, beside those of nd.h. */
enum {
        MLD_QUERY = 130,
        MLD_REPORT = 131,
        MLD_DONE = 132,
        ROUTER_SOLICITATION = 133,
        ROUTER_ADVERTISEMENT = 134,
        REDIRECT = 137,
        MLD2_REPORT = 143,
};

/* May the port use this address with this MAC? Its link-local address made from the MAC needs no saying. */
bool dp_guard_owns(const struct dp_port_policy *port, const struct rte_ether_addr *mac, bool v6, const uint8_t ip[16]);

bool dp_guard_has_mac(const struct dp_port_policy *port, const struct rte_ether_addr *mac);

/* The type of an ICMPv6 packet whose header is there; 0: it is none (0 is reserved, RFC 4443 7). */
static inline uint8_t dp_guard_icmp6_type(const struct dp_flow *flow)
{
        bool header = flow->kind <= DP_FLOW_ICMP_OTHER && flow->kind != DP_FLOW_LATER_FRAGMENT;

        return flow->v6 && flow->protocol == IPPROTO_ICMPV6 && header ? flow->source_port >> 8 : 0;
}

/* ICMPv6 of neighbour and router discovery and of MLD. *ret_known: it is that, and judged; else as any other packet. */
enum socle_drop dp_guard_icmp6(const struct dp_port_policy *port, const struct rte_mbuf *m, const struct dp_flow *flow,
                               bool *ret_known, bool *ret_trusted);

/* Discovery is not forwarded on its way (RFC 4861 6.1), and not fragmented, not even into one piece (RFC 6980 5). */
bool dp_guard_is_on_link(const struct rte_mbuf *m, const struct dp_flow *flow);
bool dp_guard_has_fragment_header(const struct rte_mbuf *m, const struct dp_flow *flow);
