/* What a trace says: which object or rule, and in which words. (That it is true is test_observe_agree.c's.) */
#include "collect.h"
#include "packets.h"
#include "tracing.h"
#include "rules.h"
#include "worker.h"

#define GROUP_A 100 /* ids that tracing_policy() gives */
#define GROUP_B 101

static const struct tracing_rule out[] = {{DP_EGRESS, DP_PROTOCOL_ANY, 0, 65535}};
static const struct tracing_rule web[] = {{DP_INGRESS, 6, 80, 443}, {DP_EGRESS, DP_PROTOCOL_ANY, 0, 65535}};
static const struct tracing_port client = {true, true, RTE_DIM(out), out}, server = {true, true, RTE_DIM(web), web},
                                 off = {0};
static struct traced traced;

static void put_rule(uint32_t group, uint32_t number, uint8_t direction, uint16_t protocol, uint16_t first,
                     uint16_t last)
{
        struct wire_rule rule;

        wire_init(&rule, WIRE_RULE);
        rule.group = group;
        rule.number = number;
        rule.direction = direction;
        rule.family = 4;
        rule.protocol = protocol;
        rule.first = first;
        rule.last = last;
        assert_true(record_table_put(tracing_records, &rule.header, 0, NULL) >= 0);
}

static const struct wire_trace_step *trace(struct rte_mbuf *m, enum wire_stage stage)
{
        const struct wire_trace_step *step;

        tracing_trace(HARNESS_PORT_A, m, &traced);
        step = tracing_step(&traced, stage);
        if (!step)
                tracing_print(&traced);
        assert_non_null(step);
        return step;
}

static struct rte_mbuf *syn(uint16_t port)
{
        return packet_make((struct packet){.from = 1,
                                           .to = 2,
                                           .protocol = IPPROTO_TCP,
                                           .source = 33000,
                                           .destination = port,
                                           .flags = RTE_TCP_SYN_FLAG,
                                           .seq = 100});
}

static int clear(void **state)
{
        tracing_policy(&off, &off);
        dp.workers->now_ms += 1000000; /* no session outlives a test */
        dp.ports[HARNESS_PORT_A]->session_limit = 0;
        harness_clear();
        assert_int_equal(harness_leaked(), 0);
        return 0;
}

static void the_rule_that_allows_it_is_named(void **state)
{
        tracing_policy(&client, &server);
        put_rule(GROUP_A, 4, WIRE_EGRESS, WIRE_PROTOCOL_ANY, 0, 65535);
        put_rule(GROUP_B, 9, WIRE_INGRESS, 6, 80, 443);
        put_rule(GROUP_B, 3, WIRE_INGRESS, 6, 80, 80);
        put_rule(GROUP_B, 2, WIRE_INGRESS, 6, 22, 22);
        put_rule(GROUP_B, 1, WIRE_EGRESS, 6, 80, 80);

        const struct wire_trace_step *step = trace(syn(80), WIRE_STAGE_EGRESS);
        assert_int_equal(step->object_type, WIRE_RULE);
        assert_int_equal(step->object, GROUP_A);
        assert_int_equal(step->number, 4);
        step = tracing_step(&traced, WIRE_STAGE_INGRESS);
        assert_int_equal(step->object_type, WIRE_RULE);
        assert_int_equal(step->object, GROUP_B);
        assert_int_equal(step->number, 3); /* the first of its two that do */
        assert_non_null(strstr(step->text, "ingress tcp 80 from anywhere"));
        assert_int_equal(traced.end.delivered, 1);
        assert_int_equal(traced.end.drop, SOCLE_DROP_COUNT);
        assert_non_null(strstr(tracing_step(&traced, WIRE_STAGE_TRACK)->text, "begins a session: tcp_syn_sent"));
        assert_non_null(strstr(tracing_step(&traced, WIRE_STAGE_SESSION)->text, "no session"));
        assert_int_equal(tracing_step(&traced, WIRE_STAGE_OUTPUT)->object, HARNESS_PORT_B + 1);
}

static void a_refusal_says_what_was_asked(void **state)
{
        tracing_policy(&client, &server);
        const struct wire_trace_step *step = trace(syn(8080), WIRE_STAGE_INGRESS);
        assert_int_equal(step->pass, 0);
        assert_int_equal(step->drop, SOCLE_DROP_SG_INGRESS);
        assert_int_equal(step->object_type, WIRE_PORT);
        assert_int_equal(step->object, HARNESS_PORT_B + 1);
        assert_non_null(strstr(step->text, "(101)"));
        assert_non_null(strstr(step->text, "ingress tcp 8080 from 10.0.0.1"));
        assert_int_equal(traced.end.drop, SOCLE_DROP_SG_INGRESS);

        tracing_policy(&client, &server);
        ((struct dp_port_policy *)dp.policy->ports[HARNESS_PORT_A])->group_count = 0;
        step = trace(syn(80), WIRE_STAGE_EGRESS);
        assert_int_equal(step->drop, SOCLE_DROP_SG_EGRESS);
        assert_non_null(strstr(step->text, "in no security group"));
}

static void a_session_that_is_there_is_told(void **state)
{
        tracing_policy(&client, &server);
        harness_receive(HARNESS_PORT_A, syn(80));
        const struct wire_trace_step *step = trace(syn(80), WIRE_STAGE_SESSION);
        assert_non_null(strstr(step->text, "session found: tcp_syn_sent"));
        assert_non_null(strstr(step->text, "1 packets there, 0 back, allowed"));
        assert_null(tracing_step(&traced, WIRE_STAGE_INGRESS)); /* nobody is asked again */

        tracing_policy(&client, &server);
        step = trace(syn(80), WIRE_STAGE_SESSION);
        assert_non_null(strstr(step->text, "older policy"));
        assert_non_null(tracing_step(&traced, WIRE_STAGE_INGRESS));
}

static void an_invalid_segment_is_told_what_would_be_valid(void **state)
{
        struct packet p = {.from = 1, .to = 2, .protocol = IPPROTO_TCP, .source = 33000, .destination = 80};

        tracing_policy(&client, &server);
        harness_receive(HARNESS_PORT_A, syn(80));
        p.flags = RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG;
        struct packet back = {.from = 2,
                              .to = 1,
                              .protocol = IPPROTO_TCP,
                              .source = 80,
                              .destination = 33000,
                              .flags = p.flags,
                              .seq = 5000,
                              .ack = 101};
        harness_receive(HARNESS_PORT_B, packet_make(back));
        p.flags = RTE_TCP_ACK_FLAG;
        p.seq = 101;
        p.ack = 5001;
        harness_receive(HARNESS_PORT_A, packet_make(p));
        p.seq = 400000;
        const struct wire_trace_step *step = trace(packet_make(p), WIRE_STAGE_TRACK);
        assert_int_equal(step->drop, SOCLE_DROP_SESSION_INVALID);
        assert_non_null(strstr(step->text, "tcp_established"));
        assert_non_null(strstr(step->text, "sequence 400000"));
        assert_non_null(strstr(step->text, " 1101")); /* what B's window lets it send: 101 + 1000 */
}

static void a_spoofed_source_is_told(void **state)
{
        tracing_policy(&client, &server);
        const struct wire_trace_step *step = trace(packet_udp(1, 2, 5000, 53), WIRE_STAGE_GUARD);
        assert_int_equal(step->pass, 1);
        assert_non_null(strstr(step->text, "source 10.0.0.1 with MAC fa:16:3e:00:00:01"));
        step = trace(packet_udp(3, 2, 5000, 53), WIRE_STAGE_GUARD);
        assert_int_equal(step->drop, SOCLE_DROP_SPOOFED_MAC);
        assert_int_equal(step->object, HARNESS_PORT_A + 1);
        assert_non_null(strstr(step->text, "fa:16:3e:00:00:03"));
        assert_int_equal(traced.end.drop, SOCLE_DROP_SPOOFED_MAC);
}

static void limits_are_told(void **state)
{
        tracing_policy(&client, &server);
        dp.ports[HARNESS_PORT_A]->session_limit = 1;
        harness_receive(HARNESS_PORT_A, syn(80));
        const struct wire_trace_step *step = trace(syn(81), WIRE_STAGE_TRACK);
        assert_int_equal(step->drop, SOCLE_DROP_SESSION_LIMIT);
        assert_int_equal(step->object, HARNESS_PORT_A + 1);
        assert_non_null(strstr(step->text, "holds 1 sessions, its limit is 1"));
}

static void an_absent_guest_is_told(void **state)
{
        tracing_absent[HARNESS_PORT_B] = true;
        const struct wire_trace_step *step = trace(packet_udp(1, 2, 1, 2), WIRE_STAGE_OUTPUT);
        tracing_absent[HARNESS_PORT_B] = false;
        assert_int_equal(step->drop, SOCLE_DROP_GUEST_ABSENT);
        assert_int_equal(traced.end.delivered, 0);
}

static void a_tunnel_is_told_with_its_outer_addresses(void **state)
{
        const struct wire_trace_step *step = trace(packet_udp(1, 9, 1, 2), WIRE_STAGE_OUTPUT);
        assert_int_equal(step->object_type, WIRE_PEER);
        assert_int_equal(step->object, 201);
        assert_non_null(strstr(step->text, "VXLAN from 192.0.2.1 to 192.0.2.2, VNI 100, next hop fa:16:3e:00:00:80"));
        dp.tunnels[0]->resolved = 0;
        step = trace(packet_udp(1, 9, 1, 2), WIRE_STAGE_OUTPUT);
        dp.tunnels[0]->resolved = 1;
        assert_int_equal(step->drop, SOCLE_DROP_NEIGHBOUR_UNRESOLVED);
}

static void a_broadcast_names_all_that_get_a_copy(void **state)
{
        struct packet p = {.from = 1, .to = 2, .protocol = IPPROTO_UDP, .to_mac = 0xff};
        unsigned int sent = 0;

        trace(packet_make(p), WIRE_STAGE_OUTPUT);
        for (unsigned int i = 0; i < traced.count; i++)
                sent += strncmp(traced.steps[i].text, "sent,", 5) == 0;
        assert_int_equal(sent, 4); /* B, PLAIN, and two peers */
        assert_int_equal(traced.end.delivered, 1);
}

static void a_packet_that_is_too_big_is_told_how_big_it_may_be(void **state)
{
        struct packet p = {.from = 1, .to = 2, .protocol = IPPROTO_UDP, .payload = 1500};
        const struct wire_trace_step *step = trace(packet_make(p), WIRE_STAGE_ANSWER);

        assert_non_null(strstr(step->text, "at most 1450 bytes"));
        assert_int_equal(traced.end.drop, SOCLE_DROP_MTU_EXCEEDED);
        assert_int_equal(traced.end.delivered, 0);
}

/* ---- rules ---- */

static void put_member(uint32_t set, const uint8_t ip[16], uint32_t prefix)
{
        struct wire_member member;

        wire_init(&member, WIRE_MEMBER);
        member.set = set;
        member.owner = set;
        member.prefix = prefix;
        memcpy(member.ip, ip, 16);
        assert_true(record_table_put(tracing_records, &member.header, 0, NULL) >= 0);
}

static void rules_are_found_by_their_remotes(void **state)
{
        const uint8_t inside[16] = {[10] = 0xff, [11] = 0xff, 10, 1, 2, 3},
                      outside[16] = {[10] = 0xff, 0xff, 10, 2, 0, 1};
        const uint8_t anything[16] = {0};
        struct dp_subject subject = {.protocol = 17, .port = 53, .remote = inside};
        struct wire_rule rule;

        wire_init(&rule, WIRE_RULE);
        rule.group = 900;
        rule.direction = WIRE_EGRESS;
        rule.family = 4;
        rule.protocol = 17;
        rule.first = rule.last = 53;
        rule.remote = WIRE_REMOTE_SET;
        rule.remote_set = 77;
        assert_true(record_table_put(tracing_records, &rule.header, 0, NULL) >= 0);
        assert_null(rules_find(tracing_records, 900, DP_EGRESS, &subject));
        put_member(77, anything, 0); /* ::/0: of IPv6 */
        assert_null(rules_find(tracing_records, 900, DP_EGRESS, &subject));
        put_member(77, inside, 112);
        assert_non_null(rules_find(tracing_records, 900, DP_EGRESS, &subject));
        assert_null(rules_find(tracing_records, 900, DP_INGRESS, &subject));
        subject.remote = outside;
        assert_null(rules_find(tracing_records, 900, DP_EGRESS, &subject));

        rule.number = 1;
        rule.remote = WIRE_REMOTE_CIDR;
        rule.prefix = 104;
        memcpy(rule.ip, inside, 13);
        assert_true(record_table_put(tracing_records, &rule.header, 0, NULL) >= 0);
        assert_int_equal(rules_find(tracing_records, 900, DP_EGRESS, &subject)->number, 1);
        subject.port = 54;
        assert_null(rules_find(tracing_records, 900, DP_EGRESS, &subject));
}

/* ---- the request ---- */

static void a_request_is_answered_over_the_wire(void **state)
{
        static struct collect collect;
        struct wire_trace wanted;
        struct rte_mbuf *m = packet_udp(1, 2, 1, 2);

        collect_init(&collect);
        wire_init(&wanted, WIRE_TRACE);
        wanted.cookie = 42;
        wanted.port = HARNESS_PORT_A + 1;
        wanted.length = m->pkt_len;
        memcpy(wanted.frame, rte_pktmbuf_mtod(m, void *), m->pkt_len);
        rte_pktmbuf_free(m);
        trace_answer(&wanted, &tracing_names, &collect.writer);
        const struct wire_trace_end *end = collect_get(&collect, WIRE_TRACE_END, 0);
        assert_non_null(end);
        assert_int_equal(end->cookie, 42);
        assert_int_equal(end->delivered, 1);
        assert_true(collect_count(&collect, WIRE_TRACE_STEP) >= 3);
        assert_int_equal(collect.records[collect.count - 1]->type, WIRE_TRACE_END);

        collect_clear(&collect);
        wanted.port = 77;
        trace_answer(&wanted, &tracing_names, &collect.writer);
        end = collect_get(&collect, WIRE_TRACE_END, 0);
        assert_int_equal(end->drop, SOCLE_DROP_PORT_GONE);
        collect_clear(&collect);
        wanted.port = HARNESS_PORT_A + 1;
        wanted.length = 2049;
        trace_answer(&wanted, &tracing_names, &collect.writer);
        end = collect_get(&collect, WIRE_TRACE_END, 0);
        assert_int_equal(end->drop, SOCLE_DROP_MALFORMED);
        collect_clear(&collect);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(the_rule_that_allows_it_is_named, clear),
                cmocka_unit_test_teardown(a_refusal_says_what_was_asked, clear),
                cmocka_unit_test_teardown(a_session_that_is_there_is_told, clear),
                cmocka_unit_test_teardown(an_invalid_segment_is_told_what_would_be_valid, clear),
                cmocka_unit_test_teardown(a_spoofed_source_is_told, clear),
                cmocka_unit_test_teardown(limits_are_told, clear),
                cmocka_unit_test_teardown(an_absent_guest_is_told, clear),
                cmocka_unit_test_teardown(a_tunnel_is_told_with_its_outer_addresses, clear),
                cmocka_unit_test_teardown(a_broadcast_names_all_that_get_a_copy, clear),
                cmocka_unit_test_teardown(a_packet_that_is_too_big_is_told_how_big_it_may_be, clear),
                cmocka_unit_test_teardown(rules_are_found_by_their_remotes, clear),
                cmocka_unit_test_teardown(a_request_is_answered_over_the_wire, clear),
        };

        tracing_init();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
