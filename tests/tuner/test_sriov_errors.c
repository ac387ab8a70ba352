/* SriovDevice: what cannot be is said with its place and remedy, and leaves the host as it was. */
#include <errno.h>
#include <string.h>

#include "sriov_fixture.h"

#define DEVICE    "'device':{'address':'" PF0 "'}"
#define VFS(list) "{" DEVICE ",'numvfs':5,'vfs':[" list "]}"

static void test_wishes(void **state)
{
        static const struct {
                const char *spec, *pointer, *words;
        } wrong[] = {
                {"{" DEVICE ",'numvfs':70000}", "/spec/numvfs", "65535"},
                {VFS("{'first':5}"), "/spec/vfs/0/first", "there is no VF 5 of 5"},
                {VFS("{'first':0},{'first':1,'last':5}"), "/spec/vfs/1/last", "there is no VF 5 of 5"},
                {VFS("{'first':3,'last':1}"), "/spec/vfs/0/last", "0 to numvfs - 1"},
                {VFS("{'first':0,'vlan':-1}"), "/spec/vfs/0/vlan", "vlan is none"},
                {VFS("{'first':0,'trust':1}"), "/spec/vfs/0/trust", "trust is none"},
                {VFS("{'first':0,'mac_address':'fa:16:3e:00:00:0'}"), "/spec/vfs/0/mac_address", "is none"},
                {VFS("{'first':0,'mac_address':'fa:16:3e:00:00:1 '}"), "/spec/vfs/0/mac_address", "is none"},
                {VFS("{'first':0,'link_state':'on'}"), "/spec/vfs/0/link_state", "is none"},
                /* Right one by one, not together. */
                {VFS("{'first':0,'last':4,'max_tx_rate':10},{'first':2,'min_tx_rate':11}"), "/spec/vfs/1/min_tx_rate",
                 "VF 2 is 11 Mbit/s, more than its max_tx_rate of 10"},
        };

        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                cleanup_json json_t *spec = json_of(wrong[i].spec);
                struct sriov_wish *wish = NULL;
                struct errors errors = {};

                assert_int_equal(sriov_wish_from_json(&wish, spec, &errors), -EINVAL);
                assert_null(wish);
                assert_complaint(&errors, wrong[i].pointer, wrong[i].words);
        }
}

static void test_devices(void **state)
{
        struct kernel *kernel = *state;

        apply_fails(kernel, "{'device':{'address':'0000:09:00.0'},'numvfs':1}", -ENOENT, "/spec/device/address",
                    "there is no PCI device 0000:09:00.0");
        apply_fails(kernel, "{'device':{'address':'0000:02:00.0'},'numvfs':1}", -EOPNOTSUPP, "/spec/device/address",
                    "has no SR-IOV");
        apply_fails(kernel, "{'device':{'interface':'eth9'},'numvfs':1}", -ENOENT, "/spec/device/interface",
                    "there is no interface eth9");
        tree_put(kernel->tree, "/sys/class/net/lo/flags", "0x1003");
        apply_fails(kernel, "{'device':{'interface':'lo'},'numvfs':1}", -EOPNOTSUPP, "/spec/device/interface",
                    "lo is no PCI device");
        apply_fails(kernel, "{'device':{'pattern':{'vendor':'15b3'}},'numvfs':1}", -ENOENT, "/spec/device/pattern",
                    "no device with SR-IOV is like it");
        apply_ok(kernel, "{" DEVICE ",'numvfs':1}");
        apply_fails(kernel, "{'device':{'address':'" KVF(0) "'},'numvfs':1}", -EINVAL, "/spec/device/address",
                    "the physical function, " PF0);
        apply_fails_for(kernel, "y", "{'device':{'interface':'eth0'},'numvfs':2}", NULL, -EEXIST, "/spec/device",
                        "belong to SriovDevice x already");
        apply_fails(kernel, "{" DEVICE ",'numvfs':8}", -ERANGE, "/spec/numvfs", "at most 7");
}

static void test_no_interface(void **state)
{
        struct kernel *kernel = *state;

        tree_remove(kernel->tree, PCI PF0 "/net");
        apply_fails(kernel, VFS("{'first':1,'vlan':5}"), -ENODEV, "/spec/vfs/0/vlan", "no interface");
        apply_ok(kernel, VFS("{'first':1,'driver':'vfio-pci'}"));
        assert_driver(kernel, KVF(1), "vfio-pci");
}

static void test_no_iommu(void **state)
{
        struct kernel *kernel = *state;

        kernel_unlink(kernel, PCI PF0 "/iommu_group");
        apply_fails(kernel, VFS("{'first':1,'driver':'vfio-pci'}"), -ENOTSUP, "/spec/vfs/0/driver", "intel_iommu=on");
        tree_put(kernel->tree, "/proc/cpuinfo", "vendor_id\t: AuthenticAMD");
        apply_fails(kernel, VFS("{'first':1,'driver':'vfio-pci'}"), -ENOTSUP, "/spec/vfs/0/driver", "AMD-Vi");
        assert_int_equal(kernel->numvfs_writes, 0);
        /* The kernel was told to do without. */
        tree_put(kernel->tree, "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y");
        apply_ok(kernel, VFS("{'first':1,'driver':'vfio-pci'}"));
}

static void test_shared_group(void **state)
{
        struct kernel *kernel = *state;

        kernel->shared_group_of = 2;
        apply_fails(kernel, VFS("{'first':0,'last':4,'driver':'vfio-pci'}"), -EBUSY, "/spec/vfs/0/driver",
                    "IOMMU group 99 cannot go to a process: it also holds 0000:02:00.0 (ixgbe)");
        apply_ok(kernel, VFS("{'first':0,'last':1,'driver':'vfio-pci'}"));
}

static void test_refused_numbers(void **state)
{
        struct kernel *kernel = *state;

        kernel->numvfs_error = -ENOSPC;
        apply_fails(kernel, VFS(""), -ENOSPC, "/spec/numvfs", "pci=realloc");
        kernel->numvfs_error = -EPERM;
        apply_fails(kernel, VFS(""), -EPERM, "/spec/numvfs", "refuses 5 VFs: Operation not permitted");
        kernel->numvfs_error = -EBUSY;
        apply_fails(kernel, VFS(""), -EBUSY, "/spec/numvfs", "nobody else");
}

static void test_too_few_appear(void **state)
{
        struct kernel *kernel = *state;

        kernel->vfs_appear = 4;
        apply_fails(kernel, VFS("{'first':0,'driver':'vfio-pci'}"), -ENODEV, "/spec/numvfs",
                    "4 of 5 VFs of " PF0 " (eth0) have appeared");
}

/* From two VFs that somebody had made to five of which four appear: his two are back. */
static void test_too_few_after_others(void **state)
{
        struct kernel *kernel = *state;

        assert_int_equal(host_write(&kernel->tree->host, "2", PCI PF0 "/sriov_numvfs"), 0);
        kernel->values[0][1].value[VF_VLAN] = 12;
        kernel->vfs_appear = 4;
        apply_fails(kernel, VFS(""), -ENODEV, "/spec/numvfs", "4 of 5");
        assert_value(kernel, 1, VF_VLAN, "12");
}

static void test_refused_values(void **state)
{
        struct kernel *kernel = *state;

        kernel->value_error[VF_LINK_STATE] = -EOPNOTSUPP;
        apply_fails(kernel, VFS("{'first':0,'trust':true},{'first':3,'link_state':'disable'}"), -EOPNOTSUPP,
                    "/spec/vfs/1/link_state", "no link_state: the driver igb cannot set it");
        kernel->value_error[VF_VLAN] = -EPROTONOSUPPORT;
        apply_fails(kernel, VFS("{'first':0,'vlan':3,'vlan_protocol':'802.1ad'}"), -EPROTONOSUPPORT,
                    "/spec/vfs/0/vlan_protocol", "the driver igb knows no other");
        kernel->value_error[VF_MAX_TX_RATE] = -EINVAL;
        apply_fails(kernel, VFS("{'first':2,'max_tx_rate':100000}"), -EINVAL, "/spec/vfs/0/max_tx_rate",
                    "VF 2 of " PF0 " (eth0): max_tx_rate 100000 is refused: Invalid argument");

        /* Also where the number stays, and others had values. */
        assert_int_equal(host_write(&kernel->tree->host, "5", PCI PF0 "/sriov_numvfs"), 0);
        kernel->values[0][0].value[VF_VLAN] = 12;
        kernel->value_error[VF_VLAN] = 0;
        apply_fails(kernel, VFS("{'first':0,'vlan':13,'trust':true,'driver':'vfio-pci','max_tx_rate':1}"), -EINVAL,
                    "/spec/vfs/0/max_tx_rate", "is refused");
}

static void test_forgotten_values(void **state)
{
        struct kernel *kernel = *state;

        kernel->value_forgotten[VF_MAC_ADDRESS] = true;
        apply_fails(kernel, VFS("{'first':4,'mac_address':'fa:16:3e:00:00:01'}"), -EIO, "/spec/vfs/0/mac_address",
                    "mac_address reads back as 00:00:00:00:00:00, not fa:16:3e:00:00:01");
}

static void test_drivers(void **state)
{
        struct kernel *kernel = *state;

        kernel->vfio_error = -EINVAL;
        apply_fails(kernel, VFS("{'first':4,'driver':'vfio-pci'}"), -EINVAL, "/spec/vfs/0/driver",
                    "vfio-pci does not take it: Invalid argument");
        kernel->vfio_error = 0;
        tree_remove(kernel->tree, "/sys/bus/pci/drivers/vfio-pci");
        apply_fails(kernel, VFS("{'first':4,'driver':'vfio-pci'}"), -ENOENT, "/spec/vfs/0/driver",
                    "the kernel has no driver vfio-pci");
        kernel->no_vf_driver = true;
        apply_fails(kernel, VFS("{'first':0,'driver':'kernel'}"), -EIO, "/spec/vfs/0/driver",
                    "driver reads back as none, not kernel");
}

/* ---- in use ---- */

static const char *one_guest(void *user, const char *address)
{
        return strcmp(address, KVF(1)) == 0 ? "guest db1" : NULL;
}

static void test_guest(void **state)
{
        static const struct sriov_users users = {.of = one_guest};
        struct kernel *kernel = *state;
        struct errors errors = {};

        apply_ok(kernel, VFS("{'first':0,'last':4,'driver':'vfio-pci'}"));
        apply_fails_for(kernel, "x", "{" DEVICE ",'numvfs':6}", &users, -EBUSY, "/spec/numvfs",
                        "VF 1 (" KVF(1) ") of " PF0
                                        " (eth0) would be removed, since all are made anew, and is used by guest db1");
        apply_fails_for(kernel, "x", "{" DEVICE ",'numvfs':0}", &users, -EBUSY, "/spec/numvfs", "is to be removed");
        apply_fails_for(kernel, "x", VFS("{'first':1,'driver':'kernel'}"), &users, -EBUSY, "/spec/vfs/0/driver",
                        "is to have another driver");
        assert_int_equal(sriov_restore(&kernel->tree->host, "x", &users, &errors), -EBUSY);
        assert_complaint(&errors, "", "used by guest db1");
        assert_driver(kernel, KVF(1), "vfio-pci");

        /* What takes nothing from it is done. */
        errors = (struct errors){};
        assert_int_equal(apply(kernel, "x",
                               VFS("{'first':0,'last':4,'driver':'vfio-pci'},{'first':1,'max_tx_rate':3},"
                                   "{'first':2,'vlan':3}"),
                               &users, &errors),
                         0);
        assert_value(kernel, 1, VF_MAX_TX_RATE, "3");
        assert_int_equal(apply(kernel, "x", "{" DEVICE ",'numvfs':6,'force':true}", &users, &errors), 0);
}

/* What cuts a guest off, or lets it in where it does not belong, is not set underneath it. */
static void test_guests_switches(void **state)
{
        static const struct sriov_users users = {.of = one_guest};
        static const struct {
                const char *spec, *pointer;
        } harms[] = {
                {"'mac_address':'fa:16:3e:00:00:09'", "/spec/vfs/1/mac_address"},
                {"'vlan':3", "/spec/vfs/1/vlan"},
                {"'trust':true", "/spec/vfs/1/trust"},
                {"'link_state':'disable'", "/spec/vfs/1/link_state"},
        };
        struct kernel *kernel = *state;
        struct errors errors = {};
        char spec[256];

        apply_ok(kernel, VFS("{'first':0,'last':4,'driver':'vfio-pci'}"));
        for (size_t i = 0; i < sizeof(harms) / sizeof(harms[0]); i++) {
                snprintf(spec, sizeof(spec), VFS("{'first':0,'last':4,'driver':'vfio-pci'},{'first':1,%s}"),
                         harms[i].spec);
                apply_fails_for(kernel, "x", spec, &users, -EBUSY, harms[i].pointer, "is used by guest db1");
        }
        /* The VLAN's priority is said by the VLAN alone. */
        apply_ok(kernel, VFS("{'first':0,'last':4,'driver':'vfio-pci'},{'first':1,'vlan':3,'qos':2}"));
        apply_fails_for(kernel, "x", VFS("{'first':0,'last':4,'driver':'vfio-pci'},{'first':1,'vlan':3}"), &users,
                        -EBUSY, "/spec/vfs/1/vlan", "another priority");
        snprintf(spec, sizeof(spec),
                 "{" DEVICE ",'numvfs':5,'force':true,'vfs':[{'first':0,'last':4,"
                 "'driver':'vfio-pci'},{'first':1,'vlan':4}]}");
        assert_int_equal(apply(kernel, "x", spec, &users, &errors), 0);
}

struct later {
        unsigned asked, from;
};

static const char *guest_later(void *user, const char *address)
{
        struct later *later = user;

        return strcmp(address, KVF(1)) == 0 && ++later->asked > later->from ? "guest db1" : NULL;
}

/* Who starts while we are about it is not robbed: seen the second time that one asks. */
static void test_guest_meanwhile(void **state)
{
        struct kernel *kernel = *state;
        struct later later = {.from = 1};
        struct sriov_users users = {.of = guest_later, .user = &later};
        unsigned writes;

        apply_ok(kernel, VFS("{'first':0,'last':4,'driver':'vfio-pci'}"));
        writes = kernel->numvfs_writes;
        apply_fails_for(kernel, "x", "{" DEVICE ",'numvfs':6}", &users, -EBUSY, "/spec/numvfs", "used by guest db1");
        assert_int_equal(kernel->numvfs_writes, writes);
        later.asked = 0;
        apply_fails_for(kernel, "x", VFS("{'first':1,'driver':'kernel'}"), &users, -EBUSY, "/spec/vfs/0/driver",
                        "used by guest db1");
        assert_driver(kernel, KVF(1), "vfio-pci");
}

/* The last VF goes while the others are set up. */
static void test_vfs_vanish(void **state)
{
        struct kernel *kernel = *state;

        kernel->vanishes_with = PCI KVF(0) "/driver_override";
        kernel->vanishes = 4;
        apply_fails(kernel, VFS("{'first':0,'driver':'vfio-pci'},{'first':4,'vlan':9}"), -ENODEV, "/spec/numvfs",
                    "has 4 VFs any more, of 5");
}

/* The device's interface goes with the making of VFs, and does not come back. */
static void test_interface_vanishes(void **state)
{
        struct kernel *kernel = *state;
        struct errors errors = {};

        kernel->vanishes_with = PCI KVF(0) "/driver_override";
        kernel->vanishes = -1;
        assert_int_equal(apply(kernel, "x", VFS("{'first':0,'driver':'vfio-pci'},{'first':4,'vlan':9}"), NULL, &errors),
                         -ENODEV);
        assert_complaint(&errors, "/spec/device", "no interface any more");
        assert_int_equal(kernel->numvfs_writes, 2);
}

/* A userspace driver of another kind. */
static void test_uio(void **state)
{
        struct kernel *kernel = *state;

        apply_ok(kernel, VFS(""));
        tree_put(kernel->tree, PCI KVF(0) "/uio/uio3/.keep", "%s", "");
        tree_put(kernel->tree, "/proc/77/comm", "l2fwd");
        tree_put(kernel->tree, "/proc/77/fd/.keep", "%s", "");
        kernel_link(kernel, "/proc/77/fd/6", "/dev/uio3");
        apply_fails(kernel, "{" DEVICE ",'numvfs':6}", -EBUSY, "/spec/numvfs",
                    "used by process 77 (l2fwd), which has its device uio3 open");
        kernel_unlink(kernel, "/proc/77/fd/6");
        apply_ok(kernel, "{" DEVICE ",'numvfs':6}");
}

static void test_open_group(void **state)
{
        static const char *const files[] = {"/dev/vfio/12", "/vfio/12", "/dev/vfio/devices/vfio4"};
        struct kernel *kernel = *state;

        apply_ok(kernel, VFS("{'first':0,'last':4,'driver':'vfio-pci'}"));
        tree_put(kernel->tree, "/proc/77/comm", "testpmd");
        tree_put(kernel->tree, "/proc/77/fd/.keep", "%s", "");
        tree_put(kernel->tree, "/proc/self/comm", "not a process");
        tree_put(kernel->tree, PCI KVF(2) "/vfio-dev/vfio4/dev", "511:4");
        kernel_link(kernel, "/proc/77/fd/3", "/dev/vfio/vfio");
        kernel_link(kernel, "/proc/77/fd/4", "/dev/vfio/120");
        kernel_link(kernel, "/proc/77/fd/5", "/dev/12");
        apply_ok(kernel, "{" DEVICE ",'numvfs':6}");
        apply_ok(kernel, VFS("{'first':0,'last':4,'driver':'vfio-pci'}"));
        tree_put(kernel->tree, PCI KVF(2) "/vfio-dev/vfio4/dev", "511:4");
        for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
                kernel_link(kernel, "/proc/77/fd/6", files[i]);
                apply_fails(
                        kernel, "{" DEVICE ",'numvfs':6}", -EBUSY, "/spec/numvfs",
                        i < 2 ? "VF 2 (" KVF(2) ") of " PF0 " (eth0) would be removed, since all are made anew, "
                                                "and is used by process 77 (testpmd), which has its vfio group 12 open"
                              : "which has its vfio device vfio4 open");
        }
        kernel_unlink(kernel, "/proc/77/fd/6");
        /* Open, and by nobody whom we may see. */
        tree_put(kernel->tree, PCI KVF(2) "/enable", "1");
        apply_fails(kernel, "{" DEVICE ",'numvfs':6}", -EBUSY, "/spec/numvfs", "a process that has its vfio device");
        cleanup_json json_t *status = status_of(kernel, "{" DEVICE ",'numvfs':5}");
        const json_t *device = json_array_get(json_object_get(status, "devices"), 0);
        const json_t *vf = json_array_get(json_object_get(device, "vfs"), 2);
        assert_string_equal(json_string_value(json_object_get(vf, "user")), "a process that has its vfio device open");
}

/* Whom we may not look at may be the one: never "nobody". */
static void test_unseen(void **state)
{
        struct kernel *kernel = *state;

        apply_ok(kernel, VFS("{'first':0,'last':1,'driver':'vfio-pci'},{'first':2,'driver':'none'}"));
        tree_put(kernel->tree, "/proc/77/fd/.keep", "%s", "");
        kernel->unseen = "/proc/77/fd";
        apply_fails(kernel, "{" DEVICE ",'numvfs':6}", -EBUSY, "/spec/numvfs",
                    "VF 1 (" KVF(1) ") of " PF0 " (eth0) would be removed, since all are made anew, and is used by "
                                    "somebody, perhaps: some processes do not let us see whether they have its "
                                    "vfio group 11 open");
        apply_fails(kernel, VFS("{'first':0,'last':1,'driver':'vfio-pci'},{'first':2,'driver':'kernel'}"), -EBUSY,
                    "/spec/vfs/1/driver", "vfio group 12");
        /* What takes nothing away is done. */
        apply_ok(kernel, VFS("{'first':0,'last':1,'driver':'vfio-pci'},{'first':2,'driver':'none'},{'first':3,'spoof_"
                             "check':false}"));
        kernel->unseen = NULL;
        /* Hidden altogether. */
        tree_remove(kernel->tree, "/proc/1");
        apply_fails(kernel, "{" DEVICE ",'numvfs':6}", -EBUSY, "/spec/numvfs", "vfio group 10");
        apply_ok(kernel, "{" DEVICE ",'numvfs':6,'force':true}");
}

static void test_kernels_own_network(void **state)
{
        struct kernel *kernel = *state;

        apply_ok(kernel, VFS(""));
        tree_put(kernel->tree, PCI KVF(0) "/net/eth5/.keep", "%s", "");
        tree_put(kernel->tree, "/sys/class/net/eth5/flags", "0x1003");
        kernel_link(kernel, "/sys/class/net/eth5/master", "../bond0");
        apply_fails(kernel, "{" DEVICE ",'numvfs':6}", -EBUSY, "/spec/numvfs",
                    "used by bond0, which its interface eth5 is part of");
        kernel_unlink(kernel, "/sys/class/net/eth5/master");
        kernel_link(kernel, "/sys/class/net/eth5/upper_eth5.9", "../eth5.9");
        apply_fails(kernel, "{" DEVICE ",'numvfs':6}", -EBUSY, "/spec/numvfs", "used by eth5.9");
        kernel_unlink(kernel, "/sys/class/net/eth5/upper_eth5.9");
        kernel->link_address = true;
        apply_fails(kernel, VFS("{'first':0,'mac_address':'fa:16:3e:00:00:01'}"), -EBUSY, "/spec/vfs/0/mac_address",
                    "its interface eth5 has an address");
        kernel->link_address = false;
        tree_remove(kernel->tree, PCI KVF(0) "/net/eth5");
        apply_fails(kernel, VFS("{'first':0,'driver':'vfio-pci'}"), -EBUSY, "/spec/vfs/0/driver",
                    "another network namespace");
        apply_ok(kernel, "{" DEVICE ",'numvfs':5,'force':true,'vfs':[{'first':0,'driver':'vfio-pci'}]}");
}

/* ---- the journal ---- */

static void put_journal(struct kernel *kernel, const char *text)
{
        struct host disk = {.root = "/"};

        assert_int_equal(host_replace(&disk, text, "%s/sriov-x.json", kernel->tree->state), 0);
}

static void test_damaged_journal(void **state)
{
        static const char *const damaged[] = {
                "{",
                "[]",
                "{}",
                "{\"before_us\":{\"" PF0 "\":{}}}",
                "{\"before_us\":{\"0000:01:00.0.0.0.0\":{}}}",
                "{\"before_us\":{},\"applying\":{}}",
                "{\"before_us\":{\"" PF0 "\":{\"numvfs\":-1,\"link\":\"any\",\"autoprobe\":true,"
                "\"eswitch_mode\":\"none\",\"vfs\":[]}}}",
                "{\"before_us\":{\"" PF0 "\":{\"numvfs\":1,\"link\":\"any\",\"autoprobe\":true,"
                "\"eswitch_mode\":\"none\",\"vfs\":[{\"vlan\":\"x\"}]}}}",
        };
        struct kernel *kernel = *state;

        for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
                put_journal(kernel, damaged[i]);
                apply_fails(kernel, VFS(""), -EBADMSG, "", "sriov-x.json");
        }
        put_journal(kernel, "{\"before_us\":{}}");
        apply_ok(kernel, VFS(""));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, kernel_setup, kernel_teardown)
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_wishes),
                TEST(devices),
                TEST(no_interface),
                TEST(no_iommu),
                TEST(shared_group),
                TEST(refused_numbers),
                TEST(too_few_appear),
                TEST(too_few_after_others),
                TEST(refused_values),
                TEST(forgotten_values),
                TEST(drivers),
                TEST(guest),
                TEST(guests_switches),
                TEST(guest_meanwhile),
                TEST(vfs_vanish),
                TEST(interface_vanishes),
                TEST(uio),
                TEST(open_group),
                TEST(unseen),
                TEST(kernels_own_network),
                TEST(damaged_journal),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
