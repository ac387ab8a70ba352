/* Packets in words, as `trace` and `capture` are told them and tell them:
 *
 *      tcp 10.0.0.5:33000 > 10.0.1.7:443 flags syn,ack
 *      udp [2001:db8::1]:5000 > [2001:db8::2]:53
 *      sctp 10.0.0.5:7 > 10.0.1.7:8 chunk init
 *      icmp 10.0.0.5 > 10.0.1.7 echo-request id 9
 *      icmp6 fd00::1 > fd00::2 type 1 code 4
 *      proto 47 10.0.0.5 > 10.0.1.7
 *      arp who-has 10.0.1.7 tell 10.0.0.5
 *
 * and behind each, in any order: src-mac MAC, dst-mac MAC, ttl N, length N (bytes of the IP packet). A filter is of the
 * same words without what follows the addresses; in it ports may be left out, an address may be "any", and "ip" stands
 * for all protocols. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum packet_use { PACKET_ONE, PACKET_FILTER };

#define PACKET_ETHER_BYTES  14
#define PACKET_LENGTH_MAX   2034 /* of the IP packet: a trace's frame without its Ethernet header */
#define PACKET_TEXT_SIZE    256  /* holds any description that packet_describe() makes */
#define PACKET_ANY_PROTOCOL 0    /* of a filter */

struct packet {
        bool arp;
        uint8_t family;      /* 4 or 6 */
        uint8_t protocol;    /* IANA's number */
        uint8_t ip[2][16];   /* source (ARP: who asks), destination (who is asked for); a filter's "any": all zero */
        uint16_t l4_port[2]; /* TCP, UDP, SCTP; a filter's "any": 0 */
        uint8_t tcp_flags;   /* as in the header */
        uint8_t sctp_chunk;  /* type of the first chunk */
        uint8_t icmp_type;   /* of either ICMP */
        uint8_t icmp_code;   /* likewise */
        uint16_t icmp_identifier; /* of echoes and other queries */
        uint8_t ttl;              /* or hop limit */
        uint16_t length;          /* of the IP packet, bytes; 0: no more than its headers */
        bool has_mac[2];          /* source, destination: was it told? */
        uint8_t mac[2][6];        /* to be filled in before packet_build() where it was not */
        size_t destination_at; /* where the destination stands in the text, characters from 1: for complaints about it
                                */
};

/* What is wrong with a text, and where. */
struct packet_fault {
        size_t at; /* the character, from 1; one behind the last: something is missing */
        char message[160], expected[160];
};

/* 0, or -EINVAL and the fault. */
int packet_parse(const char *text, enum packet_use use, struct packet *ret, struct packet_fault *fault);

/* The least length of the IP packet, bytes. */
size_t packet_header_bytes(const struct packet *packet);

/* The frame, with right checksums; the payload is zeroes. Returns its length; `size` is at least PACKET_ETHER_BYTES +
 * PACKET_LENGTH_MAX. */
size_t packet_build(const struct packet *packet, uint8_t *frame, size_t size);

/* What a frame is, in the words above where they can say it. `captured` bytes of `length` are here. */
void packet_describe(const uint8_t *frame, size_t captured, size_t length, char ret[PACKET_TEXT_SIZE]);

/* ---- names of numbers ---- */

struct packet_name {
        const char *name; /* NULL ends a table */
        int number;
};

extern const struct packet_name packet_tcp_flags[]; /* bits, the lowest first */
extern const struct packet_name packet_sctp_chunks[];

/* NULL: it has none. */
const char *packet_name_of(const struct packet_name *table, int number);
/* -1: there is no such name. */
int packet_number_of(const struct packet_name *table, const char *name, size_t length);
