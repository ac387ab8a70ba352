/* See guard.h. What a packet is, flow.c tells: so port security and rules see the same header, behind whatever
 * extension headers. */
#include <rte_arp.h>

#include "guard_private.h"
#include "nd.h"
#include "policy_remotes.h"

#define DHCP4_CLIENT 68
#define DHCP4_SERVER 67
#define DHCP6_CLIENT 546
#define DHCP6_SERVER 547
#define MAC_NONE     UINT16_MAX

/* ---- what is the port's ---- */

static uint16_t find_mac(const struct dp_port_policy *port, const struct rte_ether_addr *mac)
{
        for (uint16_t i = 0; i < port->mac_count; i++)
                if (rte_is_same_ether_addr(&port->macs[i], mac))
                        return i;
        return MAC_NONE;
}

bool dp_guard_has_mac(const struct dp_port_policy *port, const struct rte_ether_addr *mac)
{
        return find_mac(port, mac) != MAC_NONE;
}

/* The link-local address made from the MAC (RFC 4291 appendix A). */
static bool is_link_local_of(const uint8_t ip[16], const struct rte_ether_addr *mac)
{
        const uint8_t *m = mac->addr_bytes;
        const uint8_t own[16] = {0xfe, 0x80, [8] = m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};

        return memcmp(ip, own, sizeof(own)) == 0;
}

bool dp_guard_owns(const struct dp_port_policy *port, const struct rte_ether_addr *mac, bool v6, const uint8_t ip[16])
{
        uint16_t index = find_mac(port, mac);
        dp_address address = dp_address_load(ip);

        if (index == MAC_NONE)
                return false;
        for (uint16_t i = 0; i < port->allowed_count; i++) {
                const struct dp_allowed *allowed = &port->allowed[i];
                dp_address own = dp_address_load(allowed->ip);
                bool own_v6 = allowed->prefix < 96 || !dp_address_is_v4(own);
                if (allowed->mac == index && own_v6 == v6 &&
                    (allowed->prefix == 0 || (address ^ own) >> (128 - allowed->prefix) == 0))
                        return true;
        }
        return v6 && is_link_local_of(ip, mac);
}

/* ---- ARP and RARP ---- */

static bool is_arp(const struct rte_mbuf *m, const struct rte_arp_hdr *arp)
{
        return m->data_len >= sizeof(struct rte_ether_hdr) + sizeof(*arp) &&
               arp->arp_hardware == RTE_BE16(RTE_ARP_HRD_ETHER) && arp->arp_protocol == RTE_BE16(RTE_ETHER_TYPE_IPV4) &&
               arp->arp_hlen == RTE_ETHER_ADDR_LEN && arp->arp_plen == sizeof(rte_be32_t);
}

static enum socle_drop check_arp(const struct dp_port_policy *port, const struct rte_mbuf *m, bool reverse)
{
        const struct rte_arp_hdr *arp =
                rte_pktmbuf_mtod_offset(m, const struct rte_arp_hdr *, sizeof(struct rte_ether_hdr));
        uint8_t ip[16];

        if (!is_arp(m, arp))
                return SOCLE_DROP_MALFORMED;
        if (!dp_guard_has_mac(port, &arp->arp_data.arp_sha))
                return SOCLE_DROP_SPOOFED_ARP;
        /* A probe claims nothing (RFC 5227 2.1.1); nor does who asks for its own address by RARP, or tells switches
         * where it is now, as a guest that was migrated. */
        if (arp->arp_data.arp_sip == 0 && (reverse || arp->arp_opcode == RTE_BE16(RTE_ARP_OP_REQUEST)))
                return SOCLE_DROP_COUNT;
        dp_ip_mapped(ip, &arp->arp_data.arp_sip);
        return dp_guard_owns(port, &arp->arp_data.arp_sha, false, ip) ? SOCLE_DROP_COUNT : SOCLE_DROP_SPOOFED_ARP;
}

/* ---- IP ---- */

static bool is_udp(const struct dp_flow *flow, uint16_t from, uint16_t to)
{
        return flow->protocol == IPPROTO_UDP && flow->source_port == from && flow->destination_port == to &&
               (flow->kind == DP_FLOW_WHOLE || flow->kind == DP_FLOW_FIRST_FRAGMENT);
}

static bool is_dhcp_server(const struct dp_flow *flow)
{
        return flow->v6 ? is_udp(flow, DHCP6_SERVER, DHCP6_CLIENT) : is_udp(flow, DHCP4_SERVER, DHCP4_CLIENT);
}

static bool is_dhcp_client(const struct dp_flow *flow)
{
        return flow->kind == DP_FLOW_WHOLE &&
               (flow->v6 ? is_udp(flow, DHCP6_CLIENT, DHCP6_SERVER) : is_udp(flow, DHCP4_CLIENT, DHCP4_SERVER));
}

static enum socle_drop check_ip(const struct dp_port_policy *port, const struct rte_mbuf *m, const struct dp_flow *flow,
                                bool *ret_trusted)
{
        static const uint8_t unspecified4[16] = {[10] = 0xff, [11] = 0xff};
        const struct rte_ether_addr *sender = &rte_pktmbuf_mtod(m, const struct rte_ether_hdr *)->src_addr;
        bool known;

        if (flow->kind == DP_FLOW_MALFORMED)
                return SOCLE_DROP_MALFORMED;
        if (flow->kind == DP_FLOW_BAD_FRAGMENT)
                return SOCLE_DROP_FRAGMENT_BAD;
        enum socle_drop drop = dp_guard_icmp6(port, m, flow, &known, ret_trusted);
        if (known)
                return drop;
        if (is_dhcp_server(flow))
                return SOCLE_DROP_DHCP_SERVER;
        /* Who looks for an address has none; Neutron lets it have one for the port's own MAC. */
        bool discovers = !flow->v6 && is_dhcp_client(flow) && rte_is_same_ether_addr(sender, &port->macs[0]) &&
                         memcmp(flow->source, unspecified4, sizeof(unspecified4)) == 0;
        if (!discovers && !dp_guard_owns(port, sender, flow->v6, flow->source))
                return SOCLE_DROP_SPOOFED_IP;
        *ret_trusted = is_dhcp_client(flow);
        return SOCLE_DROP_COUNT;
}

/* ---- the two questions ---- */

enum socle_drop dp_guard_check(const struct dp_port_policy *port, const struct rte_mbuf *m, bool *ret_trusted)
{
        struct dp_flow flow;

        dp_flow_parse(m, 0, &flow);
        return dp_guard_check_flow(port, m, &flow, ret_trusted);
}

enum socle_drop dp_guard_check_flow(const struct dp_port_policy *port, const struct rte_mbuf *m,
                                    const struct dp_flow *flow, bool *ret_trusted)
{
        const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
        enum socle_drop drop;

        *ret_trusted = false;
        if (m->data_len < sizeof(*ether))
                return SOCLE_DROP_MALFORMED;
        if (!dp_guard_has_mac(port, &ether->src_addr))
                return SOCLE_DROP_SPOOFED_MAC;
        switch (ether->ether_type) {
        case RTE_BE16(RTE_ETHER_TYPE_IPV4):
        case RTE_BE16(RTE_ETHER_TYPE_IPV6):
                return check_ip(port, m, flow, ret_trusted);
        case RTE_BE16(RTE_ETHER_TYPE_ARP):
        case RTE_BE16(RTE_ETHER_TYPE_RARP):
                drop = check_arp(port, m, ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_RARP));
                *ret_trusted = drop == SOCLE_DROP_COUNT;
                return drop;
        default:
                return SOCLE_DROP_ETHERTYPE;
        }
}

bool dp_guard_trusted_in(const struct rte_mbuf *m)
{
        struct dp_flow flow;

        dp_flow_parse(m, 0, &flow);
        return dp_guard_trusted_in_flow(m, &flow);
}

bool dp_guard_trusted_in_flow(const struct rte_mbuf *m, const struct dp_flow *flow)
{
        const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);

        if (m->data_len < sizeof(*ether))
                return false;
        if (ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_ARP))
                return true;
        if (ether->ether_type != RTE_BE16(RTE_ETHER_TYPE_IPV4) && ether->ether_type != RTE_BE16(RTE_ETHER_TYPE_IPV6))
                return false;
        switch (dp_guard_icmp6_type(flow)) {
        case ROUTER_ADVERTISEMENT:
        case ND_SOLICITATION:
        case ND_ADVERTISEMENT:
                return dp_guard_is_on_link(m, flow) && !dp_guard_has_fragment_header(m, flow);
        case MLD_QUERY:
                return !dp_guard_has_fragment_header(m, flow);
        default:
                return flow->kind == DP_FLOW_WHOLE && is_dhcp_server(flow);
        }
}
