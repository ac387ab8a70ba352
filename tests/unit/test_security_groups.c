/* Security groups, address groups, port security and session settings: what is refused and where, what they become on
 * the wire, and how references between them hold. */
#include "gather.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "socle/cleanup.h"

static int setup(void **state)
{
        fixture_setup(state);
        apply_ok(*state, small_world);
        return 0;
}

/* ---- what is refused ---- */

static void test_rules(void **state)
{
#define RULE(rest) "{'rules':[{'direction':'egress'},{'direction':'ingress'," rest "}]}"
        apply_ok(*state, "[{'kind':'SecurityGroup','name':'g','spec':{}},"
                         " {'kind':'AddressGroup','name':'a','spec':{}}]");
        BAD({"SecurityGroup", "x", "{'rules':[{}]}", "/spec/rules/0/direction", "direction is missing"},
            {"SecurityGroup", "x", "{'rules':[{'direction':'in'}]}", "/spec/rules/0/direction",
             "one of: ingress, egress"},
            {"SecurityGroup", "x", RULE("'ethertype':'ipv4'"), "/spec/rules/1/ethertype", "one of: IPv4, IPv6"},
            {"SecurityGroup", "x", RULE("'protocol':'tpc'"), "/spec/rules/1/protocol", "the name of an IP protocol"},
            /* ranges */
            {"SecurityGroup", "x", RULE("'port_range_min':1,'port_range_max':2"), "/spec/rules/1/port_range_min",
             "the protocol is any, which has no ports"},
            {"SecurityGroup", "x", RULE("'protocol':'gre','port_range_max':2"), "/spec/rules/1/port_range_max",
             "the protocol is gre, which has no ports"},
            {"SecurityGroup", "x", RULE("'protocol':'tcp','port_range_min':80"), "/spec/rules/1/port_range_max",
             "port_range_min comes without port_range_max"},
            {"SecurityGroup", "x", RULE("'protocol':'udp','port_range_max':80"), "/spec/rules/1/port_range_min",
             "port_range_max comes without port_range_min"},
            {"SecurityGroup", "x", RULE("'protocol':'sctp','port_range_min':81,'port_range_max':80"),
             "/spec/rules/1/port_range_min", "port_range_min is 81, above port_range_max 80"},
            {"SecurityGroup", "x", RULE("'protocol':17,'port_range_min':0,'port_range_max':80"),
             "/spec/rules/1/port_range_min", "a port from 1 to 65535"},
            {"SecurityGroup", "x", RULE("'protocol':'tcp','port_range_min':1,'port_range_max':65536"),
             "/spec/rules/1/port_range_max", "0 to 65535"},
            /* ICMP */
            {"SecurityGroup", "x", RULE("'protocol':'icmp','port_range_max':0"), "/spec/rules/1/port_range_min",
             "the ICMP type, of which port_range_max is the code"},
            {"SecurityGroup", "x", RULE("'protocol':'icmp','port_range_min':256"), "/spec/rules/1/port_range_min",
             "an ICMP type from 0 to 255"},
            {"SecurityGroup", "x",
             RULE("'protocol':'icmpv6','ethertype':'IPv6','port_range_min':1,'port_range_max':256"),
             "/spec/rules/1/port_range_max", "an ICMP code from 0 to 255"},
            /* families */
            {"SecurityGroup", "x", RULE("'protocol':'ipv6-icmp'"), "/spec/rules/1/protocol", "icmp, or ethertype IPv6"},
            {"SecurityGroup", "x", RULE("'protocol':44"), "/spec/rules/1/protocol", "the protocol is ipv6-frag"},
            {"SecurityGroup", "x", RULE("'remote_ip_prefix':'fd00::/8'"), "/spec/rules/1/remote_ip_prefix",
             "an IPv4 prefix, or ethertype IPv6"},
            {"SecurityGroup", "x", RULE("'ethertype':'IPv6','remote_ip_prefix':'10.0.0.0/8'"),
             "/spec/rules/1/remote_ip_prefix", "10.0.0.0/8 is of the other family than ethertype IPv6"},
            /* remotes */
            {"SecurityGroup", "x", RULE("'remote_ip_prefix':'10.0.0.0/8','remote_group':'g'"),
             "/spec/rules/1/remote_group", "there is a remote_ip_prefix already"},
            {"SecurityGroup", "x", RULE("'remote_group':'g','remote_address_group':'a'"),
             "/spec/rules/1/remote_address_group", "there is a remote_group already"},
            {"SecurityGroup", "x", RULE("'remote_group':'a'"), "/spec/rules/1/remote_group",
             "there is no SecurityGroup a"},
            {"SecurityGroup", "x", RULE("'remote_address_group':'g'"), "/spec/rules/1/remote_address_group",
             "there is no AddressGroup g"});
        apply_ok(*state, "[{'kind':'SecurityGroup','name':'x','spec':{'stateful':false,'description':'','rules':["
                         "{'direction':'ingress','ethertype':'IPv6','protocol':'icmp','port_range_min':0},"
                         "{'direction':'ingress','protocol':'ipv6-encap'},"
                         "{'direction':'ingress','protocol':'udplite','port_range_min':65535,'port_range_max':65535}"
                         "]}}]");
}

static void test_all_rules_are_complained_about_at_once(void **state)
{
        struct errors errors;

        apply_bad(*state,
                  "[{'kind':'SecurityGroup','name':'x','spec':{'rules':["
                  "{'direction':'ingress','port_range_min':1,'port_range_max':1,'remote_ip_prefix':'::/0'},"
                  "{'direction':'ingress','protocol':'icmpv6','port_range_min':256}]}}]",
                  &errors);
        assert_int_equal(errors.count, 4);
        assert_complaint(&errors, "SecurityGroup", "x", "/spec/rules/0/port_range_min", "any");
        assert_complaint(&errors, "SecurityGroup", "x", "/spec/rules/0/remote_ip_prefix", "other family");
        assert_complaint(&errors, "SecurityGroup", "x", "/spec/rules/1/port_range_min", "ICMP type");
        assert_complaint(&errors, "SecurityGroup", "x", "/spec/rules/1/protocol", "IPv6");
}

static void test_port_security(void **state)
{
#define PORT(rest) "{'network':'n','mac_address':'fa:16:3e:00:00:09','attachment':{'tap':{'name':'t9'}}," rest "}"
        apply_ok(*state, "[{'kind':'SecurityGroup','name':'g','spec':{}}]");
        BAD({"Port", "x", PORT("'port_security':false,'security_groups':['g']"), "/spec/security_groups",
             "security_groups without port_security would do nothing"},
            {"Port", "x", PORT("'port_security':false,'allowed_address_pairs':[{'ip_address':'10.0.0.7'}]"),
             "/spec/allowed_address_pairs", "port_security true"},
            {"Port", "x", PORT("'security_groups':['g','g']"), "/spec/security_groups/1",
             "SecurityGroup g is there twice"},
            {"Port", "x", PORT("'security_groups':['h']"), "/spec/security_groups/0", "there is no SecurityGroup h"},
            {"Port", "x", PORT("'allowed_address_pairs':[{}]"), "/spec/allowed_address_pairs/0/ip_address", "missing"},
            {"Port", "x",
             PORT("'allowed_address_pairs':[{'ip_address':'10.0.0.0/24'},{'ip_address':'10.0.0.9/24',"
                  "'mac_address':'FA:16:3E:00:00:09'}]"),
             "/spec/allowed_address_pairs/1", "10.0.0.0/24 with fa:16:3e:00:00:09 is there twice"},
            {"Port", "x", PORT("'session_limit':-1"), "/spec/session_limit", "0 to 1000000000"},
            {"Port", "x", PORT("'session_rate_limit':1.5"), "/spec/session_rate_limit", "an integer"});
        apply_ok(*state, "[{'kind':'Port','name':'x','spec':" PORT("'port_security':false,'security_groups':[]") "}]");
        apply_ok(*state, "[{'kind':'Port','name':'x','spec':" PORT(
                                 "'allowed_address_pairs':[{'ip_address':'10.0.0.0/24'},{'ip_address':'10.0.0.0/24',"
                                 "'mac_address':'00:00:5e:00:01:01'}]") "}]");
}

static void test_address_groups(void **state)
{
        BAD({"AddressGroup", "x", "{'addresses':['10.0.0.0/33']}", "/spec/addresses/0", "an IP prefix"},
            {"AddressGroup", "x", "{'addresses':['10.0.0.1','10.0.0.1/32']}", "/spec/addresses/1",
             "10.0.0.1/32 in address group x is there twice, see /spec/addresses/0"});
        /* The same in two groups is fine. */
        apply_ok(*state, "[{'kind':'AddressGroup','name':'x','spec':{'addresses':['10.0.0.1']}},"
                         " {'kind':'AddressGroup','name':'y','spec':{'addresses':['10.0.0.1','::/0']}}]");
}

static void test_session_settings(void **state)
{
        BAD({"SessionSettings", "s", "{'timeouts':{'udp':0}}", "/spec/timeouts/udp", "1 to 2147483 s"},
            {"SessionSettings", "s", "{'timeouts':{'tcp_established':4294968}}", "/spec/timeouts/tcp_established",
             "2147483 s"},
            {"SessionSettings", "s", "{'timeouts':{'tcp_estblished':1}}", "/spec/timeouts/tcp_estblished",
             "did you mean tcp_established?"},
            {"SessionSettings", "s", "{'tcp_max_retrans':256}", "/spec/tcp_max_retrans", "0 to 255"},
            {"SessionSettings", "s", "{'pickup':-1}", "/spec/pickup", "0 to 86400 s"});
        apply_ok(*state, "[{'kind':'SessionSettings','name':'s','spec':{}}]");
        BAD({"SessionSettings", "t", "{}", "/spec",
             "session tracking of this node belongs to SessionSettings s already"});
        /* One may take the place of the other. */
        struct apply how = APPLY_DEFAULT;
        struct errors errors = {0};
        how.replace = true;
        assert_int_equal(apply_json(*state, parse("[{'kind':'SessionSettings','name':'t'}]"), how, &errors), 0);
}

/* ---- references ---- */

static void test_references(void **state)
{
        struct fixture *f = *state;
        struct errors errors = {0};

        /* A group that speaks of itself, and two that speak of each other, all at once. */
        apply_ok(f, "[{'kind':'Port','name':'p','spec':{'network':'n','mac_address':'fa:16:3e:00:00:01',"
                    "  'attachment':{'tap':{'name':'tap0'}},'security_groups':['web']}},"
                    " {'kind':'SecurityGroup','name':'web','spec':{'rules':["
                    "  {'direction':'ingress','remote_group':'web'},{'direction':'egress','remote_group':'db'}]}},"
                    " {'kind':'SecurityGroup','name':'db','spec':{'rules':["
                    "  {'direction':'ingress','remote_group':'web'},"
                    "  {'direction':'egress','remote_address_group':'dns'}]}},"
                    " {'kind':'AddressGroup','name':'dns','spec':{'addresses':['10.0.0.53']}}]");
        fixture_restart(f);
        assert_int_equal(delete_json(f, "[{'kind':'AddressGroup','name':'dns'}]", false, -1, ROLE_OPERATE, &errors),
                         -EBUSY);
        assert_only_complaint(&errors, -EBUSY, "AddressGroup", "dns", "", "in use by SecurityGroup db");
        errors = (struct errors){0};
        assert_int_equal(delete_json(f, "[{'kind':'SecurityGroup','name':'db'}]", false, -1, ROLE_OPERATE, &errors),
                         -EBUSY);
        assert_only_complaint(&errors, -EBUSY, "SecurityGroup", "db", "", "in use by SecurityGroup web");
        errors = (struct errors){0};
        assert_int_equal(delete_json(f, "[{'kind':'SecurityGroup','name':'web'},{'kind':'SecurityGroup','name':'db'}]",
                                     false, -1, ROLE_OPERATE, &errors),
                         -EBUSY);
        assert_int_equal(errors.count, 2);
        assert_complaint(&errors, "SecurityGroup", "web", "", "in use by Port p");
        assert_complaint(&errors, "SecurityGroup", "db", "", "in use by SecurityGroup web"); /* which stays */
        delete_ok(f, "[{'kind':'SecurityGroup','name':'web'},{'kind':'SecurityGroup','name':'db'},"
                     " {'kind':'AddressGroup','name':'dns'},{'kind':'Port','name':'p'}]");
}

static void test_group_of_a_remote_host_is_in_use(void **state)
{
        struct fixture *f = *state;
        struct errors errors = {0};

        apply_ok(f, "[{'kind':'SecurityGroup','name':'g','spec':{}},"
                    " {'kind':'Peer','name':'q','spec':{'underlay':'u','vtep':'192.0.2.2','networks':[{'network':'n',"
                    "  'hosts':[{'mac_address':'fa:16:3e:00:00:02','security_groups':['g']}]}]}}]");
        assert_int_equal(delete_json(f, "[{'kind':'SecurityGroup','name':'g'}]", false, -1, ROLE_OPERATE, &errors),
                         -EBUSY);
        assert_only_complaint(&errors, -EBUSY, "SecurityGroup", "g", "", "in use by Peer q");
        BAD({"Peer", "q",
             "{'underlay':'u','vtep':'192.0.2.2','networks':[{'network':'n','hosts':["
             "{'mac_address':'fa:16:3e:00:00:02','security_groups':['h']}]}]}",
             "/spec/networks/0/hosts/0/security_groups/0", "there is no SecurityGroup h"});
}

/* ---- on the wire ---- */

struct rule {
        const char *json; /* behind its direction */
        struct wire_rule expected;
};

static void check_rules(struct fixture *f, const struct rule *rules, size_t count)
{
        cleanup_(json_decrefp) json_t *objects = parse("[{'kind':'SecurityGroup','name':'g','spec':{'rules':[]}}]");
        json_t *list = json_object_get(json_object_get(json_array_get(objects, 0), "spec"), "rules");
        cleanup_free char *text = NULL;
        struct gather gather;

        for (size_t i = 0; i < count; i++)
                json_array_append_new(
                        list, parse_format("{'direction':'%s'%s}", i % 2 ? "egress" : "ingress", rules[i].json));
        text = json_dumps(objects, JSON_COMPACT);
        apply_ok(f, text);
        gather_object(f, "SecurityGroup", "g", &gather);
        assert_int_equal(gather.count, 1 + count);
        for (size_t i = 0; i < count; i++) {
                struct wire_rule expected;

                wire_init(&expected, WIRE_RULE);
                memcpy((char *)&expected + sizeof(expected.header),
                       (const char *)&rules[i].expected + sizeof(expected.header),
                       sizeof(expected) - sizeof(expected.header));
                expected.group = id_of(f, "SecurityGroup", "g");
                expected.number = i;
                expected.direction = i % 2 ? WIRE_EGRESS : WIRE_INGRESS;
                assert_record(&gather, 1 + i, &expected);
        }
}

static void test_rules_on_the_wire(void **state)
{
        struct fixture *f = *state;

        apply_ok(f, "[{'kind':'SecurityGroup','name':'h','spec':{}},{'kind':'AddressGroup','name':'a','spec':{}}]");
        uint32_t h = id_of(f, "SecurityGroup", "h"), a = id_of(f, "AddressGroup", "a");
        const struct rule rules[] = {
                {"", {.family = 4, .protocol = WIRE_PROTOCOL_ANY, .last = 65535}},
                {",'ethertype':'IPv6'", {.family = 6, .protocol = WIRE_PROTOCOL_ANY, .last = 65535}},
                {",'protocol':'tcp'", {.family = 4, .protocol = IPPROTO_TCP, .last = 65535}},
                {",'protocol':'udp','port_range_min':53,'port_range_max':53",
                 {.family = 4, .protocol = IPPROTO_UDP, .first = 53, .last = 53}},
                {",'protocol':132,'port_range_min':1,'port_range_max':65535",
                 {.family = 4, .protocol = IPPROTO_SCTP, .first = 1, .last = 65535}},
                {",'protocol':253", {.family = 4, .protocol = 253, .last = 65535}},
                {",'protocol':0,'ethertype':'IPv6'", {.family = 6, .protocol = 0, .last = 65535}},
                {",'protocol':'icmp'", {.family = 4, .protocol = IPPROTO_ICMP, .last = 65535}},
                {",'protocol':'icmp','port_range_min':0",
                 {.family = 4, .protocol = IPPROTO_ICMP, .first = 0, .last = 255}},
                {",'protocol':'icmp','port_range_min':3,'port_range_max':4",
                 {.family = 4, .protocol = IPPROTO_ICMP, .first = 3 << 8 | 4, .last = 3 << 8 | 4}},
                {",'protocol':'icmpv6','ethertype':'IPv6','port_range_min':128",
                 {.family = 6, .protocol = IPPROTO_ICMPV6, .first = 128 << 8, .last = 128 << 8 | 255}},
                {",'protocol':'icmp','ethertype':'IPv6','port_range_min':255,'port_range_max':255",
                 {.family = 6, .protocol = IPPROTO_ICMPV6, .first = 65535, .last = 65535}},
                {",'remote_ip_prefix':'0.0.0.0/0'", {.family = 4, .protocol = WIRE_PROTOCOL_ANY, .last = 65535}},
                {",'ethertype':'IPv6','remote_ip_prefix':'::/0'",
                 {.family = 6, .protocol = WIRE_PROTOCOL_ANY, .last = 65535}},
                {",'remote_ip_prefix':'10.1.2.3/8'",
                 {.family = 4,
                  .protocol = WIRE_PROTOCOL_ANY,
                  .last = 65535,
                  .remote = WIRE_REMOTE_CIDR,
                  .prefix = 104,
                  .ip = {[10] = 0xff, 0xff, 10}}},
                {",'ethertype':'IPv6','remote_ip_prefix':'fd00::1'",
                 {.family = 6,
                  .protocol = WIRE_PROTOCOL_ANY,
                  .last = 65535,
                  .remote = WIRE_REMOTE_CIDR,
                  .prefix = 128,
                  .ip = {0xfd, [15] = 1}}},
                {",'remote_group':'h'",
                 {.family = 4,
                  .protocol = WIRE_PROTOCOL_ANY,
                  .last = 65535,
                  .remote = WIRE_REMOTE_SET,
                  .remote_set = h}},
                {",'remote_address_group':'a'",
                 {.family = 4,
                  .protocol = WIRE_PROTOCOL_ANY,
                  .last = 65535,
                  .remote = WIRE_REMOTE_SET,
                  .remote_set = a}},
        };
        check_rules(f, rules, ARRAY_LEN(rules));
}

static void test_groups_on_the_wire(void **state)
{
        struct fixture *f = *state;
        struct gather gather;
        struct wire_security_group group;
        struct wire_address_group addresses;
        struct wire_member member;

        apply_ok(f, "[{'kind':'SecurityGroup','name':'g','spec':{'stateful':false}},"
                    " {'kind':'SecurityGroup','name':'h','spec':{}},"
                    " {'kind':'AddressGroup','name':'a','spec':{'addresses':['10.0.0.0/8','0.0.0.0/0','fd00::1',"
                    "  '::/0']}}]");
        wire_init(&group, WIRE_SECURITY_GROUP);
        group.id = id_of(f, "SecurityGroup", "g");
        snprintf(group.name, sizeof(group.name), "g");
        gather_object(f, "SecurityGroup", "g", &gather);
        assert_record(&gather, 0, &group);
        group.id = id_of(f, "SecurityGroup", "h");
        group.stateful = 1;
        snprintf(group.name, sizeof(group.name), "h");
        gather_object(f, "SecurityGroup", "h", &gather);
        assert_record(&gather, 0, &group);

        wire_init(&addresses, WIRE_ADDRESS_GROUP);
        addresses.id = id_of(f, "AddressGroup", "a");
        snprintf(addresses.name, sizeof(addresses.name), "a");
        gather_object(f, "AddressGroup", "a", &gather);
        assert_record(&gather, 0, &addresses);
        /* A member has at least one bit: all of IPv6 is its two halves. */
        static const struct {
                const char *ip;
                uint32_t prefix;
        } members[] = {{"10.0.0.0", 104}, {"0.0.0.0", 96}, {"fd00::1", 128}, {"::", 1}, {"8000::", 1}};
        assert_int_equal(gather.count, 1 + ARRAY_LEN(members));
        for (size_t i = 0; i < ARRAY_LEN(members); i++) {
                wire_init(&member, WIRE_MEMBER);
                member.set = member.owner = addresses.id;
                wire_ip(members[i].ip, member.ip);
                member.prefix = members[i].prefix;
                assert_record(&gather, 1 + i, &member);
        }
}

/* Records `index` on are these members of two groups, each behind the record that the port is in the group. */
static void assert_members(struct fixture *f, const struct gather *gather, size_t index)
{
        static const char *const names[] = {"g", "h"}, *const ips[] = {"10.0.0.1", "fd00::1", "10.9.0.0"};
        static const uint32_t prefixes[] = {128, 128, 112};

        for (size_t g = 0; g < 2; g++) {
                struct wire_port_group in;
                struct wire_member member;

                wire_init(&in, WIRE_PORT_GROUP);
                in.port = id_of(f, "Port", "x");
                in.group = id_of(f, "SecurityGroup", names[g]);
                assert_record(gather, index++, &in);
                for (size_t i = 0; i < 3; i++) {
                        wire_init(&member, WIRE_MEMBER);
                        member.set = in.group;
                        member.owner = in.port;
                        wire_ip(ips[i], member.ip);
                        member.prefix = prefixes[i];
                        assert_record(gather, index++, &member);
                }
        }
        assert_int_equal(gather->count, index);
}

/* An address with two MACs is allowed twice, and is one member. */
static void test_port_security_on_the_wire(void **state)
{
        static const uint8_t own[6] = {0xfa, 0x16, 0x3e, 0, 0, 9}, vrrp[6] = {0, 0, 0x5e, 0, 1, 7};
        static const struct {
                const char *ip;
                uint16_t prefix;
                const uint8_t *mac;
        } allowed[] = {{"10.0.0.1", 128, own}, {"fd00::1", 128, own}, {"10.9.0.0", 112, own}, {"10.0.0.1", 128, vrrp}};
        struct fixture *f = *state;
        struct gather gather;

        apply_ok(f, "[{'kind':'SecurityGroup','name':'g','spec':{}},{'kind':'SecurityGroup','name':'h','spec':{}},"
                    " {'kind':'Network','name':'m','spec':{'underlay':'u','vni':101}},"
                    " {'kind':'Port','name':'x','spec':{'network':'m','mac_address':'fa:16:3e:00:00:09',"
                    "  'fixed_ips':['10.0.0.1','fd00::1'],'attachment':{'tap':{'name':'t9'}},"
                    "  'security_groups':['g','h'],'session_limit':7,'session_rate_limit':8,"
                    "  'allowed_address_pairs':[{'ip_address':'10.9.8.7/16'},{'ip_address':'10.0.0.1'},"
                    "   {'ip_address':'10.0.0.1','mac_address':'00:00:5e:00:01:07'}]}}]");
        gather_object(f, "Port", "x", &gather);
        const struct wire_port *port = gathered(&gather, 0);
        assert_int_equal(port->port_security, 1);
        assert_int_equal(port->session_limit, 7);
        assert_int_equal(port->session_rate_limit, 8);
        for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
                struct wire_allowed expected;

                wire_init(&expected, WIRE_ALLOWED);
                expected.port = port->id;
                expected.prefix = allowed[i].prefix;
                memcpy(expected.mac, allowed[i].mac, 6);
                wire_ip(allowed[i].ip, expected.ip);
                assert_record(&gather, 3 + i, &expected);
        }
        assert_members(f, &gather, 3 + ARRAY_LEN(allowed));

        /* Without port security there is nothing of all this. */
        apply_ok(f, "[{'kind':'Port','name':'x','spec':{'network':'m','mac_address':'fa:16:3e:00:00:09',"
                    "'fixed_ips':['10.0.0.1','fd00::1'],'attachment':{'tap':{'name':'t9'}},'port_security':false}}]");
        gather_object(f, "Port", "x", &gather);
        assert_int_equal(gather.count, 3);
        assert_int_equal(((const struct wire_port *)gathered(&gather, 0))->port_security, 0);
}

static void test_remote_members_on_the_wire(void **state)
{
        static const char *const ips[] = {"10.0.0.2", "fd00::2", "10.7.0.0"};
        static const uint32_t prefixes[] = {128, 128, 112};
        struct fixture *f = *state;
        struct gather gather;

        apply_ok(f, "[{'kind':'SecurityGroup','name':'g','spec':{}},"
                    " {'kind':'Peer','name':'q','spec':{'underlay':'u','vtep':'192.0.2.2','networks':[{'network':'n',"
                    "  'flood':false,'hosts':[{'mac_address':'fa:16:3e:00:00:02','ip_addresses':['10.0.0.2',"
                    "  'fd00::2'],'allowed_address_pairs':[{'ip_address':'10.7.0.0/16'}],'security_groups':['g']},"
                    "  {'mac_address':'fa:16:3e:00:00:03','ip_addresses':['10.0.0.3']}]}]}}]");
        gather_object(f, "Peer", "q", &gather);
        assert_int_equal(gathered_of(&gather, WIRE_MEMBER), 3);
        assert_int_equal(gather.count, 1 + 3 + 3 + 2);
        for (size_t i = 0; i < 3; i++) {
                struct wire_member member;

                wire_init(&member, WIRE_MEMBER);
                member.set = id_of(f, "SecurityGroup", "g");
                member.owner = id_of(f, "Peer", "q");
                wire_ip(ips[i], member.ip);
                member.prefix = prefixes[i];
                assert_record(&gather, 4 + i, &member);
        }
}

static void test_session_settings_on_the_wire(void **state)
{
        struct fixture *f = *state;
        struct gather gather;
        struct wire_session_settings expected;

        apply_ok(f, "[{'kind':'SessionSettings','name':'s','spec':{}}]");
        wire_init(&expected, WIRE_SESSION_SETTINGS);
        expected.id = id_of(f, "SessionSettings", "s");
        expected.tcp_loose = 1;
        expected.tcp_max_retrans = 3;
        expected.pickup_s = 120;
        for (size_t i = 0; i < SOCLE_SESSION_STATE_COUNT; i++)
                expected.timeout_ms[i] = socle_session_state_info[i].timeout_s * 1000;
        gather_object(f, "SessionSettings", "s", &gather);
        assert_int_equal(gather.count, 1);
        assert_record(&gather, 0, &expected);

        apply_ok(f, "[{'kind':'SessionSettings','name':'s','spec':{'tcp_loose':false,'tcp_liberal':true,"
                    "'tcp_max_retrans':5,'pickup':0,'timeouts':{'udp':2147483,'sctp_heartbeat_sent':1}}}]");
        expected.tcp_loose = 0;
        expected.tcp_liberal = 1;
        expected.tcp_max_retrans = 5;
        expected.pickup_s = 0;
        expected.timeout_ms[SOCLE_SESSION_UDP] = 2147483000;
        expected.timeout_ms[SOCLE_SESSION_SCTP_HEARTBEAT_SENT] = 1000;
        gather_object(f, "SessionSettings", "s", &gather);
        assert_record(&gather, 0, &expected);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                T(test_rules),
                T(test_all_rules_are_complained_about_at_once),
                T(test_port_security),
                T(test_address_groups),
                T(test_session_settings),
                T(test_references),
                T(test_group_of_a_remote_host_is_in_use),
                T(test_rules_on_the_wire),
                T(test_groups_on_the_wire),
                T(test_port_security_on_the_wire),
                T(test_remote_members_on_the_wire),
                T(test_session_settings_on_the_wire),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
