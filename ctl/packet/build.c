/* A struct packet into a frame. See packet.h. */
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "packet.h"

#define ARP_BYTES 28 /* of Ethernet and IPv4 */

static void put16(uint8_t *at, unsigned value)
{
        at[0] = (uint8_t)(value >> 8);
        at[1] = (uint8_t)value;
}

/* RFC 1071: the sum of 16-bit words, on top of another. */
static uint32_t sum(uint32_t before, const uint8_t *bytes, size_t size)
{
        for (size_t i = 0; i < size; i++)
                before += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
        return before;
}

static unsigned fold(uint32_t sum)
{
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        return ~sum & 0xffff;
}

/* Over the pseudo-header (RFC 9293 3.1, RFC 8200 8.1) and the bytes. */
static unsigned transport_checksum(const struct packet *packet, const uint8_t *bytes, size_t size)
{
        uint32_t so_far = (uint32_t)(packet->protocol + size);

        for (int i = 0; i < 2; i++)
                so_far = packet->family == 4 ? sum(so_far, packet->ip[i] + 12, 4) : sum(so_far, packet->ip[i], 16);
        return fold(sum(so_far, bytes, size));
}

/* CRC-32C as SCTP has it (RFC 9260 Appendix A). */
static void put_sctp_checksum(uint8_t *bytes, size_t size)
{
        uint32_t crc = ~UINT32_C(0);

        for (size_t i = 0; i < size; i++) {
                crc ^= bytes[i];
                for (int bit = 0; bit < 8; bit++)
                        crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
        }
        crc = ~crc;
        for (int i = 0; i < 4; i++)
                bytes[8 + i] = (uint8_t)(crc >> 8 * i);
}

/* The chunk's own header, and what no chunk of its type is without (RFC 9260 3.3). */
static size_t sctp_chunk_bytes(uint8_t type)
{
        switch (type) {
        case 0: /* DATA: with one byte of data and its padding */
                return 20;
        case 1: /* INIT, INIT ACK */
        case 2:
                return 20;
        case 3: /* SACK */
                return 16;
        case 7: /* SHUTDOWN */
                return 8;
        default:
                return 4;
        }
}

static size_t transport_bytes(const struct packet *packet)
{
        switch (packet->protocol) {
        case IPPROTO_TCP:
                return 20;
        case IPPROTO_UDP:
                return 8;
        case IPPROTO_SCTP:
                return 12 + sctp_chunk_bytes(packet->sctp_chunk);
        case IPPROTO_ICMP:
                return packet->family == 4 ? 8 : 0;
        case IPPROTO_ICMPV6:
                return packet->family == 6 ? 8 : 0;
        default:
                return 0;
        }
}

size_t packet_header_bytes(const struct packet *packet)
{
        return (packet->family == 4 ? 20 : 40) + transport_bytes(packet);
}

static void put_tcp(const struct packet *packet, uint8_t *at, size_t size)
{
        at[7] = 1; /* a sequence number, and, with ACK, one acknowledged */
        at[11] = packet->tcp_flags & 0x10 ? 1 : 0;
        at[12] = 5 << 4;
        at[13] = packet->tcp_flags;
        put16(at + 14, 64240);
        put16(at + 16, transport_checksum(packet, at, size));
}

static void put_udp(const struct packet *packet, uint8_t *at, size_t size)
{
        put16(at + 4, (unsigned)size);
        put16(at + 6, transport_checksum(packet, at, size) ?: 0xffff);
}

static void put_sctp(const struct packet *packet, uint8_t *at, size_t size)
{
        size_t chunk = sctp_chunk_bytes(packet->sctp_chunk);
        uint8_t *body = at + 12 + 4;

        at[7] = packet->sctp_chunk == 1 ? 0 : 1; /* verification tag: zero in an INIT (RFC 9260 8.5.1) */
        at[12] = packet->sctp_chunk;
        if (packet->sctp_chunk == 0)
                at[13] = 3; /* begins and ends its message */
        put16(at + 14, (unsigned)(packet->sctp_chunk == 0 ? chunk - 3 : chunk));
        if (packet->sctp_chunk == 1 || packet->sctp_chunk == 2) {
                body[3] = 1;            /* initiate tag */
                put16(body + 6, 65535); /* window: the lower half of 32 bits */
                put16(body + 8, 1);     /* streams out, in */
                put16(body + 10, 1);
        }
        put_sctp_checksum(at, size);
}

static void put_icmp(const struct packet *packet, uint8_t *at, size_t size)
{
        at[0] = packet->icmp_type;
        at[1] = packet->icmp_code;
        put16(at + 4, packet->icmp_identifier);
        put16(at + 2, packet->family == 4 ? fold(sum(0, at, size)) : transport_checksum(packet, at, size));
}

static void put_transport(const struct packet *packet, uint8_t *at, size_t size)
{
        if (transport_bytes(packet) == 0)
                return;
        if (packet->protocol != IPPROTO_ICMP && packet->protocol != IPPROTO_ICMPV6) {
                put16(at, packet->l4_port[0]);
                put16(at + 2, packet->l4_port[1]);
        }
        if (packet->protocol == IPPROTO_TCP)
                put_tcp(packet, at, size);
        else if (packet->protocol == IPPROTO_UDP)
                put_udp(packet, at, size);
        else if (packet->protocol == IPPROTO_SCTP)
                put_sctp(packet, at, size);
        else
                put_icmp(packet, at, size);
}

static size_t put_ip(const struct packet *packet, uint8_t *at)
{
        size_t header = packet->family == 4 ? 20 : 40, length = packet->length ?: packet_header_bytes(packet);

        if (packet->family == 4) {
                at[0] = 4 << 4 | 5;
                put16(at + 2, (unsigned)length);
                at[6] = 0x40; /* do not fragment */
                at[8] = packet->ttl;
                at[9] = packet->protocol;
                memcpy(at + 12, packet->ip[0] + 12, 4);
                memcpy(at + 16, packet->ip[1] + 12, 4);
                put16(at + 10, fold(sum(0, at, header)));
        } else {
                at[0] = 6 << 4;
                put16(at + 4, (unsigned)(length - header));
                at[6] = packet->protocol;
                at[7] = packet->ttl;
                memcpy(at + 8, packet->ip, 32);
        }
        put_transport(packet, at + header, length - header);
        return length;
}

/* RFC 826 */
static size_t put_arp(const struct packet *packet, uint8_t *at)
{
        put16(at, 1);
        put16(at + 2, ETHERTYPE_IP);
        at[4] = 6;
        at[5] = 4;
        put16(at + 6, 1);
        memcpy(at + 8, packet->mac[0], 6);
        memcpy(at + 14, packet->ip[0] + 12, 4);
        memcpy(at + 24, packet->ip[1] + 12, 4);
        return ARP_BYTES;
}

size_t packet_build(const struct packet *packet, uint8_t *frame, size_t size)
{
        uint8_t *at = frame + PACKET_ETHER_BYTES;

        memset(frame, 0, size);
        memcpy(frame, packet->mac[1], 6);
        memcpy(frame + 6, packet->mac[0], 6);
        put16(frame + 12, packet->arp ? ETHERTYPE_ARP : packet->family == 4 ? ETHERTYPE_IP : ETHERTYPE_IPV6);
        return PACKET_ETHER_BYTES + (packet->arp ? put_arp(packet, at) : put_ip(packet, at));
}
