/* A frame into words. See packet.h. */
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "packet.h"

/* A frame, and what has been said of it. */
struct view {
        const uint8_t *at; /* the header looked at */
        size_t left;       /* bytes from there on */
        char *text;
        size_t used;
};

__attribute__((format(printf, 2, 3))) static void say(struct view *view, const char *format, ...)
{
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(view->text + view->used, PACKET_TEXT_SIZE - view->used, format, args);
        va_end(args);
        view->used += (size_t)n;
        if (view->used >= PACKET_TEXT_SIZE)
                view->used = PACKET_TEXT_SIZE - 1;
}

static unsigned get16(const uint8_t *at)
{
        return (unsigned)at[0] << 8 | at[1];
}

static bool advance(struct view *view, size_t bytes)
{
        if (bytes > view->left)
                return false;
        view->at += bytes;
        view->left -= bytes;
        return true;
}

struct ip_view {
        int family;
        uint8_t protocol;
        const uint8_t *source, *destination;
        size_t length;     /* of the packet */
        unsigned fragment; /* offset, bytes */
        bool more;         /* fragments follow */
};

static void say_address(struct view *view, const struct ip_view *ip, const uint8_t *address, int port)
{
        char text[INET6_ADDRSTRLEN];

        inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, address, text, sizeof(text));
        if (port < 0)
                say(view, "%s", text);
        else
                say(view, ip->family == 4 ? "%s:%d" : "[%s]:%d", text, port);
}

static void say_ends(struct view *view, const struct ip_view *ip, bool ports)
{
        say_address(view, ip, ip->source, ports ? (int)get16(view->at) : -1);
        say(view, " > ");
        say_address(view, ip, ip->destination, ports ? (int)get16(view->at + 2) : -1);
}

static void say_tcp(struct view *view)
{
        const char *comma = "";
        uint8_t flags = view->at[13];

        say(view, " flags ");
        if (!flags)
                say(view, "none");
        for (const struct packet_name *flag = packet_tcp_flags; flag->name; flag++)
                if (flags & flag->number) {
                        say(view, "%s%s", comma, flag->name);
                        comma = ",";
                }
}

static void say_sctp(struct view *view)
{
        const char *name = packet_name_of(packet_sctp_chunks, view->at[12]);

        if (name)
                say(view, " chunk %s", name);
        else
                say(view, " chunk %u", view->at[12]);
}

static void say_icmp(struct view *view, const struct ip_view *ip)
{
        uint8_t type = view->at[0], code = view->at[1];
        bool request = type == (ip->family == 4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST);
        bool reply = type == (ip->family == 4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY);

        if (request || reply)
                say(view, request ? " echo-request" : " echo-reply");
        else
                say(view, " type %u", type);
        if (code)
                say(view, " code %u", code);
        if (get16(view->at + 4))
                say(view, " id %u", get16(view->at + 4));
}

/* Transports that have words of their own, when enough of them is here. */
static bool say_transport(struct view *view, const struct ip_view *ip)
{
        uint8_t icmp = ip->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;

        if (ip->fragment > 0)
                return false;
        if (ip->protocol == IPPROTO_TCP && view->left >= 14) {
                say(view, "tcp ");
                say_ends(view, ip, true);
                say_tcp(view);
        } else if (ip->protocol == IPPROTO_UDP && view->left >= 4) {
                say(view, "udp ");
                say_ends(view, ip, true);
        } else if (ip->protocol == IPPROTO_SCTP && view->left >= 13) {
                say(view, "sctp ");
                say_ends(view, ip, true);
                say_sctp(view);
        } else if (ip->protocol == icmp && view->left >= 6) {
                say(view, ip->family == 4 ? "icmp " : "icmp6 ");
                say_ends(view, ip, false);
                say_icmp(view, ip);
        } else {
                return false;
        }
        return true;
}

static void say_ip(struct view *view, const struct ip_view *ip)
{
        if (!say_transport(view, ip)) {
                say(view, "proto %u ", ip->protocol);
                say_ends(view, ip, false);
        }
        say(view, " length %zu", ip->length);
        if (ip->fragment || ip->more)
                say(view, " (fragment from byte %u on%s)", ip->fragment, ip->more ? "" : ", the last");
}

static void say_ipv4(struct view *view)
{
        const uint8_t *header = view->at;
        struct ip_view ip = {.family = 4};

        if (view->left < 20 || header[0] >> 4 != 4 || (header[0] & 15) < 5 || !advance(view, (header[0] & 15u) * 4)) {
                say(view, "a cut or malformed IPv4 header");
                return;
        }
        ip.protocol = header[9];
        ip.source = header + 12;
        ip.destination = header + 16;
        ip.length = get16(header + 2);
        ip.fragment = (get16(header + 6) & 0x1fff) * 8;
        ip.more = header[6] & 0x20;
        say_ip(view, &ip);
}

/* Behind the extension headers (RFC 8200 4) that may stand before a transport. */
static void skip_extensions(struct view *view, struct ip_view *ip)
{
        while (view->left >= 8) {
                switch (ip->protocol) {
                case IPPROTO_HOPOPTS:
                case IPPROTO_ROUTING:
                case IPPROTO_DSTOPTS:
                        if ((view->at[1] + 1u) * 8 > view->left)
                                return;
                        ip->protocol = view->at[0];
                        advance(view, (view->at[1] + 1u) * 8);
                        break;
                case IPPROTO_FRAGMENT:
                        ip->protocol = view->at[0];
                        ip->fragment = get16(view->at + 2) & 0xfff8;
                        ip->more = view->at[3] & 1;
                        advance(view, 8);
                        if (ip->fragment > 0)
                                return;
                        break;
                default:
                        return;
                }
        }
}

static void say_ipv6(struct view *view)
{
        const uint8_t *header = view->at;
        struct ip_view ip = {.family = 6};

        if (view->left < 40 || header[0] >> 4 != 6 || !advance(view, 40)) {
                say(view, "a cut or malformed IPv6 header");
                return;
        }
        ip.protocol = header[6];
        ip.source = header + 8;
        ip.destination = header + 24;
        ip.length = get16(header + 4) + 40u;
        skip_extensions(view, &ip);
        say_ip(view, &ip);
}

static void say_arp(struct view *view)
{
        char sender[INET_ADDRSTRLEN], target[INET_ADDRSTRLEN];
        const uint8_t *at = view->at;

        if (view->left < 28 || get16(at + 2) != ETHERTYPE_IP || at[4] != 6 || at[5] != 4 ||
            (get16(at + 6) != 1 && get16(at + 6) != 2)) {
                say(view, "a cut or malformed ARP message");
                return;
        }
        inet_ntop(AF_INET, at + 14, sender, sizeof(sender));
        inet_ntop(AF_INET, at + 24, target, sizeof(target));
        if (get16(at + 6) == 1)
                say(view, "arp who-has %s tell %s", target, sender);
        else
                say(view, "arp %s is-at %02x:%02x:%02x:%02x:%02x:%02x", sender, at[8], at[9], at[10], at[11], at[12],
                    at[13]);
}

void packet_describe(const uint8_t *frame, size_t captured, size_t length, char ret[PACKET_TEXT_SIZE])
{
        struct view view = {.at = frame, .left = captured, .text = ret};
        unsigned type;

        ret[0] = 0;
        if (!advance(&view, PACKET_ETHER_BYTES)) {
                say(&view, "%zu bytes, too few for an Ethernet header", length);
                return;
        }
        type = get16(frame + 12);
        for (int tags = 0; tags < 2 && (type == ETHERTYPE_VLAN || type == 0x88a8) && view.left >= 4; tags++) {
                say(&view, "vlan %u ", get16(view.at) & 0xfff);
                type = get16(view.at + 2);
                advance(&view, 4);
        }
        if (type == ETHERTYPE_IP)
                say_ipv4(&view);
        else if (type == ETHERTYPE_IPV6)
                say_ipv6(&view);
        else if (type == ETHERTYPE_ARP)
                say_arp(&view);
        else
                say(&view, "ethertype 0x%04x, %zu bytes", type, length);
}
