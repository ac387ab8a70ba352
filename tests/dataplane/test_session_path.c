/* Security groups on the packets' way: what begins a session, what belongs to one, what a change of rules does to it.
 * A is the client, B the server; both have groups of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <rte_graph_worker.h>

#include "harness_policy.h"
#include "headers.h"
#include "session.h"
#include "settings.h"
#include "table.h"
#include "worker.h"

#define A HARNESS_PORT_A
#define B HARNESS_PORT_B

static const struct harness_rule out[] = {HARNESS_ANY(DP_EGRESS, false), HARNESS_ANY(DP_EGRESS, true)};
static const struct harness_rule web[] = {{DP_INGRESS, false, IPPROTO_TCP, 80, 80},
                                          {DP_INGRESS, false, IPPROTO_UDP, 80, 80}};

static const struct dp_session_settings *defaults;

/* ---- packets ---- */

struct packet {
        unsigned int from; /* port of the harness */
        uint8_t protocol;
        uint16_t source, destination; /* ports */
        uint8_t flags;                /* TCP */
        uint32_t seq, ack;
        uint8_t to_mac; /* 0: the other one's */
        uint16_t fragment;
};

static struct rte_mbuf *make(const struct packet *p)
{
        struct {
                struct rte_ether_hdr ether;
                struct rte_ipv4_hdr ip;
                union {
                        struct rte_udp_hdr udp;
                        struct rte_tcp_hdr tcp;
                };
        } __rte_packed __rte_aligned(2) frame = {0};
        uint8_t me = p->from + 1, other = p->from == A ? 2 : 1;

        frame.ether = (struct rte_ether_hdr){.dst_addr = harness_mac(p->to_mac ?: other),
                                             .src_addr = harness_mac(me),
                                             .ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4)};
        frame.ip = (struct rte_ipv4_hdr){.version_ihl = 0x45,
                                         .total_length = RTE_BE16(40),
                                         .packet_id = RTE_BE16(99),
                                         .fragment_offset = rte_cpu_to_be_16(p->fragment),
                                         .time_to_live = 64,
                                         .next_proto_id = p->protocol,
                                         .src_addr = rte_cpu_to_be_32(0x0a000000 | me),
                                         .dst_addr = rte_cpu_to_be_32(0x0a000000 | other)};
        frame.tcp = (struct rte_tcp_hdr){.sent_seq = rte_cpu_to_be_32(p->seq),
                                         .recv_ack = rte_cpu_to_be_32(p->ack),
                                         .data_off = 0x50,
                                         .tcp_flags = p->flags,
                                         .rx_win = RTE_BE16(60000)};
        frame.udp.src_port = rte_cpu_to_be_16(p->source);
        frame.udp.dst_port = rte_cpu_to_be_16(p->destination);
        if (p->protocol == IPPROTO_UDP)
                frame.udp.dgram_len = RTE_BE16(20);
        return harness_packet(&frame, 54);
}

/* Sends it; true: it arrived at the other one. */
static bool passes(const struct packet *p)
{
        unsigned int to = p->from == A ? B : A, before = harness_sent_count(to);

        harness_receive(p->from, make(p));
        return harness_sent_count(to) == before + 1;
}

static bool udp(unsigned int from, uint16_t source, uint16_t destination)
{
        return passes(&(struct packet){from, IPPROTO_UDP, source, destination});
}

static bool tcp(unsigned int from, uint8_t flags, uint32_t seq, uint32_t ack)
{
        bool client = from == A;

        return passes(&(struct packet){from, IPPROTO_TCP, client ? 1000 : 80, client ? 80 : 1000, flags, seq, ack});
}

static void handshake(void)
{
        assert_true(tcp(A, RTE_TCP_SYN_FLAG, 100, 0));
        assert_true(tcp(B, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG, 500, 101));
        assert_true(tcp(A, RTE_TCP_ACK_FLAG, 101, 501));
}

/* How many packets have been looked at on the slow way. */
static uint64_t admitted(void)
{
        const struct rte_graph *graph = dp.workers->graph;
        struct rte_node *node;
        rte_graph_off_t offset;
        rte_node_t i;

        rte_graph_foreach_node (i, offset, graph, node)
                if (strcmp(node->name, "admit") == 0)
                        return node->total_objs;
        fail_msg("no node admit");
        return 0;
}

static int begin(void **state)
{
        defaults = defaults ?: dp_session_settings;
        dp.workers->now_ms = 1000000; /* long after the start: nothing is picked up */
        harness_secure(A, true, out, RTE_DIM(out));
        harness_secure(B, true, web, RTE_DIM(web));
        return 0;
}

static int end(void **state)
{
        dp_session_settings = defaults;
        for (uint32_t i = 0; i < dp_sessions.touched; i++)
                if (dp_sessions.entries[i].flags & DP_SESSION_LIVE)
                        dp_session_delete(0, &dp_sessions.entries[i]);
        for (int i = 0; i < 3; i++)
                harness_walk();
        harness_unsecure(A);
        harness_unsecure(B);
        dp.ports[A]->session_limit = dp.ports[A]->session_rate_limit = 0;
        harness_clear();
        assert_int_equal(harness_leaked(), 0);
        return 0;
}

/* ---- what may begin, and what follows ---- */

static void what_no_rule_allows_is_dropped_where_it_is_refused(void **state)
{
        assert_false(udp(A, 1000, 81));
        assert_int_equal(harness_drops(B, SOCLE_DROP_SG_INGRESS), 1);
        assert_false(udp(B, 80, 1000)); /* no answer to anything */
        assert_int_equal(harness_drops(B, SOCLE_DROP_SG_EGRESS), 1);
        assert_int_equal(harness_drops(A, SOCLE_DROP_SG_EGRESS), 0);
}

static void answers_pass_and_established_packets_take_the_quick_way(void **state)
{
        assert_true(udp(A, 1000, 80));
        uint64_t slow = admitted();
        for (int i = 0; i < 10; i++) {
                assert_true(udp(B, 80, 1000));
                assert_true(udp(A, 1000, 80));
        }
        assert_int_equal(admitted(), slow);
        assert_false(udp(B, 80, 1001));
        assert_int_equal(harness_all_drops(), 1);
}

/* Whose home bucket is full is found in the overflow. */
static void sessions_that_are_not_at_home_need_no_admission_either(void **state)
{
        const uint16_t count = HARNESS_SESSIONS - 600;
        unsigned int full = 0;

        for (uint16_t port = 1; port <= count; port++) {
                assert_true(udp(A, port, 80));
                harness_clear();
        }
        for (uint64_t b = 0; b <= dp_sessions.home_mask; b++)
                full += dp_sessions.home[b].spilled > 0;
        assert_true(full > 0);
        uint64_t slow = admitted();
        for (uint16_t port = 1; port <= count; port++) {
                assert_true(udp(B, 80, port));
                assert_true(udp(A, port, 80));
                harness_clear();
        }
        assert_int_equal(admitted(), slow);
}

static void a_port_without_a_group_gets_and_sends_nothing(void **state)
{
        harness_secure(B, true, NULL, 0);
        assert_false(udp(A, 1000, 80));
        assert_int_equal(harness_drops(B, SOCLE_DROP_SG_INGRESS), 1);
        assert_false(udp(B, 80, 1000));
        assert_int_equal(harness_drops(B, SOCLE_DROP_SG_EGRESS), 1);
}

static void one_secured_end_is_enough(void **state)
{
        harness_unsecure(A);
        assert_true(udp(A, 1000, 80));
        assert_false(udp(A, 1000, 81));
        assert_true(udp(B, 80, 1000));
        assert_false(udp(B, 81, 1000));
}

static void tcp_begins_with_a_syn_and_stays_in_its_window(void **state)
{
        static struct dp_session_settings strict;

        strict = *dp_session_settings;
        strict.tcp.loose = false;
        dp_session_settings = &strict;
        assert_false(tcp(A, RTE_TCP_ACK_FLAG, 1, 1));
        assert_int_equal(harness_drops(A, SOCLE_DROP_SESSION_INVALID), 1);
        handshake();
        assert_false(tcp(A, RTE_TCP_ACK_FLAG, 101 + 10000000, 501));
        assert_false(tcp(B, RTE_TCP_RST_FLAG, 501 + 10000000, 0)); /* a blind reset */
        assert_int_equal(harness_drops(A, SOCLE_DROP_SESSION_INVALID), 2);
        assert_int_equal(harness_drops(B, SOCLE_DROP_SESSION_INVALID), 1);
        assert_true(tcp(A, RTE_TCP_ACK_FLAG, 101, 501));
        assert_true(tcp(B, RTE_TCP_RST_FLAG, 501, 0));
}

static void a_dead_connections_ports_may_be_used_again(void **state)
{
        handshake();
        assert_true(tcp(A, RTE_TCP_RST_FLAG, 101, 0));
        assert_true(tcp(A, RTE_TCP_SYN_FLAG, 70000, 0));
        assert_true(tcp(B, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG, 90000, 70001));
        assert_true(tcp(A, RTE_TCP_ACK_FLAG, 70001, 90001));
}

static void stateless_groups_want_a_rule_for_the_answer(void **state)
{
        static const struct harness_rule both[] = {{DP_INGRESS, false, IPPROTO_UDP, 80, 80},
                                                   {DP_EGRESS, false, IPPROTO_UDP, 1000, 1000}};

        harness_unsecure(A);
        harness_secure(B, false, both, 1);
        assert_true(udp(A, 1000, 80));
        assert_false(udp(B, 80, 1000));
        assert_int_equal(harness_drops(B, SOCLE_DROP_SG_EGRESS), 1);
        harness_secure(B, false, both, 2);
        assert_true(udp(B, 80, 1000));
        assert_true(udp(A, 1000, 80));
}

/* ---- change ---- */

static void a_rule_that_goes_cuts_and_one_that_stays_does_not(void **state)
{
        handshake();
        assert_true(udp(A, 1000, 80));
        harness_secure(B, true, &web[0], 1); /* TCP only, from now on */
        assert_false(udp(A, 1000, 80));
        assert_int_equal(harness_drops(B, SOCLE_DROP_SG_INGRESS), 1);
        assert_true(tcp(A, RTE_TCP_ACK_FLAG, 101, 501));
        assert_true(tcp(B, RTE_TCP_ACK_FLAG, 501, 101));
        harness_secure(B, true, &web[1], 1);
        assert_false(tcp(B, RTE_TCP_ACK_FLAG, 501, 101)); /* the server's next segment, too */
        assert_false(tcp(A, RTE_TCP_ACK_FLAG, 101, 501));
        assert_true(udp(A, 1000, 80));
        assert_true(udp(B, 80, 1000));
}

static void what_was_cut_goes_on_when_it_is_allowed_again(void **state)
{
        handshake();
        harness_secure(B, true, NULL, 0);
        assert_false(tcp(A, RTE_TCP_ACK_FLAG, 101, 501));
        harness_secure(B, true, web, RTE_DIM(web));
        assert_true(tcp(A, RTE_TCP_ACK_FLAG, 101, 501));
        assert_true(tcp(B, RTE_TCP_ACK_FLAG, 501, 101));
}

/* The server's egress is open: its next segment must not begin the connection anew, the other way round. */
static void a_cut_connection_does_not_come_back_from_the_other_end(void **state)
{
        static const struct harness_rule all_out[] = {HARNESS_ANY(DP_EGRESS, false),
                                                      {DP_INGRESS, false, IPPROTO_TCP, 80, 80}};

        harness_secure(B, true, all_out, 2);
        harness_secure(A, true, all_out, 1);
        handshake();
        harness_secure(B, true, all_out, 1);
        for (int i = 0; i < 3; i++) {
                assert_false(tcp(A, RTE_TCP_ACK_FLAG, 101, 501));
                assert_false(tcp(B, RTE_TCP_ACK_FLAG, 501, 101));
        }
}

static void a_change_costs_one_look_a_direction(void **state)
{
        handshake();
        uint64_t slow = admitted();
        harness_policy_touch();
        for (int i = 0; i < 5; i++) {
                assert_true(tcp(A, RTE_TCP_ACK_FLAG, 101, 501));
                assert_true(tcp(B, RTE_TCP_ACK_FLAG, 501, 101));
        }
        assert_int_equal(admitted(), slow + 2);
}

/* Answers may go by another router: each direction has MACs of its own, and none is looked at again and again. */
static void directions_may_have_different_routers(void **state)
{
        const uint64_t key = dp_fdb_key(0, &(struct rte_ether_addr){.addr_bytes = {0xfa, 0x16, 0x3e, 0, 0, 0x55}});

        assert_int_equal(dp_map_set(&dp.fdb, &key, dp_location(DP_PLACE_PORT, A, false, 0)), 0);
        handshake();
        struct packet back = {B, IPPROTO_TCP, 80, 1000, RTE_TCP_ACK_FLAG, 501, 101, .to_mac = 0x55};
        assert_true(passes(&back));
        uint64_t slow = admitted();
        for (int i = 0; i < 5; i++) {
                assert_true(tcp(A, RTE_TCP_ACK_FLAG, 101, 501));
                assert_true(passes(&back));
        }
        assert_int_equal(admitted(), slow);
        dp_map_remove(&dp.fdb, &key);
}

/* The other direction's worker holds the session for a moment, while the server's MAC has moved: its old place may be
 * another tenant's by now. */
static void a_session_that_cannot_be_renewed_sends_nothing_to_its_old_place(void **state)
{
        const struct rte_ether_addr server = harness_mac(2);
        const uint64_t key = dp_fdb_key(0, &server);
        unsigned int held = 0;

        assert_true(udp(A, 1000, 80));
        assert_int_equal(dp_map_set(&dp.fdb, &key, dp_location(DP_PLACE_PORT, HARNESS_PORT_PLAIN, false, 0)), 0);
        harness_policy_touch();
        for (uint32_t i = 0; i < dp_sessions.touched; i++)
                if (dp_sessions.entries[i].flags & DP_SESSION_LIVE)
                        dp_sessions.entries[i].lock = ++held;
        assert_int_equal(held, 1);
        dp.worker_count = 2; /* with one, nobody locks */
        harness_clear();
        harness_receive(A, make(&(struct packet){A, IPPROTO_UDP, 1000, 80}));
        dp.worker_count = 1;
        assert_int_equal(dp_map_set(&dp.fdb, &key, dp_location(DP_PLACE_PORT, B, false, 0)), 0);
        assert_int_equal(harness_sent_count(B), 0);
        assert_int_equal(harness_sent_count(HARNESS_PORT_PLAIN), 1);
}

/* ---- time and limits ---- */

static void an_idle_session_is_over(void **state)
{
        assert_true(udp(A, 1000, 80));
        assert_true(udp(B, 80, 1000));
        dp.workers->now_ms += 119000;
        assert_true(udp(B, 80, 1000));
        dp.workers->now_ms += 121000;
        assert_false(udp(B, 80, 1000));
}

static void a_port_holds_no_more_sessions_than_its_limit(void **state)
{
        dp.ports[A]->session_limit = 10;
        for (uint16_t i = 0; i < 20; i++)
                assert_int_equal(udp(A, 2000 + i, 80), i < 10);
        assert_int_equal(harness_drops(A, SOCLE_DROP_SESSION_LIMIT), 10);
        assert_true(udp(A, 2000, 80));
        dp.workers->now_ms += 31000; /* what is over makes room, once it is found to be */
        assert_false(udp(B, 80, 2000));
        assert_true(udp(A, 3000, 80));
}

static void picked_up_after_a_restart_from_either_end(void **state)
{
        dp.workers->now_ms = 1000;
        assert_true(tcp(B, RTE_TCP_ACK_FLAG, 501, 101)); /* the server speaks first, though it may begin nothing */
        assert_true(tcp(A, RTE_TCP_ACK_FLAG, 101, 501));
        assert_true(udp(B, 80, 1000));
        assert_false(udp(B, 81, 1000)); /* not the answer to anything that the rules allow */
}

/* ---- fragments ---- */

static void fragments_follow_their_first(void **state)
{
        struct packet first = {A, IPPROTO_UDP, 1000, 80, .fragment = 0x2000};
        struct packet later = {A, IPPROTO_UDP, 0xffff, 0xffff, .fragment = 0x2002}, last = later;
        struct packet denied = {A, IPPROTO_UDP, 1000, 81, .fragment = 0x2000};

        last.fragment = 4;
        assert_false(passes(&later)); /* waits */
        assert_int_equal(harness_all_drops(), 0);
        harness_receive(A, make(&first));
        assert_int_equal(harness_sent_count(B), 2);
        assert_true(passes(&last));
        harness_clear();

        assert_false(passes(&denied)); /* the same identification again, of a datagram that may not */
        assert_false(passes(&last));
        assert_int_equal(harness_all_drops(), 2);
}

static void a_fragment_without_its_first_is_given_up(void **state)
{
        struct packet later = {A, IPPROTO_UDP, 0, 0, .fragment = 4};

        assert_false(passes(&later));
        for (int i = 0; i < 300 && harness_all_drops() == 0; i++) {
                dp.workers->now_ms += 10;
                harness_walk();
        }
        assert_int_equal(harness_drops(A, SOCLE_DROP_FRAGMENT_LOST), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(what_no_rule_allows_is_dropped_where_it_is_refused),
                TEST(answers_pass_and_established_packets_take_the_quick_way),
                TEST(sessions_that_are_not_at_home_need_no_admission_either),
                TEST(a_port_without_a_group_gets_and_sends_nothing),
                TEST(one_secured_end_is_enough),
                TEST(tcp_begins_with_a_syn_and_stays_in_its_window),
                TEST(a_dead_connections_ports_may_be_used_again),
                TEST(stateless_groups_want_a_rule_for_the_answer),
                TEST(a_rule_that_goes_cuts_and_one_that_stays_does_not),
                TEST(what_was_cut_goes_on_when_it_is_allowed_again),
                TEST(a_cut_connection_does_not_come_back_from_the_other_end),
                TEST(a_change_costs_one_look_a_direction),
                TEST(directions_may_have_different_routers),
                TEST(a_session_that_cannot_be_renewed_sends_nothing_to_its_old_place),
                TEST(an_idle_session_is_over),
                TEST(a_port_holds_no_more_sessions_than_its_limit),
                TEST(picked_up_after_a_restart_from_either_end),
                TEST(fragments_follow_their_first),
                TEST(a_fragment_without_its_first_is_given_up),
        };

        harness_init();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
