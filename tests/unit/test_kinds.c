/* What each kind asks for beyond its table, and what it claims for itself alone: one world, changed in one place at a
 * time, and the complaint that must come of it. */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "socle/cleanup.h"
#include "validate.h"

/* small_world and a peer. */
static const char peer[] =
        "[{'kind':'Peer','name':'q','spec':{'underlay':'u','vtep':'192.0.2.2','networks':[{'network':'n','hosts':["
        "{'mac_address':'fa:16:3e:00:00:02','ip_addresses':['10.0.0.2','fd00::2']}]}]}}]";

static int setup(void **state)
{
        fixture_setup(state);
        apply_ok(*state, small_world);
        apply_ok(*state, peer);
        return 0;
}

static void test_underlay(void **state)
{
#define UNDERLAY(rest) "{'device':{'af_packet':{'interface':'eth7'}}" rest "}"
        BAD({"Underlay", "x", "{}", "/spec/device", "device is missing"},
            {"Underlay", "x", UNDERLAY(",'vtep_ipv4':'192.0.2.0/24'"), "/spec/vtep_ipv4", "the subnet itself"},
            {"Underlay", "x", UNDERLAY(",'vtep_ipv4':'192.0.2.255/24'"), "/spec/vtep_ipv4", "broadcast"},
            {"Underlay", "x", UNDERLAY(",'vtep_ipv4':'192.0.2.1/0'"), "/spec/vtep_ipv4", "everything"},
            {"Underlay", "x", UNDERLAY(",'vtep_ipv6':'fd00::/64'"), "/spec/vtep_ipv6", "the subnet itself"},
            {"Underlay", "x", UNDERLAY(",'vtep_ipv4':'fd00::1/64'"), "/spec/vtep_ipv4", "other family"},
            {"Underlay", "x", UNDERLAY(",'gateway_ipv4':'192.0.2.254'"), "/spec/gateway_ipv4", "vtep_ipv4 beside it"},
            {"Underlay", "x", UNDERLAY(",'vtep_ipv4':'192.0.2.1/24','gateway_ipv4':'192.0.2.1'"), "/spec/gateway_ipv4",
             "own"},
            {"Underlay", "x", UNDERLAY(",'vtep_ipv4':'192.0.2.1/24','gateway_ipv4':'192.0.3.1'"), "/spec/gateway_ipv4",
             "subnet of 192.0.2.1/24"},
            {"Underlay", "x", UNDERLAY(",'vtep_ipv6':'fd00::1/64','gateway_ipv6':'fd01::1'"), "/spec/gateway_ipv6",
             "link"},
            {"Underlay", "x", UNDERLAY(",'vtep_ipv6':'fd00::1/64','mtu':1279"), "/spec/mtu", "1280"},
            {"Underlay", "x", UNDERLAY(",'mtu':575"), "/spec/mtu", "576 to 9702 bytes"},
            {"Underlay", "x", UNDERLAY(",'ttl':0"), "/spec/ttl", "1 to 255"},
            {"Underlay", "x", UNDERLAY(",'dscp':64"), "/spec/dscp", "one of: inherit, 0, 1 … 63"},
            {"Underlay", "x", UNDERLAY(",'rx_queues':17"), "/spec/rx_queues", "1 to 16"},
            {"Underlay", "x", UNDERLAY(",'workers':[0,64]"), "/spec/workers/1", "0 to 63"},
            {"Underlay", "x", UNDERLAY(",'workers':[3,4,3]"), "/spec/workers/2", "worker 3 is there twice"},
            {"Underlay", "x", "{'device':{'tap':{'name':'t','netns':'a/b'}}}", "/spec/device/tap/netns", "ip netns"},
            {"Underlay", "x", "{'device':{'af_xdp':{'interface':'eth1'}}}", "/spec/device/af_xdp/interface",
             "kernel interface eth1 belongs to Underlay u already (/spec/device/af_packet/interface)"});
        apply_ok(*state, "[{'kind':'Underlay','name':'x','spec':" UNDERLAY(
                                 ",'vtep_ipv6':'fd00::1/64',"
                                 "'gateway_ipv6':'fe80::1','dscp':10,'workers':[0,63],'mtu':9702") "}]");
        apply_ok(*state, "[{'kind':'Underlay','name':'y','spec':{'device':{'pci':{'address':'3b:00.1'}},"
                         "'vtep_ipv4':'192.0.2.1/32'}}]");
}

static void test_network(void **state)
{
        BAD({"Network", "x", "{'vni':5}", "/spec/underlay", "underlay is missing"},
            {"Network", "x", "{'underlay':'v','vni':5}", "/spec/underlay", "an object of kind Underlay"},
            {"Network", "x", "{'underlay':'u'}", "/spec/vni", "neither"},
            {"Network", "x", "{'underlay':'u','vni':5,'vlan':5}", "/spec/vlan", "exactly one of vni and vlan"},
            {"Network", "x", "{'underlay':'u','vni':0}", "/spec/vni", "1 to 16777215"},
            {"Network", "x", "{'underlay':'u','vni':16777216}", "/spec/vni", "1 to 16777215"},
            {"Network", "x", "{'underlay':'u','vlan':4095}", "/spec/vlan", "0 to 4094"},
            {"Network", "x", "{'underlay':'u','vni':100}", "/spec/vni", "VNI 100 on underlay u belongs to Network n"},
            {"Network", "x", "{'underlay':'u','vni':5,'mtu':1531}", "/spec/mtu", "at most 1530 bytes"},
            {"Network", "x", "{'underlay':'u','vlan':5,'mtu':1601}", "/spec/mtu", "at most 1600 bytes"},
            {"Network", "x", "{'underlay':'u','vlan':5,'learn_age':0}", "/spec/learn_age", "1 to 1000000 s"});
        apply_ok(*state, "[{'kind':'Network','name':'x','spec':{'underlay':'u','vni':16777215,'mtu':1530}},"
                         " {'kind':'Network','name':'y','spec':{'underlay':'u','vlan':0,'mtu':1600}},"
                         " {'kind':'Network','name':'z','spec':{'underlay':'u','vlan':4094}}]");
}

static void test_port(void **state)
{
#define PORT(mac, rest) "{'network':'n','mac_address':'fa:16:3e:00:00:" mac "'" rest "}"
#define TAP(name)       ",'attachment':{'tap':{'name':'" name "'}}"
        BAD({"Port", "x", PORT("09", ""), "/spec/attachment", "attachment is missing"},
            {"Port", "x", PORT("09", ",'attachment':{}"), "/spec/attachment",
             "exactly one of: vhost_user, tap, device"},
            {"Port", "x", PORT("09", ",'attachment':{'device':{}}"), "/spec/attachment/device", "exactly one of: pci"},
            {"Port", "x", PORT("01", TAP("t9")), "/spec/mac_address", "belongs to Port p already (/spec/mac_address)"},
            {"Port", "x", PORT("09", TAP("tap0")), "/spec/attachment/tap/name", "tap tap0 in the dataplane's"},
            {"Port", "x", PORT("09", TAP("t9") ",'fixed_ips':['10.0.0.9','10.0.0.1']"), "/spec/fixed_ips/1", "Port p"},
            {"Port", "x", PORT("09", TAP("t9") ",'fixed_ips':['fd00::9','FD00:0::9']"), "/spec/fixed_ips/1",
             "there twice"},
            {"Port", "x", PORT("09", TAP("t9") ",'mtu':1531"), "/spec/mtu", "at most 1530 bytes, the mtu of Network n"},
            {"Port", "x", PORT("09", TAP("t9") ",'workers':[1,1]"), "/spec/workers/1", "each worker once"},
            {"Port", "x", PORT("09", ",'attachment':{'device':{'af_packet':{'interface':'eth1'}}}"),
             "/spec/attachment/device/af_packet/interface", "Underlay u"},
            {"Port", "x", PORT("09", ",'attachment':{'vhost_user':{'socket':'/s','queues':17}}"),
             "/spec/attachment/vhost_user/queues", "1 to 16"},
            {"Port", "x", "{'network':'m','mac_address':'fa:16:3e:00:00:09'" TAP("t9") "}", "/spec/network",
             "there is no Network m"});
        /* The same tap in another namespace is another one; the same namespace has two spellings. */
        apply_ok(*state, "[{'kind':'Port','name':'x','spec':" PORT("0a", ",'attachment':{'tap':{'name':'tap0',"
                                                                         "'netns':'g1'}}") "}]");
        BAD({"Port", "y", PORT("09", ",'attachment':{'tap':{'name':'tap0','netns':'/var/run/netns/g1'}}"),
             "/spec/attachment/tap/name", "tap tap0 in network namespace /run/netns/g1 belongs to Port x"});
        apply_ok(*state,
                 "[{'kind':'Port','name':'y','spec':" PORT("09", ",'attachment':{'vhost_user':{'socket':'/s'}}") "}]");
        BAD({"Port", "z", PORT("0b", ",'attachment':{'vhost_user':{'socket':'/s','queues':2}}"),
             "/spec/attachment/vhost_user/socket", "vhost-user socket /s belongs to Port y"});
}

static void test_addresses_may_repeat_in_other_networks(void **state)
{
        apply_ok(*state, "[{'kind':'Network','name':'m','spec':{'underlay':'u','vni':101}},"
                         " {'kind':'Port','name':'x','spec':{'network':'m','mac_address':'fa:16:3e:00:00:01',"
                         "  'fixed_ips':['10.0.0.1'],'attachment':{'tap':{'name':'t9'}}}}]");
        /* A port may claim what a peer has: its guest is on the move. */
        apply_ok(*state, "[{'kind':'Port','name':'y','spec':{'network':'n','mac_address':'fa:16:3e:00:00:02',"
                         "  'fixed_ips':['10.0.0.2'],'attachment':{'tap':{'name':'t8'}}}}]");
}

static void test_peer(void **state)
{
        apply_ok(*state, "[{'kind':'Underlay','name':'v','spec':{'device':{'af_packet':{'interface':'eth2'}},"
                         "  'vtep_ipv4':'198.51.100.1/24'}},"
                         " {'kind':'Network','name':'vlan','spec':{'underlay':'u','vlan':7}},"
                         " {'kind':'Network','name':'other','spec':{'underlay':'v','vni':7}}]");
        BAD({"Peer", "x", "{'underlay':'u'}", "/spec/vtep", "vtep is missing"},
            {"Peer", "x", "{'underlay':'u','vtep':'192.0.2.1'}", "/spec/vtep", "this node's own"},
            {"Peer", "x", "{'underlay':'u','vtep':'192.0.2.2'}", "/spec/vtep",
             "peer VTEP 192.0.2.2 on underlay u belongs"},
            {"Peer", "x", "{'underlay':'u','vtep':'203.0.113.1'}", "/spec/vtep", "gateway_ipv4 of Underlay u"},
            {"Peer", "x", "{'underlay':'u','vtep':'fd00:3::2'}", "/spec/vtep", "gateway_ipv6 of Underlay u"},
            {"Peer", "x", "{'underlay':'v','vtep':'fd00::2'}", "/spec/vtep", "vtep_ipv6 of Underlay v"},
            {"Peer", "x", "{'underlay':'u','vtep':'192.0.2.3','networks':[{'network':'vlan'}]}",
             "/spec/networks/0/network", "is a VLAN"},
            {"Peer", "x", "{'underlay':'u','vtep':'192.0.2.3','networks':[{'network':'n'},{'network':'other'}]}",
             "/spec/networks/1/network", "Network other is on Underlay v"},
            {"Peer", "x", "{'underlay':'u','vtep':'192.0.2.3','networks':[{'network':'n'},{'network':'n'}]}",
             "/spec/networks/1/network", "there twice, see /spec/networks/0/network"},
            {"Peer", "x", "{'underlay':'u','vtep':'192.0.2.3','networks':[{'network':'n','hosts':[{}]}]}",
             "/spec/networks/0/hosts/0/mac_address", "missing"},
            {"Peer", "x",
             "{'underlay':'u','vtep':'192.0.2.3','networks':[{'network':'n','hosts':["
             "{'mac_address':'fa:16:3e:00:00:03'},{'mac_address':'FA:16:3E:00:00:03'}]}]}",
             "/spec/networks/0/hosts/1/mac_address", "see /spec/networks/0/hosts/0/mac_address"},
            {"Peer", "x",
             "{'underlay':'u','vtep':'192.0.2.3','networks':[{'network':'n','hosts':["
             "{'mac_address':'fa:16:3e:00:00:03','ip_addresses':['10.0.0.3','10.0.0.2']}]}]}",
             "/spec/networks/0/hosts/0/ip_addresses/1", "Peer q already (/spec/networks/0/hosts/0/ip_addresses/0)"});
        /* The same VTEP on another underlay, and the same hosts in another network, are others. */
        apply_ok(*state,
                 "[{'kind':'Peer','name':'x','spec':{'underlay':'v','vtep':'198.51.100.2','networks':["
                 "{'network':'other','hosts':[{'mac_address':'fa:16:3e:00:00:02','ip_addresses':['10.0.0.2']}]}]}}]");
}

/* What was right becomes wrong through a change elsewhere: the complaint is about the dependent, and names the cause.
 */
static void test_dependents_are_checked(void **state)
{
        struct errors errors;

        apply_ok(*state,
                 "[{'kind':'Network','name':'n','spec':{'underlay':'u','vni':100,'mtu':1400}},"
                 " {'kind':'Port','name':'p','spec':{'network':'n','mac_address':'fa:16:3e:00:00:01','mtu':1400,"
                 "  'attachment':{'tap':{'name':'tap0'}}}}]");
        apply_bad(*state, "[{'kind':'Network','name':'n','spec':{'underlay':'u','vni':100,'mtu':1399}}]", &errors);
        assert_only_complaint(&errors, -EINVAL, "Port", "p", "/spec/mtu", "with this change of Network n");
        apply_bad(*state,
                  "[{'kind':'Underlay','name':'u','spec':{'device':{'af_packet':{'interface':'eth1'}},"
                  "'vtep_ipv4':'192.0.2.1/24','mtu':1449}}]",
                  &errors);
        assert_only_complaint(&errors, -EINVAL, "Network", "n", "/spec/mtu", "with this change of Underlay u");
        /* The peer's family goes. */
        apply_bad(*state,
                  "[{'kind':'Underlay','name':'u','spec':{'device':{'af_packet':{'interface':'eth1'}},"
                  "'vtep_ipv6':'fd00:2::1/64','mtu':1600}}]",
                  &errors);
        assert_only_complaint(&errors, -EINVAL, "Peer", "q", "/spec/vtep", "with this change of Underlay u");
        /* Two steps away: the port's MTU hangs on the underlay's by way of a network that has none of its own. */
        apply_ok(*state, "[{'kind':'Network','name':'n','spec':{'underlay':'u','vni':100}}]");
        apply_bad(*state,
                  "[{'kind':'Underlay','name':'u','spec':{'device':{'af_packet':{'interface':'eth1'}},"
                  "'vtep_ipv4':'192.0.2.1/24','mtu':1449}}]",
                  &errors);
        assert_only_complaint(&errors, -EINVAL, "Port", "p", "/spec/mtu", "with this change of Underlay u");
        /* And all of it may change at once. */
        apply_ok(*state,
                 "[{'kind':'Underlay','name':'u','spec':{'device':{'af_packet':{'interface':'eth1'}},"
                 "  'vtep_ipv4':'192.0.2.1/24','mtu':1449}},"
                 " {'kind':'Port','name':'p','spec':{'network':'n','mac_address':'fa:16:3e:00:00:01','mtu':1399,"
                 "  'attachment':{'tap':{'name':'tap0'}}}}]");
}

static void test_defaults(void **state)
{
        static const char *const expected[][3] = {
                {"Underlay", "u",
                 "{'device':{'af_packet':{'interface':'eth1'}},'rx_queues':1,'workers':[],"
                 "'vtep_ipv4':'192.0.2.1/24','vtep_ipv6':'fd00:2::1/64','mtu':1600,'udp_port':4789,'ttl':64,"
                 "'dscp':'inherit'}"},
                {"Network", "n", "{'underlay':'u','vni':100,'flood':false,'learn_max':4096,'learn_age':300}"},
                {"Port", "p",
                 "{'network':'n','mac_address':'fa:16:3e:00:00:01','fixed_ips':['10.0.0.1'],"
                 "'admin_state_up':true,'attachment':{'tap':{'name':'tap0','queues':1}},'port_security':true,"
                 "'security_groups':[],'allowed_address_pairs':[],'session_limit':0,'session_rate_limit':0,"
                 "'workers':[]}"},
                {"Peer", "q",
                 "{'underlay':'u','vtep':'192.0.2.2','networks':[{'network':'n','flood':true,'hosts':["
                 "{'mac_address':'fa:16:3e:00:00:02','ip_addresses':['10.0.0.2','fd00::2']}]}]}"},
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < 4; i++) {
                cleanup_(json_decrefp) json_t *wanted = parse(expected[i][2]);
                cleanup_free char *text = json_dumps(wanted, JSON_COMPACT);
                cleanup_free char *spec =
                        json_dumps(model_find(f->model, expected[i][0], expected[i][1])->spec, JSON_COMPACT);
                assert_string_equal(spec, text);
        }
}

/* ---- the schema ---- */

/* Every field says what it is; every default is what the field itself would make of it. */
static void check_schema(const json_t *fields, const struct field *table)
{
        static const char *const keys[] = {"name", "type", "help", "expected"};

        for (size_t i = 0; table[i].name; i++) {
                const json_t *field = json_array_get(fields, i);

                for (size_t k = 0; k < 4; k++)
                        assert_true(json_string_length(json_object_get(field, keys[k])) > 0);
                assert_string_equal(json_string_value(json_object_get(field, "name")), table[i].name);
                assert_true(json_is_boolean(json_object_get(field, "required")));
                assert_true(json_is_boolean(json_object_get(field, "immutable")));
                if (table[i].type == FIELD_INT) {
                        assert_int_equal(json_integer_value(json_object_get(field, "min")), table[i].min);
                        assert_int_equal(json_integer_value(json_object_get(field, "max")), table[i].max);
                        assert_true(table[i].min <= table[i].max);
                }
                if (table[i].type == FIELD_REF) {
                        assert_non_null(kind_find(table[i].ref_kind));
                        assert_string_equal(json_string_value(json_object_get(field, "ref")), table[i].ref_kind);
                }
                if (table[i].fields)
                        check_schema(json_object_get(field, "fields"), table[i].fields);
                if (table[i].item)
                        assert_non_null(json_object_get(json_object_get(field, "item"), "type"));
                if (!table[i].fallback)
                        continue;

                const struct field single[] = {table[i], {}};
                const struct kind kind = {.name = "Test", .fields = single};
                cleanup_(json_decrefp) json_t *empty = json_object();
                cleanup_(json_decrefp) json_t *given = json_object();
                json_t *one = NULL, *two = NULL;
                struct errors errors = {0};
                json_object_set(given, table[i].name, json_object_get(field, "default"));
                assert_int_equal(validate_spec(&kind, empty, &one, &errors), 0);
                assert_int_equal(validate_spec(&kind, given, &two, &errors), 0);
                assert_true(json_equal(one, two));
                if (table[i].type != FIELD_OBJECT) /* {}: its members have their own */
                        assert_true(json_equal(json_object_get(one, table[i].name), json_object_get(field, "default")));
                json_decref(one);
                json_decref(two);
        }
        size_t count = 0;
        while (table[count].name)
                count++;
        assert_int_equal(json_array_size(fields), count);
}

static void test_schema(void **state)
{
        cleanup_(json_decrefp) json_t *all = kind_to_json(NULL);
        static const struct {
                const char *name, *area, *role;
        } kinds[] = {
                {"AddressGroup", "network", "operate"},
                {"BaremetalNode", "bare metal", "admin"},
                {"Guest", "host", "operate"},
                {"HostProfile", "host", "admin"},
                {"Network", "network", "operate"},
                {"Peer", "network", "operate"},
                {"Port", "network", "operate"},
                {"SecurityGroup", "network", "operate"},
                {"SessionSettings", "network", "admin"},
                {"SriovDevice", "host", "admin"},
                {"Underlay", "network", "admin"},
        };

        assert_int_equal(json_array_size(all), ARRAY_LEN(kinds));
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                const json_t *json = json_array_get(all, i);
                const struct kind *kind = kind_find(kinds[i].name);

                assert_string_equal(json_string_value(json_object_get(json, "kind")), kinds[i].name);
                assert_string_equal(json_string_value(json_object_get(json, "area")), kinds[i].area);
                assert_string_equal(json_string_value(json_object_get(json, "write_role")), kinds[i].role);
                assert_true(json_string_length(json_object_get(json, "help")) > 20);
                check_schema(json_object_get(json, "fields"), kind->fields);
                cleanup_(json_decrefp) json_t *single = kind_to_json(kind);
                assert_true(json_equal(json, single));
        }
        assert_null(kind_find("port"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_underlay, setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_network, setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_port, setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_addresses_may_repeat_in_other_networks, setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_peer, setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_dependents_are_checked, setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_defaults, setup, fixture_teardown),
                cmocka_unit_test(test_schema),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
