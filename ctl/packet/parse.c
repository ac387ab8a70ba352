/* A description into a struct packet: the protocol, the addresses; what follows them is options.c's. See packet.h. */
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "socle/wire.h"
#include "words.h"

/* The first word. */
static const struct form {
        const char *word;
        uint8_t protocol, family; /* family 0: that of the addresses */
        bool ports, number, any_protocol;
} forms[] = {
        {"tcp", IPPROTO_TCP, 0, .ports = true},
        {"udp", IPPROTO_UDP, 0, .ports = true},
        {"sctp", IPPROTO_SCTP, 0, .ports = true},
        {"icmp", IPPROTO_ICMP, 4},
        {"icmp6", IPPROTO_ICMPV6, 6},
        {"proto", 0, 0, .number = true},
        {"ip", PACKET_ANY_PROTOCOL, 0, .any_protocol = true},
};

static const char example[] = "such as tcp 10.0.0.5:33000 > 10.0.1.7:443";

static int take_form(struct words *words, enum packet_use use, struct packet *packet, const struct form **ret)
{
        unsigned number = 0;

        for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
                if (!words_is(words, forms[i].word) || (forms[i].any_protocol && use != PACKET_FILTER))
                        continue;
                *ret = &forms[i];
                packet->protocol = forms[i].protocol;
                packet->family = forms[i].family;
                words_next(words);
                if (!forms[i].number)
                        return 0;
                int r = words_number(words, "the protocol", words->word, words->length, use == PACKET_FILTER, 255,
                                     &number);
                packet->protocol = (uint8_t)number;
                words_next(words);
                return r;
        }
        return words_fail(words, words->word,
                          use == PACKET_FILTER ? "tcp, udp, sctp, icmp, icmp6, proto N or ip"
                                               : "tcp, udp, sctp, icmp, icmp6, proto N or arp",
                          words->length ? "\"%.*s\" is no protocol" : "the protocol is missing%.*s",
                          (int)(words->length < 40 ? words->length : 40), words->word);
}

/* The port behind an address; `from` is where its ':' should be. */
static int take_port(struct words *words, enum packet_use use, const char *from, uint16_t *ret)
{
        const char *end = words->word + words->length;
        unsigned number = 0;

        if (from == end && use == PACKET_FILTER)
                return 0;
        if (from == end || *from != ':')
                return words_fail(words, from, "a ':' and a port, as in 10.0.0.5:443 or [2001:db8::1]:443",
                                  "the port is missing");
        if (use == PACKET_FILTER && end - from == 4 && memcmp(from, ":any", 4) == 0)
                return 0;
        int r = words_number(words, "the port", from + 1, (size_t)(end - from - 1), 0, 65535, &number);
        *ret = (uint16_t)number;
        return r;
}

/* Where the address in the word ends: at the ':' of a port (which an IPv6 address has only behind brackets). */
static const char *end_of_ip(const struct words *words, bool ports)
{
        const char *end = words->word + words->length, *colon = memchr(words->word, ':', words->length);

        if (!ports || !colon)
                return end;
        return memchr(colon + 1, ':', (size_t)(end - colon - 1)) ? end : colon;
}

static int take_bracketed(struct words *words, uint8_t ip[16], const char **ret_end)
{
        const char *from = words->word + 1;
        const char *close = memchr(from, ']', words->length - 1);

        if (!close)
                return words_fail(words, words->word + words->length, "a ']' behind the address",
                                  "the bracket is not closed");
        *ret_end = close + 1;
        int r = words_ip(words, from, (size_t)(close - from), ip);
        if (r == 0 && wire_ip_is_v4(ip))
                return words_fail(words, words->word, "10.0.0.5:443", "brackets are for IPv6 addresses");
        return r;
}

static int take_end(struct words *words, enum packet_use use, const struct form *form, struct packet *packet, int which)
{
        const char *at = words->word, *end = end_of_ip(words, form->ports);
        uint8_t *ip = packet->ip[which], family;
        int r = 0;

        if (words->length == 0 || *at == '>')
                return words_fail(words, at, example, "the %s is missing", which ? "destination" : "source");
        if (use == PACKET_FILTER && end - at == 3 && memcmp(at, "any", 3) == 0)
                return form->ports ? take_port(words, use, end, &packet->l4_port[which]) : 0;
        if (*at == '[')
                r = take_bracketed(words, ip, &end);
        else
                r = words_ip(words, at, (size_t)(end - at), ip);
        if (r < 0)
                return r;
        family = wire_ip_is_v4(ip) ? 4 : 6;
        if (packet->family && packet->family != family)
                return words_fail(words, at, "addresses of one family", "an IPv%u address, where one of IPv%u belongs",
                                  family, packet->family);
        packet->family = family;
        if (form->ports && family == 6 && *at != '[' && use == PACKET_ONE)
                return words_fail(words, at, "[2001:db8::1]:443",
                                  "an IPv6 address that has a port is written in brackets");
        if (form->ports)
                return take_port(words, use, end, &packet->l4_port[which]);
        if (end != words->word + words->length)
                return words_fail(words, end, "a blank", "%s has no ports", form->word);
        return 0;
}

static int take_ends(struct words *words, enum packet_use use, const struct form *form, struct packet *packet)
{
        int r = take_end(words, use, form, packet, 0);

        if (r < 0)
                return r;
        words_next(words);
        if (!words_is(words, ">"))
                return words_fail(words, words->word, "SOURCE > DESTINATION",
                                  "a '>' between source and destination is missing");
        words_next(words);
        packet->destination_at = (size_t)(words->word - words->text) + 1;
        r = take_end(words, use, form, packet, 1);
        if (r < 0)
                return r;
        if (packet->family == 0)
                return words_fail(words, words->word, "an address on at least one side",
                                  "neither side says whether it is IPv4 or IPv6");
        words_next(words);
        return 0;
}

static int take_arp_address(struct words *words, const char *before, uint8_t ip[16])
{
        if (!words_is(words, before))
                return words_fail(words, words->word, "arp who-has 10.0.0.6 tell 10.0.0.5", "\"%s\" is missing",
                                  before);
        words_next(words);
        int r = words_ip(words, words->word, words->length, ip);
        if (r == 0 && !wire_ip_is_v4(ip))
                return words_fail(words, words->word, "icmp6 FROM > TO type 135 for IPv6", "ARP is for IPv4 addresses");
        return r;
}

static int take_arp(struct words *words, struct packet *packet)
{
        int r;

        packet->arp = true;
        packet->family = 4;
        words_next(words);
        r = take_arp_address(words, "who-has", packet->ip[1]);
        if (r < 0)
                return r;
        packet->destination_at = (size_t)(words->word - words->text) + 1;
        words_next(words);
        r = take_arp_address(words, "tell", packet->ip[0]);
        if (r == 0)
                words_next(words);
        return r;
}

static void set_defaults(struct packet *packet)
{
        packet->ttl = 64;
        packet->tcp_flags = 0x02;
        packet->sctp_chunk = 1;
        packet->icmp_type = packet->family == 4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
}

int packet_parse(const char *text, enum packet_use use, struct packet *ret, struct packet_fault *fault)
{
        struct words words = {.text = text, .word = text, .fault = fault};
        const struct form *form = NULL;
        struct packet packet = {};
        int r;

        words_next(&words);
        if (use == PACKET_ONE && words_is(&words, "arp")) {
                r = take_arp(&words, &packet);
        } else {
                r = take_form(&words, use, &packet, &form);
                if (r == 0)
                        r = take_ends(&words, use, form, &packet);
        }
        if (r < 0)
                return r;
        if (use == PACKET_FILTER && words.length > 0)
                return words_fail(&words, words.word, "the end",
                                  "a filter ends with its addresses, and follows both directions");
        set_defaults(&packet);
        r = options_parse(&words, &packet);
        if (r == 0)
                *ret = packet;
        return r;
}
