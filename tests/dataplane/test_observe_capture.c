/* Captures: what is taken, what is not, what is missed, and that forwarding never notices. */
#include <errno.h>

#include "capture.h"
#include "captures.h"
#include "clock.h"
#include "collect.h"
#include "packets.h"
#include "tracing.h"
#include "worker.h"

#define NO_LIMIT UINT64_MAX

static struct collect collect;
static struct captures *captures;

static void due(void *user)
{
}

static struct wire_capture_start ask(enum wire_capture_mode mode, uint32_t port)
{
        struct wire_capture_start wanted;

        wire_init(&wanted, WIRE_CAPTURE_START);
        wanted.cookie = mode;
        wanted.mode = mode;
        wanted.port = port;
        wanted.snap_length = WIRE_FRAME_MAX;
        wanted.max_packets = 1000000;
        wanted.seconds = 1000;
        return wanted;
}

static void start(struct wire_capture_start wanted)
{
        captures_start(captures, &wanted);
        assert_int_equal(collect_count(&collect, WIRE_CAPTURE_END), 0);
}

static void drain(void)
{
        while (captures_drain(captures, NO_LIMIT))
                ;
        wire_flush(&collect.writer);
}

static const struct wire_capture_end *stop(uint64_t cookie)
{
        captures_stop(captures, cookie);
        drain();
        const struct wire_capture_end *end = collect_get(&collect, WIRE_CAPTURE_END, 0);
        assert_non_null(end);
        assert_int_equal(end->cookie, cookie);
        assert_int_equal(end->error, 0);
        return end;
}

static const struct wire_captured *captured(unsigned int n)
{
        const struct wire_captured *record = collect_get(&collect, WIRE_CAPTURED, n);

        assert_non_null(record);
        return record;
}

static int begin(void **state)
{
        collect_clear(&collect);
        return 0;
}

static int end(void **state)
{
        captures_abort(captures);
        assert_null(dp_captures);
        assert_false(captures_any(captures));
        harness_clear();
        assert_int_equal(harness_leaked(), 0);
        return 0;
}

static void a_port_is_captured_both_ways(void **state)
{
        struct rte_mbuf *m = packet_udp(1, 2, 5000, 53);
        uint8_t frame[64];
        uint32_t size = m->pkt_len;

        memcpy(frame, rte_pktmbuf_mtod(m, void *), size);
        start(ask(WIRE_CAPTURE_PORT, HARNESS_PORT_A + 1));
        harness_receive(HARNESS_PORT_A, m);
        harness_receive(HARNESS_PORT_B, packet_udp(2, 1, 53, 5000));
        harness_receive(HARNESS_PORT_B, packet_udp(2, 3, 53, 5000)); /* nothing to do with it */
        assert_int_equal(stop(WIRE_CAPTURE_PORT)->packets, 2);
        assert_int_equal(collect_count(&collect, WIRE_CAPTURED), 2);
        assert_int_equal(captured(0)->how, WIRE_CAPTURED_RX);
        assert_int_equal(captured(0)->port, HARNESS_PORT_A + 1);
        assert_int_equal(captured(0)->drop, SOCLE_DROP_COUNT);
        assert_int_equal(captured(0)->length, size);
        assert_int_equal(captured(0)->captured, size);
        assert_memory_equal(captured(0)->frame, frame, size);
        assert_int_equal(captured(1)->how, WIRE_CAPTURED_TX);
        assert_true(captured(1)->time_ns >= captured(0)->time_ns && captured(0)->time_ns > 1600000000000000000ULL);
        assert_int_equal(harness_sent_count(HARNESS_PORT_A), 1);
        assert_int_equal(harness_sent_count(HARNESS_PORT_B), 1);
}

static void what_the_device_refuses_was_not_sent(void **state)
{
        start(ask(WIRE_CAPTURE_PORT, HARNESS_PORT_B + 1));
        for (unsigned int i = 0; i < HARNESS_SENT_MAX + 20; i++)
                harness_receive(HARNESS_PORT_A, packet_udp(1, 2, i, 53));
        assert_int_equal(harness_drops(HARNESS_PORT_B, SOCLE_DROP_TX_FULL), 20);
        assert_int_equal(stop(WIRE_CAPTURE_PORT)->packets, HARNESS_SENT_MAX);
        assert_int_equal(collect_count(&collect, WIRE_CAPTURED), HARNESS_SENT_MAX);
}

static void drops_are_captured_with_their_reason(void **state)
{
        struct packet broadcast = {.from = 1, .to = 2, .protocol = IPPROTO_UDP, .to_mac = 0xff, .payload = 200};

        start(ask(WIRE_CAPTURE_DROPS, 0));
        harness_receive(HARNESS_PORT_A, packet_udp(1, 2, 5000, 53)); /* delivered */
        harness_receive(HARNESS_PORT_A, packet_udp(1, 99, 5000, 53));
        dp.ports[HARNESS_PORT_B]->mtu = 100;
        harness_receive(HARNESS_PORT_A, packet_make(broadcast)); /* a copy that is not made is no packet, but dropped */
        dp.ports[HARNESS_PORT_B]->mtu = 1450;
        assert_int_equal(stop(WIRE_CAPTURE_DROPS)->packets, 2);
        assert_int_equal(captured(0)->how, WIRE_CAPTURED_DROP);
        assert_int_equal(captured(0)->drop, SOCLE_DROP_UNKNOWN_MAC);
        assert_int_equal(captured(0)->port, HARNESS_PORT_A + 1);
        assert_int_equal(captured(1)->drop, SOCLE_DROP_MTU_EXCEEDED);
        assert_int_equal(captured(1)->port, HARNESS_PORT_B + 1);
}

static void a_filter_takes_one_flow_both_ways(void **state)
{
        struct wire_capture_start wanted = ask(WIRE_CAPTURE_PORT, HARNESS_PORT_A + 1);
        const uint8_t client[16] = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 1};

        wanted.family = 4;
        wanted.protocol = IPPROTO_UDP;
        memcpy(wanted.ip[0], client, 16);
        wanted.l4_port[1] = 53;
        start(wanted);
        harness_receive(HARNESS_PORT_A, packet_udp(1, 2, 5000, 53));
        harness_receive(HARNESS_PORT_B, packet_udp(2, 1, 53, 5000));
        harness_receive(HARNESS_PORT_A, packet_udp(1, 2, 53, 5000)); /* 53 is to be the other's */
        harness_receive(HARNESS_PORT_A, packet_udp(1, 2, 5000, 54));
        assert_int_equal(stop(WIRE_CAPTURE_PORT)->packets, 2);
}

static void a_filter_of_any_protocol(void **state)
{
        struct wire_capture_start wanted = ask(WIRE_CAPTURE_PORT, HARNESS_PORT_A + 1);
        const uint8_t client[16] = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 1};
        struct packet tcp = {.from = 2, .to = 1, .protocol = IPPROTO_TCP, .source = 80, .destination = 5000};

        wanted.family = 4;
        memcpy(wanted.ip[1], client, 16);
        start(wanted);
        harness_receive(HARNESS_PORT_A, packet_udp(1, 2, 53, 5000));
        harness_receive(HARNESS_PORT_B, packet_make(tcp));
        harness_receive(HARNESS_PORT_A, packet_udp(3, 2, 5000, 53)); /* of another */
        assert_int_equal(stop(WIRE_CAPTURE_PORT)->packets, 2);
}

static void a_filter_looks_into_tunnels(void **state)
{
        struct wire_capture_start wanted = ask(WIRE_CAPTURE_PORT, HARNESS_UNDERLAY + 1);

        wanted.is_underlay = 1;
        wanted.family = 4;
        wanted.protocol = IPPROTO_UDP;
        wanted.l4_port[1] = 53;
        start(wanted);
        harness_receive(HARNESS_PORT_A, packet_udp(1, 9, 5000, 53));
        harness_receive(HARNESS_PORT_A, packet_udp(1, 9, 5000, 54));
        assert_int_equal(stop(WIRE_CAPTURE_PORT)->packets, 1);
        assert_int_equal(captured(0)->is_underlay, 1);
        assert_int_equal(captured(0)->length, 42 + 50);
}

static void frames_are_cut_to_what_was_asked_for(void **state)
{
        struct wire_capture_start wanted = ask(WIRE_CAPTURE_PORT, HARNESS_PORT_A + 1);
        struct packet large = {.from = 1, .to = 2, .protocol = IPPROTO_UDP, .payload = 1000};

        wanted.snap_length = 64;
        start(wanted);
        harness_receive(HARNESS_PORT_A, packet_make(large));
        stop(WIRE_CAPTURE_PORT);
        assert_int_equal(captured(0)->length, 1042);
        assert_int_equal(captured(0)->captured, 64);
}

static void it_ends_at_its_count(void **state)
{
        struct wire_capture_start wanted = ask(WIRE_CAPTURE_PORT, HARNESS_PORT_A + 1);

        wanted.max_packets = 3;
        start(wanted);
        for (unsigned int i = 0; i < 10; i++)
                harness_receive(HARNESS_PORT_A, packet_udp(1, 2, i, 53));
        drain();
        const struct wire_capture_end *over = collect_get(&collect, WIRE_CAPTURE_END, 0);
        assert_non_null(over);
        assert_int_equal(over->packets, 3);
        assert_int_equal(over->missed, 0);
        assert_int_equal(collect_count(&collect, WIRE_CAPTURED), 3);
        assert_false(captures_any(captures));
}

static void what_comes_too_fast_is_missed_and_forwarded(void **state)
{
        const unsigned int packets = 3000;

        start(ask(WIRE_CAPTURE_PORT, HARNESS_PORT_A + 1));
        for (unsigned int i = 0; i < packets; i++) {
                harness_receive(HARNESS_PORT_A, packet_udp(1, 2, i, 53));
                assert_int_equal(harness_sent_count(HARNESS_PORT_B), 1);
                harness_clear();
        }
        const struct wire_capture_end *over = stop(WIRE_CAPTURE_PORT);
        assert_true(over->missed > 0 && over->packets > 0);
        assert_int_equal(over->missed + over->packets, packets);
}

/* ---- live traces ---- */

static void a_live_trace_tells_what_became_of_each_packet(void **state)
{
        start(ask(WIRE_CAPTURE_TRACE, HARNESS_PORT_A + 1));
        harness_receive(HARNESS_PORT_A, packet_udp(1, 2, 5000, 53));
        harness_receive(HARNESS_PORT_A, packet_udp(1, 99, 5000, 53));
        harness_receive(HARNESS_PORT_B, packet_udp(2, 1, 53, 5000)); /* another port's */
        assert_int_equal(stop(WIRE_CAPTURE_TRACE)->packets, 2);
        assert_int_equal(collect_count(&collect, WIRE_CAPTURED), 4);
        assert_int_equal(captured(0)->how, WIRE_CAPTURED_RX);
        assert_int_equal(captured(1)->how, WIRE_CAPTURED_TX);
        assert_int_equal(captured(1)->port, HARNESS_PORT_B + 1);
        assert_int_equal(captured(2)->how, WIRE_CAPTURED_RX);
        assert_int_equal(captured(3)->how, WIRE_CAPTURED_DROP);
        assert_int_equal(captured(3)->drop, SOCLE_DROP_UNKNOWN_MAC);
        assert_int_not_equal(captured(0)->packet, 0);
        assert_int_equal(captured(0)->packet, captured(1)->packet);
        assert_int_equal(captured(2)->packet, captured(3)->packet);
        assert_int_not_equal(captured(0)->packet, captured(2)->packet);
        assert_int_equal(collect_count(&collect, WIRE_TRACE_END), 2);
        const struct wire_trace_end *first = collect_get(&collect, WIRE_TRACE_END, 0),
                                    *second = collect_get(&collect, WIRE_TRACE_END, 1);
        assert_int_equal(first->packet, captured(0)->packet);
        assert_int_equal(first->delivered, 1);
        assert_int_equal(second->packet, captured(2)->packet);
        assert_int_equal(second->drop, SOCLE_DROP_UNKNOWN_MAC);
}

static void a_live_trace_follows_all_copies_and_into_tunnels(void **state)
{
        struct packet broadcast = {.from = 1, .to = 2, .protocol = IPPROTO_UDP, .to_mac = 0xff};

        start(ask(WIRE_CAPTURE_TRACE, HARNESS_PORT_A + 1));
        harness_receive(HARNESS_PORT_A, packet_make(broadcast));
        stop(WIRE_CAPTURE_TRACE);
        assert_int_equal(collect_count(&collect, WIRE_CAPTURED), 1 + 4);
        for (unsigned int i = 1; i < 5; i++) {
                assert_int_equal(captured(i)->how, WIRE_CAPTURED_TX);
                assert_int_equal(captured(i)->packet, captured(0)->packet);
        }
}

/* The session that the packet began is not yet there for its trace, though it is by the time that it is made. */
static void a_first_packet_is_traced_as_one(void **state)
{
        static const struct tracing_rule all[] = {{DP_INGRESS, DP_PROTOCOL_ANY, 0, 65535},
                                                  {DP_EGRESS, DP_PROTOCOL_ANY, 0, 65535}};
        static const struct tracing_port guarded = {true, true, RTE_DIM(all), all}, off = {0};
        bool begins = false;

        tracing_policy(&guarded, &guarded);
        start(ask(WIRE_CAPTURE_TRACE, HARNESS_PORT_A + 1));
        dp.workers->now_ms = dp_clock_ms(rte_rdtsc()) + 1000;
        harness_receive(HARNESS_PORT_A, packet_udp(1, 2, 6000, 53));
        stop(WIRE_CAPTURE_TRACE);
        tracing_policy(&off, &off);
        for (unsigned int i = 0; i < collect.count; i++)
                if (collect.records[i]->type == WIRE_TRACE_STEP)
                        begins |= strstr(((const struct wire_trace_step *)collect.records[i])->text,
                                         "begins a session") != NULL;
        assert_true(begins);
}

/* ---- requests ---- */

static void a_request_that_makes_no_sense_is_answered(void **state)
{
        struct wire_capture_start wanted[] = {
                ask(WIRE_CAPTURE_PORT, 0),  ask(WIRE_CAPTURE_PORT, 77), ask(9, 1),
                ask(WIRE_CAPTURE_DROPS, 0), ask(WIRE_CAPTURE_DROPS, 0), ask(WIRE_CAPTURE_DROPS, 0)};
        wanted[3].snap_length = 63;
        wanted[4].max_packets = 0;
        wanted[5].family = 5;
        for (unsigned int i = 0; i < RTE_DIM(wanted); i++) {
                collect_clear(&collect);
                captures_start(captures, &wanted[i]);
                const struct wire_capture_end *answer = collect_get(&collect, WIRE_CAPTURE_END, 0);
                assert_non_null(answer);
                assert_int_not_equal(answer->error, 0);
                assert_true(strlen(answer->text) > 10);
        }
        assert_null(dp_captures);
}

static void eight_run_at_a_time(void **state)
{
        struct wire_capture_start wanted = ask(WIRE_CAPTURE_PORT, HARNESS_PORT_A + 1);

        wanted.snap_length = 64;
        for (unsigned int i = 0; i < DP_CAPTURE_MAX; i++) {
                wanted.cookie = 100 + i;
                start(wanted);
        }
        wanted.cookie = 200;
        captures_start(captures, &wanted);
        const struct wire_capture_end *refused = collect_get(&collect, WIRE_CAPTURE_END, 0);
        assert_non_null(refused);
        assert_int_equal(refused->cookie, 200);
        assert_int_equal(refused->error, EBUSY);
        collect_clear(&collect);
        harness_receive(HARNESS_PORT_A, packet_udp(1, 2, 5000, 53));
        stop(103);
        collect_clear(&collect);
        wanted.cookie = 200;
        start(wanted);
        drain();
        assert_int_equal(harness_sent_count(HARNESS_PORT_B), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_port_is_captured_both_ways, begin, end),
                cmocka_unit_test_setup_teardown(what_the_device_refuses_was_not_sent, begin, end),
                cmocka_unit_test_setup_teardown(drops_are_captured_with_their_reason, begin, end),
                cmocka_unit_test_setup_teardown(a_filter_takes_one_flow_both_ways, begin, end),
                cmocka_unit_test_setup_teardown(a_filter_of_any_protocol, begin, end),
                cmocka_unit_test_setup_teardown(a_filter_looks_into_tunnels, begin, end),
                cmocka_unit_test_setup_teardown(frames_are_cut_to_what_was_asked_for, begin, end),
                cmocka_unit_test_setup_teardown(it_ends_at_its_count, begin, end),
                cmocka_unit_test_setup_teardown(what_comes_too_fast_is_missed_and_forwarded, begin, end),
                cmocka_unit_test_setup_teardown(a_live_trace_tells_what_became_of_each_packet, begin, end),
                cmocka_unit_test_setup_teardown(a_live_trace_follows_all_copies_and_into_tunnels, begin, end),
                cmocka_unit_test_setup_teardown(a_first_packet_is_traced_as_one, begin, end),
                cmocka_unit_test_setup_teardown(a_request_that_makes_no_sense_is_answered, begin, end),
                cmocka_unit_test_setup_teardown(eight_run_at_a_time, begin, end),
        };
        sd_event *event = NULL;
        int r;

        tracing_init();
        collect_init(&collect);
        if (sd_event_default(&event) < 0 ||
            captures_new(&captures, event, &tracing_names, &collect.writer, due, NULL) < 0)
                return EXIT_FAILURE;
        r = cmocka_run_group_tests(tests, NULL, NULL);
        captures_free(captures);
        collect_clear(&collect);
        sd_event_unref(event);
        return r;
}
