/* Port security for ICMPv6: neighbour and router discovery (RFC 4861), multicast listeners (RFC 2710, RFC 3810). */
#include "guard_private.h"
#include "nd.h"

bool dp_guard_has_fragment_header(const struct rte_mbuf *m, const struct dp_flow *flow)
{
        const struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv6_hdr *, flow->l3);
        uint8_t next = ip->proto;

        for (uint16_t at = flow->l3 + sizeof(*ip); at < flow->l4;) { /* flow.c has been along here */
                const uint8_t *header = rte_pktmbuf_mtod_offset(m, const uint8_t *, at);
                if (next == IPPROTO_FRAGMENT)
                        return true;
                at += next == IPPROTO_AH ? (header[1] + 2) * 4 : (header[1] + 1) * 8;
                next = header[0];
        }
        return false;
}

bool dp_guard_is_on_link(const struct rte_mbuf *m, const struct dp_flow *flow)
{
        return rte_pktmbuf_mtod_offset(m, const struct rte_ipv6_hdr *, flow->l3)->hop_limits == 255;
}

/* A source that has no address yet speaks to its neighbours only. */
static bool is_unspecified(const struct dp_flow *flow)
{
        static const uint8_t unspecified[16];

        return memcmp(flow->source, unspecified, 16) == 0 && flow->destination[0] == 0xff &&
               (flow->destination[1] & 0xf) == 2;
}

/* Where the options of a message begin. */
static uint16_t options_at(uint8_t type)
{
        return type == ROUTER_SOLICITATION ? 8 : 24;
}

/* Every link-layer address that the message tells must be the port's. *ret_mac: the last one; untouched: none. */
static enum socle_drop check_options(const struct dp_port_policy *port, const struct rte_mbuf *m,
                                     const struct dp_flow *flow, uint8_t type, const struct rte_ether_addr **ret_mac)
{
        const uint8_t *message = rte_pktmbuf_mtod_offset(m, const uint8_t *, flow->l4);
        uint16_t at = options_at(type), end = flow->l4_length;

        if (m->data_len < flow->l4 + end || end < at)
                return SOCLE_DROP_MALFORMED;
        while (at < end) {
                const uint8_t *option = message + at;
                if (end - at < 8 || option[1] == 0 || option[1] * 8 > end - at)
                        return SOCLE_DROP_MALFORMED;
                if (option[0] == ND_OPTION_SOURCE || option[0] == ND_OPTION_TARGET) {
                        *ret_mac = (const void *)(option + 2);
                        if (!dp_guard_has_mac(port, *ret_mac))
                                return SOCLE_DROP_SPOOFED_ND;
                }
                at += option[1] * 8;
        }
        return SOCLE_DROP_COUNT;
}

/* Does it claim only what is the port's? `told`: the MAC that the addresses go with. */
static bool claims_own(const struct dp_port_policy *port, const struct rte_mbuf *m, const struct dp_flow *flow,
                       uint8_t type, const struct rte_ether_addr *told)
{
        const struct rte_ether_addr *sender = &rte_pktmbuf_mtod(m, const struct rte_ether_hdr *)->src_addr;
        const uint8_t *target = rte_pktmbuf_mtod_offset(m, const uint8_t *, flow->l4 + 8);

        if (type != ND_ADVERTISEMENT)
                return is_unspecified(flow) || dp_guard_owns(port, told, true, flow->source);
        return dp_guard_owns(port, told, true, target) &&
               (dp_guard_owns(port, told, true, flow->source) || dp_guard_owns(port, sender, true, flow->source));
}

static enum socle_drop check_discovery(const struct dp_port_policy *port, const struct rte_mbuf *m,
                                       const struct dp_flow *flow, uint8_t type, bool *ret_trusted)
{
        const struct rte_ether_addr *told = &rte_pktmbuf_mtod(m, const struct rte_ether_hdr *)->src_addr;

        if (dp_guard_has_fragment_header(m, flow))
                return SOCLE_DROP_SPOOFED_ND;
        if (!dp_guard_is_on_link(m, flow))
                return SOCLE_DROP_MALFORMED;
        enum socle_drop drop = check_options(port, m, flow, type, &told);
        if (drop != SOCLE_DROP_COUNT)
                return drop;
        if (!claims_own(port, m, flow, type, told))
                return SOCLE_DROP_SPOOFED_ND;
        *ret_trusted = true;
        return SOCLE_DROP_COUNT;
}

static enum socle_drop check_listener(const struct dp_port_policy *port, const struct rte_mbuf *m,
                                      const struct dp_flow *flow, uint8_t type, bool *ret_trusted)
{
        const struct rte_ether_addr *sender = &rte_pktmbuf_mtod(m, const struct rte_ether_hdr *)->src_addr;
        bool report = type == MLD_REPORT || type == MLD2_REPORT; /* also while its address is tentative: RFC 3590 */

        if (!(report && is_unspecified(flow)) && !dp_guard_owns(port, sender, true, flow->source))
                return SOCLE_DROP_SPOOFED_IP;
        *ret_trusted = !dp_guard_has_fragment_header(m, flow);
        return SOCLE_DROP_COUNT;
}

enum socle_drop dp_guard_icmp6(const struct dp_port_policy *port, const struct rte_mbuf *m, const struct dp_flow *flow,
                               bool *ret_known, bool *ret_trusted)
{
        uint8_t type = dp_guard_icmp6_type(flow);

        *ret_known = true;
        switch (type) {
        case ROUTER_ADVERTISEMENT:
        case REDIRECT:
                return SOCLE_DROP_ROUTER_ADVERTISEMENT;
        case ROUTER_SOLICITATION:
        case ND_SOLICITATION:
        case ND_ADVERTISEMENT:
                return check_discovery(port, m, flow, type, ret_trusted);
        case MLD_QUERY:
        case MLD_REPORT:
        case MLD_DONE:
        case MLD2_REPORT:
                return check_listener(port, m, flow, type, ret_trusted);
        default:
                *ret_known = false;
                return SOCLE_DROP_COUNT;
        }
}
