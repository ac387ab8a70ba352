/* See protocol.h. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "protocol.h"
#include "socle/wire.h"

#define PROTOCOL_OSPF 89
#define PROTOCOL_VRRP 112
#define PROTOCOL_PGM  113

/* The first name of a number is the normal one. */
static const struct {
        const char *name;
        int number;
} protocols[] = {
        {"any", WIRE_PROTOCOL_ANY},
        {"ip", WIRE_PROTOCOL_ANY},
        {"ah", IPPROTO_AH},
        {"dccp", IPPROTO_DCCP},
        {"egp", IPPROTO_EGP},
        {"esp", IPPROTO_ESP},
        {"gre", IPPROTO_GRE},
        {"hopopt", IPPROTO_HOPOPTS},
        {"icmp", IPPROTO_ICMP},
        {"igmp", IPPROTO_IGMP},
        {"ipip", IPPROTO_IPIP},
        {"ipv6-encap", IPPROTO_IPV6},
        {"ipv6-frag", IPPROTO_FRAGMENT},
        {"ipv6-icmp", IPPROTO_ICMPV6},
        {"icmpv6", IPPROTO_ICMPV6},
        {"ipv6-nonxt", IPPROTO_NONE},
        {"ipv6-opts", IPPROTO_DSTOPTS},
        {"ipv6-route", IPPROTO_ROUTING},
        {"ospf", PROTOCOL_OSPF},
        {"pgm", PROTOCOL_PGM},
        {"rsvp", IPPROTO_RSVP},
        {"sctp", IPPROTO_SCTP},
        {"tcp", IPPROTO_TCP},
        {"udp", IPPROTO_UDP},
        {"udplite", IPPROTO_UDPLITE},
        {"vrrp", PROTOCOL_VRRP},
};
#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

int protocol_parse(const char *text)
{
        size_t digits = strspn(text, "0123456789");
        int number = 0;

        for (size_t i = 0; i < PROTOCOLS; i++)
                if (strcasecmp(protocols[i].name, text) == 0)
                        return protocols[i].number;
        if (digits < 1 || digits > 3 || text[digits] || (digits > 1 && text[0] == '0'))
                return -EINVAL;
        for (size_t i = 0; i < digits; i++)
                number = number * 10 + text[i] - '0';
        return number <= 255 ? number : -EINVAL;
}

void protocol_format(int protocol, char ret[VALUE_SIZE])
{
        for (size_t i = 0; i < PROTOCOLS; i++)
                if (protocols[i].number == protocol) {
                        snprintf(ret, VALUE_SIZE, "%s", protocols[i].name);
                        return;
                }
        snprintf(ret, VALUE_SIZE, "%d", protocol);
}

bool protocol_has_ports(int protocol)
{
        return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
               protocol == IPPROTO_UDPLITE || protocol == IPPROTO_DCCP;
}

bool protocol_is_icmp(int protocol)
{
        return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

bool protocol_is_ipv6_only(int protocol)
{
        return protocol == IPPROTO_ICMPV6 || protocol == IPPROTO_FRAGMENT || protocol == IPPROTO_NONE ||
               protocol == IPPROTO_DSTOPTS || protocol == IPPROTO_ROUTING;
}
