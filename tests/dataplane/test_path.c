/* The path, node by node as packets see it: what goes in at one port, and what comes out where, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <rte_arp.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include "harness.h"

#define PAYLOAD_MAX 4000

/* A TCP segment from port A to MAC n, with that many bytes of payload; the checksum is left to us. */
static struct rte_mbuf *tcp4(uint8_t n, uint32_t payload, uint16_t segment)
{
        struct {
                struct rte_ether_hdr ether;
                struct rte_ipv4_hdr ip;
                struct rte_tcp_hdr tcp;
                uint8_t payload[PAYLOAD_MAX];
        } __rte_packed __rte_aligned(2) frame = {0};
        size_t size = 54 + payload;

        frame.ether = (struct rte_ether_hdr){.dst_addr = harness_mac(n), .src_addr = harness_mac(1),
                                             .ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4)};
        frame.ip = (struct rte_ipv4_hdr){.version_ihl = 0x45, .type_of_service = 0xb9, .total_length = rte_cpu_to_be_16(size - 14),
                                         .packet_id = RTE_BE16(7), .fragment_offset = RTE_BE16(0x4000), .time_to_live = 64,
                                         .next_proto_id = IPPROTO_TCP, .src_addr = RTE_BE32(0x0a000001),
                                         .dst_addr = rte_cpu_to_be_32(0x0a000000 | n)};
        frame.ip.hdr_checksum = rte_ipv4_cksum(&frame.ip);
        frame.tcp = (struct rte_tcp_hdr){.src_port = RTE_BE16(1000), .dst_port = RTE_BE16(80), .sent_seq = RTE_BE32(100),
                                         .data_off = 0x50, .tcp_flags = RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG | RTE_TCP_CWR_FLAG};
        for (uint32_t i = 0; i < payload; i++)
                frame.payload[i] = i * 7;
        frame.tcp.cksum = rte_ipv4_phdr_cksum(&frame.ip, 0);

        struct rte_mbuf *m = harness_packet(&frame, size);
        m->l2_len = 14;
        m->l3_len = 20;
        m->l4_len = 20;
        m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM;
        if (segment) {
                m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
                m->tso_segsz = segment;
        }
        return m;
}

static bool tcp4_checksum_ok(struct rte_mbuf *m, uint16_t at)
{
        const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, at);
        uint16_t sum = 0;

        assert_int_equal(rte_raw_cksum_mbuf(m, at + 20, m->pkt_len - at - 20, &sum), 0);
        uint32_t total = sum + rte_ipv4_phdr_cksum(ip, 0);
        return (uint16_t) ((total & 0xffff) + (total >> 16)) == 0xffff;
}

static int clear(void **state)
{
        harness_clear();
        assert_int_equal(harness_leaked(), 0);
        return 0;
}

static void a_large_segment_passes_whole_to_a_port_that_takes_it(void **state)
{
        harness_receive(HARNESS_PORT_A, tcp4(2, 3000, 1000));
        assert_int_equal(harness_sent_count(HARNESS_PORT_B), 1);
        assert_int_equal(harness_sent(HARNESS_PORT_B, 0)->pkt_len, 3054);
        assert_true(harness_sent(HARNESS_PORT_B, 0)->ol_flags & RTE_MBUF_F_TX_TCP_SEG);
        assert_int_equal(harness_all_drops(), 0);
}

static void a_port_without_offloads_gets_finished_segments(void **state)
{
        harness_receive(HARNESS_PORT_A, tcp4(3, 2500, 1000));
        assert_int_equal(harness_sent_count(HARNESS_PORT_PLAIN), 3);
        for (uint32_t i = 0; i < 3; i++) {
                struct rte_mbuf *m = harness_sent(HARNESS_PORT_PLAIN, i);
                const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, 14);
                const struct rte_tcp_hdr *tcp = (const void *) (ip + 1);
                const uint8_t *payload = (const uint8_t *) (tcp + 1);
                assert_int_equal(m->pkt_len, 54 + (i < 2 ? 1000 : 500));
                assert_int_equal(rte_be_to_cpu_16(ip->total_length), m->pkt_len - 14);
                assert_int_equal(rte_be_to_cpu_16(ip->packet_id), 7 + i);
                assert_int_equal(rte_raw_cksum(ip, 20), 0xffff);
                assert_int_equal(rte_be_to_cpu_32(tcp->sent_seq), 100 + i * 1000);
                assert_int_equal(!!(tcp->tcp_flags & RTE_TCP_PSH_FLAG), i == 2);
                assert_int_equal(!!(tcp->tcp_flags & RTE_TCP_CWR_FLAG), i == 0);
                assert_int_equal(payload[1], (uint8_t) ((i * 1000 + 1) * 7));
                assert_true(tcp4_checksum_ok(m, 14));
                assert_int_equal(m->ol_flags & RTE_MBUF_F_TX_L4_MASK, 0);
        }
}

static void a_segment_size_that_would_make_us_work_is_refused(void **state)
{
        harness_receive(HARNESS_PORT_A, tcp4(3, 2500, 8));
        assert_int_equal(harness_drops(HARNESS_PORT_A, SOCLE_DROP_RX_OFFLOAD), 1);
}

static void encapsulation_is_a_vxlan_packet(void **state)
{
        harness_receive(HARNESS_PORT_A, tcp4(9, 500, 0));
        assert_int_equal(harness_sent_count(HARNESS_UNDERLAY), 1);
        struct rte_mbuf *m = harness_sent(HARNESS_UNDERLAY, 0);
        const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, 14);
        const struct rte_udp_hdr *udp = (const void *) (ip + 1);
        const struct rte_vxlan_hdr *vxlan = (const void *) (udp + 1);

        assert_int_equal(m->pkt_len, 50 + 554);
        assert_int_equal(rte_be_to_cpu_16(ip->total_length), 36 + 554);
        assert_int_equal(ip->type_of_service, 0xb9);
        assert_int_equal(rte_raw_cksum(ip, 20), 0xffff);
        assert_int_equal(rte_be_to_cpu_16(udp->dgram_len), 16 + 554);
        assert_in_range(rte_be_to_cpu_16(udp->src_port), 49152, 65535);
        assert_int_equal(rte_be_to_cpu_32(vxlan->vx_vni) >> 8, 100);
        /* The inner checksum is still to be made, at the place DPDK counts from the outer headers. */
        assert_true(m->ol_flags & RTE_MBUF_F_TX_TUNNEL_VXLAN);
        assert_int_equal(m->outer_l2_len + m->outer_l3_len + m->l2_len + m->l3_len, 50 + 34);
}

static void an_ipv6_tunnel_has_the_checksum_the_finished_packet_needs(void **state)
{
        harness_receive(HARNESS_PORT_A, tcp4(10, 501, 0));
        struct rte_mbuf *m = harness_sent(HARNESS_UNDERLAY, 0);
        const struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv6_hdr *, 14);
        uint16_t sum = 0, *inner = rte_pktmbuf_mtod_offset(m, uint16_t *, 70 + 34 + 16);

        /* As the device that completes the inner checksum would. */
        assert_int_equal(rte_raw_cksum_mbuf(m, 70 + 34, m->pkt_len - 70 - 34, &sum), 0);
        *inner = ~sum;
        assert_true(tcp4_checksum_ok(m, 70 + 14));
        assert_int_equal(rte_raw_cksum_mbuf(m, 54, m->pkt_len - 54, &sum), 0);
        uint32_t total = sum + rte_ipv6_phdr_cksum(ip, 0);
        assert_int_equal((uint16_t) ((total & 0xffff) + (total >> 16)), 0xffff);
}

/* What we send to a peer comes back from it unchanged. */
static void decapsulation_undoes_encapsulation(uint8_t n, uint16_t ip_at, uint16_t address_size)
{
        uint8_t wire[2048], addresses[32], macs[12];

        harness_receive(HARNESS_PORT_A, tcp4(n, 400, 0));
        struct rte_mbuf *m = harness_sent(HARNESS_UNDERLAY, 0);
        uint32_t size = m->pkt_len, inner = size - 454;
        memcpy(wire, rte_pktmbuf_mtod(m, void *), size);
        memcpy(macs, wire, 12);
        memcpy(wire, macs + 6, 6);
        memcpy(wire + 6, macs, 6);
        memcpy(addresses, wire + ip_at, 2 * address_size);
        memcpy(wire + ip_at, addresses + address_size, address_size);
        memcpy(wire + ip_at + address_size, addresses, address_size);
        wire[inner + 5] = 2; /* now to B */
        harness_clear();

        struct rte_mbuf *back = harness_packet(wire, size);
        back->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD; /* the inner destination was changed by hand */
        harness_receive(HARNESS_UNDERLAY, back);
        assert_int_equal(harness_all_drops(), 0);
        assert_int_equal(harness_sent_count(HARNESS_PORT_B), 1);
        m = harness_sent(HARNESS_PORT_B, 0);
        assert_int_equal(m->pkt_len, 454);
        assert_memory_equal(rte_pktmbuf_mtod(m, void *), wire + inner, 454);
}

static void ipv4_round_trip(void **state)
{
        decapsulation_undoes_encapsulation(9, 14 + 12, 4);
}

static void ipv6_round_trip(void **state)
{
        decapsulation_undoes_encapsulation(10, 14 + 8, 16);
}

static void too_big_is_answered_with_icmp(void **state)
{
        harness_receive(HARNESS_PORT_A, tcp4(2, 1411, 0)); /* 1451 bytes of IP */
        assert_int_equal(harness_drops(HARNESS_PORT_A, SOCLE_DROP_MTU_EXCEEDED), 1);
        assert_int_equal(harness_sent_count(HARNESS_PORT_A), 1);
        const uint8_t *icmp = rte_pktmbuf_mtod_offset(harness_sent(HARNESS_PORT_A, 0), const uint8_t *, 34);
        assert_int_equal(icmp[0], 3);
        assert_int_equal(icmp[1], 4);
        assert_int_equal(icmp[6] << 8 | icmp[7], 1450);
        harness_clear();
        harness_receive(HARNESS_PORT_A, tcp4(2, 1410, 0));
        assert_int_equal(harness_sent_count(HARNESS_PORT_B), 1);
}

static void arp(uint8_t asker, uint8_t asked)
{
        struct {
                struct rte_ether_hdr ether;
                struct rte_arp_hdr arp;
        } __rte_packed __rte_aligned(2) frame = {0};

        memset(&frame.ether.dst_addr, 0xff, 6);
        frame.ether.src_addr = harness_mac(asker);
        frame.ether.ether_type = RTE_BE16(RTE_ETHER_TYPE_ARP);
        frame.arp = (struct rte_arp_hdr){.arp_hardware = RTE_BE16(1), .arp_protocol = RTE_BE16(0x0800), .arp_hlen = 6,
                                         .arp_plen = 4, .arp_opcode = RTE_BE16(1)};
        frame.arp.arp_data.arp_sha = harness_mac(asker);
        frame.arp.arp_data.arp_sip = rte_cpu_to_be_32(0x0a000000 | asker);
        frame.arp.arp_data.arp_tip = rte_cpu_to_be_32(0x0a000000 | asked);
        harness_receive(HARNESS_PORT_A, harness_packet(&frame, sizeof(frame)));
}

static void arp_is_answered_from_intent(void **state)
{
        arp(1, 2);
        assert_int_equal(harness_sent_count(HARNESS_PORT_A), 1);
        assert_int_equal(harness_sent_count(HARNESS_PORT_B) + harness_sent_count(HARNESS_UNDERLAY), 0);
        const struct rte_arp_hdr *answer = rte_pktmbuf_mtod_offset(harness_sent(HARNESS_PORT_A, 0), const struct rte_arp_hdr *, 14);
        struct rte_ether_addr mac = harness_mac(2);
        assert_int_equal(answer->arp_opcode, RTE_BE16(2));
        assert_memory_equal(&answer->arp_data.arp_sha, &mac, 6);
        assert_int_equal(answer->arp_data.arp_sip, RTE_BE32(0x0a000002));
}

static void what_is_not_declared_is_flooded_and_ones_own_never_answered(void **state)
{
        arp(1, 77);
        assert_int_equal(harness_sent_count(HARNESS_PORT_A), 0);
        assert_int_equal(harness_sent_count(HARNESS_PORT_B), 1);
        assert_int_equal(harness_sent_count(HARNESS_PORT_PLAIN), 1);
        assert_int_equal(harness_sent_count(HARNESS_UNDERLAY), 2);
        harness_clear();
        arp(1, 1);
        assert_int_equal(harness_sent_count(HARNESS_PORT_A), 0);
        assert_int_equal(harness_sent_count(HARNESS_PORT_B), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(a_large_segment_passes_whole_to_a_port_that_takes_it, clear),
                cmocka_unit_test_teardown(a_port_without_offloads_gets_finished_segments, clear),
                cmocka_unit_test_teardown(a_segment_size_that_would_make_us_work_is_refused, clear),
                cmocka_unit_test_teardown(encapsulation_is_a_vxlan_packet, clear),
                cmocka_unit_test_teardown(an_ipv6_tunnel_has_the_checksum_the_finished_packet_needs, clear),
                cmocka_unit_test_teardown(ipv4_round_trip, clear),
                cmocka_unit_test_teardown(ipv6_round_trip, clear),
                cmocka_unit_test_teardown(too_big_is_answered_with_icmp, clear),
                cmocka_unit_test_teardown(arp_is_answered_from_intent, clear),
                cmocka_unit_test_teardown(what_is_not_declared_is_flooded_and_ones_own_never_answered, clear),
        };

        harness_init();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
