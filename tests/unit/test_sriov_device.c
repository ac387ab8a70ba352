/* SriovDevice: what its table and its check refuse, with place and remedy, and what no two of them may have. */
#include "support.h"

#include "socle/cleanup.h"

#define SPEC(numvfs, vfs) "{'device':{'address':'3b:00.0'},'numvfs':" #numvfs ",'vfs':[" vfs "]}"

static void test_numbers(void **state)
{
        BAD({"SriovDevice", "x", "{'device':{'address':'3b:00.0'}}", "/spec/numvfs", "numvfs is missing"},
            {"SriovDevice", "x", SPEC(-1, ""), "/spec/numvfs", "0 to 65535"},
            {"SriovDevice", "x", SPEC(65536, ""), "/spec/numvfs", "0 to 65535"},
            {"SriovDevice", "x", SPEC(4, "{'first':4}"), "/spec/vfs/0/first", "there is no VF 4 of 4"},
            {"SriovDevice", "x", SPEC(4, "{'first':0},{'first':2,'last':4}"), "/spec/vfs/1/last", "at most 3"},
            {"SriovDevice", "x", SPEC(4, "{'first':2,'last':1}"), "/spec/vfs/0/last", "at least 2, which is first"},
            {"SriovDevice", "x", SPEC(0, "{'first':0}"), "/spec/vfs/0/first", "numvfs of at least 1"},
            {"SriovDevice", "x", SPEC(4, "{'last':1}"), "/spec/vfs/0/first", "first is missing"});
}

static void test_values(void **state)
{
        BAD({"SriovDevice", "x", SPEC(4, "{'first':0,'vlan':4095}"), "/spec/vfs/0/vlan", "0 to 4094"},
            {"SriovDevice", "x", SPEC(4, "{'first':0,'vlan':4096}"), "/spec/vfs/0/vlan", "0 to 4094"},
            {"SriovDevice", "x", SPEC(4, "{'first':0,'vlan':1,'qos':8}"), "/spec/vfs/0/qos", "0 to 7"},
            {"SriovDevice", "x", SPEC(4, "{'first':0,'qos':1}"), "/spec/vfs/0/qos", "vlan beside it"},
            {"SriovDevice", "x", SPEC(4, "{'first':0,'vlan_protocol':'802.1ad'}"), "/spec/vfs/0/vlan_protocol",
             "without a vlan"},
            {"SriovDevice", "x", SPEC(4, "{'first':0,'vlan':1,'vlan_protocol':'QinQ'}"), "/spec/vfs/0/vlan_protocol",
             "802.1Q, 802.1ad"},
            {"SriovDevice", "x", SPEC(4, "{'first':0,'mac_address':'01:00:5e:00:00:01'}"), "/spec/vfs/0/mac_address",
             "unicast"},
            {"SriovDevice", "x", SPEC(4, "{'first':0,'last':1,'mac_address':'fa:16:3e:00:00:01'}"),
             "/spec/vfs/0/mac_address", "one MAC address for several VFs"},
            {"SriovDevice", "x",
             SPEC(4, "{'first':0,'mac_address':'fa:16:3e:00:00:01'},{'first':1,'mac_address':'FA-16-3E-00-00-01'}"),
             "/spec/vfs/1/mac_address", "fa:16:3e:00:00:01 is the MAC address of VF 0 already"},
            {"SriovDevice", "x", SPEC(4, "{'first':0,'min_tx_rate':101,'max_tx_rate':100}"), "/spec/vfs/0/min_tx_rate",
             "at most 100 Mbit/s, which is max_tx_rate"},
            {"SriovDevice", "x", SPEC(4, "{'first':0,'link_state':'up'}"), "/spec/vfs/0/link_state",
             "auto, enable, disable"},
            {"SriovDevice", "x", SPEC(4, "{'first':0,'driver':'igbvf'}"), "/spec/vfs/0/driver", "kernel, vfio-pci"},
            {"SriovDevice", "x", SPEC(4, "{'first':0,'spoofchk':true}"), "/spec/vfs/0/spoofchk", "spoof_check"});
        apply_ok(*state, "[{'kind':'SriovDevice','name':'x','spec':" SPEC(
                                 4, "{'first':0,'vlan':1,'mac_address':'fa:16:3e:00:00:01'},"
                                    "{'first':1,'vlan':2,'mac_address':'fa:16:3e:00:00:01'},"
                                    "{'first':2,'last':3,'min_tx_rate':100,'max_tx_rate':0,'vlan':0,'qos':7}") "}]");
}

static void test_devices(void **state)
{
#define DEVICE(device) "{'device':" device ",'numvfs':1}"
        BAD({"SriovDevice", "x", DEVICE("{}"), "/spec/device", "names no alternative"},
            {"SriovDevice", "x", DEVICE("{'address':'3b:00'}"), "/spec/device/address", "0000:3b:00.0"},
            {"SriovDevice", "x", DEVICE("{'address':'3b:00.0','interface':'a'}"), "/spec/device", "2 alternatives"},
            {"SriovDevice", "x", DEVICE("{'pattern':{}}"), "/spec/device/pattern", "every device"},
            {"SriovDevice", "x", DEVICE("{'pattern':{'vendor':'808g'}}"), "/spec/device/pattern/vendor", "hexadecimal"},
            {"SriovDevice", "x", DEVICE("{'pattern':{'device':'0x10'}}"), "/spec/device/pattern/device", "hexadecimal"},
            {"SriovDevice", "x", DEVICE("{'pattern':{'vendor':'808'}}"), "/spec/device/pattern/vendor", "4 to 4"});

        apply_ok(*state,
                 "[{'kind':'SriovDevice','name':'a','spec':" DEVICE(
                         "{'address':'3b:00.0'}") "},"
                                                  "{'kind':'SriovDevice','name':'b','spec':" DEVICE(
                                                          "{'interface':'eth1'}") "},"
                                                                                  "{'kind':'SriovDevice','name':'c','"
                                                                                  "spec':" DEVICE("{'pattern':{'vendor'"
                                                                                                  ":'8086'}}") "}]");
        BAD({"SriovDevice", "x", DEVICE("{'address':'0000:3b:00.0'}"), "/spec/device/address",
             "SR-IOV of PCI function 0000:3b:00.0 belongs to SriovDevice a already"},
            {"SriovDevice", "x", DEVICE("{'interface':'eth1'}"), "/spec/device/interface", "SriovDevice b already"},
            {"SriovDevice", "x", DEVICE("{'pattern':{'vendor':'8086'}}"), "/spec/device/pattern",
             "SriovDevice c already"});
        /* The device itself may be an underlay. */
        apply_ok(*state, "[{'kind':'Underlay','name':'u','spec':{'device':{'af_packet':{'interface':'eth1'}}}}]");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fixture_setup, fixture_teardown)
        static const struct CMUnitTest tests[] = {TEST(numbers), TEST(values), TEST(devices)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
