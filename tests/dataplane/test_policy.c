/* Security groups from records to verdicts, through the generations of control: each rule's meaning, what a transaction
 * shows to workers, and any sequence of changes against a model that looks at every rule. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control_fixture.h"
#include "policy_remotes.h"
#include "settings.h"

#define PUT(make)    fixture_put(&(typeof(make)[]){make}[0])
#define DELETE(make) fixture_delete(&(typeof(make)[]){make}[0])

#define A   10 /* groups */
#define B   11
#define C   12
#define SET 20 /* an address group */
#define P   1  /* ports */
#define Q   2

static uint32_t generation(void)
{
        return dp.policy->generation;
}

static bool in(const char *packet, const char *from)
{
        return fixture_check(P, DP_INGRESS, packet, from).allowed;
}

static bool out(const char *packet, const char *to)
{
        return fixture_check(P, DP_EGRESS, packet, to).allowed;
}

/* Nothing but the network. */
static int clean(void **state)
{
        struct wire_network network;

        wire_init(&network, WIRE_NETWORK);
        network.id = FIXTURE_NETWORK;
        network.mtu = 1450;
        network.encapsulation = WIRE_ENCAP_VXLAN;
        network.tag = 100;
        fixture_begin(true);
        fixture_put(&network);
        assert_int_equal(fixture_commit().failed, 0);
        return 0;
}

/* Port P in a stateful group A with these rules. */
static void rules(const char *const *texts, unsigned int count)
{
        fixture_begin(false);
        PUT(fixture_group(A, true));
        PUT(fixture_address_group(SET));
        PUT(fixture_port(P, true));
        PUT(fixture_port_group(P, A));
        for (unsigned int i = 0; i < count; i++)
                PUT(fixture_rule(A, i, texts[i]));
        assert_int_equal(fixture_commit().failed, 0);
}

#define RULES(...) rules((const char *const[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

/* ---- what a rule means ---- */

static void nothing_without_rules(void **state)
{
        PUT(fixture_port(P, true));
        assert_non_null(fixture_policy(P));
        assert_int_equal(fixture_policy(P)->group_count, 0);
        assert_false(in("tcp 80", "10.0.0.1"));
        assert_false(out("tcp 80", "10.0.0.1"));
        PUT(fixture_group(A, true));
        PUT(fixture_port_group(P, A));
        assert_int_equal(fixture_policy(P)->group_count, 1);
        assert_false(in("tcp 80", "10.0.0.1"));
        assert_false(out("tcp 80", "fd00::1"));
}

static void direction_family_protocol(void **state)
{
        RULES("ingress 4 tcp 80", "egress 6 udp 53", "ingress 6 132", "egress 4 any");
        assert_true(in("tcp 80", "10.0.0.1"));
        assert_false(in("tcp 80", "fd00::1"));
        assert_false(in("udp 80", "10.0.0.1"));
        assert_true(out("udp 53", "fd00::1"));
        assert_false(out("tcp 53", "fd00::1"));
        assert_false(in("udp 53", "fd00::1"));
        assert_true(in("132 9", "fd00::1"));
        assert_false(in("132 9", "10.0.0.1"));
        assert_true(out("tcp 1", "10.0.0.1"));
        assert_true(out("udp 65535", "10.0.0.1"));
        assert_true(out("47", "10.0.0.1"));
        assert_true(out("icmp 8.0", "10.0.0.1"));
        assert_true(out("255", "10.0.0.1"));
        assert_false(in("47", "10.0.0.1"));
}

static void edges_of_port_ranges(void **state)
{
        RULES("ingress 4 tcp 80-90", "ingress 4 tcp 88-100", "ingress 4 tcp 101", "ingress 4 tcp 200-300",
              "ingress 4 tcp 0-1", "ingress 4 tcp 65535");
        const uint16_t yes[] = {0, 1, 80, 90, 91, 100, 101, 200, 300, 65535};
        const uint16_t no[] = {2, 79, 102, 199, 301, 65534};
        char text[16];

        for (unsigned int i = 0; i < RTE_DIM(yes); i++) {
                snprintf(text, sizeof(text), "tcp %u", yes[i]);
                assert_true(in(text, "10.0.0.1"));
        }
        for (unsigned int i = 0; i < RTE_DIM(no); i++) {
                snprintf(text, sizeof(text), "tcp %u", no[i]);
                assert_false(in(text, "10.0.0.1"));
        }
}

static void icmp_type_and_code(void **state)
{
        RULES("ingress 4 icmp 8.0", "ingress 4 icmp 3", "egress 6 icmp 128.0");
        assert_true(in("icmp 8.0", "10.0.0.1"));
        assert_false(in("icmp 8.1", "10.0.0.1"));
        assert_true(in("icmp 3.0", "10.0.0.1"));
        assert_true(in("icmp 3.13", "10.0.0.1"));
        assert_true(in("icmp 3.255", "10.0.0.1"));
        assert_false(in("icmp 4.0", "10.0.0.1"));
        assert_false(in("icmp 2.255", "10.0.0.1"));
        assert_true(out("icmp 128.0", "fd00::1"));
        assert_false(out("icmp 129.0", "fd00::1"));
        assert_false(out("icmp 128.0", "10.0.0.1"));
}

static void remote_prefixes(void **state)
{
        RULES("ingress 4 tcp 22 from 10.0.0.0/8", "ingress 4 tcp 23 from 10.1.0.0/16",
              "ingress 4 tcp 24 from 10.1.2.3/32", "ingress 4 tcp 25 from 0.0.0.0/0", "ingress 6 tcp 22 from fd00::/64",
              "ingress 6 tcp 23 from ::/0", "ingress 6 tcp 24 from fd00::7/128", "ingress 4 tcp 26 from 128.0.0.0/1",
              "ingress 4 tcp 27 from 255.255.255.255/32");
        assert_true(in("tcp 22", "10.255.255.255"));
        assert_true(in("tcp 22", "10.0.0.0"));
        assert_false(in("tcp 22", "9.255.255.255"));
        assert_false(in("tcp 22", "11.0.0.0"));
        assert_true(in("tcp 22", "10.1.2.3")); /* the innermost prefix is not the only one */
        assert_true(in("tcp 23", "10.1.2.3"));
        assert_false(in("tcp 23", "10.2.0.0"));
        assert_true(in("tcp 24", "10.1.2.3"));
        assert_false(in("tcp 24", "10.1.2.4"));
        assert_true(in("tcp 25", "203.0.113.1"));
        assert_false(in("tcp 25", "fd00::1"));
        assert_true(in("tcp 22", "fd00::ffff"));
        assert_false(in("tcp 22", "fd00:0:0:1::"));
        assert_true(in("tcp 23", "2001:db8::1"));
        assert_false(in("tcp 23", "203.0.113.1"));
        assert_true(in("tcp 24", "fd00::7"));
        assert_false(in("tcp 24", "fd00::8"));
        assert_true(in("tcp 26", "128.0.0.0"));
        assert_true(in("tcp 26", "255.255.255.255"));
        assert_false(in("tcp 26", "127.255.255.255"));
        assert_true(in("tcp 27", "255.255.255.255"));
}

static void remote_groups_and_address_groups(void **state)
{
        RULES("ingress 4 tcp set 10", "ingress 4 udp 53 set 20", "ingress 6 udp 53 set 20");
        assert_false(in("tcp 1", "10.0.0.1"));
        PUT(fixture_member(A, P, "10.0.0.1"));
        assert_true(in("tcp 1", "10.0.0.1"));
        assert_false(in("tcp 1", "10.0.0.2"));
        assert_false(in("udp 53", "10.0.0.1"));
        PUT(fixture_member(SET, SET, "10.9.0.0/16"));
        PUT(fixture_member(SET, SET, "10.9.9.0/24"));
        PUT(fixture_member(SET, SET, "::/0"));
        PUT(fixture_member(SET, SET, "192.0.2.1"));
        assert_true(in("udp 53", "10.9.9.9"));
        assert_true(in("udp 53", "10.9.8.9"));
        assert_true(in("udp 53", "192.0.2.1"));
        assert_true(in("udp 53", "fd00::1"));
        assert_false(in("udp 53", "10.8.8.8")); /* ::/0 is none of IPv4's */
        DELETE(fixture_member(SET, SET, "10.9.0.0/16"));
        assert_false(in("udp 53", "10.9.8.9"));
        assert_true(in("udp 53", "10.9.9.9"));
        DELETE(fixture_member(A, P, "10.0.0.1"));
        assert_false(in("tcp 1", "10.0.0.1"));
}

/* An IPv6 packet may give any address for its own. */
static void a_mapped_address_is_no_ipv4_member(void **state)
{
        RULES("ingress 6 tcp set 20", "ingress 4 tcp set 20");
        PUT(fixture_member(SET, SET, "10.0.0.1"));
        PUT(fixture_member(SET, SET, "10.1.0.0/16"));
        uint8_t ip[16];
        const char *addresses[] = {"10.0.0.1", "10.1.2.3"};
        for (unsigned int i = 0; i < 2; i++) {
                fixture_address(addresses[i], ip);
                struct dp_subject subject = {.v6 = false, .protocol = 6, .port = 1, .remote = ip};
                assert_true(dp_policy_check(dp.policy, fixture_policy(P), DP_INGRESS, &subject).allowed);
                subject.v6 = true;
                assert_false(dp_policy_check(dp.policy, fixture_policy(P), DP_INGRESS, &subject).allowed);
        }
}

static void several_say_that_an_address_is_a_member(void **state)
{
        RULES("ingress 4 tcp set 20", "ingress 4 udp from 10.0.0.1/32");
        PUT(fixture_member(SET, 5, "10.0.0.1"));
        PUT(fixture_member(SET, 6, "10.0.0.1"));
        DELETE(fixture_member(SET, 5, "10.0.0.1"));
        assert_true(in("tcp 1", "10.0.0.1"));
        DELETE(fixture_member(SET, 5, "10.0.0.1"));
        assert_true(in("tcp 1", "10.0.0.1"));
        DELETE(fixture_member(SET, 6, "10.0.0.1"));
        assert_false(in("tcp 1", "10.0.0.1"));
        /* One prefix, written in two ways by one owner. */
        PUT(fixture_member(SET, 5, "10.0.0.1/24"));
        PUT(fixture_member(SET, 5, "10.0.0.2/24"));
        DELETE(fixture_member(SET, 5, "10.0.0.2/24"));
        assert_true(in("tcp 1", "10.0.0.77"));
        DELETE(fixture_member(SET, 5, "10.0.0.1/24"));
        assert_false(in("tcp 1", "10.0.0.77"));
        assert_true(in("udp 1", "10.0.0.1"));
}

static void several_groups_and_state(void **state)
{
        RULES("ingress 4 tcp 80");
        PUT(fixture_group(B, false));
        PUT(fixture_rule(B, 0, "ingress 4 tcp 80-81"));
        PUT(fixture_port_group(P, B));
        struct dp_verdict verdict = fixture_check(P, DP_INGRESS, "tcp 80", "10.0.0.1");
        assert_true(verdict.allowed && verdict.stateful);
        assert_int_equal(verdict.group, A);
        verdict = fixture_check(P, DP_INGRESS, "tcp 81", "10.0.0.1");
        assert_true(verdict.allowed && !verdict.stateful);
        assert_int_equal(verdict.group, B);
        assert_false(fixture_check(P, DP_INGRESS, "tcp 82", "10.0.0.1").allowed);
        PUT(fixture_group(B, true));
        assert_true(fixture_check(P, DP_INGRESS, "tcp 81", "10.0.0.1").stateful);
        DELETE(fixture_port_group(P, A));
        assert_int_equal(fixture_check(P, DP_INGRESS, "tcp 80", "10.0.0.1").group, B);
}

/* A stateful group by a remote is better than a stateless one by any. */
static void stateful_is_looked_for_everywhere(void **state)
{
        RULES("ingress 4 tcp set 20");
        PUT(fixture_group(B, false));
        PUT(fixture_rule(B, 0, "ingress 4 any"));
        PUT(fixture_port_group(P, B));
        assert_false(fixture_check(P, DP_INGRESS, "tcp 80", "10.0.0.1").stateful);
        PUT(fixture_member(SET, SET, "10.0.0.0/24"));
        struct dp_verdict verdict = fixture_check(P, DP_INGRESS, "tcp 80", "10.0.0.1");
        assert_true(verdict.stateful);
        assert_int_equal(verdict.group, A);
}

static void open_groups(void **state)
{
        const struct dp_port *port;

        PUT(fixture_group(B, false));
        PUT(fixture_port(P, true));
        PUT(fixture_port_group(P, B));
        port = dp.ports[fixture_index(P)];
        assert_true(port->secured && !port->guarded && dp.networks[port->network]->secured);
        PUT(fixture_rule(B, 0, "ingress 4 any"));
        PUT(fixture_rule(B, 1, "ingress 6 any"));
        PUT(fixture_rule(B, 2, "egress 4 any from 0.0.0.0/0"));
        assert_false(fixture_policy(P)->open || port->guarded);
        PUT(fixture_rule(B, 3, "egress 6 any"));
        assert_true(fixture_policy(P)->open && port->guarded);
        assert_false(dp.networks[port->network]->secured);
        PUT(fixture_group(B, true));
        assert_false(fixture_policy(P)->open || port->guarded);
        assert_true(dp.networks[port->network]->secured);
        PUT(fixture_group(B, false));
        assert_true(port->guarded);
        PUT(fixture_rule(B, 3, "egress 6 tcp"));
        assert_false(fixture_policy(P)->open || port->guarded);
}

/* ---- ports ---- */

static void a_port_is_secured_before_its_device_opens(void **state)
{
        bool secured = false;

        PUT(fixture_port(P, true));
        fixture_opened(P, &secured);
        assert_true(secured);
        PUT(fixture_port(Q, false));
        fixture_opened(Q, &secured);
        assert_false(secured);
        assert_null(fixture_policy(Q));

        unsigned int before = fixture_opened(Q, &secured);
        PUT(fixture_port(Q, true)); /* no need to open it anew */
        assert_true(dp.ports[fixture_index(Q)]->secured);
        assert_non_null(fixture_policy(Q));
        PUT(fixture_port(Q, false));
        assert_false(dp.ports[fixture_index(Q)]->secured);
        assert_null(fixture_policy(Q));
        assert_int_equal(fixture_opened(Q, &secured), before);
}

static void addresses_of_a_port(void **state)
{
        const uint8_t quick[8] = {0xfa, 0x16, 0x3e, 0, 0, P, 0x08, 0x00};
        const uint8_t quick_ips[2][4] = {{10, 0, 0, 7}, {10, 2, 0, 0}};
        const uint8_t quick_masks[2][4] = {{255, 255, 255, 255}, {255, 255, 0, 0}};

        fixture_begin(false);
        PUT(fixture_allowed(P, P, "fd00::7"));
        PUT(fixture_allowed(P, P, "10.2.0.0/16"));
        PUT(fixture_allowed(P, 0x77, "10.0.0.9"));
        PUT(fixture_allowed(P, P, "10.0.0.7"));
        PUT(fixture_port(P, true));
        assert_int_equal(fixture_commit().failed, 0);
        const struct dp_port_policy *policy = fixture_policy(P);
        assert_int_equal(policy->id, P);
        assert_int_equal(policy->mac_count, 2);
        assert_true(rte_is_same_ether_addr(&policy->macs[0], &(struct rte_ether_addr[]){fixture_mac(P)}[0]));
        assert_true(rte_is_same_ether_addr(&policy->macs[1], &(struct rte_ether_addr[]){fixture_mac(0x77)}[0]));
        assert_int_equal(policy->allowed_count, 4);
        for (unsigned int i = 0; i < 2; i++)
                assert_true(policy->allowed[i].prefix == 128 && wire_ip_is_v4(policy->allowed[i].ip));
        assert_memory_equal(&policy->quick_ether, quick, 8);
        for (unsigned int i = 0; i < 2; i++) {
                uint64_t wire = 0;
                memcpy(&wire, quick_ips[i], 4);
                assert_true(policy->quick_ipv4[i] == wire);
                assert_memory_equal(&policy->quick_mask[i], quick_masks[i], 4);
        }

        DELETE(fixture_allowed(P, 0x77, "10.0.0.9"));
        assert_int_equal(fixture_policy(P)->mac_count, 1);
        struct wire_port port = fixture_port(P, true);
        port.mac[5] = 0x55;
        port.session_limit = 7;
        port.session_rate_limit = 8;
        fixture_put(&port);
        assert_int_equal(fixture_policy(P)->macs[0].addr_bytes[5], 0x55);
        assert_int_equal(fixture_policy(P)->mac_count, 2);
        assert_true(fixture_policy(P)->quick_ipv4[0] == DP_QUICK_NONE);
        assert_int_equal(dp.ports[fixture_index(P)]->session_limit, 7);
        assert_int_equal(dp.ports[fixture_index(P)]->session_rate_limit, 8);
}

/* ---- transactions ---- */

static void what_changes_nothing_makes_no_generation(void **state)
{
        RULES("ingress 4 tcp 80", "ingress 4 tcp from 10.0.0.0/8", "ingress 4 tcp set 10");
        PUT(fixture_member(A, P, "10.0.0.1"));
        uint32_t before = generation();
        struct wire_port port = fixture_port(P, true);
        port.mtu = 1400; /* no matter of policy */
        fixture_put(&port);
        struct wire_security_group group = fixture_group(A, true);
        snprintf(group.name, sizeof(group.name), "renamed");
        fixture_put(&group);
        /* The same rules in another order, which is another record each. */
        fixture_begin(false);
        PUT(fixture_rule(A, 0, "ingress 4 tcp set 10"));
        PUT(fixture_rule(A, 1, "ingress 4 tcp 80"));
        PUT(fixture_rule(A, 2, "ingress 4 tcp from 10.0.0.0/8"));
        fixture_commit();
        PUT(fixture_member(A, Q, "10.0.0.1")); /* is one already */
        assert_int_equal(generation(), before);
        PUT(fixture_rule(A, 0, "ingress 4 udp set 10"));
        assert_int_equal(generation(), before + 1);
}

static void a_full_generation_of_the_same_is_nothing_new(void **state)
{
        struct wire_network network;

        RULES("ingress 4 tcp 80", "ingress 4 tcp from 10.0.0.0/8");
        uint32_t before = generation();
        wire_init(&network, WIRE_NETWORK);
        network.id = FIXTURE_NETWORK;
        network.mtu = 1450;
        network.encapsulation = WIRE_ENCAP_VXLAN;
        network.tag = 100;
        fixture_begin(true);
        fixture_put(&network);
        PUT(fixture_group(A, true));
        PUT(fixture_address_group(SET));
        PUT(fixture_port(P, true));
        PUT(fixture_port_group(P, A));
        PUT(fixture_rule(A, 0, "ingress 4 tcp 80"));
        PUT(fixture_rule(A, 1, "ingress 4 tcp from 10.0.0.0/8"));
        struct wire_committed committed = fixture_commit();
        assert_int_equal(committed.adopted, 7);
        assert_int_equal(generation(), before);
}

static void what_did_not_change_is_shared(void **state)
{
        RULES("ingress 4 tcp 80");
        PUT(fixture_group(B, true));
        PUT(fixture_rule(B, 0, "egress 4 any from 10.0.0.0/8"));
        PUT(fixture_port(Q, true));
        PUT(fixture_port_group(Q, B));
        PUT(fixture_member(A, P, "10.0.0.1"));
        const struct dp_policy *before = dp.policy;
        const struct dp_port_policy *p = fixture_policy(P), *q = fixture_policy(Q);
        const struct dp_group *a = before->groups[p->groups[0]], *b = before->groups[q->groups[0]];
        const struct dp_remotes *remotes = before->remotes;

        PUT(fixture_rule(A, 1, "ingress 4 udp 53"));
        assert_ptr_not_equal(dp.policy, before);
        assert_ptr_equal(fixture_policy(P), p);
        assert_ptr_equal(fixture_policy(Q), q);
        assert_ptr_equal(dp.policy->groups[q->groups[0]], b);
        assert_ptr_not_equal(dp.policy->groups[p->groups[0]], a);
        assert_ptr_equal(dp.policy->remotes, remotes);

        a = dp.policy->groups[p->groups[0]];
        PUT(fixture_member(A, 99, "10.0.0.2")); /* who joins costs no group and no port anything */
        assert_ptr_equal(fixture_policy(P), p);
        assert_ptr_equal(dp.policy->groups[p->groups[0]], a);
        assert_ptr_not_equal(dp.policy->remotes, remotes);
        unsigned int changed = 0;
        for (unsigned int i = 0; i < DP_SHARDS; i++)
                changed += dp.policy->remotes->shards[i] != NULL;
        assert_in_range(changed, 1, 2);
}

static void forwarding_changes_are_a_generation(void **state)
{
        PUT(fixture_port(P, true));
        uint32_t before = generation();
        struct wire_port port = fixture_port(Q, false);
        fixture_put(&port);
        assert_true(generation() > before); /* its MAC is known now */
        before = generation();
        port.mac[5] = 0x44;
        fixture_put(&port);
        assert_int_equal(generation(), before + 1);
        before = generation();
        fixture_delete(&port);
        assert_int_equal(generation(), before + 1);
}

static void who_is_unknown_is_said(void **state)
{
        fixture_begin(false);
        PUT(fixture_rule(A, 0, "ingress 4 tcp"));
        assert_int_equal(fixture_commit().failed, 1);
        assert_non_null(strstr(fixture_failure(), "security group 10"));
        fixture_begin(false);
        PUT(fixture_member(SET, SET, "10.0.0.1"));
        assert_int_equal(fixture_commit().failed, 1);
        assert_non_null(strstr(fixture_failure(), "group 20"));
        PUT(fixture_port(P, true));
        fixture_begin(false);
        PUT(fixture_port_group(P, A));
        assert_int_equal(fixture_commit().failed, 1);
        assert_non_null(strstr(fixture_failure(), "security group 10"));
        PUT(fixture_group(A, true));
        fixture_begin(false);
        PUT(fixture_rule(A, 0, "ingress 4 tcp set 20"));
        PUT(fixture_port_group(Q, A));
        PUT(fixture_allowed(Q, Q, "10.0.0.1"));
        assert_int_equal(fixture_commit().failed, 3);
        fixture_begin(false);
        PUT(fixture_rule(A, 0, "ingress 6 tcp from 10.0.0.0/8"));
        assert_int_equal(fixture_commit().failed, 1);

        /* Sent once more, when it is there, it takes; taken away, what never took does no harm. */
        PUT(fixture_address_group(SET));
        fixture_begin(false);
        PUT(fixture_rule(A, 0, "ingress 4 tcp set 20"));
        PUT(fixture_port_group(P, A));
        assert_int_equal(fixture_commit().failed, 0);
        PUT(fixture_member(SET, 5, "10.0.0.1"));
        DELETE(fixture_member(SET, SET, "10.0.0.1"));
        assert_true(in("tcp 1", "10.0.0.1"));
}

/* A rule that cannot be put into force does not leave the one that it was to replace. */
static void a_failed_change_allows_nothing(void **state)
{
        RULES("ingress 4 tcp 80");
        PUT(fixture_rule(A, 0, "ingress 4 tcp 80 set 99"));
        assert_false(in("tcp 80", "10.0.0.1"));
}

static void an_index_is_not_inherited(void **state)
{
        RULES("ingress 4 any");
        uint16_t index = fixture_index(P);
        uint32_t before = generation();

        fixture_begin(false);
        DELETE(fixture_port_group(P, A));
        DELETE(fixture_port(P, true));
        PUT(fixture_port(Q, true));
        assert_int_equal(fixture_commit().failed, 0);
        assert_int_equal(fixture_index(Q), index); /* or this test shows nothing */
        assert_int_equal(fixture_policy(Q)->id, Q);
        assert_int_equal(fixture_policy(Q)->group_count, 0);
        assert_true(generation() > before);
}

/* One tenant comes and goes, with ids and addresses that nobody had before; its group goes before what speaks of it. */
static void come_and_go(uint32_t n)
{
        const uint32_t group = 1000 + 3 * n, set = group + 1, port = group + 2;
        char prefix[32], address[32], rule[64];

        snprintf(prefix, sizeof(prefix), "10.%u.%u.0/25", n >> 8 & 255, n & 255);
        snprintf(address, sizeof(address), "10.%u.%u.200", n >> 8 & 255, n & 255);
        snprintf(rule, sizeof(rule), "egress 4 tcp from %s", prefix);
        fixture_begin(false);
        PUT(fixture_group(group, true));
        PUT(fixture_address_group(set));
        PUT(fixture_port(port, true));
        PUT(fixture_port_group(port, group));
        PUT(fixture_allowed(port, 1, address));
        PUT(fixture_rule(group, 0, rule));
        snprintf(rule, sizeof(rule), "ingress 4 tcp set %u", set);
        PUT(fixture_rule(group, 1, rule));
        PUT(fixture_member(set, 5, address));
        PUT(fixture_member(set, 6, address));
        PUT(fixture_member(set, 5, prefix));
        assert_int_equal(fixture_commit().failed, 0);
        assert_true(fixture_check(port, DP_INGRESS, "tcp 1", address).allowed);

        DELETE(fixture_group(group, true));
        assert_int_equal(fixture_policy(port)->group_count, 1);
        assert_false(fixture_check(port, DP_INGRESS, "tcp 1", address).allowed);
        fixture_begin(false);
        DELETE(fixture_port(port, true));
        assert_int_equal(fixture_commit().failed, 0);
        fixture_begin(false);
        if (n % 2) /* either may be the last that speaks of the group */
                DELETE(fixture_port_group(port, group));
        DELETE(fixture_rule(group, 0, rule));
        DELETE(fixture_rule(group, 1, rule));
        assert_int_equal(fixture_commit().failed, 0);
        fixture_begin(false);
        DELETE(fixture_port_group(port, group));
        DELETE(fixture_allowed(port, 1, address));
        DELETE(fixture_address_group(set));
        DELETE(fixture_member(set, 5, address));
        DELETE(fixture_member(set, 6, address));
        DELETE(fixture_member(set, 5, prefix));
        assert_int_equal(fixture_commit().failed, 0);
}

/* The remote that the only rule of group A for a remote speaks of. */
static uint32_t remote_in_force(void)
{
        const struct dp_group *group = dp.policy->groups[fixture_policy(P)->groups[0]];

        for (uint32_t i = 0; i <= group->mask; i++)
                if (group->slots[i].key && (group->slots[i].key - 1) >> 11 != DP_REMOTE_ANY)
                        return (group->slots[i].key - 1) >> 11;
        return DP_REMOTE_ANY;
}

static void what_is_gone_leaves_nothing(void **state)
{
        const uint32_t before = 200, rounds = 1000;
        size_t used = 0;

        for (uint32_t n = 0; n < before + rounds; n++) {
                if (n == before)
                        used = mallinfo2().uordblks;
                come_and_go(n);
        }
        /* 0 under the sanitizers, which look for themselves. Else: less than one small block a round. */
        assert_true(mallinfo2().uordblks < used + rounds * 16 || used == 0);
        assert_true(dp.policy->group_count < 8);
        RULES("ingress 4 tcp set 20");
        assert_in_range(remote_in_force(), 1, 16); /* as many as there ever were at once */
}

/* ---- settings ---- */

static void settings_are_swapped(void **state)
{
        const struct dp_session_settings *before = dp_session_settings;
        struct wire_session_settings record;

        wire_init(&record, WIRE_SESSION_SETTINGS);
        record.id = 30;
        record.tcp_max_retrans = 1000;
        record.tcp_liberal = 1;
        record.pickup_s = 5;
        for (unsigned int i = 0; i < SOCLE_SESSION_STATE_COUNT; i++)
                record.timeout_ms[i] = 1000 + i;
        record.timeout_ms[SOCLE_SESSION_GENERIC] = UINT32_MAX;
        fixture_put(&record);
        assert_ptr_not_equal(dp_session_settings, before);
        assert_false(dp_session_settings->tcp.loose);
        assert_true(dp_session_settings->tcp.liberal);
        assert_int_equal(dp_session_settings->tcp.max_retrans, 255);
        assert_int_equal(dp_session_settings->pickup_ms, 5000);
        assert_int_equal(dp_session_settings->tcp.timeout_ms[SOCLE_SESSION_ICMP], 1000 + SOCLE_SESSION_ICMP);
        assert_int_equal(dp_session_settings->timeout_ms[SOCLE_SESSION_GENERIC], INT32_MAX);
        fixture_delete(&record);
        assert_ptr_equal(dp_session_settings, before);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(nothing_without_rules, clean),
                cmocka_unit_test_setup(direction_family_protocol, clean),
                cmocka_unit_test_setup(edges_of_port_ranges, clean),
                cmocka_unit_test_setup(icmp_type_and_code, clean),
                cmocka_unit_test_setup(remote_prefixes, clean),
                cmocka_unit_test_setup(remote_groups_and_address_groups, clean),
                cmocka_unit_test_setup(a_mapped_address_is_no_ipv4_member, clean),
                cmocka_unit_test_setup(several_say_that_an_address_is_a_member, clean),
                cmocka_unit_test_setup(several_groups_and_state, clean),
                cmocka_unit_test_setup(stateful_is_looked_for_everywhere, clean),
                cmocka_unit_test_setup(open_groups, clean),
                cmocka_unit_test_setup(a_port_is_secured_before_its_device_opens, clean),
                cmocka_unit_test_setup(addresses_of_a_port, clean),
                cmocka_unit_test_setup(what_changes_nothing_makes_no_generation, clean),
                cmocka_unit_test_setup(a_full_generation_of_the_same_is_nothing_new, clean),
                cmocka_unit_test_setup(what_did_not_change_is_shared, clean),
                cmocka_unit_test_setup(forwarding_changes_are_a_generation, clean),
                cmocka_unit_test_setup(who_is_unknown_is_said, clean),
                cmocka_unit_test_setup(a_failed_change_allows_nothing, clean),
                cmocka_unit_test_setup(an_index_is_not_inherited, clean),
                cmocka_unit_test_setup(what_is_gone_leaves_nothing, clean),
                cmocka_unit_test_setup(settings_are_swapped, clean),
        };

        fixture_init();
        return cmocka_run_group_tests(tests, NULL, fixture_clear);
}
