/* Which conversation a packet belongs to: the same key both ways, errors with what they quote, fragments with their
 * datagram, and nothing read that is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flow_properties.h"

static uint8_t frame[2048];
static size_t size;

static void put(const void *bytes, size_t count)
{
        memcpy(frame + size, bytes, count);
        size += count;
}

#define PUT(...) put((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* Ends an IP header of which `at` is the offset: its length is that of all behind it. */
static void set_length(size_t at)
{
        bool v6 = frame[at] >> 4 == 6;
        uint16_t length = rte_cpu_to_be_16(size - at - (v6 ? 40 : 0));

        memcpy(frame + at + (v6 ? 4 : 2), &length, sizeof(length));
}

static void ethernet(uint16_t type)
{
        size = 0;
        PUT(0xfa, 0x16, 0x3e, 0, 0, 2, 0xfa, 0x16, 0x3e, 0, 0, 1, type >> 8, type & 0xff);
}

/* 10.0.0.a > 10.0.0.b; fragment: the field with flags and offset. */
static void ipv4(uint8_t a, uint8_t b, uint8_t protocol, uint16_t fragment)
{
        PUT(0x45, 0, 0, 0, 0x12, 0x34, fragment >> 8, fragment & 0xff, 64, protocol, 0, 0, 10, 0, 0, a, 10, 0, 0, b);
}

static void ipv6(uint8_t a, uint8_t b, uint8_t next)
{
        PUT(0x60, 0, 0, 0, 0, 0, next, 64);
        PUT(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a);
        PUT(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b);
}

static void udp(uint16_t from, uint16_t to)
{
        PUT(from >> 8, from & 0xff, to >> 8, to & 0xff, 0, 16, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8);
}

static void icmp(uint8_t type, uint8_t code, uint16_t identifier)
{
        PUT(type, code, 0, 0, identifier >> 8, identifier & 0xff, 0, 1);
}

static struct dp_flow parsed(void)
{
        struct rte_mbuf *m = harness_packet(frame, size);
        struct dp_flow flow;

        dp_flow_parse(m, 1, &flow);
        rte_pktmbuf_free(m);
        flow_check(frame, size);
        return flow;
}

static struct dp_flow udp4(uint8_t a, uint16_t from, uint8_t b, uint16_t to)
{
        ethernet(0x0800);
        ipv4(a, b, IPPROTO_UDP, 0);
        udp(from, to);
        set_length(14);
        return parsed();
}

static struct dp_flow udp6(uint8_t a, uint16_t from, uint8_t b, uint16_t to)
{
        ethernet(0x86dd);
        ipv6(a, b, IPPROTO_UDP);
        udp(from, to);
        set_length(14);
        return parsed();
}

static void both_directions_have_one_key(void **state)
{
        struct dp_flow (*const families[])(uint8_t, uint16_t, uint8_t, uint16_t) = {udp4, udp6};

        for (unsigned int f = 0; f < 2; f++) {
                struct dp_flow there = families[f](1, 1000, 2, 53), back = families[f](2, 53, 1, 1000);
                struct dp_flow other = families[f](1, 53, 2, 1000), same = families[f](3, 7, 3, 9);
                assert_true(flow_same_key(&there, &back));
                assert_int_equal(there.direction, !back.direction);
                assert_false(flow_same_key(&there, &other)); /* the ports at the other ends */
                struct dp_flow same_back = families[f](3, 9, 3, 7);
                assert_true(flow_same_key(&same, &same_back));
                assert_int_equal(same.direction, !same_back.direction);
                assert_int_equal(there.source_port, 1000);
                assert_int_equal(there.destination_port, 53);
        }
}

static struct dp_flow icmp4(uint8_t a, uint8_t b, uint8_t type, uint16_t identifier)
{
        ethernet(0x0800);
        ipv4(a, b, IPPROTO_ICMP, 0);
        icmp(type, 0, identifier);
        set_length(14);
        return parsed();
}

static void queries_are_told_apart_by_identifier(void **state)
{
        struct dp_flow request = icmp4(1, 2, 8, 77), answer = icmp4(2, 1, 0, 77), other = icmp4(1, 2, 8, 78);
        struct dp_flow timestamp = icmp4(1, 2, 13, 77);

        assert_int_equal(request.kind, DP_FLOW_WHOLE);
        assert_int_equal(answer.kind, DP_FLOW_ICMP_ANSWER);
        assert_true(flow_same_key(&request, &answer));
        assert_int_equal(request.direction, !answer.direction);
        assert_false(flow_same_key(&request, &other));
        assert_false(flow_same_key(&request, &timestamp));
        assert_int_equal(icmp4(1, 2, 5, 0).kind, DP_FLOW_ICMP_OTHER); /* a redirect is nobody's answer */
}

/* That A asks B does not let B ask A, nor A answer itself. */
static void who_asks_is_part_of_a_query(void **state)
{
        struct dp_flow request = icmp4(1, 2, 8, 77), back = icmp4(2, 1, 8, 77), own = icmp4(1, 2, 0, 77);

        assert_false(flow_same_key(&request, &back));
        assert_false(flow_same_key(&request, &own));
        assert_true(flow_same_key(&back, &own));
}

/* An error goes to whoever sent what it quotes; any other was made up. */
static void an_error_to_somebody_else_is_nobodys(void **state)
{
        const uint8_t quoted[][2] = {{2, 1}, {2, 3}, {3, 2}};

        for (size_t i = 0; i < sizeof(quoted) / sizeof(quoted[0]); i++) {
                ethernet(0x0800);
                ipv4(2, 1, IPPROTO_ICMP, 0);
                icmp(3, 3, 0);
                size_t quote = size;
                ipv4(quoted[i][0], quoted[i][1], IPPROTO_UDP, 0);
                udp(1000, 53);
                set_length(quote);
                set_length(14);
                assert_int_equal(parsed().kind, DP_FLOW_ICMP_OTHER);
        }
}

/* Port unreachable from b (or a router r) about what a sent to b. */
static void an_error_belongs_to_what_it_quotes(void **state)
{
        struct dp_flow sent = udp4(1, 1000, 2, 53), error;

        for (uint8_t from = 2; from <= 9; from += 7) { /* the far end, a router between */
                ethernet(0x0800);
                ipv4(from, 1, IPPROTO_ICMP, 0);
                icmp(3, 3, 0);
                size_t quote = size;
                ipv4(1, 2, IPPROTO_UDP, 0);
                udp(1000, 53);
                set_length(quote);
                set_length(14);
                error = parsed();
                assert_int_equal(error.kind, DP_FLOW_ICMP_ERROR);
                assert_true(flow_same_key(&sent, &error));
                assert_int_equal(error.direction, !sent.direction);
        }
        struct dp_flow sent6 = udp6(1, 1000, 2, 53);
        ethernet(0x86dd);
        ipv6(2, 1, IPPROTO_ICMPV6);
        icmp(2, 0, 0); /* too big */
        size_t quote = size;
        ipv6(1, 2, IPPROTO_UDP);
        udp(1000, 53);
        set_length(quote);
        set_length(14);
        error = parsed();
        assert_int_equal(error.kind, DP_FLOW_ICMP_ERROR);
        assert_true(flow_same_key(&sent6, &error));
}

static void a_quote_too_short_or_of_an_error_is_nobodys(void **state)
{
        ethernet(0x0800);
        ipv4(2, 1, IPPROTO_ICMP, 0);
        icmp(3, 3, 0);
        size_t quote = size;
        ipv4(1, 2, IPPROTO_UDP, 0);
        udp(1000, 53);
        set_length(quote);
        size = quote + 20 + 7;
        set_length(14);
        assert_int_equal(parsed().kind, DP_FLOW_ICMP_OTHER);

        ethernet(0x0800);
        ipv4(2, 1, IPPROTO_ICMP, 0);
        icmp(3, 3, 0);
        quote = size;
        ipv4(1, 2, IPPROTO_ICMP, 0);
        icmp(3, 3, 0);
        set_length(quote);
        set_length(14);
        assert_int_equal(parsed().kind, DP_FLOW_ICMP_OTHER);
}

static struct dp_flow fragment4(uint8_t a, uint8_t b, uint16_t field)
{
        ethernet(0x0800);
        ipv4(a, b, IPPROTO_UDP, field);
        udp(1000, 53);
        set_length(14);
        return parsed();
}

static void later_fragments_find_their_first(void **state)
{
        struct dp_flow first = fragment4(1, 2, 0x2000), later = fragment4(1, 2, 2), middle = fragment4(1, 2, 0x2002);
        struct dp_flow back = fragment4(2, 1, 2), whole = udp4(1, 1000, 2, 53);
        uint64_t key[5];

        assert_int_equal(first.kind, DP_FLOW_FIRST_FRAGMENT);
        assert_int_equal(later.kind, DP_FLOW_LATER_FRAGMENT);
        assert_true(flow_same_key(&first, &whole)); /* with its ports, it is one of the conversation */
        dp_flow_fragment_key(&first, key);
        assert_memory_equal(later.key, key, later.words * 8);
        assert_true(flow_same_key(&later, &middle));
        assert_false(flow_same_key(&later, &back));                    /* identifications are each sender's own */
        assert_int_equal(fragment4(1, 2, 0x4000).kind, DP_FLOW_WHOLE); /* DF alone is no fragment */
}

/* A second fragment that overwrites the transport header (RFC 3128), a first one without it (RFC 1858). */
static void fragments_that_hide_their_ports_are_bad(void **state)
{
        ethernet(0x0800);
        ipv4(1, 2, IPPROTO_TCP, 1); /* offset 8: inside the TCP header */
        udp(1000, 53);
        set_length(14);
        assert_int_equal(parsed().kind, DP_FLOW_BAD_FRAGMENT);
        ethernet(0x0800);
        ipv4(1, 2, IPPROTO_TCP, 0x2000);
        udp(1000, 53); /* 16 bytes: not all of a TCP header */
        set_length(14);
        assert_int_equal(parsed().kind, DP_FLOW_BAD_FRAGMENT);
}

static void fragment6(uint8_t next, uint16_t offset, bool more)
{
        PUT(next, 0, (offset | more) >> 8, (offset | more) & 0xff, 0, 0, 0x12, 0x34);
}

static void extension_headers_are_walked(void **state)
{
        struct dp_flow whole = udp6(1, 1000, 2, 53), first, later;
        uint64_t key[5];

        ethernet(0x86dd);
        ipv6(1, 2, IPPROTO_HOPOPTS);
        PUT(IPPROTO_DSTOPTS, 0, 1, 4, 0, 0, 0, 0);
        PUT(IPPROTO_UDP, 0, 1, 4, 0, 0, 0, 0);
        udp(1000, 53);
        set_length(14);
        struct dp_flow behind = parsed();
        assert_int_equal(behind.kind, DP_FLOW_WHOLE);
        assert_true(flow_same_key(&behind, &whole));

        ethernet(0x86dd);
        ipv6(1, 2, IPPROTO_FRAGMENT);
        fragment6(IPPROTO_UDP, 0, true);
        udp(1000, 53);
        set_length(14);
        first = parsed();
        assert_int_equal(first.kind, DP_FLOW_FIRST_FRAGMENT);
        ethernet(0x86dd);
        ipv6(1, 2, IPPROTO_FRAGMENT);
        fragment6(IPPROTO_UDP, 16, false);
        PUT(1, 2, 3, 4, 5, 6, 7, 8);
        set_length(14);
        later = parsed();
        assert_int_equal(later.kind, DP_FLOW_LATER_FRAGMENT);
        dp_flow_fragment_key(&first, key);
        assert_memory_equal(later.key, key, sizeof(key));

        ethernet(0x86dd);
        ipv6(1, 2, IPPROTO_FRAGMENT);
        fragment6(IPPROTO_UDP, 0, false); /* atomic (RFC 6946): whole */
        udp(1000, 53);
        set_length(14);
        assert_int_equal(parsed().kind, DP_FLOW_WHOLE);
}

static void chains_without_end_are_malformed(void **state)
{
        ethernet(0x86dd);
        ipv6(1, 2, IPPROTO_DSTOPTS);
        for (int i = 0; i < 20; i++)
                PUT(IPPROTO_DSTOPTS, 0, 1, 4, 0, 0, 0, 0);
        set_length(14);
        assert_int_equal(parsed().kind, DP_FLOW_MALFORMED);
}

/* Cut anywhere: nothing is read behind the end (address sanitizer), and no packet becomes another's. */
static void every_truncation_is_seen(void **state)
{
        struct dp_flow (*const families[])(uint8_t, uint16_t, uint8_t, uint16_t) = {udp4, udp6};

        for (unsigned int f = 0; f < 2; f++) {
                families[f](1, 1000, 2, 53);
                for (size_t full = size; size > 1;) {
                        size--;
                        struct dp_flow flow = parsed();
                        assert_int_equal(flow.kind, DP_FLOW_MALFORMED);
                        (void)full;
                }
        }
}

static void what_is_not_ip_has_no_key(void **state)
{
        ethernet(0x0806);
        PUT(0, 1, 8, 0, 6, 4, 0, 1);
        assert_int_equal(parsed().kind, DP_FLOW_NOT_IP);
        ethernet(0x86dd); /* IPv4 that says it is IPv6 */
        ipv4(1, 2, IPPROTO_UDP, 0);
        udp(1, 2);
        set_length(14);
        assert_int_equal(parsed().kind, DP_FLOW_MALFORMED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(both_directions_have_one_key),
                cmocka_unit_test(queries_are_told_apart_by_identifier),
                cmocka_unit_test(who_asks_is_part_of_a_query),
                cmocka_unit_test(an_error_belongs_to_what_it_quotes),
                cmocka_unit_test(an_error_to_somebody_else_is_nobodys),
                cmocka_unit_test(a_quote_too_short_or_of_an_error_is_nobodys),
                cmocka_unit_test(later_fragments_find_their_first),
                cmocka_unit_test(fragments_that_hide_their_ports_are_bad),
                cmocka_unit_test(extension_headers_are_walked),
                cmocka_unit_test(chains_without_end_are_malformed),
                cmocka_unit_test(every_truncation_is_seen),
                cmocka_unit_test(what_is_not_ip_has_no_key),
        };

        harness_init();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
