/* Walks over the session table that somebody asked for: what is told of a session, filters, kills, and slices. */
#include "collect.h"
#include "packets.h"
#include "sessions.h"
#include "table.h"
#include "tracing.h"
#include "worker.h"

#define NO_LIMIT UINT64_MAX

static const struct tracing_rule all[] = {{DP_INGRESS, DP_PROTOCOL_ANY, 0, 65535},
                                          {DP_EGRESS, DP_PROTOCOL_ANY, 0, 65535}};
static const struct tracing_port open_door = {true, true, RTE_DIM(all), all}, closed = {true, true, 0, NULL};
static struct collect collect;

static struct wire_sessions_get ask(enum wire_sessions_action action)
{
        struct wire_sessions_get wanted;

        wire_init(&wanted, WIRE_SESSIONS_GET);
        wanted.cookie = 5;
        wanted.action = action;
        wanted.protocol = WIRE_PROTOCOL_ANY;
        return wanted;
}

/* Walks to the end; returns how many matched, the sessions being in `collect`. */
static uint64_t walk(const struct wire_sessions_get *wanted, uint64_t until, unsigned int *ret_turns)
{
        struct walk *walk = walk_new(wanted, &tracing_names);
        unsigned int turns = 1;

        assert_non_null(walk);
        collect_clear(&collect);
        while (!walk_go_on(walk, &collect.writer, until))
                turns++;
        wire_flush(&collect.writer);
        walk_free(walk);
        if (ret_turns)
                *ret_turns = turns;
        const struct wire_sessions_end *end = collect_get(&collect, WIRE_SESSIONS_END, 0);
        assert_non_null(end);
        assert_int_equal(end->cookie, 5);
        return end->matched;
}

static uint64_t count(struct wire_sessions_get wanted)
{
        return walk(&wanted, NO_LIMIT, NULL);
}

static int begin(void **state)
{
        tracing_policy(&open_door, &open_door);
        return 0;
}

static int end(void **state)
{
        struct wire_sessions_get everything = ask(WIRE_SESSIONS_KILL);

        walk(&everything, NO_LIMIT, NULL);
        assert_int_equal(count(ask(WIRE_SESSIONS_COUNT)), 0);
        assert_int_equal(dp_sessions.port_live[HARNESS_PORT_A] + dp_sessions.port_live[HARNESS_PORT_B], 0);
        collect_clear(&collect);
        harness_clear();
        assert_int_equal(harness_leaked(), 0);
        return 0;
}

static void all_is_told_of_a_session(void **state)
{
        struct wire_sessions_get wanted = ask(WIRE_SESSIONS_LIST);

        /* B begins, whose address is the higher one: direction 1 of the key. */
        harness_receive(HARNESS_PORT_B, packet_udp(2, 1, 5000, 53));
        harness_receive(HARNESS_PORT_B, packet_udp(2, 1, 5000, 53));
        harness_receive(HARNESS_PORT_A, packet_udp(1, 2, 53, 5000));
        dp.workers->now_ms += 1500;
        assert_int_equal(walk(&wanted, NO_LIMIT, NULL), 1);
        const struct wire_session *session = collect_get(&collect, WIRE_SESSION, 0);
        assert_int_equal(session->cookie, 5);
        assert_int_equal(session->network, 101);
        assert_int_equal(session->ports[0], HARNESS_PORT_B + 1);
        assert_int_equal(session->ports[1], HARNESS_PORT_A + 1);
        assert_int_equal(session->peers[0] | session->peers[1], 0);
        assert_int_equal(session->ip[0][15], 2);
        assert_int_equal(session->ip[1][15], 1);
        assert_int_equal(session->ip[1][12], 10);
        assert_int_equal(session->l4_port[0], 5000);
        assert_int_equal(session->l4_port[1], 53);
        assert_int_equal(session->protocol, IPPROTO_UDP);
        assert_int_equal(session->family, 4);
        assert_int_equal(session->state, SOCLE_SESSION_UDP_STREAM);
        assert_int_equal(session->packets[0], 2);
        assert_int_equal(session->packets[1], 1);
        assert_int_equal(session->bytes[0], 84);
        assert_int_equal(session->reply_allowed, 1);
}

static void an_end_behind_a_tunnel_is_a_peer(void **state)
{
        struct wire_sessions_get wanted = ask(WIRE_SESSIONS_LIST);

        harness_receive(HARNESS_PORT_A, packet_udp(1, 9, 5000, 53));
        assert_int_equal(walk(&wanted, NO_LIMIT, NULL), 1);
        const struct wire_session *session = collect_get(&collect, WIRE_SESSION, 0);
        assert_int_equal(session->ports[0], HARNESS_PORT_A + 1);
        assert_int_equal(session->ports[1], 0);
        assert_int_equal(session->peers[1], 201);
}

static void filters_select(void **state)
{
        struct wire_sessions_get wanted = ask(WIRE_SESSIONS_COUNT);
        const uint8_t ten2[16] = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 2};

        harness_receive(HARNESS_PORT_A, packet_udp(1, 2, 5000, 53));
        harness_receive(HARNESS_PORT_A, packet_udp(1, 9, 5001, 53));
        harness_receive(HARNESS_PORT_A, packet_make((struct packet){.from = 1,
                                                                    .to = 3,
                                                                    .protocol = IPPROTO_TCP,
                                                                    .source = 5000,
                                                                    .destination = 80,
                                                                    .flags = RTE_TCP_SYN_FLAG}));
        assert_int_equal(count(wanted), 3);
        wanted.protocol = IPPROTO_UDP;
        assert_int_equal(count(wanted), 2);
        wanted.l4_port = 5001;
        assert_int_equal(count(wanted), 1);
        wanted = ask(WIRE_SESSIONS_COUNT);
        wanted.port = HARNESS_PORT_B + 1;
        assert_int_equal(count(wanted), 1);
        wanted.port = 77; /* not there */
        assert_int_equal(count(wanted), 0);
        wanted = ask(WIRE_SESSIONS_COUNT);
        wanted.network = 101;
        assert_int_equal(count(wanted), 3);
        wanted.network = 102;
        assert_int_equal(count(wanted), 0);
        wanted = ask(WIRE_SESSIONS_COUNT);
        memcpy(wanted.ip, ten2, sizeof(ten2));
        wanted.prefix = 127; /* 10.0.0.2 and .3 */
        assert_int_equal(count(wanted), 2);
        wanted.prefix = 128;
        assert_int_equal(count(wanted), 1);
        wanted = ask(WIRE_SESSIONS_COUNT);
        wanted.state = SOCLE_SESSION_TCP_SYN_SENT + 1;
        assert_int_equal(count(wanted), 1);
        wanted = ask(WIRE_SESSIONS_COUNT);
        wanted.family = 6;
        assert_int_equal(count(wanted), 0);
        wanted = ask(WIRE_SESSIONS_LIST);
        wanted.limit = 2;
        assert_int_equal(count(wanted), 3);
        assert_int_equal(collect_count(&collect, WIRE_SESSION), 2);
}

static void what_is_no_conversation_is_not_listed(void **state)
{
        harness_receive(HARNESS_PORT_A, packet_udp(1, 2, 5000, 53));
        assert_int_equal(count(ask(WIRE_SESSIONS_COUNT)), 1);
        tracing_policy(&closed, &closed);
        harness_receive(HARNESS_PORT_A, packet_udp(1, 2, 5000, 53)); /* cut */
        assert_int_equal(harness_drops(HARNESS_PORT_A, SOCLE_DROP_SG_EGRESS), 1);
        assert_int_equal(count(ask(WIRE_SESSIONS_COUNT)), 0);
}

static void a_killed_session_is_gone_until_a_first_packet(void **state)
{
        uint64_t before = observe_killed();
        struct wire_sessions_get kill = ask(WIRE_SESSIONS_KILL);

        harness_receive(HARNESS_PORT_A, packet_udp(1, 2, 5000, 53));
        harness_receive(HARNESS_PORT_A, packet_udp(1, 2, 5001, 53));
        assert_int_equal(dp_sessions.port_live[HARNESS_PORT_A], 2);
        kill.l4_port = 5000;
        assert_int_equal(count(kill), 1);
        assert_int_equal(observe_killed(), before + 1);
        assert_int_equal(dp_sessions.port_live[HARNESS_PORT_A], 1);
        assert_int_equal(count(ask(WIRE_SESSIONS_COUNT)), 1);
        assert_int_equal(count(kill), 0);
        harness_receive(HARNESS_PORT_A, packet_udp(1, 2, 5000, 53));
        assert_int_equal(count(ask(WIRE_SESSIONS_COUNT)), 2);
}

static void a_long_walk_goes_in_turns(void **state)
{
        struct wire_sessions_get wanted = ask(WIRE_SESSIONS_LIST);
        unsigned int turns;

        for (unsigned int i = 0; i < 1000; i++) {
                harness_receive(HARNESS_PORT_A, packet_udp(1, 2, 1000 + i, 53));
                harness_clear();
        }
        assert_int_equal(walk(&wanted, 0, &turns), 1000); /* each turn is over at once */
        assert_true(turns > 5);
        assert_int_equal(collect_count(&collect, WIRE_SESSION), 1000);
        wanted.action = WIRE_SESSIONS_KILL;
        assert_int_equal(walk(&wanted, 0, &turns), 1000);
        assert_true(turns > 5);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(all_is_told_of_a_session, begin, end),
                cmocka_unit_test_setup_teardown(an_end_behind_a_tunnel_is_a_peer, begin, end),
                cmocka_unit_test_setup_teardown(filters_select, begin, end),
                cmocka_unit_test_setup_teardown(what_is_no_conversation_is_not_listed, begin, end),
                cmocka_unit_test_setup_teardown(a_killed_session_is_gone_until_a_first_packet, begin, end),
                cmocka_unit_test_setup_teardown(a_long_walk_goes_in_turns, begin, end),
        };

        tracing_init();
        collect_init(&collect);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
