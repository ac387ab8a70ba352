/* SriovDevice over a made-up kernel: what is asked for comes about, nothing else changes, and all of it goes back. */
#include <errno.h>
#include <string.h>

#include "sriov_fixture.h"

#define DEVICE "'device':{'address':'" PF0 "'}"

static const char full_spec[] =
        "{" DEVICE ",'numvfs':4,'vfs':["
        "{'first':0,'last':3,'spoof_check':false,'driver':'vfio-pci'},"
        "{'first':1,'mac_address':'fa:16:3e:00:00:01','vlan':100,'qos':3,'trust':true},"
        "{'first':2,'vlan':7,'vlan_protocol':'802.1ad','max_tx_rate':100,'min_tx_rate':10,'link_state':'enable'},"
        "{'first':3,'driver':'kernel','spoof_check':true}]}";

static void test_from_nothing(void **state)
{
        struct kernel *kernel = *state;
        cleanup_free char *before = kernel_image(kernel);

        apply_ok(kernel, full_spec);
        assert_int_equal(kernel->numvfs_writes, 1);
        assert_driver(kernel, KVF(0), "vfio-pci");
        assert_driver(kernel, KVF(1), "vfio-pci");
        assert_driver(kernel, KVF(3), "igbvf");
        assert_value(kernel, 0, VF_SPOOF_CHECK, "false");
        assert_value(kernel, 1, VF_MAC_ADDRESS, "fa:16:3e:00:00:01");
        assert_value(kernel, 1, VF_VLAN, "100");
        assert_value(kernel, 1, VF_QOS, "3");
        assert_value(kernel, 1, VF_TRUST, "true");
        assert_value(kernel, 2, VF_VLAN_PROTOCOL, "802.1ad");
        assert_value(kernel, 2, VF_MAX_TX_RATE, "100");
        assert_value(kernel, 2, VF_MIN_TX_RATE, "10");
        assert_value(kernel, 2, VF_LINK_STATE, "enable");
        assert_value(kernel, 3, VF_SPOOF_CHECK, "true");
        tree_assert(kernel->tree, PCI PF0 "/sriov_drivers_autoprobe", "1");

        unsigned writes = kernel->writes;
        apply_ok(kernel, full_spec);
        assert_int_equal(kernel->writes, writes);

        restore_ok(kernel);
        assert_same(before, kernel);
}

/* VFs that are for nobody in particular come as if they had been made by hand. */
static void test_count_alone(void **state)
{
        struct kernel *kernel = *state;

        apply_ok(kernel, "{'device':{'interface':'eth1'},'numvfs':2}");
        assert_driver(kernel, "0000:01:11.0", "igbvf");
        assert_driver(kernel, "0000:01:11.1", "igbvf");
        restore_ok(kernel);
        assert_false(tree_has(kernel->tree, PCI "0000:01:11.0"));

        tree_put(kernel->tree, PCI PF0 "/sriov_drivers_autoprobe", "0");
        apply_ok(kernel, "{" DEVICE ",'numvfs':1}");
        assert_driver(kernel, KVF(0), "");
        tree_assert(kernel->tree, PCI PF0 "/sriov_drivers_autoprobe", "0");
        restore_ok(kernel);
}

static void test_interface_down(void **state)
{
        struct kernel *kernel = *state;

        tree_put(kernel->tree, "/sys/class/net/eth0/flags", "0x1002");
        apply_ok(kernel, "{" DEVICE ",'numvfs':1}");
        tree_assert(kernel->tree, "/sys/class/net/eth0/flags", "0x1003");
        restore_ok(kernel);
        tree_assert(kernel->tree, "/sys/class/net/eth0/flags", "0x1002");
}

/* It has become the host's own network meanwhile: down would cut the host off. */
static void test_interface_in_use_stays_up(void **state)
{
        struct kernel *kernel = *state;

        tree_put(kernel->tree, "/sys/class/net/eth0/flags", "0x1002");
        apply_ok(kernel, "{" DEVICE ",'numvfs':1}");
        kernel_link(kernel, "/sys/class/net/eth0/upper_eth0.9", "../eth0.9");
        restore_ok(kernel);
        tree_assert(kernel->tree, "/sys/class/net/eth0/flags", "0x1003");
}

/* VFs that somebody had made, with values of his: what is not asked for is as he left it, also over the making anew. */
static void make_by_hand(struct kernel *kernel)
{
        assert_int_equal(host_write(&kernel->tree->host, "2", PCI PF0 "/sriov_numvfs"), 0);
        kernel->values[0][0].value[VF_MAC_ADDRESS] = 0x020000000001;
        kernel->values[0][0].value[VF_VLAN] = 55;
        kernel->values[0][1].value[VF_TRUST] = 1;
        assert_int_equal(host_write(&kernel->tree->host, "vfio-pci", PCI KVF(1) "/driver_override"), 0);
        assert_int_equal(host_write(&kernel->tree->host, KVF(1), PCI KVF(1) "/driver/unbind"), 0);
        assert_int_equal(host_write(&kernel->tree->host, KVF(1), "/sys/bus/pci/drivers/vfio-pci/bind"), 0);
}

static void test_growing(void **state)
{
        struct kernel *kernel = *state;

        make_by_hand(kernel);
        cleanup_free char *before = kernel_image(kernel);
        apply_ok(kernel, "{" DEVICE ",'numvfs':5,'vfs':[{'first':0,'vlan':60},{'first':4,'vlan':61}]}");
        assert_value(kernel, 0, VF_MAC_ADDRESS, "02:00:00:00:00:01");
        assert_value(kernel, 0, VF_VLAN, "60");
        assert_value(kernel, 1, VF_TRUST, "true");
        assert_value(kernel, 4, VF_VLAN, "61");
        assert_driver(kernel, KVF(0), "igbvf");
        assert_driver(kernel, KVF(1), "vfio-pci");

        restore_ok(kernel);
        assert_same(before, kernel);
}

/* The number is right: no VF is touched but by what is asked for. */
static void test_same_number(void **state)
{
        struct kernel *kernel = *state;

        make_by_hand(kernel);
        cleanup_free char *before = kernel_image(kernel);
        unsigned numvfs_writes = kernel->numvfs_writes;
        apply_ok(kernel, "{" DEVICE ",'numvfs':2,'vfs':[{'first':0,'qos':1,'vlan':9,'driver':'vfio-pci'},"
                         "{'first':1,'driver':'kernel'}]}");
        assert_value(kernel, 0, VF_VLAN, "9");
        assert_value(kernel, 0, VF_QOS, "1");
        assert_driver(kernel, KVF(0), "vfio-pci");
        assert_driver(kernel, KVF(1), "igbvf");

        /* What is asked for no more is as it was. */
        apply_ok(kernel, "{" DEVICE ",'numvfs':2,'vfs':[{'first':0,'trust':true}]}");
        assert_value(kernel, 0, VF_VLAN, "55");
        assert_value(kernel, 0, VF_TRUST, "true");
        assert_driver(kernel, KVF(0), "igbvf");
        assert_driver(kernel, KVF(1), "vfio-pci");

        restore_ok(kernel);
        assert_same(before, kernel);
        assert_int_equal(kernel->numvfs_writes, numvfs_writes);
}

/* A kernel driver learns of a MAC address when it starts. */
static void test_mac_of_a_driven_vf(void **state)
{
        struct kernel *kernel = *state;

        apply_ok(kernel, "{" DEVICE ",'numvfs':1}");
        tree_put(kernel->tree, "/sys/bus/pci/drivers/igbvf/unbind", "%s", "");
        apply_ok(kernel, "{" DEVICE ",'numvfs':1,'vfs':[{'first':0,'mac_address':'fa:16:3e:00:00:09'}]}");
        tree_assert(kernel->tree, "/sys/bus/pci/drivers/igbvf/unbind", KVF(0));
        assert_driver(kernel, KVF(0), "igbvf");
        restore_ok(kernel);
}

/* By hand, one had another of the kernel's drivers: it goes back to that one, not to whoever comes first. */
static void test_driver_by_name(void **state)
{
        struct kernel *kernel = *state;
        const struct host *host = &kernel->tree->host;

        tree_put(kernel->tree, "/sys/bus/pci/drivers/uio_pci_generic/unbind", "%s", "");
        make_by_hand(kernel);
        assert_int_equal(host_write(host, "uio_pci_generic", PCI KVF(0) "/driver_override"), 0);
        assert_int_equal(host_write(host, KVF(0), PCI KVF(0) "/driver/unbind"), 0);
        assert_int_equal(host_write(host, KVF(0), "/sys/bus/pci/drivers_probe"), 0);
        assert_driver(kernel, KVF(0), "uio_pci_generic");
        cleanup_free char *before = kernel_image(kernel);
        apply_ok(kernel, "{" DEVICE ",'numvfs':2,'vfs':[{'first':0,'driver':'vfio-pci'}]}");
        assert_driver(kernel, KVF(0), "vfio-pci");
        restore_ok(kernel);
        assert_same(before, kernel);
        apply_ok(kernel, "{" DEVICE ",'numvfs':4}");
        assert_driver(kernel, KVF(0), "uio_pci_generic");
        restore_ok(kernel);
        assert_same(before, kernel);
}

/* All that a device lost (it was reset, the host was booted) is made again. */
static void test_made_again(void **state)
{
        struct kernel *kernel = *state;

        apply_ok(kernel, full_spec);
        cleanup_free char *wanted = kernel_image(kernel);
        kernel->values[0][1].value[VF_VLAN] = 0;
        cleanup_json json_t *drifted = status_of(kernel, full_spec);
        cleanup_json json_t *expected =
                json_of("[{'pointer':'/spec/vfs/1/vlan','device':'" PF0 "','vf':1,'wanted':100,'found':0}]");
        assert_true(json_equal(json_object_get(drifted, "drift"), expected));
        apply_ok(kernel, full_spec);
        assert_same(wanted, kernel);

        assert_int_equal(host_write(&kernel->tree->host, "0", PCI PF0 "/sriov_numvfs"), 0);
        apply_ok(kernel, full_spec);
        assert_same(wanted, kernel);
}

static void test_one_vf_is_missing(void **state)
{
        struct kernel *kernel = *state;

        apply_ok(kernel, full_spec);
        cleanup_free char *wanted = kernel_image(kernel);
        kernel_unlink(kernel, PCI PF0 "/virtfn1");
        kernel_unplug(kernel, KVF(1));
        cleanup_json json_t *status = status_of(kernel, full_spec), *drift = json_object_get(status, "drift");
        assert_string_equal(json_string_value(json_object_get(json_array_get(drift, 0), "pointer")), "/spec/numvfs");
        json_incref(drift);
        apply_ok(kernel, full_spec);
        assert_same(wanted, kernel);
}

static void test_late(void **state)
{
        struct kernel *kernel = *state;

        kernel->vfs_late_ms = 40;
        apply_ok(kernel, full_spec);
        assert_driver(kernel, KVF(1), "vfio-pci");
        assert_driver(kernel, KVF(3), "igbvf");
}

/* The object means another device now: the former one goes back. */
static void test_other_device(void **state)
{
        struct kernel *kernel = *state;
        cleanup_free char *before = kernel_image(kernel);

        apply_ok(kernel, full_spec);
        apply_ok(kernel, "{'device':{'address':'" PF1 "'},'numvfs':1}");
        assert_false(tree_has(kernel->tree, PCI KVF(0)));
        assert_true(tree_has(kernel->tree, PCI "0000:01:11.0"));
        restore_ok(kernel);
        assert_same(before, kernel);
}

static void test_pattern(void **state)
{
        struct kernel *kernel = *state;
        cleanup_free char *before = kernel_image(kernel);

        apply_ok(kernel, "{'device':{'pattern':{'interface':'eth*','vendor':'8086','device':'10C9','driver':'igb'}},"
                         "'numvfs':1}");
        assert_driver(kernel, KVF(0), "igbvf");
        assert_driver(kernel, "0000:01:11.0", "igbvf");
        restore_ok(kernel);
        assert_same(before, kernel);
        apply_ok(kernel, "{'device':{'pattern':{'interface':'*1'}},'numvfs':1}");
        assert_false(tree_has(kernel->tree, PCI KVF(0)));
        assert_driver(kernel, "0000:01:11.0", "igbvf");
}

/* Several devices are one transaction: when the second cannot, the first goes back. */
static void test_all_or_none(void **state)
{
        struct kernel *kernel = *state;

        tree_put(kernel->tree, PCI PF1 "/sriov_totalvfs", "2");
        apply_fails(kernel, "{'device':{'pattern':{'driver':'igb'}},'numvfs':3}", -ERANGE, "/spec/numvfs", "at most 2");
        assert_int_equal(kernel->numvfs_writes, 0);

        tree_put(kernel->tree, PCI PF1 "/sriov_totalvfs", "7");
        kernel_unlink(kernel, PCI PF1 "/sriov_numvfs");
        apply_fails(kernel, "{'device':{'pattern':{'driver':'igb'}},'numvfs':3}", -ENOENT, "/spec/numvfs",
                    PF1 " (eth1) refuses 3 VFs");
        assert_int_equal(kernel->numvfs_writes, 2);
}

static void test_eswitch(void **state)
{
        struct kernel *kernel = *state;

        apply_fails(kernel, "{" DEVICE ",'numvfs':1,'eswitch_mode':'switchdev'}", -EOPNOTSUPP, "/spec/eswitch_mode",
                    "igb has none");
        kernel->eswitch[0] = ESWITCH_LEGACY;
        make_by_hand(kernel);
        cleanup_free char *before = kernel_image(kernel);
        apply_ok(kernel, "{" DEVICE ",'numvfs':2,'eswitch_mode':'switchdev'}");
        assert_int_equal(kernel->eswitch[0], ESWITCH_SWITCHDEV);
        assert_value(kernel, 0, VF_VLAN, "55");
        apply_ok(kernel, "{" DEVICE ",'numvfs':2}");
        assert_int_equal(kernel->eswitch[0], ESWITCH_LEGACY);
        apply_ok(kernel, "{" DEVICE ",'numvfs':1,'eswitch_mode':'switchdev'}");
        restore_ok(kernel);
        assert_same(before, kernel);
}

/* What a device never tells cannot be read back, but is set; and it is no drift. */
static void test_untold(void **state)
{
        struct kernel *kernel = *state;

        kernel->value_untold[VF_TRUST] = true;
        apply_ok(kernel, full_spec);
        assert_value(kernel, 1, VF_TRUST, "true");
        unsigned writes = kernel->writes;
        apply_ok(kernel, full_spec);
        assert_int_equal(kernel->writes, writes);
}

static void test_device_leaves(void **state)
{
        struct kernel *kernel = *state;

        apply_ok(kernel, full_spec);
        for (unsigned i = 0; i < 4; i++) {
                char address[] = KVF(0);

                address[sizeof(address) - 2] += (char)i;
                kernel_unplug(kernel, address);
        }
        kernel_unplug(kernel, PF0);
        apply_fails(kernel, full_spec, -ENOENT, "/spec/device/address", "there is no PCI device " PF0);
        restore_ok(kernel);
}

static void assert_step(const json_t *steps, size_t index, const char *text)
{
        cleanup_json json_t *expected = json_of(text);
        cleanup_free char *found = json_dumps(json_array_get(steps, index), JSON_SORT_KEYS);

        if (!json_equal(json_array_get(steps, index), expected))
                fail_msg("step %zu is %s", index, found);
}

static void test_plan(void **state)
{
        struct kernel *kernel = *state;
        cleanup_wish struct sriov_wish *wish =
                wish_of("{" DEVICE ",'numvfs':3,'vfs':[{'first':2,'vlan':5,'driver':'vfio-pci'}]}");
        cleanup_json json_t *steps = NULL, *none = NULL;
        struct errors errors = {};

        tree_put(kernel->tree, "/sys/class/net/eth0/flags", "0x1002");
        make_by_hand(kernel);
        cleanup_free char *before = kernel_image(kernel);
        assert_int_equal(sriov_plan(&kernel->tree->host, "x", wish, NULL, &steps, &errors), 0);
        assert_same(before, kernel);
        assert_false(has_journal(kernel));
        assert_step(steps, 0,
                    "{'device':'" PF0 "','step':'link','from':'down','to':'up',"
                    "'why':'VFs, and the rates of VFs, need the interface up'}");
        assert_string_equal(json_string_value(json_object_get(json_array_get(steps, 1), "step")), "numvfs");
        assert_non_null(strstr(json_string_value(json_object_get(json_array_get(steps, 1), "why")), "made anew"));
        size_t count = json_array_size(steps);
        assert_step(steps, count - 1,
                    "{'device':'" PF0 "','step':'vf 2 driver','from':null,'to':'vfio-pci',"
                    "'why':'asked for by /spec/vfs/0/driver'}");

        apply_ok(kernel, "{" DEVICE ",'numvfs':3,'vfs':[{'first':2,'vlan':5,'driver':'vfio-pci'}]}");
        assert_int_equal(sriov_plan(&kernel->tree->host, "x", wish, NULL, &none, &errors), 0);
        assert_int_equal(json_array_size(none), 0);
}

static void test_status(void **state)
{
        struct kernel *kernel = *state;

        apply_ok(kernel, full_spec);
        cleanup_json json_t *status = status_of(kernel, full_spec);
        const json_t *device = json_array_get(json_object_get(status, "devices"), 0);
        cleanup_json json_t *expected = json_of("{'number':1,'address':'" KVF(
                1) "','driver':'vfio-pci','trust':true,'spoof_check':false,"
                   "'mac_address':'fa:16:3e:00:00:01','vlan':100,'qos':3,'vlan_protocol':'802.1Q','min_tx_rate':0,"
                   "'max_tx_rate':0,'link_state':'auto','iommu_group':11,'node':0}");
        assert_true(json_equal(json_array_get(json_object_get(device, "vfs"), 1), expected));
        json_object_del((json_t *)device, "vfs");
        cleanup_json json_t *outline = json_of("{'address':'" PF0 "','interface':'eth0','driver':'igb','node':0,"
                                               "'sriov_total':7,'sriov_count':4,'link':'up'}");
        assert_true(json_equal(device, outline));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, kernel_setup, kernel_teardown)
        static const struct CMUnitTest tests[] = {
                TEST(from_nothing),
                TEST(count_alone),
                TEST(interface_down),
                TEST(interface_in_use_stays_up),
                TEST(growing),
                TEST(same_number),
                TEST(mac_of_a_driven_vf),
                TEST(made_again),
                TEST(driver_by_name),
                TEST(late),
                TEST(one_vf_is_missing),
                TEST(other_device),
                TEST(pattern),
                TEST(all_or_none),
                TEST(eswitch),
                TEST(untold),
                TEST(device_leaves),
                TEST(plan),
                TEST(status),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
