/* virtio_net_hdr to mbuf and back: what a guest's header says is believed only as far as it fits the frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <rte_ether.h>

#include "vnet.h"

#define TCP_OFFSET 16
#define UDP_OFFSET 6
#define WORK       (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TUNNEL_MASK)

/* A frame, as an mbuf of one segment: the block ends where the frame ends, for the address sanitizer. */
static struct rte_mbuf packet;

static uint8_t *frame_of(uint16_t size)
{
        free(packet.buf_addr);
        packet = (struct rte_mbuf){
                .buf_addr = malloc(size), .buf_len = size, .data_len = size, .pkt_len = size, .nb_segs = 1};
        assert_non_null(packet.buf_addr);
        for (uint16_t i = 0; i < size; i++)
                ((uint8_t *)packet.buf_addr)[i] = i * 7 + 1;
        return packet.buf_addr;
}

static void put_ether(uint8_t *at, uint16_t type)
{
        at[12] = type >> 8;
        at[13] = type & 0xff;
}

static void put_ipv4(uint8_t *at, uint8_t words, uint8_t protocol)
{
        at[0] = 0x40 | words;
        at[9] = protocol;
}

/* Ethernet and IPv4; TCP or whatever it is begins at 34. */
static uint8_t *ipv4(uint16_t size, uint8_t protocol)
{
        uint8_t *frame = frame_of(size);

        put_ether(frame, RTE_ETHER_TYPE_IPV4);
        put_ipv4(frame + 14, 5, protocol);
        return frame;
}

/* RFC 1071, the slow way. */
static uint16_t checksum(const uint8_t *data, size_t size)
{
        uint32_t sum = 0;

        for (size_t i = 0; i < size; i++)
                sum += i % 2 ? data[i] : data[i] << 8;
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        return ~sum;
}

static struct virtio_net_hdr asks(uint16_t start, uint16_t offset)
{
        return (struct virtio_net_hdr){
                .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = start, .csum_offset = offset};
}

static struct virtio_net_hdr asks_segments(uint16_t start, uint16_t size)
{
        return (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                       .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
                                       .hdr_len = start + 20,
                                       .gso_size = size,
                                       .csum_start = start,
                                       .csum_offset = TCP_OFFSET};
}

/* Accepted, and nothing left to do: the checksum is in the frame, where the header said. */
static void assert_made_at_once(const struct virtio_net_hdr *vnet, bool underlay)
{
        const uint8_t *frame = packet.buf_addr, *field = frame + vnet->csum_start + vnet->csum_offset;
        uint16_t expected = checksum(frame + vnet->csum_start, packet.data_len - vnet->csum_start);

        assert_true(vnet_to_mbuf(vnet, &packet, underlay));
        assert_int_equal(packet.ol_flags & WORK, 0);
        assert_int_equal(field[0] << 8 | field[1], expected);
}

static void a_tcp_checksum_is_left_to_the_egress(void **state)
{
        struct virtio_net_hdr vnet = asks(34, TCP_OFFSET);

        ipv4(100, IPPROTO_TCP);
        assert_true(vnet_to_mbuf(&vnet, &packet, false));
        assert_int_equal(packet.ol_flags, RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4);
        assert_int_equal(packet.l2_len, 14);
        assert_int_equal(packet.l3_len, 20);
}

static void extension_headers_count_as_ipv6(void **state)
{
        struct virtio_net_hdr vnet = asks(14 + 40 + 16, UDP_OFFSET);

        put_ether(frame_of(200), RTE_ETHER_TYPE_IPV6);
        assert_true(vnet_to_mbuf(&vnet, &packet, false));
        assert_int_equal(packet.ol_flags, RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV6);
        assert_int_equal(packet.l3_len, 56);
}

/* An mbuf's l3_len ends at 511: 512 would be 0 there, and the checksum would land in the Ethernet header. */
static void headers_longer_than_an_mbuf_can_say(void **state)
{
        struct virtio_net_hdr vnet = asks(14 + 511, UDP_OFFSET);

        put_ether(frame_of(700), RTE_ETHER_TYPE_IPV6);
        assert_true(vnet_to_mbuf(&vnet, &packet, false));
        assert_int_equal(packet.l3_len, 511);
        vnet = asks(14 + 512, UDP_OFFSET);
        put_ether(frame_of(700), RTE_ETHER_TYPE_IPV6);
        assert_made_at_once(&vnet, false);

        vnet = asks_segments(14 + 512, 1000);
        vnet.gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
        put_ether(frame_of(3000), RTE_ETHER_TYPE_IPV6);
        assert_false(vnet_to_mbuf(&vnet, &packet, false));
}

static void an_ipv4_header_of_another_length_than_it_says(void **state)
{
        struct virtio_net_hdr longer = asks(14 + 24, TCP_OFFSET), shorter = asks(14 + 20, TCP_OFFSET),
                              large = asks_segments(14 + 24, 1000);

        ipv4(100, IPPROTO_TCP);
        assert_made_at_once(&longer, false);
        put_ipv4(ipv4(100, IPPROTO_TCP) + 14, 15, IPPROTO_TCP);
        assert_made_at_once(&shorter, false);
        ipv4(3000, IPPROTO_TCP);
        assert_false(vnet_to_mbuf(&large, &packet, false));
}

/* UDP with something behind it that is no VXLAN: Geneve with options, here. */
static void another_tunnel_is_no_reason_to_refuse(void **state)
{
        uint16_t inner = 34 + 8 + 8 + 8; /* UDP, Geneve, an option */
        struct virtio_net_hdr vnet = asks(inner + 34, TCP_OFFSET), large = asks_segments(inner + 34, 1000);

        for (int underlay = 0; underlay < 2; underlay++) {
                uint8_t *frame = ipv4(200, IPPROTO_UDP);
                put_ether(frame + inner, RTE_ETHER_TYPE_IPV4);
                put_ipv4(frame + inner + 14, 5, IPPROTO_TCP);
                assert_made_at_once(&vnet, underlay);

                ipv4(3000, IPPROTO_UDP);
                assert_false(vnet_to_mbuf(&large, &packet, underlay));
        }
}

/* On an underlay it is ours to open; a guest's is its own business, and must not look like our work further on. */
static void vxlan_is_a_tunnel_only_on_an_underlay(void **state)
{
        uint16_t inner = 34 + 8 + 8;
        struct virtio_net_hdr vnet = asks(inner + 34, TCP_OFFSET), large = asks_segments(inner + 34, 1000);

        for (int underlay = 0; underlay < 2; underlay++) {
                uint8_t *frame = ipv4(200, IPPROTO_UDP);
                put_ether(frame + inner, RTE_ETHER_TYPE_IPV4);
                put_ipv4(frame + inner + 14, 5, IPPROTO_TCP);
                if (!underlay) {
                        assert_made_at_once(&vnet, false);
                        assert_false(vnet_to_mbuf(&large, &packet, false));
                        continue;
                }
                assert_true(vnet_to_mbuf(&vnet, &packet, true));
                assert_int_equal(packet.ol_flags,
                                 RTE_MBUF_F_TX_TUNNEL_VXLAN | RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4);
                assert_int_equal(packet.outer_l2_len + packet.outer_l3_len, 34);
                assert_int_equal(packet.l2_len, 8 + 8 + 14);
                assert_int_equal(packet.l3_len, 20);
        }
}

static void segments_have_a_least_size(void **state)
{
        struct virtio_net_hdr vnet = asks_segments(34, 255);

        ipv4(3000, IPPROTO_TCP)[34 + 12] = 0x50;
        assert_false(vnet_to_mbuf(&vnet, &packet, false));

        vnet.gso_size = 256;
        ipv4(3000, IPPROTO_TCP)[34 + 12] = 0x50;
        assert_true(vnet_to_mbuf(&vnet, &packet, false));
        assert_int_equal(packet.tso_segsz, 256);
        assert_int_equal(packet.l4_len, 20);
}

static void a_header_that_points_out_of_the_frame_is_refused(void **state)
{
        const struct virtio_net_hdr bad[] = {asks(100, TCP_OFFSET), asks(34, 65), asks(98, 1), asks(65535, 65535),
                                             asks_segments(90, 1000)};

        for (unsigned int i = 0; i < RTE_DIM(bad); i++) {
                ipv4(100, IPPROTO_TCP);
                assert_false(vnet_to_mbuf(&bad[i], &packet, false));
        }
}

static void there_and_back(void **state)
{
        struct virtio_net_hdr vnet = asks_segments(34, 1000), back;

        ipv4(3000, IPPROTO_TCP)[34 + 12] = 0x50;
        assert_true(vnet_to_mbuf(&vnet, &packet, false));
        vnet_from_mbuf(&back, &packet);
        assert_memory_equal(&back, &vnet, sizeof(vnet));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_tcp_checksum_is_left_to_the_egress),
                cmocka_unit_test(extension_headers_count_as_ipv6),
                cmocka_unit_test(headers_longer_than_an_mbuf_can_say),
                cmocka_unit_test(an_ipv4_header_of_another_length_than_it_says),
                cmocka_unit_test(another_tunnel_is_no_reason_to_refuse),
                cmocka_unit_test(vxlan_is_a_tunnel_only_on_an_underlay),
                cmocka_unit_test(segments_have_a_least_size),
                cmocka_unit_test(a_header_that_points_out_of_the_frame_is_refused),
                cmocka_unit_test(there_and_back),
        };
        int failed = cmocka_run_group_tests(tests, NULL, NULL);

        free(packet.buf_addr);
        return failed;
}
