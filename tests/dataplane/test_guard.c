/* Port security, frame by frame: what a guest may send, by which name each other frame is dropped, and that nothing is
 * read beyond a frame's end, wherever it is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard_port.h"

#define PASSES SOCLE_DROP_COUNT

static uint8_t frame[512];
static size_t size, l3, l4;
static uint8_t *next_header; /* of the IPv6 header or extension before */

static void put(const void *bytes, size_t count)
{
        memcpy(frame + size, bytes, count);
        size += count;
}

#define PUT(...) put((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
#define IP4(...) ((const uint8_t[4]){__VA_ARGS__})
#define IP6(...) ((const uint8_t[16]){__VA_ARGS__})

#define UNSPECIFIED  IP6(0)
#define OWN6         IP6(0xfd, [15] = 1)
#define PAIR6        IP6(0xfd, 2, [15] = 99)
#define OTHER6       IP6(0xfd, [15] = 2)
#define LINK_LOCAL   IP6(0xfe, 0x80, [8] = 0xf8, 0x16, 0x3e, 0xff, 0xfe, 0, 0, 1)
#define LINK_LOCAL_2 IP6(0xfe, 0x80, [8] = 0xf8, 0x16, 0x3e, 0xff, 0xfe, 0, 0, 2)
#define ALL_NODES    IP6(0xff, 2, [15] = 1)

static void ether(uint8_t source, uint16_t type)
{
        size = 0;
        PUT(0xfa, 0x16, 0x3e, 0, 0, 9, 0xfa, 0x16, 0x3e, 0, 0, source, type >> 8, type & 0xff);
        l3 = size;
}

static void ipv4(uint8_t mac, const uint8_t source[4], uint8_t protocol, uint16_t fragment)
{
        ether(mac, 0x0800);
        PUT(0x45, 0, 0, 0, 0, 7, fragment >> 8, fragment & 0xff, 64, protocol, 0, 0);
        put(source, 4);
        PUT(10, 0, 0, 9);
        l4 = size;
}

static void ipv6_to(uint8_t mac, const uint8_t source[16], const uint8_t destination[16], uint8_t hops)
{
        ether(mac, 0x86dd);
        PUT(0x60, 0, 0, 0, 0, 0, 59, hops);
        next_header = frame + 20;
        put(source, 16);
        put(destination, 16);
        l4 = size;
}

static void ipv6(uint8_t mac, const uint8_t source[16])
{
        ipv6_to(mac, source, ALL_NODES, 255);
}

/* Behind the header before. */
static void next(uint8_t protocol)
{
        *next_header = protocol;
        next_header = frame + size;
        l4 = size;
}

static void extension(uint8_t type)
{
        next(type);
        PUT(59, 0, 1, 4, 0, 0, 0, 0); /* PadN; of a fragment header: see fragment() */
        l4 = size;
}

static void fragment(uint16_t field)
{
        next(IPPROTO_FRAGMENT);
        PUT(59, 0, field >> 8, field & 0xff, 0, 0, 0, 5);
        l4 = size;
}

static void udp(uint16_t from, uint16_t to)
{
        PUT(from >> 8, from & 0xff, to >> 8, to & 0xff, 0, 12, 0, 0, 1, 2, 3, 4);
}

static void udp6(uint16_t from, uint16_t to)
{
        next(IPPROTO_UDP);
        udp(from, to);
}

static void icmp6(uint8_t type)
{
        next(IPPROTO_ICMPV6);
        PUT(type, 0, 0, 0, 0, 0, 0, 0);
}

static void nd(uint8_t type, const uint8_t target[16])
{
        icmp6(type);
        put(target, 16);
}

static void option(uint8_t type, uint8_t mac)
{
        PUT(type, 1, 0xfa, 0x16, 0x3e, 0, 0, mac);
}

static void arp(uint8_t mac, uint16_t type, uint8_t operation, uint8_t sender, const uint8_t ip[4])
{
        ether(mac, type);
        PUT(0, 1, 8, 0, 6, 4, 0, operation, 0xfa, 0x16, 0x3e, 0, 0, sender);
        put(ip, 4);
        PUT(0, 0, 0, 0, 0, 0, 10, 0, 0, 9);
}

static void set_length(void)
{
        bool v6 = frame[l3] >> 4 == 6;
        size_t length = size - l3 - (v6 ? 40 : 0);

        if (frame[12] == 8 && frame[13] == 0) {
                frame[l3 + 2] = length >> 8;
                frame[l3 + 3] = length;
        } else if (frame[12] == 0x86) {
                frame[l3 + 4] = length >> 8;
                frame[l3 + 5] = length;
        }
}

static bool quick(const uint8_t *bytes, size_t count)
{
        return count >= DP_GUARD_QUICK_MIN && dp_guard_quick(guard_port(), bytes);
}

/* What the guard says of the frame as it was put together; and of every frame that is cut shorter that it is not whole.
 * Asked of a block that ends where the frame does. */
static enum socle_drop judged(bool *ret_trusted)
{
        set_length();
        for (size_t cut = 0; cut < size; cut++) {
                struct rte_mbuf *m = harness_packet(frame, cut);
                assert_int_not_equal(dp_guard_check(guard_port(), m, ret_trusted), PASSES);
                assert_false(*ret_trusted);
                dp_guard_trusted_in(m);
                rte_pktmbuf_free(m);
        }
        struct rte_mbuf *m = harness_packet(frame, size);
        enum socle_drop drop = dp_guard_check(guard_port(), m, ret_trusted);
        if (quick(frame, size))
                assert_int_equal(drop, PASSES);
        rte_pktmbuf_free(m);
        return drop;
}

static void expect(enum socle_drop wanted, bool trusted)
{
        bool is_trusted;
        enum socle_drop drop = judged(&is_trusted);

        if (drop != wanted)
                fail_msg("%s, not %s", drop == PASSES ? "passes" : socle_drop_info[drop].name,
                         wanted == PASSES ? "passes" : socle_drop_info[wanted].name);
        assert_int_equal(is_trusted, trusted);
}

static void expect_in(bool trusted)
{
        set_length();
        struct rte_mbuf *m = harness_packet(frame, size);
        assert_int_equal(dp_guard_trusted_in(m), trusted);
        rte_pktmbuf_free(m);
}

/* ---- MACs and EtherTypes ---- */

static void source_macs(void **state)
{
        ipv4(3, IP4(10, 0, 0, 1), IPPROTO_TCP, 0);
        size += 20;
        expect(SOCLE_DROP_SPOOFED_MAC, false);
        arp(3, 0x0806, 1, 1, IP4(10, 0, 0, 1));
        expect(SOCLE_DROP_SPOOFED_MAC, false);
        ether(3, 0x88cc);
        size += 46;
        expect(SOCLE_DROP_SPOOFED_MAC, false);
}

static void other_ethertypes(void **state)
{
        const uint16_t types[] = {0x8100, 0x88a8, 0x88cc, 0x8847, 0x0026, 0x8864, 0x86de, 0x0801};

        for (unsigned int i = 0; i < RTE_DIM(types); i++) {
                ether(1, types[i]);
                PUT(0, 5, 8, 0, 0x45, 0, 0, 46);
                size += 46;
                expect(SOCLE_DROP_ETHERTYPE, false);
                expect_in(false);
        }
}

/* ---- ARP and RARP ---- */

static void arp_senders(void **state)
{
        const uint16_t type = 0x0806;

        for (uint8_t operation = 1; operation <= 2; operation++) {
                arp(1, type, operation, 1, IP4(10, 0, 0, 1));
                expect(PASSES, true);
                expect_in(true);
                arp(1, type, operation, 1, IP4(10, 0, 0, 11));
                expect(PASSES, true);
                arp(2, type, operation, 2, IP4(10, 2, 200, 3));
                expect(PASSES, true);
                arp(1, type, operation, 2, IP4(10, 2, 200, 3)); /* a virtual router's, by the machine's own MAC */
                expect(PASSES, true);
                arp(1, type, operation, 1, IP4(10, 0, 0, 2));
                expect(SOCLE_DROP_SPOOFED_ARP, false);
                arp(1, type, operation, 3, IP4(10, 0, 0, 1));
                expect(SOCLE_DROP_SPOOFED_ARP, false);
                arp(1, type, operation, 1, IP4(10, 2, 0, 1)); /* its own, but not with this MAC */
                expect(SOCLE_DROP_SPOOFED_ARP, false);
                arp(2, type, operation, 2, IP4(10, 0, 0, 1));
                expect(SOCLE_DROP_SPOOFED_ARP, false);
        }
        arp(1, type, 1, 1, IP4(0, 0, 0, 0)); /* a probe */
        expect(PASSES, true);
        arp(1, type, 2, 1, IP4(0, 0, 0, 0));
        expect(SOCLE_DROP_SPOOFED_ARP, false);
        arp(1, type, 1, 3, IP4(0, 0, 0, 0));
        expect(SOCLE_DROP_SPOOFED_ARP, false);
}

static void malformed_arp(void **state)
{
        const uint8_t at[] = {15, 16, 17, 18, 19};

        for (unsigned int i = 0; i < RTE_DIM(at); i++) {
                arp(1, 0x0806, 1, 1, IP4(10, 0, 0, 1));
                frame[at[i]] ^= 0x40;
                expect(SOCLE_DROP_MALFORMED, false);
        }
}

static void rarp_of_its_own(void **state)
{
        arp(1, 0x8035, 3, 1, IP4(0, 0, 0, 0)); /* as QEMU sends it behind a migration */
        expect(PASSES, true);
        expect_in(false);
        arp(2, 0x8035, 3, 2, IP4(0, 0, 0, 0));
        expect(PASSES, true);
        arp(1, 0x8035, 3, 3, IP4(0, 0, 0, 0));
        expect(SOCLE_DROP_SPOOFED_ARP, false);
        arp(1, 0x8035, 3, 1, IP4(10, 0, 0, 2));
        expect(SOCLE_DROP_SPOOFED_ARP, false);
}

/* ---- IPv4 ---- */

static void ipv4_sources(void **state)
{
        const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, 47};

        for (unsigned int i = 0; i < RTE_DIM(protocols); i++) {
                const struct {
                        uint8_t mac, ip[4];
                        enum socle_drop drop;
                } cases[] = {
                        {1, {10, 0, 0, 1}, PASSES},
                        {1, {10, 0, 0, 11}, PASSES},
                        {1, {10, 0, 0, 7}, SOCLE_DROP_SPOOFED_IP},
                        {1, {10, 0, 0, 12}, SOCLE_DROP_SPOOFED_IP},
                        {2, {10, 2, 0, 0}, PASSES},
                        {2, {10, 2, 255, 255}, PASSES},
                        {1, {10, 0, 0, 2}, SOCLE_DROP_SPOOFED_IP},
                        {1, {10, 2, 0, 1}, SOCLE_DROP_SPOOFED_IP},
                        {2, {10, 0, 0, 1}, SOCLE_DROP_SPOOFED_IP},
                        {2, {10, 3, 0, 0}, SOCLE_DROP_SPOOFED_IP},
                        {1, {0, 0, 0, 0}, SOCLE_DROP_SPOOFED_IP},
                        {1, {255, 255, 255, 255}, SOCLE_DROP_SPOOFED_IP},
                };
                for (unsigned int c = 0; c < RTE_DIM(cases); c++) {
                        ipv4(cases[c].mac, cases[c].ip, protocols[i], 0);
                        PUT(0x12, 0x34, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0);
                        expect(cases[c].drop, false);
                        expect_in(false);
                }
        }
}

static void dhcp4(void **state)
{
        ipv4(1, IP4(0, 0, 0, 0), IPPROTO_UDP, 0);
        udp(68, 67);
        expect(PASSES, true);
        expect_in(false);
        ipv4(1, IP4(10, 0, 0, 1), IPPROTO_UDP, 0);
        udp(68, 67);
        expect(PASSES, true);
        ipv4(2, IP4(10, 2, 0, 1), IPPROTO_UDP, 0);
        udp(68, 67);
        expect(PASSES, true);
        ipv4(2, IP4(0, 0, 0, 0), IPPROTO_UDP, 0); /* only for the port's own MAC, as with Neutron */
        udp(68, 67);
        expect(SOCLE_DROP_SPOOFED_IP, false);
        ipv4(1, IP4(10, 0, 0, 5), IPPROTO_UDP, 0);
        udp(68, 67);
        expect(SOCLE_DROP_SPOOFED_IP, false);
        ipv4(1, IP4(0, 0, 0, 0), IPPROTO_UDP, 0);
        udp(68, 69);
        expect(SOCLE_DROP_SPOOFED_IP, false);
        ipv4(1, IP4(0, 0, 0, 0), IPPROTO_UDP, 0x2000); /* a first fragment */
        udp(68, 67);
        expect(SOCLE_DROP_SPOOFED_IP, false);

        ipv4(1, IP4(10, 0, 0, 1), IPPROTO_UDP, 0);
        udp(67, 68);
        expect(SOCLE_DROP_DHCP_SERVER, false);
        expect_in(true);
        assert_false(quick(frame, size));
        ipv4(1, IP4(10, 0, 0, 1), IPPROTO_UDP, 0x2000);
        udp(67, 68);
        expect(SOCLE_DROP_DHCP_SERVER, false);
        expect_in(false);
        assert_false(quick(frame, size));
        ipv4(1, IP4(10, 0, 0, 1), IPPROTO_UDP, 0); /* a relay */
        udp(67, 67);
        expect(PASSES, false);
}

/* Options move the ports to where the quick way does not look. */
static void dhcp4_behind_options(void **state)
{
        ipv4(1, IP4(10, 0, 0, 1), IPPROTO_UDP, 0);
        frame[l3] = 0x46;
        PUT(1, 1, 1, 0);
        udp(67, 68);
        expect(SOCLE_DROP_DHCP_SERVER, false);
        assert_false(quick(frame, size));
}

static void ipv4_fragments(void **state)
{
        ipv4(1, IP4(10, 0, 0, 1), IPPROTO_UDP, 0x00b9);
        udp(67, 68); /* not ports, here */
        expect(PASSES, false);
        assert_false(quick(frame, size));
        ipv4(1, IP4(10, 0, 0, 2), IPPROTO_UDP, 0x00b9);
        udp(1, 2);
        expect(SOCLE_DROP_SPOOFED_IP, false);
        ipv4(1, IP4(10, 0, 0, 1), IPPROTO_UDP, 0x2000); /* too short for its ports */
        PUT(0, 67, 0, 68);
        expect(SOCLE_DROP_FRAGMENT_BAD, false);
}

static void quick_is_the_same_for_what_is_right(void **state)
{
        ipv4(1, IP4(10, 0, 0, 1), IPPROTO_TCP, 0);
        size += 20;
        set_length();
        assert_true(quick(frame, size));
        ipv4(1, IP4(10, 0, 0, 11), IPPROTO_UDP, 0);
        udp(53, 53);
        set_length();
        assert_true(quick(frame, size));
        frame[11] = 2; /* another MAC */
        assert_false(quick(frame, size));
        frame[11] = 1;
        frame[29] = 12; /* another address */
        assert_false(quick(frame, size));
        frame[29] = 11;
        frame[13] = 0xdd;
        assert_false(quick(frame, size));
}

/* ---- IPv6 ---- */

static void ipv6_sources(void **state)
{
        const struct {
                uint8_t mac;
                const uint8_t *ip;
                enum socle_drop drop;
        } cases[] = {
                {1, OWN6, PASSES},
                {1, LINK_LOCAL, PASSES},
                {2, LINK_LOCAL_2, PASSES},
                {2, PAIR6, PASSES},
                {1, OTHER6, SOCLE_DROP_SPOOFED_IP},
                {1, LINK_LOCAL_2, SOCLE_DROP_SPOOFED_IP},
                {2, OWN6, SOCLE_DROP_SPOOFED_IP},
                {1, UNSPECIFIED, SOCLE_DROP_SPOOFED_IP},
                {1, IP6([10] = 0xff, 0xff, 10, 0, 0, 1), SOCLE_DROP_SPOOFED_IP}, /* 10.0.0.1, mapped */
        };

        for (unsigned int c = 0; c < RTE_DIM(cases); c++) {
                ipv6(cases[c].mac, cases[c].ip);
                udp6(1000, 53);
                expect(cases[c].drop, false);
                ipv6(cases[c].mac, cases[c].ip);
                icmp6(128);
                expect(cases[c].drop, false);
                expect_in(false);
                ipv6(cases[c].mac, cases[c].ip);
                extension(IPPROTO_HOPOPTS);
                extension(IPPROTO_DSTOPTS);
                udp6(1000, 53);
                expect(cases[c].drop, false);
                ipv6(cases[c].mac, cases[c].ip);
                fragment(0x00b8);
                *next_header = IPPROTO_UDP;
                size += 8;
                expect(cases[c].drop, false);
        }
}

static void dhcp6(void **state)
{
        ipv6(1, LINK_LOCAL);
        udp6(546, 547);
        expect(PASSES, true);
        expect_in(false);
        ipv6(1, OTHER6);
        udp6(546, 547);
        expect(SOCLE_DROP_SPOOFED_IP, false);
        ipv6(1, LINK_LOCAL);
        udp6(547, 546);
        expect(SOCLE_DROP_DHCP_SERVER, false);
        expect_in(true);
        ipv6(1, LINK_LOCAL);
        extension(IPPROTO_DSTOPTS);
        udp6(547, 546);
        expect(SOCLE_DROP_DHCP_SERVER, false);
        ipv6(1, LINK_LOCAL);
        fragment(1);
        udp6(547, 546);
        expect(SOCLE_DROP_DHCP_SERVER, false);
        expect_in(false);
        ipv6(1, LINK_LOCAL);
        fragment(1);
        udp6(546, 547);
        expect(PASSES, false);
}

static void router_advertisements(void **state)
{
        const uint8_t types[] = {134, 137};

        for (unsigned int i = 0; i < 2; i++) {
                ipv6(1, LINK_LOCAL);
                nd(types[i], OWN6);
                expect(SOCLE_DROP_ROUTER_ADVERTISEMENT, false);
                expect_in(types[i] == 134);
                ipv6(1, OTHER6);
                nd(types[i], OWN6);
                expect(SOCLE_DROP_ROUTER_ADVERTISEMENT, false);
                /* THC-IPv6's ways around RA guard (RFC 7113). */
                ipv6(1, LINK_LOCAL);
                extension(IPPROTO_DSTOPTS);
                nd(types[i], OWN6);
                expect(SOCLE_DROP_ROUTER_ADVERTISEMENT, false);
                ipv6(1, LINK_LOCAL);
                extension(IPPROTO_HOPOPTS);
                extension(IPPROTO_ROUTING);
                fragment(0);
                extension(IPPROTO_DSTOPTS);
                nd(types[i], OWN6);
                expect(SOCLE_DROP_ROUTER_ADVERTISEMENT, false);
                expect_in(false);
                ipv6(1, LINK_LOCAL);
                fragment(1);
                extension(IPPROTO_DSTOPTS);
                nd(types[i], OWN6);
                expect(SOCLE_DROP_ROUTER_ADVERTISEMENT, false);
        }
}

static void long_chains_hide_nothing(void **state)
{
        ipv6(1, LINK_LOCAL);
        for (unsigned int i = 0; i < 20; i++)
                extension(IPPROTO_DSTOPTS);
        nd(134, OWN6);
        expect(SOCLE_DROP_MALFORMED, false);
        expect_in(false);
        ipv6(1, LINK_LOCAL); /* the message is only in the second fragment (RFC 7112) */
        fragment(1);
        next(IPPROTO_DSTOPTS);
        PUT(IPPROTO_ICMPV6, 3, 1, 4, 0, 0, 0, 0);
        bool trusted;
        assert_int_not_equal(judged(&trusted), PASSES);
}

/* ---- neighbour discovery ---- */

static void solicitations(void **state)
{
        ipv6(1, OWN6);
        nd(135, OTHER6);
        option(1, 1);
        expect(PASSES, true);
        expect_in(true);
        ipv6(1, LINK_LOCAL);
        nd(135, OTHER6);
        expect(PASSES, true);
        ipv6(2, PAIR6);
        nd(135, OTHER6);
        option(1, 2);
        expect(PASSES, true);
        ipv6(1, OTHER6);
        nd(135, OTHER6);
        option(1, 1);
        expect(SOCLE_DROP_SPOOFED_ND, false);
        ipv6(1, OWN6);
        nd(135, OTHER6);
        option(1, 3);
        expect(SOCLE_DROP_SPOOFED_ND, false);
        ipv6(1, OWN6);
        nd(135, OTHER6);
        option(1, 2); /* the port's, but this address is not that MAC's */
        expect(SOCLE_DROP_SPOOFED_ND, false);
        ipv6(1, OWN6); /* the first option is looked at, and the second */
        nd(135, OTHER6);
        option(1, 1);
        option(1, 3);
        expect(SOCLE_DROP_SPOOFED_ND, false);
        ipv6(1, OWN6);
        nd(135, OTHER6);
        option(1, 3);
        option(1, 1);
        expect(SOCLE_DROP_SPOOFED_ND, false);
        ipv6(1, OWN6);
        nd(135, OTHER6);
        option(14, 3); /* a nonce (RFC 3971): not a MAC */
        option(1, 1);
        expect(PASSES, true);
}

static void duplicate_address_detection(void **state)
{
        const uint8_t group[16] = {0xff, 2, [11] = 1, 0xff, 0, 0, 1};

        ipv6_to(1, UNSPECIFIED, group, 255);
        nd(135, OWN6);
        expect(PASSES, true);
        ipv6_to(1, UNSPECIFIED, group, 255);
        nd(135, OWN6);
        option(1, 3);
        expect(SOCLE_DROP_SPOOFED_ND, false);
        ipv6_to(1, UNSPECIFIED, OTHER6, 255);
        nd(135, OWN6);
        expect(SOCLE_DROP_SPOOFED_ND, false);
        ipv6_to(1, UNSPECIFIED, ALL_NODES, 255);
        nd(136, OWN6);
        expect(SOCLE_DROP_SPOOFED_ND, false);
        ipv6_to(1, UNSPECIFIED, IP6(0xff, 2, [15] = 2), 255);
        icmp6(133);
        expect(PASSES, true);
        expect_in(false);
        ipv6(1, LINK_LOCAL);
        icmp6(133);
        option(1, 3);
        expect(SOCLE_DROP_SPOOFED_ND, false);
}

static void advertisements(void **state)
{
        ipv6(1, OWN6);
        nd(136, OWN6);
        option(2, 1);
        expect(PASSES, true);
        expect_in(true);
        ipv6(1, LINK_LOCAL);
        nd(136, LINK_LOCAL);
        expect(PASSES, true);
        ipv6(1, LINK_LOCAL); /* a virtual router's, by the machine's own MAC */
        nd(136, PAIR6);
        option(2, 2);
        expect(PASSES, true);
        ipv6(1, OWN6);
        nd(136, OTHER6);
        option(2, 1);
        expect(SOCLE_DROP_SPOOFED_ND, false);
        ipv6(1, OWN6);
        nd(136, OWN6);
        option(2, 3);
        expect(SOCLE_DROP_SPOOFED_ND, false);
        ipv6(1, OWN6);
        nd(136, PAIR6);
        expect(SOCLE_DROP_SPOOFED_ND, false);
        ipv6(1, OTHER6);
        nd(136, OWN6);
        option(2, 1);
        expect(SOCLE_DROP_SPOOFED_ND, false);
}

static void discovery_is_not_fragmented_nor_forwarded(void **state)
{
        for (uint8_t type = 135; type <= 136; type++) {
                ipv6(1, OWN6);
                fragment(0);
                nd(type, OWN6);
                expect(SOCLE_DROP_SPOOFED_ND, false);
                expect_in(false);
                ipv6(1, OWN6);
                fragment(1);
                nd(type, OWN6);
                expect(SOCLE_DROP_SPOOFED_ND, false);
                expect_in(false);
                ipv6(1, OWN6);
                extension(IPPROTO_HOPOPTS);
                fragment(0);
                extension(IPPROTO_DSTOPTS);
                nd(type, OWN6);
                expect(SOCLE_DROP_SPOOFED_ND, false);
                ipv6_to(1, OWN6, ALL_NODES, 64);
                nd(type, OWN6);
                expect(SOCLE_DROP_MALFORMED, false);
                expect_in(false);
        }
}

static void malformed_options(void **state)
{
        ipv6(1, OWN6);
        nd(135, OTHER6);
        PUT(1, 0, 0xfa, 0x16, 0x3e, 0, 0, 1); /* would go on for ever */
        expect(SOCLE_DROP_MALFORMED, false);
        ipv6(1, OWN6);
        nd(135, OTHER6);
        PUT(1, 2, 0xfa, 0x16, 0x3e, 0, 0, 1);
        expect(SOCLE_DROP_MALFORMED, false);
        ipv6(1, OWN6);
        nd(135, OTHER6);
        PUT(1, 1, 0xfa);
        expect(SOCLE_DROP_MALFORMED, false);
        ipv6(1, OWN6);
        icmp6(136);
        PUT(0xfd, 0); /* half a target */
        expect(SOCLE_DROP_MALFORMED, false);
}

static void multicast_listeners(void **state)
{
        const struct {
                uint8_t type;
                bool unspecified; /* also without an address */
        } types[] = {{130, false}, {131, true}, {132, false}, {143, true}};

        for (unsigned int i = 0; i < RTE_DIM(types); i++) {
                ipv6_to(1, LINK_LOCAL, IP6(0xff, 2, [15] = 0x16), 1);
                extension(IPPROTO_HOPOPTS);
                icmp6(types[i].type);
                expect(PASSES, true);
                expect_in(types[i].type == 130);
                ipv6_to(1, UNSPECIFIED, IP6(0xff, 2, [15] = 0x16), 1);
                extension(IPPROTO_HOPOPTS);
                icmp6(types[i].type);
                expect(types[i].unspecified ? PASSES : SOCLE_DROP_SPOOFED_IP, types[i].unspecified);
                ipv6_to(1, OTHER6, IP6(0xff, 2, [15] = 0x16), 1);
                icmp6(types[i].type);
                expect(SOCLE_DROP_SPOOFED_IP, false);
                ipv6_to(1, LINK_LOCAL, IP6(0xff, 2, [15] = 0x16), 1);
                fragment(1);
                icmp6(types[i].type);
                expect(PASSES, false); /* by the rules */
                expect_in(false);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(source_macs),
                cmocka_unit_test(other_ethertypes),
                cmocka_unit_test(arp_senders),
                cmocka_unit_test(malformed_arp),
                cmocka_unit_test(rarp_of_its_own),
                cmocka_unit_test(ipv4_sources),
                cmocka_unit_test(dhcp4),
                cmocka_unit_test(dhcp4_behind_options),
                cmocka_unit_test(ipv4_fragments),
                cmocka_unit_test(quick_is_the_same_for_what_is_right),
                cmocka_unit_test(ipv6_sources),
                cmocka_unit_test(dhcp6),
                cmocka_unit_test(router_advertisements),
                cmocka_unit_test(long_chains_hide_nothing),
                cmocka_unit_test(solicitations),
                cmocka_unit_test(duplicate_address_detection),
                cmocka_unit_test(advertisements),
                cmocka_unit_test(discovery_is_not_fragmented_nor_forwarded),
                cmocka_unit_test(malformed_options),
                cmocka_unit_test(multicast_listeners),
        };

        harness_init();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
