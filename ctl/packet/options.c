/* See options.h. */
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "values.h"

/* For which packets a word is. */
enum { FOR_TCP = 1, FOR_SCTP = 2, FOR_ICMP = 4, FOR_IP = 8, FOR_ALL = 16 };

struct option {
        const char *name;
        unsigned for_what;
        const char *what; /* in words, where not for all */
        /* `words` stand at what follows the name; it is moved behind what the option takes. */
        int (*take)(struct words *words, struct packet *packet);
};

static int take_number(struct words *words, const char *what, unsigned min, unsigned max, unsigned *ret)
{
        int r = words_number(words, what, words->word, words->length, min, max, ret);

        if (r == 0)
                words_next(words);
        return r;
}

static int take_flags(struct words *words, struct packet *packet)
{
        const char *at = words->word, *end = at + words->length;
        uint8_t flags = 0;

        if (words_is(words, "none"))
                at = end + 1;
        for (; at <= end; at++) {
                size_t length = strcspn(at, ", \t>");
                int flag = packet_number_of(packet_tcp_flags, at, length);

                if (flag < 0)
                        return words_fail(words, at, "fin, syn, rst, psh, ack, urg, ece, cwr, with commas, or none",
                                          length ? "there is no TCP flag \"%.*s\"" : "a TCP flag is missing%.*s",
                                          (int)(length < 40 ? length : 40), at);
                flags |= (uint8_t)flag;
                at += length;
        }
        packet->tcp_flags = flags;
        words_next(words);
        return 0;
}

static int take_chunk(struct words *words, struct packet *packet)
{
        int named = packet_number_of(packet_sctp_chunks, words->word, words->length);
        unsigned number = 0;

        if (named >= 0) {
                packet->sctp_chunk = (uint8_t)named;
                words_next(words);
                return 0;
        }
        if (words_number(words, "the chunk type", words->word, words->length, 0, 255, &number) < 0)
                return words_fail(words, words->word, "its name, such as init or cookie-echo, or its number",
                                  words->length ? "there is no SCTP chunk \"%.*s\"" : "the SCTP chunk is missing%.*s",
                                  (int)(words->length < 40 ? words->length : 40), words->word);
        packet->sctp_chunk = (uint8_t)number;
        words_next(words);
        return 0;
}

static int take_type(struct words *words, struct packet *packet)
{
        unsigned number = 0;
        int r = take_number(words, "the ICMP type", 0, 255, &number);

        packet->icmp_type = (uint8_t)number;
        return r;
}

static int take_code(struct words *words, struct packet *packet)
{
        unsigned number = 0;
        int r = take_number(words, "the ICMP code", 0, 255, &number);

        packet->icmp_code = (uint8_t)number;
        return r;
}

static int take_echo_request(struct words *words, struct packet *packet)
{
        packet->icmp_type = packet->family == 4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
        return 0;
}

static int take_echo_reply(struct words *words, struct packet *packet)
{
        packet->icmp_type = packet->family == 4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
        return 0;
}

static int take_id(struct words *words, struct packet *packet)
{
        unsigned number = 0;
        int r = take_number(words, "the identifier", 0, 65535, &number);

        packet->icmp_identifier = (uint16_t)number;
        return r;
}

static int take_mac(struct words *words, struct packet *packet, int which)
{
        char text[18];

        if (!words_copy(words->word, words->length, text, sizeof(text)) || mac_parse(text, packet->mac[which]) < 0)
                return words_fail(words, words->word, "six bytes, such as fa:16:3e:00:00:01",
                                  words->length ? "\"%.*s\" is not a MAC address" : "a MAC address is missing%.*s",
                                  (int)(words->length < 40 ? words->length : 40), words->word);
        packet->has_mac[which] = true;
        words_next(words);
        return 0;
}

static int take_source_mac(struct words *words, struct packet *packet)
{
        return take_mac(words, packet, 0);
}

static int take_destination_mac(struct words *words, struct packet *packet)
{
        return take_mac(words, packet, 1);
}

static int take_ttl(struct words *words, struct packet *packet)
{
        unsigned number = 0;
        int r = take_number(words, "the ttl", 1, 255, &number);

        packet->ttl = (uint8_t)number;
        return r;
}

static int take_length(struct words *words, struct packet *packet)
{
        unsigned number = 0;
        int r = take_number(words, "the length", packet_header_bytes(packet), PACKET_LENGTH_MAX, &number);

        packet->length = (uint16_t)number;
        return r;
}

static const struct option options[] = {
        {"flags", FOR_TCP, "TCP", take_flags},
        {"chunk", FOR_SCTP, "SCTP", take_chunk},
        {"echo-request", FOR_ICMP, "ICMP", take_echo_request},
        {"echo-reply", FOR_ICMP, "ICMP", take_echo_reply},
        {"type", FOR_ICMP, "ICMP", take_type},
        {"code", FOR_ICMP, "ICMP", take_code},
        {"id", FOR_ICMP, "ICMP", take_id},
        {"ttl", FOR_IP, "IP packets", take_ttl},
        {"length", FOR_IP, "IP packets", take_length},
        {"src-mac", FOR_ALL, "", take_source_mac},
        {"dst-mac", FOR_ALL, "", take_destination_mac},
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

static unsigned what_is(const struct packet *packet)
{
        if (packet->arp)
                return FOR_ALL;
        switch (packet->protocol) {
        case IPPROTO_TCP:
                return FOR_ALL | FOR_IP | FOR_TCP;
        case IPPROTO_SCTP:
                return FOR_ALL | FOR_IP | FOR_SCTP;
        case IPPROTO_ICMP:
                return FOR_ALL | FOR_IP | (packet->family == 4 ? FOR_ICMP : 0);
        case IPPROTO_ICMPV6:
                return FOR_ALL | FOR_IP | (packet->family == 6 ? FOR_ICMP : 0);
        default:
                return FOR_ALL | FOR_IP;
        }
}

static int complain_unknown(struct words *words, unsigned what)
{
        char expected[160] = "the end, or one of:";
        size_t used = strlen(expected);

        for (size_t i = 0; i < OPTIONS && used < sizeof(expected); i++)
                if (options[i].for_what & what)
                        used += (size_t)snprintf(expected + used, sizeof(expected) - used, " %s", options[i].name);
        return words_fail(words, words->word, expected, "\"%.*s\" is not understood here",
                          (int)(words->length < 40 ? words->length : 40), words->word);
}

int options_parse(struct words *words, struct packet *packet)
{
        unsigned what = what_is(packet), seen = 0;

        while (words->length > 0) {
                const struct option *option = options;
                int r;

                while (option < options + OPTIONS && !words_is(words, option->name))
                        option++;
                if (option == options + OPTIONS)
                        return complain_unknown(words, what);
                if (!(option->for_what & what))
                        return words_fail(words, words->word, "", "\"%s\" is for %s only", option->name, option->what);
                if (seen & 1u << (option - options))
                        return words_fail(words, words->word, "", "\"%s\" is said twice", option->name);
                seen |= 1u << (option - options);
                words_next(words);
                r = option->take(words, packet);
                if (r < 0)
                        return r;
        }
        return 0;
}
