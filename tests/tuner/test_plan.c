/* Plans of machines that one knows: what a person would expect, and what cannot be. */
#include <stdlib.h>
#include <string.h>

#include "planning.h"
#include "socle/cleanup.h"

#define GIB (UINT64_C(1) << 30)
#define MIB (UINT64_C(1) << 20)

static void test_tiny(void **state)
{
        cleanup_(topology_free_p) struct topology *one = machine_regular(1, 1, 1, 1, 2, 1);
        cleanup_(topology_free_p) struct topology *two = machine_regular(1, 1, 2, 1, 2, 1);
        cleanup_(topology_free_p) struct topology *smt = machine_regular(1, 1, 1, 2, 2, 1);
        cleanup_(topology_free_p) struct topology *three = machine_regular(1, 1, 3, 1, 2, 1);
        cleanup_(topology_free_p) struct topology *four = machine_regular(1, 1, 4, 1, 2, 1);
        cleanup_(plan_free_p) struct plan *a = plan_ok(one, "{}"), *b = plan_ok(two, "{}"), *c = plan_ok(smt, "{}");
        cleanup_(plan_free_p) struct plan *d = plan_ok(three, "{}"), *e = plan_ok(four, "{}");

        assert_class(a, CLASS_HOUSEKEEPING, "0");
        assert_int_equal(a->page_count, 0);
        assert_true(cpu_set_empty(&a->isolated) && !a->boot_isolation && !a->partition);
        assert_int_equal(a->switches.thp, -1);
        assert_class(b, CLASS_HOUSEKEEPING, "0");
        assert_class(b, CLASS_GUESTS_SHARED, "1");
        assert_class(c, CLASS_HOUSEKEEPING, "0-1");
        assert_class(d, CLASS_DATAPLANE, "1");
        assert_class(d, CLASS_GUESTS_SHARED, "2");
        assert_class(e, CLASS_GUESTS_DEDICATED, "2");
        assert_class(e, CLASS_GUESTS_SHARED, "3");

        plan_bad(one, "{'classes':{'dataplane':{'cores':1}}}", "/spec/classes/dataplane/cores", "at most 0");
        plan_bad(two, "{'classes':{'dataplane':{'cores':1},'guests':{'dedicated':{'cores':1}}}}",
                 "/spec/classes/guests/dedicated/cores", "at most 0");
        plan_bad(smt, "{'classes':{'dataplane':{'cpus':'1'}}}", "/spec/classes/dataplane/cpus", "CPU 0: left out");
}

/* Two sockets, one NIC: siblings are half the machine apart. */
static void test_two_sockets(void **state)
{
        cleanup_(topology_free_p) struct topology *t = machine_regular(2, 1, 8, 2, 64, 1);
        cleanup_(plan_free_p) struct plan *plan = plan_ok(t, "{}");

        assert_class(plan, CLASS_HOUSEKEEPING, "0,8,16,24");
        assert_class(plan, CLASS_DATAPLANE, "1,17");
        assert_class(plan, CLASS_GUESTS_DEDICATED, "2-4,9-11,18-20,25-27");
        assert_class(plan, CLASS_GUESTS_SHARED, "5-7,12-15,21-23,28-31");
        assert_cpus(&plan->irq, "0,8,16,24");
        assert_cpus(&plan->workers, "1,17");
        assert_true(!plan->partition && plan->boot_isolation);
        assert_true(has_argument(plan, "isolcpus=managed_irq,domain,1-4,9-11,17-20,25-27"));
        assert_true(has_argument(plan, "rcu_nocbs=1-4,9-11,17-20,25-27"));
        assert_true(has_argument(plan, "irqaffinity=0,8,16,24"));
        assert_true(has_argument(plan, "intel_iommu=on") && has_argument(plan, "iommu=pt"));
        assert_false(has_argument(plan, "default_hugepagesz=2M")); /* is so already: no reboot for it */

        /* 16,384 mbufs of 2,368 B and 256 MiB, in pages of 2 MiB, where the dataplane is. */
        assert_int_equal(plan->page_count, 1);
        assert_int_equal(pages_of(plan, 0, 2 * MIB)->count, (16384 * 2368 + 256 * MIB + 2 * MIB - 1) / (2 * MIB));
        assert_int_equal(plan->reserved_bytes[0], 2048 * MIB + (1 << 20) * 224 + MIB);
        assert_int_equal(plan->reserved_bytes[1], 2048 * MIB);
        assert_reason(plan, "dataplane memory node 0", "what socle-dataplane allocates");
        assert_reason(plan, "class dataplane node 0", "node with an underlay's NIC");
        assert_string_equal(plan->switches.governor, "performance");
        assert_int_equal(plan->switches.thp, 1);
        assert_int_equal(plan->switches.numa_balancing, 0);
        assert_int_equal(plan->switches.swappiness, -1);
}

static void test_overrides(void **state)
{
        cleanup_(topology_free_p) struct topology *t = machine_regular(2, 1, 8, 2, 64, 2);
        cleanup_(plan_free_p) struct plan *plan =
                plan_ok(t, "{'classes':{'housekeeping':{'cores':1},'dataplane':{'cores_per_node':2,'siblings':'idle'},"
                           "'guests':{'dedicated':{'cpus':'12-15,28-31'}}},"
                           "'isolation':{'partition':false},'irq':{'cpus':'0','irqbalance':'off'},"
                           "'power':{'governor':'keep','cstate_latency':0,'uncore_min':1200,'uncore_max':2400},"
                           "'memory':{'transparent_hugepages':'never','swappiness':1,'reserved':8192},"
                           "'kernel':{'rt_runtime':-1,'stat_interval':0,'iommu':'off'},"
                           "'kernel_arguments':['mitigations=auto','quiet']}");

        assert_class(plan, CLASS_HOUSEKEEPING, "0,16");
        assert_class(plan, CLASS_DATAPLANE, "1-2,8-9,17-18,24-25");
        assert_cpus(&plan->workers, "1-2,8-9");
        assert_class(plan, CLASS_GUESTS_SHARED, "3-7,10-11,19-23,26-27");
        assert_cpus(&plan->irq, "0");
        assert_false(plan->partition);
        assert_int_equal(plan->switches.irqbalance, 0);
        assert_string_equal(plan->switches.governor, "");
        assert_string_equal(plan->switches.epp, "performance");
        assert_int_equal(plan->switches.deepest_cstate_us, 0);
        assert_int_equal(plan->switches.uncore_min_mhz, 1200);
        assert_int_equal(plan->switches.thp, 0);
        assert_int_equal(plan->switches.swappiness, 1);
        assert_true(plan->switches.rt_set && plan->switches.rt_runtime_us == -1);
        assert_int_equal(plan->switches.stat_interval_s, -1);
        /* The OS is where its cores are; node 1 has none of them. */
        assert_int_equal(plan->nodes[0].os_bytes, 8 * GIB);
        assert_int_equal(plan->nodes[1].os_bytes, 0);
        assert_false(has_argument(plan, "iommu=pt"));
        assert_true(has_argument(plan, "quiet"));
}

/* 0 is none, not all (a fault of TripleO's derivation). */
static void test_none_asked(void **state)
{
        cleanup_(topology_free_p) struct topology *t = machine_regular(1, 1, 8, 1, 16, 1);
        cleanup_(plan_free_p) struct plan *zero = plan_ok(t, "{'classes':{'dataplane':{'cores':0}}}");
        cleanup_(plan_free_p) struct plan *empty = plan_ok(t, "{'classes':{'dataplane':{'cpus':''}}}");
        cleanup_(plan_free_p) struct plan *quiet = plan_ok(
                t, "{'classes':{'dataplane':{'cores':0},'guests':{'dedicated':{'cores':0},'shared':{'cores':0}}}}");

        assert_class(zero, CLASS_DATAPLANE, "");
        assert_int_equal(zero->page_count, 0);
        assert_class(empty, CLASS_DATAPLANE, "");
        assert_class(quiet, CLASS_HOUSEKEEPING, "0-7");
        assert_reason(quiet, "class housekeeping", "asked for by no class");
}

static void test_impossible(void **state)
{
        cleanup_(topology_free_p) struct topology *t = machine_regular(2, 1, 8, 2, 64, 1);

        plan_bad(t, "{'classes':{'dataplane':{'cores':8}}}", "/spec/classes/dataplane/cores", "at most 7");
        plan_bad(t, "{'classes':{'guests':{'dedicated':{'cores_per_node':8}}}}",
                 "/spec/classes/guests/dedicated/cores_per_node", "at most 7");
        plan_bad(t, "{'classes':{'dataplane':{'cpus':'9,25'}}}", "/spec/classes/dataplane/cpus", "node 1");
        plan_bad(t, "{'classes':{'dataplane':{'cpus':'40'}}}", "/spec/classes/dataplane/cpus", "CPU 40: not there");
        plan_bad(t, "{'classes':{'guests':{'dedicated':{'cpus':'8-15,24-31'}}}}", "/spec/classes/guests/dedicated/cpus",
                 "a list without CPUs 8,24");
        plan_bad(t, "{'classes':{'housekeeping':{'cpus':'8,24'},'guests':{'dedicated':{'cpus':'0,16'}}}}",
                 "/spec/isolation/boot", "CPU 0 boots the machine");
        plan_bad(t,
                 "{'classes':{'housekeeping':{'cores':1},'dataplane':{'cores':1},'storage':{'cores':1},"
                 "'guests':{'dedicated':{'cores':1},'shared':{'cores':1}}}}",
                 "/spec/classes", "in no class");
        plan_bad(t, "{'isolation':{'cpus':'0,16'}}", "/spec/isolation/cpus", "CPUs 0,16: housekeeping");
        plan_bad(t, "{'irq':{'cpus':'1'}}", "/spec/irq/cpus", "such as CPUs 0,8,16,24");
        plan_bad(t, "{'irq':{'cpus':'99'}}", "/spec/irq/cpus", "not online");
        plan_bad(t, "{'dataplane':{'nics':['eth7']}}", "/spec/dataplane/nics/0", "there is no NIC eth7");
        plan_bad(t, "{'memory':{'reserved':200000}}", "/spec/memory/reserved", "at most 131072 MiB");
        plan_bad(t, "{'hugepages':{'default_size':'16MiB'}}", "/spec/hugepages/default_size", "2MiB, 1GiB");
        plan_bad(t, "{'cache':{'dataplane':{'l3_mask':'f'}}}", "/spec/cache/dataplane", "no resctrl");
        plan_bad(t, "{'hugepages':{'pages':[{'size':'1GiB','count':63,'node':1}]}}", "/spec/hugepages/pages/0/count",
                 "at most 62");
        plan_bad(t, "{'hugepages':{'pages':[{'size':'2MiB','count':1}]}}", "/spec/hugepages/pages/0/count",
                 "at least 147");
        plan_bad(t, "{'hugepages':{'pages':[{'size':'2MiB','count':1,'node':5}]}}", "/spec/hugepages/pages/0/node",
                 "there is no node 5");
        plan_bad(t, "{'guests':{'count':100,'memory':4096,'page_size':'1GiB'}}", "/spec/guests/count", "at most 26");
        plan_bad(t, "{'guests':{'memory':70000,'page_size':'2MiB'}}", "/spec/guests/memory", "at most 62976 MiB");
        plan_bad(t, "{'dataplane':{'memory':70000}}", "/spec/dataplane/memory", "at most 62464 MiB");
}

static void test_hugepages(void **state)
{
        cleanup_(topology_free_p) struct topology *t = machine_regular(2, 1, 8, 2, 64, 2);
        cleanup_(plan_free_p) struct plan *guests =
                plan_ok(t, "{'guests':{'count':10,'memory':4096,'page_size':'1GiB'}}");
        cleanup_(plan_free_p) struct plan *all = plan_ok(t, "{'guests':{'memory':4096,'page_size':'1GiB'}}");
        cleanup_(plan_free_p) struct plan *large = plan_ok(t, "{'dataplane':{'formula':'ovs_shared','mtus':[9000]}}");
        cleanup_(plan_free_p) struct plan *listed =
                plan_ok(t, "{'hugepages':{'pages':[{'size':'1GiB','count':4},{'size':'1GiB','count':7,'node':1}]}}");

        assert_int_equal(pages_of(guests, 0, GIB)->count + pages_of(guests, 1, GIB)->count, 40);
        assert_int_equal(pages_of(guests, 1, GIB)->count, 20);
        assert_int_equal(guests->nodes[0].overhead_bytes, 5 * 512 * MIB);
        /* 64 GiB − 2 GiB for the OS − 224 MiB for sessions − 294 MiB for the dataplane, by 4.5 GiB */
        assert_int_equal(pages_of(all, 0, GIB)->count, 4 * 13);
        assert_int_equal(pages_of(large, 0, GIB)->count, 3);
        assert_int_equal(large->default_hugepage_bytes, GIB);
        assert_true(has_argument(large, "default_hugepagesz=1G") && has_argument(large, "hugepagesz=1G"));
        assert_true(has_argument(large, "hugepages=0:3,1:3"));
        assert_int_equal(pages_of(listed, 0, GIB)->count, 4);
        assert_int_equal(pages_of(listed, 1, GIB)->count, 7);
        assert_true(has_argument(listed, "hugepages=0:4,1:7"));
}

static void test_storage(void **state)
{
        struct topology *t = machine_regular(2, 1, 16, 2, 256, 2);
        cleanup_(topology_free_p) struct topology *owner = t;

        machine_add_disk(t, DISK_NVME, 1);
        machine_add_disk(t, DISK_HDD, 0);
        machine_add_disk(t, DISK_HDD, 0);
        cleanup_(plan_free_p) struct plan *plan = plan_ok(t, "{'storage':{'osds':{'nvme':4,'hdd':2}}}");
        /* NVMe: 4 OSDs of 3 CPUs on node 1; hard disks: 2 of 1 CPU on node 0. */
        assert_class(plan, CLASS_STORAGE, "1,17-22,33,49-54");
        assert_int_equal(plan->nodes[0].osds, 2);
        assert_int_equal(plan->nodes[1].osd_bytes, 4 * 5 * GIB);
        assert_int_equal((int)(plan->storage_overcommit * 1000), (int)((64 - 14) / 0.9 / 64 * 1000));
        /* The formula's guests, a node: (256 − 2 − 0.21875 − 0.287… − 5 · OSDs) / 8.5 */
        assert_int_equal(plan->nodes[0].guests, 28);
        assert_int_equal(plan->nodes[1].guests, 27);
        assert_reason(plan, "vCPU ratio", "0.87");

        plan_bad(t, "{'storage':{'osds':{'nvme':20}}}", "/spec/storage/osds", "OSDs that take at most 35 CPUs");
        plan_bad(t, "{'storage':{'osds':{'hdd':4},'memory_per_osd':300000}}", "/spec/storage/osds/hdd", "at most 0");
        plan_bad(t, "{'classes':{'storage':{'cores':1}},'storage':{'osds':{'nvme':2}}}", "/spec/storage/osds/nvme",
                 "at most 0");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tiny),       cmocka_unit_test(test_two_sockets), cmocka_unit_test(test_overrides),
                cmocka_unit_test(test_none_asked), cmocka_unit_test(test_impossible),  cmocka_unit_test(test_hugepages),
                cmocka_unit_test(test_storage),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
