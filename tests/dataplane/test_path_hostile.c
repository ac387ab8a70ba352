/* The path against senders that mean harm or make no sense: what is refused is refused by name, costs others nothing,
 * and no byte leaves where it must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include "harness.h"

#define FRAME_MAX    64000
#define ROUND_BUDGET 8192 /* DP_ROUND_BUDGET */

static const struct rte_ether_addr broadcast = {.addr_bytes = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

/* An IPv4 packet of that size from A, with "don't fragment"; tpid: of a VLAN tag in front of it, 0 for none. */
static struct rte_mbuf *ipv4(struct rte_ether_addr to, uint16_t tpid, uint16_t ip_size, uint8_t protocol)
{
        static uint8_t frame[FRAME_MAX];
        struct rte_ether_hdr *ether = (void *)frame;
        uint16_t l2 = tpid ? 18 : 14;
        struct rte_ipv4_hdr *ip = (void *)(frame + l2);

        memset(frame, 0, l2 + ip_size);
        *ether = (struct rte_ether_hdr){
                .dst_addr = to, .src_addr = harness_mac(1), .ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4)};
        if (tpid) {
                struct rte_vlan_hdr *vlan = (void *)(ether + 1);
                ether->ether_type = rte_cpu_to_be_16(tpid);
                *vlan = (struct rte_vlan_hdr){.vlan_tci = RTE_BE16(100), .eth_proto = RTE_BE16(RTE_ETHER_TYPE_IPV4)};
        }
        *ip = (struct rte_ipv4_hdr){.version_ihl = 0x45,
                                    .total_length = rte_cpu_to_be_16(ip_size),
                                    .fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
                                    .time_to_live = 64,
                                    .next_proto_id = protocol,
                                    .src_addr = RTE_BE32(0x0a000001),
                                    .dst_addr = RTE_BE32(0x0a000002)};
        ip->hdr_checksum = rte_ipv4_cksum(ip);
        if (protocol == IPPROTO_TCP)
                ((struct rte_tcp_hdr *)(ip + 1))->data_off = 0x50;
        return harness_packet(frame, l2 + ip_size);
}

/* A large TCP segment from A to MAC n, to be cut into pieces of `segment` bytes. */
static struct rte_mbuf *large_segment(uint8_t n, uint16_t payload, uint16_t segment)
{
        struct rte_mbuf *m = ipv4(harness_mac(n), 0, 40 + payload, IPPROTO_TCP);

        m->l2_len = 14;
        m->l3_len = m->l4_len = 20;
        m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_TCP_SEG;
        m->tso_segsz = segment;
        return m;
}

static int clear(void **state)
{
        harness_clear();
        assert_int_equal(harness_leaked(), 0);
        return 0;
}

/* ---- tags ---- */

/* A lives in an untagged network for the time of a test. */
static int untagged_network(void **state)
{
        dp.networks[1]->tag = 0;
        dp.networks[1]->flood = 0;
        dp.ports[HARNESS_PORT_A]->network = 1;
        return 0;
}

static int restore_networks(void **state)
{
        dp.ports[HARNESS_PORT_A]->network = 0;
        dp.networks[1]->tag = 7;
        dp.networks[1]->flood = 1;
        return clear(state);
}

static void an_untagged_network_does_not_lead_into_another_vlan(void **state)
{
        const uint16_t tpids[] = {RTE_ETHER_TYPE_VLAN, RTE_ETHER_TYPE_QINQ, RTE_ETHER_TYPE_QINQ1};

        for (unsigned int i = 0; i < RTE_DIM(tpids); i++)
                harness_receive(HARNESS_PORT_A, ipv4(harness_mac(0x55), tpids[i], 100, IPPROTO_UDP));
        assert_int_equal(harness_sent_count(HARNESS_UNDERLAY), 0);
        assert_int_equal(harness_drops(HARNESS_PORT_A, SOCLE_DROP_VLAN_HOPPING), RTE_DIM(tpids));

        harness_receive(HARNESS_PORT_A, ipv4(harness_mac(0x55), 0, 100, IPPROTO_UDP));
        assert_int_equal(harness_sent_count(HARNESS_UNDERLAY), 1);
}

static void an_untagged_network_floods_no_tag_either(void **state)
{
        dp.networks[1]->flood = 1;
        harness_receive(HARNESS_PORT_A, ipv4(broadcast, RTE_ETHER_TYPE_VLAN, 100, IPPROTO_UDP));
        assert_int_equal(harness_sent_count(HARNESS_UNDERLAY), 0);
        assert_int_equal(harness_drops(HARNESS_PORT_A, SOCLE_DROP_VLAN_HOPPING), 1);
}

/* A guest's own tag travels inside the tunnel, and takes 4 bytes of what the underlay carries. */
static void a_guests_tag_counts_on_the_underlay(void **state)
{
        harness_receive(HARNESS_PORT_A, ipv4(harness_mac(9), RTE_ETHER_TYPE_VLAN, 1447, IPPROTO_UDP));
        assert_int_equal(harness_sent_count(HARNESS_UNDERLAY), 0);
        assert_int_equal(harness_drops(HARNESS_PORT_A, SOCLE_DROP_MTU_EXCEEDED), 1);
        assert_int_equal(harness_sent_count(HARNESS_PORT_A), 1);
        const uint8_t *icmp = rte_pktmbuf_mtod_offset(harness_sent(HARNESS_PORT_A, 0), const uint8_t *, 18 + 20);
        assert_int_equal(icmp[0], 3);
        assert_int_equal(icmp[1], 4);
        assert_int_equal(icmp[6] << 8 | icmp[7], 1446);
        harness_clear();

        harness_receive(HARNESS_PORT_A, ipv4(harness_mac(9), RTE_ETHER_TYPE_VLAN, 1446, IPPROTO_UDP));
        assert_int_equal(harness_sent_count(HARNESS_UNDERLAY), 1);
        assert_int_equal(harness_sent(HARNESS_UNDERLAY, 0)->pkt_len, 50 + 18 + 1446);
        assert_int_equal(harness_all_drops(), 0);
}

static void a_flooded_tag_counts_likewise(void **state)
{
        harness_receive(HARNESS_PORT_A, ipv4(broadcast, RTE_ETHER_TYPE_VLAN, 1447, IPPROTO_UDP));
        assert_int_equal(harness_sent_count(HARNESS_UNDERLAY), 0);
        assert_int_equal(harness_drops(HARNESS_PORT_A, SOCLE_DROP_MTU_EXCEEDED), 1);
        harness_receive(HARNESS_PORT_A, ipv4(broadcast, RTE_ETHER_TYPE_VLAN, 1446, IPPROTO_UDP));
        assert_int_equal(harness_sent_count(HARNESS_UNDERLAY), 2);
}

static void a_guests_tag_costs_nothing_on_the_node(void **state)
{
        harness_receive(HARNESS_PORT_A, ipv4(harness_mac(2), RTE_ETHER_TYPE_VLAN, 1450, IPPROTO_UDP));
        assert_int_equal(harness_sent_count(HARNESS_PORT_B), 1);
        assert_int_equal(harness_all_drops(), 0);
}

/* ---- lengths that lie ---- */

/* A VXLAN packet from the peer whose UDP header announces `udp_size` bytes, in a frame with more behind them. */
static struct rte_mbuf *vxlan_of(uint16_t udp_size)
{
        uint8_t frame[14 + 20 + 100] = {0};
        struct rte_ether_hdr *ether = (void *)frame;
        struct rte_ipv4_hdr *ip = (void *)(ether + 1);
        struct rte_udp_hdr *udp = (void *)(ip + 1);
        struct rte_vxlan_hdr *vxlan = (void *)(udp + 1);
        struct rte_ether_hdr *inner = (void *)(vxlan + 1);

        *ether = (struct rte_ether_hdr){.dst_addr = dp.ports[HARNESS_UNDERLAY]->mac,
                                        .src_addr = harness_mac(0x80),
                                        .ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4)};
        *ip = (struct rte_ipv4_hdr){.version_ihl = 0x45,
                                    .total_length = rte_cpu_to_be_16(20 + udp_size),
                                    .time_to_live = 64,
                                    .next_proto_id = IPPROTO_UDP,
                                    .src_addr = RTE_BE32(0xc0000202),
                                    .dst_addr = RTE_BE32(0xc0000201)};
        ip->hdr_checksum = rte_ipv4_cksum(ip);
        *udp = (struct rte_udp_hdr){.dst_port = RTE_BE16(4789), .dgram_len = rte_cpu_to_be_16(udp_size)};
        *vxlan = (struct rte_vxlan_hdr){.vx_flags = RTE_BE32(0x08000000), .vx_vni = RTE_BE32(100 << 8)};
        *inner = (struct rte_ether_hdr){
                .dst_addr = harness_mac(2), .src_addr = harness_mac(9), .ether_type = RTE_BE16(0x88b5)};
        return harness_packet(frame, sizeof(frame));
}

static void a_datagram_too_short_for_a_frame_is_malformed(void **state)
{
        for (uint16_t size = 8; size < 8 + 8 + 14; size++) {
                harness_receive(HARNESS_UNDERLAY, vxlan_of(size));
                assert_int_equal(harness_drops(HARNESS_UNDERLAY, SOCLE_DROP_MALFORMED), size - 7);
        }
        for (unsigned int port = 0; port < HARNESS_PORTS; port++)
                assert_int_equal(harness_sent_count(port), 0);

        harness_receive(HARNESS_UNDERLAY, vxlan_of(8 + 8 + 14));
        assert_int_equal(harness_sent_count(HARNESS_PORT_B), 1);
        assert_int_equal(harness_sent(HARNESS_PORT_B, 0)->pkt_len, 14);
}

/* ---- work made for us ---- */

static void segments_smaller_than_any_host_needs_are_refused(void **state)
{
        harness_receive(HARNESS_PORT_A, large_segment(3, 2000, 255));
        harness_receive(HARNESS_PORT_A, large_segment(9, 2000, 255));
        assert_int_equal(harness_drops(HARNESS_PORT_A, SOCLE_DROP_RX_OFFLOAD), 2);
        assert_int_equal(harness_sent_count(HARNESS_PORT_PLAIN) + harness_sent_count(HARNESS_UNDERLAY), 0);

        harness_receive(HARNESS_PORT_A, large_segment(3, 2000, 256));
        assert_int_equal(harness_sent_count(HARNESS_PORT_PLAIN), 8);
}

/* A full burst of broadcasts to more ports than a round may make copies for. */
static void copies_beyond_a_rounds_share_are_not_made(void **state)
{
        const uint16_t ports = 1100;
        const unsigned int copies = HARNESS_BURST_MAX * (ports - 1); /* the last of each is the original */
        struct dp_flood *list = calloc(1, sizeof(*list) + ports * sizeof(list->targets[0])),
                        *before = dp.networks[0]->list;
        struct rte_mbuf *burst[HARNESS_BURST_MAX];

        list->port_count = ports;
        for (uint16_t i = 0; i < ports; i++)
                list->targets[i] = HARNESS_PORT_B;
        for (unsigned int i = 0; i < HARNESS_BURST_MAX; i++)
                burst[i] = ipv4(broadcast, 0, 100, IPPROTO_UDP);
        dp.networks[0]->list = list;
        harness_receive_burst(HARNESS_PORT_A, burst, HARNESS_BURST_MAX);
        uint64_t limited = harness_drops(HARNESS_PORT_A, SOCLE_DROP_ROUND_LIMIT);
        uint64_t out = harness_sent_count(HARNESS_PORT_B) + harness_drops(HARNESS_PORT_B, SOCLE_DROP_TX_FULL);
        harness_clear();

        /* The next round has a share of its own. */
        harness_receive(HARNESS_PORT_A, ipv4(broadcast, 0, 100, IPPROTO_UDP));
        uint64_t limited_next = harness_drops(HARNESS_PORT_A, SOCLE_DROP_ROUND_LIMIT);
        dp.networks[0]->list = before;
        free(list);
        assert_int_equal(limited, copies - ROUND_BUDGET);
        assert_int_equal(out, ROUND_BUDGET + HARNESS_BURST_MAX);
        assert_int_equal(limited_next, 0);
}

static void segments_beyond_a_rounds_share_are_not_cut(void **state)
{
        const unsigned int pieces = 60000 / 256 + 1, whole = ROUND_BUDGET / pieces;
        struct rte_mbuf *burst[HARNESS_BURST_MAX];

        for (unsigned int i = 0; i < HARNESS_BURST_MAX; i++)
                burst[i] = large_segment(3, 60000, 256);
        harness_receive_burst(HARNESS_PORT_A, burst, HARNESS_BURST_MAX);
        assert_int_equal(harness_drops(HARNESS_PORT_A, SOCLE_DROP_ROUND_LIMIT), HARNESS_BURST_MAX - whole);
        assert_int_equal(harness_sent_count(HARNESS_PORT_PLAIN) + harness_drops(HARNESS_PORT_PLAIN, SOCLE_DROP_TX_FULL),
                         whole * pieces);
        assert_int_equal(harness_drops(HARNESS_PORT_A, SOCLE_DROP_NO_MBUF), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(an_untagged_network_does_not_lead_into_another_vlan, untagged_network,
                                                restore_networks),
                cmocka_unit_test_setup_teardown(an_untagged_network_floods_no_tag_either, untagged_network,
                                                restore_networks),
                cmocka_unit_test_teardown(a_guests_tag_counts_on_the_underlay, clear),
                cmocka_unit_test_teardown(a_flooded_tag_counts_likewise, clear),
                cmocka_unit_test_teardown(a_guests_tag_costs_nothing_on_the_node, clear),
                cmocka_unit_test_teardown(a_datagram_too_short_for_a_frame_is_malformed, clear),
                cmocka_unit_test_teardown(segments_smaller_than_any_host_needs_are_refused, clear),
                cmocka_unit_test_teardown(copies_beyond_a_rounds_share_are_not_made, clear),
                cmocka_unit_test_teardown(segments_beyond_a_rounds_share_are_not_cut, clear),
        };

        harness_init();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
