/* What a packet is to sessions: which conversation it belongs to, which way it goes, where its headers are.
 *
 * The key is the same for both directions: the endpoint with the lower address (then port) comes first. Words:
 *      0   port of the lower, port of the higher endpoint, network (16 bits each), protocol, kind (8 bits each)
 *      1   IPv4: address of the lower, of the higher endpoint
 *      1…4 IPv6: the same, 16 bytes each
 * Addresses and ports as on the wire. ICMP queries: instead of ports the identifier, the type of the request, and
 * (8 bits) the direction of the request.
 * Fragments: the datagram's identification instead of ports, and a kind of their own for each direction. */
#pragma once

#include <string.h>

#include "headers.h"
#include "meta.h"

enum dp_flow_kind {
        DP_FLOW_WHOLE,          /* a packet with its transport header, if it has one */
        DP_FLOW_FIRST_FRAGMENT, /* so has this; `fragment_key()` is its datagram's */
        DP_FLOW_LATER_FRAGMENT, /* the key is its datagram's */
        DP_FLOW_ICMP_ERROR,     /* the key is that of the packet it quotes, the direction that of the error itself */
        DP_FLOW_ICMP_ANSWER,    /* of a query: begins nothing */
        DP_FLOW_ICMP_OTHER,     /* neither query nor error: never part of a session */
        DP_FLOW_NOT_IP,
        DP_FLOW_BAD_FRAGMENT,
        DP_FLOW_MALFORMED,
};

#define DP_FLOW_KIND_V4       (4ULL << 56)
#define DP_FLOW_KIND_V6       (6ULL << 56)
#define DP_FLOW_KIND_FRAGMENT (16ULL << 56) /* of direction 0; 48 of direction 1 */

struct dp_flow {
        uint64_t key[5];
        uint8_t words;     /* of the key: 2 or 5 */
        uint8_t direction; /* 0: from the lower endpoint */
        uint8_t kind;      /* enum dp_flow_kind */
        uint8_t protocol;
        bool v6;
        uint16_t l3, l4;                        /* offsets of the headers in the frame */
        uint16_t l4_length;                     /* bytes in the packet by its IP header, transport header included */
        uint32_t identification;                /* of a fragmented datagram */
        uint8_t source[16], destination[16];    /* IPv4 mapped */
        uint16_t source_port, destination_port; /* host order; what has none: 0; ICMP, both: type << 8 | code */
        uint8_t answer_type;                    /* ICMP queries: the other type of the pair */
};

/* Everything about the packet, on the slow way. *ret is whole for every kind up to ICMP_OTHER. _any() is the same
 * without the short cut for what is quickly told. */
void dp_flow_parse(const struct rte_mbuf *m, uint16_t network, struct dp_flow *ret);
void dp_flow_parse_any(const struct rte_mbuf *m, uint16_t network, struct dp_flow *ret);

/* The key under which later fragments of a first fragment's datagram are found. */
void dp_flow_fragment_key(const struct dp_flow *flow, uint64_t key[5]);

/* Bytes of a transport header at least, by IP protocol: TCP's and UDP's, no packet's of others. */
extern const uint16_t dp_flow_least[256];

/* The key and direction of what nearly every packet is: an unfragmented TCP or UDP packet over IPv4 without options,
 * whose headers are all there. false: dp_flow_parse() has to look. Without a branch that depends on what guests send.
 */
static __rte_always_inline bool dp_flow_quick4(const struct rte_mbuf *m, uint16_t network, uint64_t key[2],
                                               uint8_t *ret_direction)
{
        enum { L3 = 14, AT_TYPE = 12, AT_FRAGMENT = 20, AT_ADDRESSES = 26, AT_PORTS = 34 };
        const uint32_t type_version = RTE_BE16(RTE_ETHER_TYPE_IPV4) | 0x45 << 16;

        if (unlikely(m->data_len < AT_PORTS + sizeof(struct rte_udp_hdr)))
                return false;

        const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
        uint64_t type, addresses; /* type, version, DSCP, length, identification; both addresses */
        uint32_t fragment, ports; /* fragment, TTL, protocol; both ports */
        memcpy(&type, frame + AT_TYPE, sizeof(type));
        memcpy(&fragment, frame + AT_FRAGMENT, sizeof(fragment));
        memcpy(&addresses, frame + AT_ADDRESSES, sizeof(addresses));
        memcpy(&ports, frame + AT_PORTS, sizeof(ports));

        uint32_t protocol = fragment >> 24;
        int32_t length = rte_be_to_cpu_16(type >> 32), headers = sizeof(struct rte_ipv4_hdr) + dp_flow_least[protocol];
        int32_t beyond = (length - headers) | ((int32_t)m->pkt_len - L3 - length) | (m->data_len - L3 - headers);
        uint32_t odd =
                (((uint32_t)type ^ type_version) & 0xffffff) | (fragment & RTE_BE16(0x3fff)) | (uint32_t)(beyond >> 31);

        uint32_t source = addresses, destination = addresses >> 32;
        bool swap = source > destination;
        if (unlikely(source == destination))
                swap = (ports & 0xffff) > ports >> 16;
        /* The lower end first: halves change places, or not. */
        unsigned int by = swap * 32, by_half = swap * 16;
        addresses = addresses >> by | addresses << (-by & 63);
        ports = ports >> by_half | ports << (-by_half & 31);

        *ret_direction = swap;
        key[0] = (uint64_t)(network | protocol << 16 | (uint32_t)(DP_FLOW_KIND_V4 >> 32)) << 32 | ports;
        key[1] = addresses;
        return odd == 0;
}

/* The same over IPv6 without extension headers. */
static __rte_always_inline bool dp_flow_quick6(const struct rte_mbuf *m, uint64_t network, uint64_t key[5],
                                               uint8_t *ret_direction)
{
        const uint16_t l3 = sizeof(struct rte_ether_hdr), l4 = l3 + sizeof(struct rte_ipv6_hdr);

        if (unlikely(m->data_len < l4 + sizeof(struct rte_udp_hdr)))
                return false;

        const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
        const struct rte_ipv6_hdr *ip = (const void *)(frame + l3);
        const rte_be16_t *ports = (const void *)(frame + l4);
        uint16_t header = ip->proto == IPPROTO_TCP ? sizeof(struct rte_tcp_hdr) : sizeof(struct rte_udp_hdr);
        uint16_t length = rte_be_to_cpu_16(ip->payload_len);
        bool simple = (((const struct rte_ether_hdr *)frame)->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV6)) &
                      (frame[l3] >> 4 == 6) & (ip->proto == IPPROTO_TCP || ip->proto == IPPROTO_UDP) &
                      (length >= header) & (m->data_len >= l4 + header) & (length <= m->pkt_len - l4) & !(frame[0] & 1);
        int order = memcmp(ip->src_addr, ip->dst_addr, 16);

        if (unlikely(order == 0))
                order = (int)ports[0] - (int)ports[1];
        bool swap = order > 0;
        *ret_direction = swap;
        key[0] = (uint64_t)ports[swap] | (uint64_t)ports[!swap] << 16 | network << 32 | (uint64_t)ip->proto << 48 |
                 DP_FLOW_KIND_V6;
        memcpy(&key[1], swap ? ip->dst_addr : ip->src_addr, 16);
        memcpy(&key[3], swap ? ip->src_addr : ip->dst_addr, 16);
        return simple;
}
