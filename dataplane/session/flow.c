/* See flow.h. Reads the first segment only, and nothing beyond its end whatever the headers claim. */
#include <string.h>

#include "flow.h"
#include "state.h"

#define EXTENSIONS_MAX 8 /* IPv6 extension headers that are walked */
#define QUOTE_MIN      8 /* bytes of the transport header that an ICMP error quotes at least (RFC 792, RFC 4443) */

/* No packet has room for what UINT16_MAX says. */
const uint16_t dp_flow_least[256] = {
        [0 ... IPPROTO_TCP - 1] = UINT16_MAX,
        [IPPROTO_TCP] = sizeof(struct rte_tcp_hdr),
        [IPPROTO_TCP + 1 ... IPPROTO_UDP - 1] = UINT16_MAX,
        [IPPROTO_UDP] = sizeof(struct rte_udp_hdr),
        [IPPROTO_UDP + 1 ... 255] = UINT16_MAX,
};

/* ---- ICMP ---- */

enum icmp_sort { ICMP_QUERY, ICMP_ANSWER, ICMP_ERROR, ICMP_OTHER };

/* What a type is; *ret_other: the other one of a pair. The queries are those that Linux tracks. */
static enum icmp_sort icmp_sort(bool v6, uint8_t type, uint8_t *ret_other)
{
        static const struct {
                uint8_t request, answer;
        } pairs4[] = {{8, 0}, {13, 14}, {15, 16}, {17, 18}}, pairs6[] = {{128, 129}, {139, 140}};
        const uint64_t errors4 = 1 << 3 | 1 << 11 | 1 << 12; /* unreachable, time exceeded, parameter problem */
        unsigned int count = v6 ? RTE_DIM(pairs6) : RTE_DIM(pairs4);

        for (unsigned int i = 0; i < count; i++) {
                uint8_t request = v6 ? pairs6[i].request : pairs4[i].request;
                uint8_t answer = v6 ? pairs6[i].answer : pairs4[i].answer;
                *ret_other = type == request ? answer : request;
                if (type == request || type == answer)
                        return type == request ? ICMP_QUERY : ICMP_ANSWER;
        }
        if (v6 ? type >= 1 && type <= 4 : type < 32 && errors4 >> type & 1)
                return ICMP_ERROR;
        return ICMP_OTHER;
}

/* ---- the key ---- */

/* Addresses, lower first, and the key's first word but for the ports. Returns the direction. */
static uint8_t set_addresses(struct dp_flow *flow, uint16_t network, const void *source, const void *destination,
                             uint32_t source_port, uint32_t destination_port)
{
        uint32_t a, b;
        int order;

        flow->key[0] = (uint64_t)network << 32 | (uint64_t)flow->protocol << 48;
        if (!flow->v6) {
                memcpy(&a, source, sizeof(a));
                memcpy(&b, destination, sizeof(b));
                order = a == b ? (int)source_port - (int)destination_port : a > b ? 1 : -1;
                flow->key[0] |= DP_FLOW_KIND_V4;
                flow->key[1] = order > 0 ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;
                flow->words = 2;
                return order > 0;
        }
        order = memcmp(source, destination, 16);
        if (order == 0)
                order = (int)source_port - (int)destination_port;
        flow->key[0] |= DP_FLOW_KIND_V6;
        memcpy(&flow->key[1], order > 0 ? destination : source, 16);
        memcpy(&flow->key[3], order > 0 ? source : destination, 16);
        flow->words = 5;
        return order > 0;
}

/* Ports as on the wire. */
static uint8_t set_ports_key(struct dp_flow *flow, uint16_t network, const void *source, const void *destination,
                             uint16_t source_port, uint16_t destination_port)
{
        uint8_t direction = set_addresses(flow, network, source, destination, source_port, destination_port);

        flow->key[0] |= direction ? (uint32_t)source_port << 16 | destination_port
                                  : (uint32_t)destination_port << 16 | source_port;
        return direction;
}

/* `answer`: it is one, to a query of type `request`. Who asks is in the key: that A asked B lets B answer, not ask. */
static uint8_t set_query_key(struct dp_flow *flow, uint16_t network, const void *source, const void *destination,
                             uint16_t identifier, uint8_t request, bool answer)
{
        uint8_t direction = set_addresses(flow, network, source, destination, 0, 0);

        flow->key[0] |= identifier | (uint32_t)request << 16 | (uint32_t)(direction ^ answer) << 24;
        return direction;
}

static void set_fragment_key(uint64_t key[5], uint64_t first_word, uint8_t direction, uint32_t identification)
{
        /* Without the protocol: behind IPv6 extension headers a later fragment does not tell it. */
        key[0] = (first_word & ~0x00ff0000ffffffffULL) | identification | DP_FLOW_KIND_FRAGMENT;
        if (direction)
                key[0] |= DP_FLOW_KIND_FRAGMENT << 1;
}

void dp_flow_fragment_key(const struct dp_flow *flow, uint64_t key[5])
{
        memcpy(key, flow->key, sizeof(flow->key));
        set_fragment_key(key, flow->key[0], flow->direction, flow->identification);
}

/* ---- IP headers, of the packet or of the one that an error quotes ---- */

struct headers {
        const uint8_t *source, *destination;
        uint16_t l4, end; /* offsets: of the transport header, behind the packet by its own word */
        uint8_t protocol;
        bool v6, fragment, more, mangled;
        uint16_t offset; /* of a fragment, bytes */
        uint32_t identification;
};

static bool read_ipv4(const struct rte_mbuf *m, uint16_t at, struct headers *ip)
{
        const struct rte_ipv4_hdr *header = dp_ipv4(m, at);

        if (!header)
                return false;
        uint16_t fragment = rte_be_to_cpu_16(header->fragment_offset);
        *ip = (struct headers){
                .source = (const uint8_t *)&header->src_addr,
                .destination = (const uint8_t *)&header->dst_addr,
                .l4 = at + rte_ipv4_hdr_len(header),
                .end = RTE_MIN(at + rte_be_to_cpu_16(header->total_length), UINT16_MAX),
                .protocol = header->next_proto_id,
                .fragment = fragment & (RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK),
                .more = fragment & RTE_IPV4_HDR_MF_FLAG,
                .offset = (fragment & RTE_IPV4_HDR_OFFSET_MASK) * RTE_IPV4_HDR_OFFSET_UNITS,
                .identification = header->packet_id,
        };
        return true;
}

static bool is_extension(uint8_t next)
{
        return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
               next == IPPROTO_FRAGMENT || next == IPPROTO_AH;
}

/* One extension header. false: truncated. */
static bool skip_extension(const struct rte_mbuf *m, struct headers *ip)
{
        const uint8_t *header = rte_pktmbuf_mtod_offset(m, const uint8_t *, ip->l4);

        if (m->data_len < ip->l4 + 8)
                return false;
        if (ip->protocol == IPPROTO_FRAGMENT) {
                uint16_t field = header[2] << 8 | header[3];
                ip->fragment = true; /* an atomic one too (RFC 6946): its identification keeps it apart */
                ip->offset = field & 0xfff8;
                ip->more = field & 1;
                memcpy(&ip->identification, header + 4, sizeof(ip->identification));
                ip->l4 += 8;
        } else {
                ip->l4 += ip->protocol == IPPROTO_AH ? (header[1] + 2) * 4 : (header[1] + 1) * 8;
        }
        ip->protocol = header[0];
        return true;
}

static bool read_ipv6(const struct rte_mbuf *m, uint16_t at, struct headers *ip)
{
        const struct rte_ipv6_hdr *header = dp_ipv6(m, at);

        if (!header)
                return false;
        *ip = (struct headers){
                .source = header->src_addr,
                .destination = header->dst_addr,
                .l4 = at + sizeof(*header),
                .end = RTE_MIN(at + sizeof(*header) + rte_be_to_cpu_16(header->payload_len), UINT16_MAX),
                .protocol = header->proto,
                .v6 = true,
        };
        for (unsigned int i = 0; is_extension(ip->protocol) && !(ip->fragment && ip->offset); i++)
                if (i == EXTENSIONS_MAX || !skip_extension(m, ip))
                        return false;
        if (ip->fragment && ip->offset == 0 && !ip->more)
                ip->fragment = false; /* atomic: whole after all */
        return true;
}

static bool read_ip(const struct rte_mbuf *m, uint16_t at, struct headers *ip)
{
        if (m->data_len <= at)
                return false;
        switch (*rte_pktmbuf_mtod_offset(m, const uint8_t *, at) >> 4) {
        case 4:
                return read_ipv4(m, at, ip);
        case 6:
                return read_ipv6(m, at, ip);
        default:
                return false;
        }
}

/* ---- transport headers ---- */

static bool has_ports(uint8_t protocol)
{
        return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
               protocol == IPPROTO_UDPLITE || protocol == IPPROTO_DCCP;
}

/* The least that a transport header is. */
static uint16_t header_min(uint8_t protocol)
{
        switch (protocol) {
        case IPPROTO_TCP:
                return sizeof(struct rte_tcp_hdr);
        case IPPROTO_SCTP:
        case IPPROTO_DCCP:
                return 12;
        case IPPROTO_UDP:
        case IPPROTO_UDPLITE:
        case IPPROTO_ICMP:
        case IPPROTO_ICMPV6:
                return 8;
        default:
                return 0;
        }
}

static bool is_icmp(const struct headers *ip)
{
        return ip->protocol == (ip->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

/* The key of the packet that an ICMP error quotes. false: it quotes none that could be ours, or none that the error's
 * destination sent. */
static bool set_quoted_key(const struct rte_mbuf *m, uint16_t network, struct dp_flow *flow)
{
        struct headers quoted;
        uint8_t other, direction;

        if (!read_ip(m, flow->l4 + 8, &quoted) || quoted.v6 != flow->v6 || (quoted.fragment && quoted.offset) ||
            m->data_len < quoted.l4 + QUOTE_MIN ||
            memcmp(quoted.source, flow->destination + (flow->v6 ? 0 : 12), flow->v6 ? 16 : 4) != 0)
                return false;
        const uint8_t *l4 = rte_pktmbuf_mtod_offset(m, const uint8_t *, quoted.l4);
        uint8_t protocol = flow->protocol;
        flow->protocol = quoted.protocol;
        if (is_icmp(&quoted)) {
                enum icmp_sort sort = icmp_sort(quoted.v6, l4[0], &other);
                uint16_t identifier;
                memcpy(&identifier, l4 + 4, sizeof(identifier));
                if (sort == ICMP_ERROR || sort == ICMP_OTHER)
                        return false;
                direction = set_query_key(flow, network, quoted.source, quoted.destination, identifier,
                                          sort == ICMP_QUERY ? l4[0] : other, sort == ICMP_ANSWER);
        } else {
                uint16_t ports[2] = {0};
                if (has_ports(quoted.protocol))
                        memcpy(ports, l4, sizeof(ports));
                direction = set_ports_key(flow, network, quoted.source, quoted.destination, ports[0], ports[1]);
        }
        flow->protocol = protocol;
        flow->direction = !direction; /* it travels against what it quotes */
        return true;
}

static void parse_icmp(const struct rte_mbuf *m, uint16_t network, const struct headers *ip, struct dp_flow *flow)
{
        const uint8_t *l4 = rte_pktmbuf_mtod_offset(m, const uint8_t *, flow->l4);
        enum icmp_sort sort = icmp_sort(ip->v6, l4[0], &flow->answer_type);
        uint16_t identifier;

        flow->source_port = flow->destination_port = l4[0] << 8 | l4[1];
        memcpy(&identifier, l4 + 4, sizeof(identifier));
        if (sort == ICMP_ERROR && set_quoted_key(m, network, flow)) {
                flow->kind = DP_FLOW_ICMP_ERROR;
                return;
        }
        flow->direction = set_query_key(flow, network, ip->source, ip->destination, identifier,
                                        sort == ICMP_ANSWER ? flow->answer_type : l4[0], sort == ICMP_ANSWER);
        if (sort == ICMP_ANSWER && flow->kind == DP_FLOW_WHOLE)
                flow->kind = DP_FLOW_ICMP_ANSWER;
        else if (sort == ICMP_ERROR || sort == ICMP_OTHER)
                flow->kind = DP_FLOW_ICMP_OTHER;
}

static void parse_transport(const struct rte_mbuf *m, uint16_t network, const struct headers *ip, struct dp_flow *flow)
{
        uint16_t ports[2] = {0};

        if (is_icmp(ip)) {
                parse_icmp(m, network, ip, flow);
                return;
        }
        if (has_ports(ip->protocol)) {
                memcpy(ports, rte_pktmbuf_mtod_offset(m, const void *, ip->l4), sizeof(ports));
                flow->source_port = rte_be_to_cpu_16(ports[0]);
                flow->destination_port = rte_be_to_cpu_16(ports[1]);
        }
        flow->direction = set_ports_key(flow, network, ip->source, ip->destination, ports[0], ports[1]);
}

static void parse_fragment(uint16_t network, const struct headers *ip, struct dp_flow *flow)
{
        flow->identification = ip->identification;
        if (ip->offset == 0) {
                flow->kind = DP_FLOW_FIRST_FRAGMENT;
                return;
        }
        flow->kind = ip->offset < header_min(ip->protocol) ? DP_FLOW_BAD_FRAGMENT : DP_FLOW_LATER_FRAGMENT;
        flow->direction = set_addresses(flow, network, ip->source, ip->destination, 0, 0);
        set_fragment_key(flow->key, flow->key[0], flow->direction, flow->identification);
}

static void copy_addresses(const struct headers *ip, struct dp_flow *flow)
{
        if (ip->v6) {
                memcpy(flow->source, ip->source, 16);
                memcpy(flow->destination, ip->destination, 16);
        } else {
                dp_ip_mapped(flow->source, ip->source);
                dp_ip_mapped(flow->destination, ip->destination);
        }
}

void dp_flow_parse_any(const struct rte_mbuf *m, uint16_t network, struct dp_flow *flow)
{
        uint16_t type, l3 = dp_ether_len(m, &type);
        struct headers ip;

        *flow = (struct dp_flow){.kind = DP_FLOW_NOT_IP, .l3 = l3};
        if (l3 == 0) {
                flow->kind = DP_FLOW_MALFORMED;
                return;
        }
        if (type != RTE_BE16(RTE_ETHER_TYPE_IPV4) && type != RTE_BE16(RTE_ETHER_TYPE_IPV6))
                return;
        flow->kind = DP_FLOW_MALFORMED;
        if (!read_ip(m, l3, &ip) || ip.v6 != (type == RTE_BE16(RTE_ETHER_TYPE_IPV6)) || ip.end > m->pkt_len ||
            ip.l4 > ip.end || ip.l4 > m->data_len)
                return;

        flow->v6 = ip.v6;
        flow->protocol = ip.protocol;
        flow->l4 = ip.l4;
        flow->l4_length = ip.end - ip.l4;
        copy_addresses(&ip, flow);
        flow->kind = DP_FLOW_WHOLE;
        if (ip.fragment)
                parse_fragment(network, &ip, flow);
        if (flow->kind != DP_FLOW_WHOLE && flow->kind != DP_FLOW_FIRST_FRAGMENT)
                return;
        if (flow->l4_length < header_min(ip.protocol) || m->data_len < ip.l4 + header_min(ip.protocol)) {
                flow->kind = ip.fragment ? DP_FLOW_BAD_FRAGMENT : DP_FLOW_MALFORMED;
                return;
        }
        parse_transport(m, network, &ip, flow);
}

/* What dp_flow_quick4() knows: nearly every packet that begins a conversation. */
static bool parse_quickly(const struct rte_mbuf *m, uint16_t network, struct dp_flow *flow)
{
        const uint16_t l3 = sizeof(struct rte_ether_hdr), l4 = l3 + sizeof(struct rte_ipv4_hdr);

        if (!dp_flow_quick4(m, network, flow->key, &flow->direction))
                return false;
        const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, l3);
        const rte_be16_t *ports = rte_pktmbuf_mtod_offset(m, const rte_be16_t *, l4);
        flow->key[2] = flow->key[3] = flow->key[4] = 0;
        flow->words = 2;
        flow->kind = DP_FLOW_WHOLE;
        flow->protocol = ip->next_proto_id;
        flow->v6 = false;
        flow->l3 = l3;
        flow->l4 = l4;
        flow->l4_length = rte_be_to_cpu_16(ip->total_length) - sizeof(*ip);
        flow->identification = 0;
        dp_ip_mapped(flow->source, &ip->src_addr);
        dp_ip_mapped(flow->destination, &ip->dst_addr);
        flow->source_port = rte_be_to_cpu_16(ports[0]);
        flow->destination_port = rte_be_to_cpu_16(ports[1]);
        flow->answer_type = 0;
        return true;
}

void dp_flow_parse(const struct rte_mbuf *m, uint16_t network, struct dp_flow *flow)
{
        if (!parse_quickly(m, network, flow))
                dp_flow_parse_any(m, network, flow);
}
