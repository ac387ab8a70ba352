/* See words.h. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "flow.h"
#include "words.h"

const char *words_mac(const struct rte_ether_addr *mac, char text[WORDS_MAC])
{
        const uint8_t *b = mac->addr_bytes;

        snprintf(text, WORDS_MAC, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
        return text;
}

const char *words_ip(const uint8_t ip[16], char text[WORDS_IP])
{
        bool v4 = wire_ip_is_v4(ip);

        return inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ip + 12 : ip, text, WORDS_IP);
}

const char *words_protocol(unsigned int protocol, bool v6, char text[16])
{
        static const struct {
                uint8_t number;
                const char *name;
        } known[] = {{IPPROTO_TCP, "tcp"},   {IPPROTO_UDP, "udp"},      {IPPROTO_ICMP, "icmp"},
                     {IPPROTO_SCTP, "sctp"}, {IPPROTO_ICMPV6, "icmp6"}, {IPPROTO_UDPLITE, "udplite"},
                     {IPPROTO_GRE, "gre"},   {IPPROTO_ESP, "esp"},      {IPPROTO_AH, "ah"}};

        if (protocol == WIRE_PROTOCOL_ANY)
                return v6 ? "ipv6" : "ipv4";
        for (unsigned int i = 0; i < RTE_DIM(known); i++)
                if (known[i].number == protocol)
                        return known[i].name;
        snprintf(text, 16, "protocol %u", protocol);
        return text;
}

static bool is_icmp(unsigned int protocol)
{
        return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

static bool has_ports(unsigned int protocol)
{
        return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
               protocol == IPPROTO_UDPLITE || protocol == IPPROTO_DCCP;
}

/* ---- packets ---- */

static void tcp_flags(const struct rte_mbuf *m, uint16_t l4, char text[16])
{
        static const char letters[] = "FSRPAUEC";
        uint8_t flags = rte_pktmbuf_mtod_offset(m, const struct rte_tcp_hdr *, l4)->tcp_flags;
        unsigned int at = 0;

        text[at++] = ' ';
        text[at++] = '[';
        for (unsigned int i = 0; i < 8; i++)
                if (flags >> i & 1)
                        text[at++] = letters[i];
        text[at++] = ']';
        text[at] = 0;
}

static const char *ip_packet(const struct rte_mbuf *m, const struct dp_flow *flow, char text[WORDS_LONG])
{
        char source[WORDS_IP], destination[WORDS_IP], protocol[16], more[24] = "";
        bool whole = flow->kind != DP_FLOW_LATER_FRAGMENT && flow->kind != DP_FLOW_BAD_FRAGMENT;
        const char *name = words_protocol(flow->protocol, flow->v6, protocol);

        words_ip(flow->source, source);
        words_ip(flow->destination, destination);
        if (!whole || !has_ports(flow->protocol)) {
                if (!whole)
                        snprintf(more, sizeof(more), " (a fragment)");
                else if (is_icmp(flow->protocol))
                        snprintf(more, sizeof(more), " type %u code %u", flow->source_port >> 8,
                                 flow->source_port & 0xff);
                snprintf(text, WORDS_LONG, "%s %s > %s%s", name, source, destination, more);
                return text;
        }
        if (flow->protocol == IPPROTO_TCP)
                tcp_flags(m, flow->l4, more);
        snprintf(text, WORDS_LONG, flow->v6 ? "%s [%s]:%u > [%s]:%u%s" : "%s %s:%u > %s:%u%s", name, source,
                 flow->source_port, destination, flow->destination_port, more);
        return text;
}

const char *words_packet(const struct rte_mbuf *m, char text[WORDS_LONG])
{
        uint16_t type, l2 = dp_ether_len(m, &type);
        struct dp_flow flow;

        dp_flow_parse(m, 0, &flow);
        if (l2 == 0)
                snprintf(text, WORDS_LONG, "a truncated frame");
        else if (type == RTE_BE16(RTE_ETHER_TYPE_ARP))
                snprintf(text, WORDS_LONG, "ARP");
        else if (flow.kind == DP_FLOW_MALFORMED)
                snprintf(text, WORDS_LONG, "a malformed IP packet");
        else if (flow.kind == DP_FLOW_NOT_IP)
                snprintf(text, WORDS_LONG, "EtherType 0x%04x", rte_be_to_cpu_16(type));
        else
                return ip_packet(m, &flow, text);
        return text;
}

/* ---- rules ---- */

static const char *ports(unsigned int protocol, uint16_t first, uint16_t last, char text[32])
{
        text[0] = 0;
        if (is_icmp(protocol) && !(first == 0 && last == UINT16_MAX)) {
                if (first == last)
                        snprintf(text, 32, " type %u code %u", first >> 8, first & 0xff);
                else
                        snprintf(text, 32, first >> 8 == last >> 8 ? " type %u" : " types %u-%u", first >> 8,
                                 last >> 8);
        } else if (has_ports(protocol) && !(first == 0 && last == UINT16_MAX)) {
                snprintf(text, 32, first == last ? " %u" : " %u-%u", first, last);
        }
        return text;
}

const char *words_subject(const struct dp_subject *subject, enum dp_direction direction, char text[WORDS_LONG])
{
        char ip[WORDS_IP], protocol[16], which[32];

        snprintf(text, WORDS_LONG, "%s %s%s %s %s", direction == DP_EGRESS ? "egress" : "ingress",
                 words_protocol(subject->protocol, subject->v6, protocol),
                 ports(subject->protocol, subject->port, subject->port, which), direction == DP_EGRESS ? "to" : "from",
                 words_ip(subject->remote, ip));
        return text;
}

const char *words_rule(const struct wire_rule *rule, char text[WORDS_LONG])
{
        char ip[WORDS_IP], remote[WORDS_IP + 24] = "anywhere", protocol[16], which[32];
        bool egress = rule->direction == WIRE_EGRESS, v6 = rule->family == 6;

        if (rule->remote == WIRE_REMOTE_CIDR)
                snprintf(remote, sizeof(remote), "%s/%u", words_ip(rule->ip, ip),
                         v6 ? rule->prefix : rule->prefix - 96);
        else if (rule->remote == WIRE_REMOTE_SET)
                snprintf(remote, sizeof(remote), "members of group %u", rule->remote_set);
        snprintf(text, WORDS_LONG, "%s %s%s %s %s", egress ? "egress" : "ingress",
                 words_protocol(rule->protocol, v6, protocol), ports(rule->protocol, rule->first, rule->last, which),
                 egress ? "to" : "from", remote);
        return text;
}
