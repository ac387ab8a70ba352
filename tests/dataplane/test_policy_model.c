/* Any sequence of changes against a model that keeps records and looks at every rule for every packet: what is in force
 * is what the records say, however they came to be there; and when all are gone nothing is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "control_fixture.h"
#include "policy_remotes.h"

#define GROUPS       6
#define SETS         (GROUPS + 3) /* then address groups */
#define RULES        12
#define OWNERS       3
#define PORTS        4
#define TRANSACTIONS 3000
#define SUBJECTS     40

static const char *const addresses[] = {
        "10.0.0.1",       "10.0.0.2",    "10.0.1.1",    "10.0.0.0/24", "10.0.0.0/16",
        "0.0.0.0/0",      "10.0.0.0/31", "128.0.0.0/1", "0.0.0.0/1",   "255.255.255.255",
        "255.255.0.0/16", "0.0.0.0",     "fd00::1",     "fd00::2",     "fd00::/64",
        "fd00::/16",      "::/0",        "fd00::/127",  "8000::/1",    "fd00:0:0:1::",
        "ffff::/16",      "::",          "fd00::2/128", "::/96",       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
};
static const char *const ends[] = {
        "10.0.0.0",
        "10.0.0.1",
        "10.0.0.2",
        "10.0.0.3",
        "10.0.1.1",
        "10.1.0.0",
        "11.0.0.0",
        "127.255.255.255",
        "128.0.0.0",
        "255.255.0.0",
        "255.255.255.255",
        "0.0.0.0",
        "fd00::",
        "fd00::1",
        "fd00::2",
        "fd00::3",
        "fd00:0:0:1::",
        "fd01::",
        "7fff::",
        "8000::",
        "::",
        "::1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
};
#define ADDRESSES RTE_DIM(addresses)

/* The records; type WIRE_NONE: not there. */
static struct {
        struct wire_security_group groups[GROUPS];
        struct wire_rule rules[GROUPS][RULES];
        struct wire_member members[SETS][OWNERS][ADDRESSES];
        struct wire_port ports[PORTS];
        struct wire_port_group port_groups[PORTS][GROUPS];
} model;

static uint32_t id_of_set(unsigned int set)
{
        return 100 + set;
}

static uint32_t id_of_port(unsigned int port)
{
        return 1 + port;
}

static unsigned int pick(unsigned int n)
{
        return rand() % n;
}

/* ---- changes ---- */

#define IS_THERE(record) ((record).header.type != WIRE_NONE)

#define SET(place, make)                                                                                               \
        do {                                                                                                           \
                (place) = (make);                                                                                      \
                fixture_put(&(place));                                                                                 \
        } while (0)

#define CLEAR(place)                                                                                                   \
        do {                                                                                                           \
                if (IS_THERE(place))                                                                                   \
                        fixture_delete(&(place));                                                                      \
                (place).header.type = WIRE_NONE;                                                                       \
        } while (0)

static struct wire_rule random_rule(unsigned int group, unsigned int number)
{
        static const char *const directions[] = {"ingress", "egress"};
        static const char *const protocols[] = {"any", "tcp", "udp", "icmp", "47"};
        char text[128];
        unsigned int protocol = pick(RTE_DIM(protocols)), family = pick(2) ? 4 : 6;
        int used = snprintf(text, sizeof(text), "%s %u %s", directions[pick(2)], family, protocols[protocol]);

        if ((protocol == 1 || protocol == 2) && pick(4)) {
                unsigned int first = pick(8);
                used += snprintf(text + used, sizeof(text) - used, " %u-%u", first, first + pick(4));
        } else if (protocol == 3 && pick(4)) {
                used += snprintf(text + used, sizeof(text) - used, pick(2) ? " %u" : " %u.1", pick(3));
        }
        unsigned int remote = pick(3), address = pick(ADDRESSES);
        if (remote == 1)
                snprintf(text + used, sizeof(text) - used, " set %u", id_of_set(pick(SETS)));
        else if (remote == 2 && !strchr(addresses[address], ':') == (family == 4))
                snprintf(text + used, sizeof(text) - used, " from %s", addresses[address]);
        return fixture_rule(id_of_set(group), number, text);
}

static void put_group(unsigned int group)
{
        SET(model.groups[group], fixture_group(id_of_set(group), pick(2)));
}

static void put_port(unsigned int port)
{
        SET(model.ports[port], fixture_port(id_of_port(port), true));
}

/* A port goes with all that speaks of it, and comes back. */
static void replace_port(unsigned int port)
{
        for (unsigned int g = 0; g < GROUPS; g++)
                CLEAR(model.port_groups[port][g]);
        CLEAR(model.ports[port]);
        if (pick(4))
                put_port(port);
}

/* As its own record and those of its rules: those that name it as a remote stay and get it back. */
static void replace_rules(unsigned int group)
{
        for (unsigned int n = 0; n < RULES; n++)
                CLEAR(model.rules[group][n]);
        for (unsigned int n = pick(RULES); n > 0; n--)
                SET(model.rules[group][n], random_rule(group, n));
}

static void change_something(void)
{
        unsigned int g = pick(GROUPS), n = pick(RULES), s = pick(SETS), o = pick(OWNERS), a = pick(ADDRESSES),
                     p = pick(PORTS);

        switch (pick(12)) {
        case 0:
        case 1:
        case 2:
                SET(model.rules[g][n], random_rule(g, n));
                break;
        case 3:
                CLEAR(model.rules[g][n]);
                break;
        case 4:
        case 5:
        case 6:
                SET(model.members[s][o][a], fixture_member(id_of_set(s), 1 + o, addresses[a]));
                break;
        case 7:
                CLEAR(model.members[s][o][a]);
                break;
        case 8:
                if (IS_THERE(model.ports[p]))
                        SET(model.port_groups[p][g], fixture_port_group(id_of_port(p), id_of_set(g)));
                break;
        case 9:
                CLEAR(model.port_groups[p][g]);
                break;
        case 10:
                put_group(g);
                break;
        default:
                if (pick(4))
                        replace_rules(g);
                else if (IS_THERE(model.ports[p]))
                        replace_port(p);
                else
                        put_port(p);
        }
}

/* ---- what the records say ---- */

static bool contains(const uint8_t prefix[16], unsigned int bits, const uint8_t ip[16])
{
        if (wire_ip_is_v4(prefix) && bits >= 96 ? !wire_ip_is_v4(ip) : wire_ip_is_v4(ip))
                return false;
        for (unsigned int i = 0; i < bits; i++)
                if ((prefix[i / 8] ^ ip[i / 8]) & (0x80 >> i % 8))
                        return false;
        return true;
}

static bool names(const struct wire_rule *rule, const uint8_t ip[16])
{
        if (rule->remote == WIRE_REMOTE_ANY)
                return true;
        if (rule->remote == WIRE_REMOTE_CIDR)
                return contains(rule->ip, rule->prefix, ip);
        for (unsigned int o = 0; o < OWNERS; o++)
                for (unsigned int a = 0; a < ADDRESSES; a++) {
                        const struct wire_member *member = &model.members[rule->remote_set - id_of_set(0)][o][a];
                        if (IS_THERE(*member) && contains(member->ip, member->prefix, ip))
                                return true;
                }
        return false;
}

static bool allows(const struct wire_rule *rule, enum dp_direction direction, const struct dp_subject *subject)
{
        return IS_THERE(*rule) && (rule->direction == WIRE_INGRESS) == (direction == DP_INGRESS) &&
               (rule->family == 6) == subject->v6 &&
               (rule->protocol == WIRE_PROTOCOL_ANY || rule->protocol == subject->protocol) &&
               rule->first <= subject->port && subject->port <= rule->last && names(rule, subject->remote);
}

/* Which groups of the port allow it, a bit each. */
static unsigned int allowing(unsigned int port, enum dp_direction direction, const struct dp_subject *subject)
{
        unsigned int groups = 0;

        for (unsigned int g = 0; g < GROUPS; g++)
                for (unsigned int n = 0; n < RULES && IS_THERE(model.port_groups[port][g]); n++)
                        if (allows(&model.rules[g][n], direction, subject))
                                groups |= 1u << g;
        return groups;
}

static struct dp_subject random_subject(uint8_t ip[16])
{
        static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6, 47, 50};
        struct dp_subject subject = {.protocol = protocols[pick(RTE_DIM(protocols))], .port = pick(12), .remote = ip};

        fixture_address(ends[pick(RTE_DIM(ends))], ip);
        subject.v6 = !wire_ip_is_v4(ip);
        if (subject.protocol == IPPROTO_ICMP || subject.protocol == IPPROTO_ICMPV6)
                subject.port = pick(4) << 8 | pick(3);
        return subject;
}

static unsigned int count_allowed, count_stateless;

static void compare(void)
{
        uint8_t ip[16];
        struct dp_subject subject = random_subject(ip);
        enum dp_direction direction = pick(2);
        unsigned int port = pick(PORTS), stateful = 0;

        if (!IS_THERE(model.ports[port]))
                return;
        unsigned int groups = allowing(port, direction, &subject);
        for (unsigned int g = 0; g < GROUPS; g++)
                stateful |= (groups >> g & model.groups[g].stateful) << g;
        struct dp_verdict verdict = dp_policy_check(dp.policy, fixture_policy(id_of_port(port)), direction, &subject);
        assert_int_equal(verdict.allowed, groups != 0);
        assert_int_equal(verdict.stateful, stateful != 0);
        if (groups)
                assert_true((stateful ? stateful : groups) >> (verdict.group - id_of_set(0)) & 1);
        count_allowed += verdict.allowed;
        count_stateless += verdict.allowed && !verdict.stateful;
}

/* ---- the tests ---- */

static void declare_all(void)
{
        for (unsigned int g = 0; g < GROUPS; g++)
                put_group(g);
        for (unsigned int s = GROUPS; s < SETS; s++) {
                struct wire_address_group group = fixture_address_group(id_of_set(s));
                fixture_put(&group);
        }
        for (unsigned int p = 0; p < PORTS; p++)
                put_port(p);
}

/* Every record of the model, `put` or taken away. */
static void all_records(void (*act)(const void *record))
{
        for (unsigned int g = 0; g < GROUPS; g++) {
                if (IS_THERE(model.groups[g]))
                        act(&model.groups[g]);
                for (unsigned int n = 0; n < RULES; n++)
                        if (IS_THERE(model.rules[g][n]))
                                act(&model.rules[g][n]);
        }
        for (unsigned int s = 0; s < SETS; s++)
                for (unsigned int o = 0; o < OWNERS; o++)
                        for (unsigned int a = 0; a < ADDRESSES; a++)
                                if (IS_THERE(model.members[s][o][a]))
                                        act(&model.members[s][o][a]);
        for (unsigned int p = 0; p < PORTS; p++) {
                if (IS_THERE(model.ports[p]))
                        act(&model.ports[p]);
                for (unsigned int g = 0; g < GROUPS; g++)
                        if (IS_THERE(model.port_groups[p][g]))
                                act(&model.port_groups[p][g]);
        }
        for (unsigned int s = GROUPS; s < SETS; s++) {
                struct wire_address_group group = fixture_address_group(id_of_set(s));
                act(&group);
        }
}

static void any_changes(void **state)
{
        fixture_begin(false);
        declare_all();
        assert_int_equal(fixture_commit().failed, 0);
        for (unsigned int t = 0; t < TRANSACTIONS; t++) {
                /* A record comes twice in no generation of socled's; but here may: the last one counts, if it is put.
                 */
                for (unsigned int n = pick(3) ? 1 : pick(20); n > 0; n--)
                        change_something();
                for (unsigned int i = 0; i < SUBJECTS; i++)
                        compare();
        }
        assert_true(count_allowed > TRANSACTIONS && count_stateless > TRANSACTIONS / 10);
}

/* In one generation what came bit by bit: removals all before additions, and the same in the end. */
static void all_at_once(void **state)
{
        fixture_begin(false);
        all_records(fixture_delete);
        assert_int_equal(fixture_commit().failed, 0);
        for (uint32_t i = 0; i < dp.policy->group_count; i++)
                assert_null(dp.policy->groups[i]);
        for (unsigned int i = 0; i < DP_SHARDS; i++)
                assert_null(dp.policy->remotes->shards[i]);
        assert_null(dp.policy->remotes->prefixes[0]);
        assert_null(dp.policy->remotes->prefixes[1]);
        for (unsigned int i = 0; i < DP_PORT_MAX; i++)
                assert_null(dp.policy->ports[i]);

        fixture_begin(false);
        all_records(fixture_put);
        assert_int_equal(fixture_commit().failed, 0);
        for (unsigned int i = 0; i < 100 * SUBJECTS; i++)
                compare();
        uint32_t generation = dp.policy->generation;
        fixture_begin(false);
        all_records(fixture_put);
        assert_int_equal(fixture_commit().failed, 0);
        assert_int_equal(dp.policy->generation, generation);
}

/* Many changes in one generation, each place changed once. */
static void batches(void **state)
{
        for (unsigned int t = 0; t < 300; t++) {
                fixture_begin(false);
                for (unsigned int g = 0; g < GROUPS; g++) {
                        unsigned int n = pick(RULES);
                        if (pick(2))
                                SET(model.rules[g][n], random_rule(g, n));
                        else
                                CLEAR(model.rules[g][n]);
                }
                for (unsigned int s = 0; s < SETS; s++) {
                        unsigned int o = pick(OWNERS), a = pick(ADDRESSES);
                        if (pick(2))
                                SET(model.members[s][o][a], fixture_member(id_of_set(s), 1 + o, addresses[a]));
                        else
                                CLEAR(model.members[s][o][a]);
                }
                for (unsigned int p = 0; p < PORTS; p++) {
                        unsigned int g = pick(GROUPS);
                        if (pick(2) && IS_THERE(model.ports[p]))
                                SET(model.port_groups[p][g], fixture_port_group(id_of_port(p), id_of_set(g)));
                        else
                                CLEAR(model.port_groups[p][g]);
                }
                assert_int_equal(fixture_commit().failed, 0);
                for (unsigned int i = 0; i < SUBJECTS; i++)
                        compare();
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(any_changes),
                cmocka_unit_test(batches),
                cmocka_unit_test(all_at_once),
        };

        fixture_init();
        srand(1);
        return cmocka_run_group_tests(tests, NULL, fixture_clear);
}
