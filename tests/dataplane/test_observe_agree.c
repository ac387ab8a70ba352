/* What a trace says is what happens: conversations of all protocols between few ends, in random order and under
 * policies, limits and times that change, each packet traced first and then sent. (What frames may be at all is
 * fuzz_trace.c's.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_arp.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include "table.h"
#include "tracing.h"
#include "worker.h"

#define PACKETS 60000

/* Of a frame, in the order of the bytes. */
struct frame {
        uint8_t bytes[2048];
        size_t size;
};

static unsigned int draw(unsigned int n)
{
        return (unsigned int)rand() % n;
}

static void *append(struct frame *frame, size_t n)
{
        void *at = frame->bytes + frame->size;

        memset(at, 0, n);
        frame->size += n;
        return at;
}

/* ---- packets; ends are numbered as harness_mac() does ---- */

static void ether(struct frame *frame, uint8_t from, uint8_t to, uint16_t type)
{
        struct rte_ether_hdr *header = append(frame, sizeof(*header));

        header->src_addr = harness_mac(from);
        header->dst_addr = harness_mac(to);
        if (to == 0xff)
                memset(&header->dst_addr, 0xff, sizeof(header->dst_addr));
        header->ether_type = rte_cpu_to_be_16(type);
}

static void transport(struct frame *frame, uint8_t protocol)
{
        static const uint16_t ports[] = {80, 443, 5000, 40000};
        uint8_t flags[] = {RTE_TCP_SYN_FLAG, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG, RTE_TCP_ACK_FLAG,
                           RTE_TCP_ACK_FLAG, RTE_TCP_ACK_FLAG | RTE_TCP_FIN_FLAG, RTE_TCP_RST_FLAG,
                           draw(64)};
        uint16_t source = rte_cpu_to_be_16(ports[draw(4)]), destination = rte_cpu_to_be_16(ports[draw(4)]);

        if (protocol == IPPROTO_TCP) {
                *(struct rte_tcp_hdr *)append(frame, sizeof(struct rte_tcp_hdr)) = (struct rte_tcp_hdr){
                        .src_port = source,
                        .dst_port = destination,
                        .sent_seq = rte_cpu_to_be_32(1000 + draw(3) + draw(2) * draw(200000)),
                        .recv_ack = rte_cpu_to_be_32(1000 + draw(3)),
                        .data_off = 0x50,
                        .rx_win = RTE_BE16(8000),
                        .tcp_flags = flags[draw(RTE_DIM(flags))],
                };
        } else if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6) {
                static const uint8_t types[] = {8, 0, 3, 11, 13, 128, 129, 1, 2, 200};
                uint8_t *icmp = append(frame, 8);
                icmp[0] = types[draw(RTE_DIM(types))];
                icmp[5] = draw(3);
        } else {
                *(struct rte_udp_hdr *)append(frame, sizeof(struct rte_udp_hdr)) =
                        (struct rte_udp_hdr){.src_port = source, .dst_port = destination};
        }
        append(frame, draw(8) ? draw(100) : 1400);
}

static void ipv4(struct frame *frame, uint8_t from, uint8_t to, uint8_t protocol)
{
        static const uint16_t fragments[] = {0, 0, 0, 0, 0, 0x4000, 0x2000, 0x2004, 0x0004};
        size_t at = frame->size;
        struct rte_ipv4_hdr *ip = append(frame, sizeof(*ip));

        transport(frame, protocol);
        *ip = (struct rte_ipv4_hdr){
                .version_ihl = 0x45,
                .total_length = rte_cpu_to_be_16(frame->size - at),
                .packet_id = draw(3),
                .fragment_offset = rte_cpu_to_be_16(fragments[draw(RTE_DIM(fragments))]),
                .time_to_live = 64,
                .next_proto_id = protocol,
                .src_addr = rte_cpu_to_be_32(0x0a000000 | from),
                .dst_addr = rte_cpu_to_be_32(0x0a000000 | to),
        };
        ip->hdr_checksum = rte_ipv4_cksum(ip);
}

static void ipv6(struct frame *frame, uint8_t from, uint8_t to, uint8_t protocol)
{
        size_t at = frame->size;
        struct rte_ipv6_hdr *ip = append(frame, sizeof(*ip));

        transport(frame, protocol == IPPROTO_ICMP ? IPPROTO_ICMPV6 : protocol);
        *ip = (struct rte_ipv6_hdr){
                .vtc_flow = RTE_BE32(6u << 28),
                .payload_len = rte_cpu_to_be_16(frame->size - at - sizeof(*ip)),
                .proto = protocol == IPPROTO_ICMP ? IPPROTO_ICMPV6 : protocol,
                .hop_limits = 64,
                .src_addr = {0xfd, [15] = from},
                .dst_addr = {0xfd, [15] = to},
        };
}

static void arp(struct frame *frame, uint8_t from, uint8_t to)
{
        struct rte_arp_hdr *header = append(frame, sizeof(*header));

        *header = (struct rte_arp_hdr){.arp_hardware = RTE_BE16(1),
                                       .arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4),
                                       .arp_hlen = 6,
                                       .arp_plen = 4,
                                       .arp_opcode = draw(4) ? RTE_BE16(1) : RTE_BE16(2)};
        header->arp_data.arp_sha = harness_mac(from);
        header->arp_data.arp_sip = rte_cpu_to_be_32(0x0a000000 | from);
        header->arp_data.arp_tip = rte_cpu_to_be_32(0x0a000000 | to);
}

/* Around what a remote end sends: VXLAN from the first peer. */
static void outer(struct frame *frame, size_t inner)
{
        struct rte_ether_addr from = harness_mac(0x80), to = dp.ports[HARNESS_UNDERLAY]->mac;
        struct rte_ether_hdr *header = append(frame, sizeof(*header));
        struct rte_ipv4_hdr *ip = append(frame, sizeof(*ip));
        struct rte_udp_hdr *udp = append(frame, sizeof(*udp));
        struct rte_vxlan_hdr *vxlan = append(frame, sizeof(*vxlan));

        *header = (struct rte_ether_hdr){.src_addr = from, .dst_addr = to, .ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4)};
        *ip = (struct rte_ipv4_hdr){.version_ihl = 0x45,
                                    .type_of_service = draw(8) ? 0 : 3,
                                    .total_length = rte_cpu_to_be_16(36 + inner),
                                    .time_to_live = 64,
                                    .next_proto_id = IPPROTO_UDP,
                                    .src_addr = rte_cpu_to_be_32(draw(16) ? 0xc0000202 : 0xc0000209),
                                    .dst_addr = RTE_BE32(0xc0000201)};
        ip->hdr_checksum = rte_ipv4_cksum(ip);
        *udp = (struct rte_udp_hdr){
                .src_port = RTE_BE16(50000), .dst_port = RTE_BE16(4789), .dgram_len = rte_cpu_to_be_16(16 + inner)};
        vxlan->vx_flags = RTE_BE32(0x08000000);
        vxlan->vx_vni = rte_cpu_to_be_32((draw(16) ? 100 : 101) << 8);
}

static void tenant_frame(struct frame *frame, uint8_t from, uint8_t to)
{
        static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_SCTP, 47};
        uint8_t protocol = protocols[draw(RTE_DIM(protocols))];

        switch (draw(8)) {
        case 0:
                ether(frame, from, draw(2) ? 0xff : to, RTE_ETHER_TYPE_ARP);
                arp(frame, from, to);
                break;
        case 1:
                ether(frame, from, 0xff, RTE_ETHER_TYPE_IPV4);
                ipv4(frame, from, to, protocol);
                break;
        case 2:
        case 3:
                ether(frame, from, to, RTE_ETHER_TYPE_IPV6);
                ipv6(frame, from, to, protocol);
                break;
        default:
                ether(frame, from, to, RTE_ETHER_TYPE_IPV4);
                ipv4(frame, from, to, protocol);
        }
}

static struct rte_mbuf *random_packet(unsigned int *ret_port)
{
        static const uint8_t ends[] = {1, 2, 1, 2, 3, 9, 99};
        uint8_t from = ends[draw(6)], to = ends[draw(RTE_DIM(ends))];
        struct frame inner = {.size = 0}, whole = {.size = 0};

        tenant_frame(&inner, from, to);
        *ret_port = from == 9 ? HARNESS_UNDERLAY : (unsigned int)from - 1;
        if (from == 9)
                outer(&whole, inner.size);
        memcpy(append(&whole, inner.size), inner.bytes, inner.size);
        return harness_packet(whole.bytes, whole.size);
}

/* ---- what changes meanwhile ---- */

static const struct tracing_rule web[] = {{DP_INGRESS, 6, 80, 443},
                                          {DP_INGRESS, 1, 0, 65535},
                                          {DP_INGRESS, 17, 5000, 5000},
                                          {DP_EGRESS, DP_PROTOCOL_ANY, 0, 65535}};
static const struct tracing_rule all[] = {{DP_INGRESS, DP_PROTOCOL_ANY, 0, 65535},
                                          {DP_EGRESS, DP_PROTOCOL_ANY, 0, 65535}};
static const struct tracing_port choices[] = {
        {.secured = false},
        {true, true, RTE_DIM(web), web},
        {true, true, RTE_DIM(all), all},
        {true, false, RTE_DIM(web), web},
        {true, false, RTE_DIM(all), all},
        {true, true, 0, NULL},
};

static void change(void)
{
        struct dp_port *port = dp.ports[draw(HARNESS_PORTS)];

        switch (draw(8)) {
        case 0:
                dp.workers->now_ms += draw(40000);
                break;
        case 1:
                port->admin_up = draw(8) > 0;
                break;
        case 2:
                dp.tunnels[0]->resolved = draw(4) > 0;
                break;
        case 3:
                dp.ports[HARNESS_PORT_A]->session_limit = draw(2) * (1 + draw(20));
                break;
        case 4:
                port->mtu = draw(4) ? 1450 : 200;
                break;
        default:
                tracing_policy(&choices[draw(RTE_DIM(choices))], &choices[draw(RTE_DIM(choices))]);
        }
}

static void a_trace_says_what_happens(void **state)
{
        uint64_t before = dp_sessions.pools[0].created;

        srand(1);
        for (unsigned int i = 0; i < PACKETS; i++) {
                unsigned int port;
                if (draw(40) == 0)
                        change();
                struct rte_mbuf *m = random_packet(&port);
                const char *wrong = tracing_agrees(port, m);
                if (wrong)
                        fail_msg("packet %u: %s", i, wrong);
        }
        dp.workers->now_ms += 100000; /* fragments that waited in vain go */
        harness_walk();
        harness_walk();
        /* It was about something. */
        assert_true(dp_sessions.pools[0].created - before > PACKETS / 100);
        assert_true(dp_sessions.pools[0].cut > 0 && dp_sessions.pools[0].reevaluated > 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_trace_says_what_happens),
        };

        tracing_init();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
