/* Plans of machines that are unlike others: memory without CPUs and the other way round, sub-NUMA clusters, holes in
 * the numbers, CPUs that are offline or not ours, hybrid cores, NICs that belong nowhere. */
#include <stdlib.h>
#include <string.h>

#include "planning.h"
#include "socle/cleanup.h"

#define GIB (UINT64_C(1) << 30)
#define MIB (UINT64_C(1) << 20)

/* Two nodes with CPUs, numbers 0 and 2; memory only, 5 (CXL, near to 2), with the NIC. */
static void test_memory_without_cpus(void **state)
{
        cleanup_(topology_free_p) struct topology *t = machine_new("CXL");
        static const int numbers[] = {0, 2, 5};

        machine_add_package(t, "AMD EPYC 9654");
        for (int node = 0; node < 3; node++)
                machine_add_node(t, numbers[node], 64 * GIB);
        for (int core = 0; core < 8; core++)
                machine_add_core(t, 0, core / 4, 0, core * 2, 2, 1);
        machine_add_nic(t, 2, 4);
        machine_set_distance(t, 2, 1, 14);
        machine_set_distance(t, 2, 0, 24);
        machine_done(t);

        cleanup_(plan_free_p) struct plan *plan = plan_ok(t, "{}");
        assert_class(plan, CLASS_HOUSEKEEPING, "0-1,8-9");
        assert_class(plan, CLASS_DATAPLANE, "10-11");
        assert_reason(plan, "NIC 0000:01:00.0", "its node 5 has no CPUs of ours: node 2 is nearest (distance 14)");
        assert_true(plan->nodes[1].underlay && !plan->nodes[0].underlay && !plan->nodes[2].underlay);
        assert_non_null(pages_of(plan, 1, 2 * MIB));
        assert_int_equal(plan->reserved_bytes[2], 0);
        assert_true(has_argument(plan, "iommu=pt") && !has_argument(plan, "intel_iommu=on"));

        cleanup_(plan_free_p) struct plan *asked =
                plan_ok(t, "{'hugepages':{'pages':[{'size':'1GiB','count':60,'node':5}]}}");
        assert_int_equal(pages_of(asked, 2, GIB)->count, 60);
        assert_true(has_argument(asked, "hugepages=5:60"));
        plan_bad(t, "{'hugepages':{'pages':[{'size':'1GiB','count':1,'node':1}]}}", "/spec/hugepages/pages/0/node",
                 "there is no node 1");
        /* "Each node" are those with CPUs. */
        cleanup_(plan_free_p) struct plan *each = plan_ok(t, "{'hugepages':{'pages':[{'size':'1GiB','count':2}]}}");
        assert_null(pages_of(each, 2, GIB));
}

/* A node without memory: its dataplane has that of the nearest. */
static void test_cpus_without_memory(void **state)
{
        cleanup_(topology_free_p) struct topology *t = machine_new("half populated");

        machine_add_package(t, "");
        machine_add_node(t, 0, 32 * GIB);
        machine_add_node(t, 1, 0);
        for (int core = 0; core < 8; core++)
                machine_add_core(t, 0, core / 4, 0, core, 1, 1);
        machine_add_nic(t, 1, 0);
        machine_done(t);

        cleanup_(plan_free_p) struct plan *plan = plan_ok(t, "{}");
        assert_class(plan, CLASS_DATAPLANE, "5");
        assert_int_equal(pages_of(plan, 0, 2 * MIB)->dataplane, 147);
        assert_null(pages_of(plan, 1, 2 * MIB));
        assert_int_equal(plan->nodes[0].os_bytes, 4 * GIB);
        assert_reason(plan, "dataplane memory node 0", "the workers' own node has no memory");
        assert_false(has_argument(plan, "iommu=pt")); /* nothing there has VFs */
}

/* Two sockets in four clusters each, 3 cores a cluster, one NIC a socket. */
static void test_sub_numa_clusters(void **state)
{
        struct topology *t = machine_regular(2, 4, 3, 2, 32, 0);
        cleanup_(topology_free_p) struct topology *owned = t;

        machine_add_nic(t, 1, 16);
        machine_add_nic(t, 6, 16);
        cleanup_(plan_free_p) struct plan *plan = plan_ok(t, "{}");
        assert_class(plan, CLASS_DATAPLANE, "4,19,28,43");
        assert_class(plan, CLASS_HOUSEKEEPING, "0,3,6,9,12,15,18,21,24,27,30,33,36,39,42,45");
        assert_class(plan, CLASS_GUESTS_SHARED, "2,5,8,11,14,17,20,23,26,29,32,35,38,41,44,47");
        cleanup_(plan_free_p) struct plan *all = plan_ok(t, "{'classes':{'dataplane':{'nodes':'all'}}}");
        assert_int_equal(cpu_set_count(&all->classes[CLASS_DATAPLANE]), 16);
        plan_bad(t, "{'classes':{'dataplane':{'cores':5}}}", "/spec/classes/dataplane/cores", "at most 4");
        /* Only one of the two is the underlay's. */
        cleanup_(plan_free_p) struct plan *named = plan_ok(t, "{'dataplane':{'nics':['eth1']}}");
        assert_class(named, CLASS_DATAPLANE, "19,43");
        cleanup_(plan_free_p) struct plan *by_address = plan_ok(t, "{'dataplane':{'nics':['01:00.0']}}");
        assert_class(by_address, CLASS_DATAPLANE, "4,28");
}

/* CPUs 4 to 15 with holes, some offline: a core that lost a sibling is still a core. */
static void test_holes_and_offline(void **state)
{
        cleanup_(topology_free_p) struct topology *t = machine_new("holes");

        machine_add_package(t, "Intel");
        machine_add_node(t, 3, 16 * GIB);
        machine_add_core(t, 0, 0, 0, 4, 2, 1);
        machine_add_core(t, 0, 0, 0, 8, 1, 1); /* 9 is offline */
        machine_add_core(t, 0, 0, 0, 12, 2, 1);
        machine_add_core(t, 0, 0, 0, 14, 2, 1);
        machine_add_offline(t, 9);
        machine_add_nic(t, 0, 0);
        machine_done(t);

        cleanup_(plan_free_p) struct plan *plan = plan_ok(t, "{}");
        assert_class(plan, CLASS_HOUSEKEEPING, "4-5");
        assert_class(plan, CLASS_DATAPLANE, "8");
        assert_class(plan, CLASS_GUESTS_DEDICATED, "12-13");
        assert_class(plan, CLASS_GUESTS_SHARED, "14-15");
        assert_reason(plan, "class dataplane node 3", "CPU 8");
        plan_bad(t, "{'classes':{'dataplane':{'cpus':'8-9'}}}", "/spec/classes/dataplane/cpus", "CPU 9: offline");
        plan_bad(t, "{'classes':{'dataplane':{'cpus':'10,12-13'}}}", "/spec/classes/dataplane/cpus",
                 "CPU 10: not there");
}

/* 2 performance cores with two threads, 4 efficiency cores. */
static void test_hybrid(void **state)
{
        cleanup_(topology_free_p) struct topology *t = machine_new("hybrid");

        machine_add_package(t, "Intel");
        machine_add_node(t, 0, 16 * GIB);
        for (int core = 0; core < 4; core++)
                machine_add_core(t, 0, 0, 1, core * 2, 2, 1);
        for (int core = 0; core < 4; core++)
                machine_add_core(t, 0, 0, 0, 8 + core, 1, 1);
        machine_add_nic(t, 0, 0);
        machine_done(t);

        cleanup_(plan_free_p) struct plan *plan = plan_ok(t, "{}");
        assert_class(plan, CLASS_HOUSEKEEPING, "0-1");
        assert_class(plan, CLASS_DATAPLANE, "2-3");
        assert_class(plan, CLASS_GUESTS_DEDICATED, "4-7");
        assert_class(plan, CLASS_GUESTS_SHARED, "8-11");
        assert_reason(plan, "class guests_dedicated node 0", "performance cores");
        cleanup_(plan_free_p) struct plan *two = plan_ok(t, "{'classes':{'housekeeping':{'cores':3}}}");
        assert_class(two, CLASS_HOUSEKEEPING, "0-1,8-9");
        cleanup_(plan_free_p) struct plan *listed = plan_ok(t, "{'classes':{'dataplane':{'cpus':'8'}}}");
        assert_class(listed, CLASS_DATAPLANE, "8");
        assert_reason(listed, "class dataplane node 0", "not all are performance cores");
        plan_bad(t, "{'classes':{'guests':{'dedicated':{'cores':4}},'dataplane':{'cores':1}}}",
                 "/spec/classes/guests/dedicated/cores", "at most 2");
}

/* The cgroup lets us have half: the rest is the OS's, a core that is half ours too. */
static void test_restricted(void **state)
{
        struct topology *t = machine_regular(1, 1, 8, 2, 16, 1);
        cleanup_(topology_free_p) struct topology *owned = t;

        for (int cpu = 0; cpu < 4; cpu++)
                machine_forbid(t, cpu);
        machine_forbid(t, 12); /* sibling of 4 */
        cleanup_(plan_free_p) struct plan *plan = plan_ok(t, "{}");
        assert_class(plan, CLASS_HOUSEKEEPING, "0-5,8-13");
        assert_class(plan, CLASS_DATAPLANE, "6,14");
        assert_class(plan, CLASS_GUESTS_SHARED, "7,15");
        assert_reason(plan, "class housekeeping", "CPUs 0-4,8-12: not ours by the cgroup");
        plan_bad(t, "{'classes':{'dataplane':{'cpus':'3,11'}}}", "/spec/classes/dataplane/cpus",
                 "CPU 3: not ours by the cgroup");
        plan_bad(t, "{'classes':{'dataplane':{'cores':3}}}", "/spec/classes/dataplane/cores", "at most 2");
}

/* NICs whose node the platform does not tell, and none at all. */
static void test_nics_of_no_node(void **state)
{
        struct topology *two = machine_regular(2, 1, 4, 1, 16, 0), *one = machine_regular(1, 1, 4, 1, 16, 0);
        struct topology *some = machine_regular(2, 1, 4, 1, 16, 0);
        cleanup_(topology_free_p) struct topology *a = two, *b = one, *c = some;

        machine_add_nic(two, -1, 0);
        machine_add_nic(one, -1, 0);
        machine_add_nic(some, -1, 0);
        machine_add_nic(some, 1, 0);
        cleanup_(plan_free_p) struct plan *all = plan_ok(two, "{}"), *only = plan_ok(one, "{}");
        cleanup_(plan_free_p) struct plan *known = plan_ok(some, "{}");
        assert_class(all, CLASS_DATAPLANE, "1,5");
        assert_reason(all, "class dataplane", "no node is known to have a NIC");
        assert_class(only, CLASS_DATAPLANE, "1");
        assert_class(known, CLASS_DATAPLANE, "5");
        assert_reason(known, "NIC 0000:01:00.0", "does not tell its node");
}

/* No huge pages in the kernel; a platform that tells neither nodes of cores nor memory. */
static void test_little_known(void **state)
{
        cleanup_(topology_free_p) struct topology *t = machine_new("little known");
        cleanup_(topology_free_p) struct topology *none = machine_new("no nodes");

        machine_add_package(t, "");
        machine_add_node(t, 0, 8 * GIB);
        for (int core = 0; core < 4; core++)
                machine_add_core(t, 0, -1, 0, core, 1, 1);
        machine_done(t);
        t->nodes[0].page_count = 0;
        cleanup_(plan_free_p) struct plan *plan = plan_ok(t, "{}");
        assert_class(plan, CLASS_DATAPLANE, "1");
        assert_int_equal(plan->page_count, 0);
        assert_reason(plan, "hugepages", "ordinary pages");
        plan_bad(t, "{'guests':{'page_size':'2MiB','memory':512}}", "/spec/guests/page_size",
                 "its kernel has no huge pages");
        plan_bad(t, "{'hugepages':{'pages':[{'size':'2MiB','count':4}]}}", "/spec/hugepages/pages/0/size",
                 "its kernel has no huge pages");

        for (int core = 0; core < 4; core++)
                machine_add_core(none, -1, -1, 0, core, 1, 1);
        machine_done(none);
        cleanup_(plan_free_p) struct plan *bare = plan_ok(none, "{}");
        assert_class(bare, CLASS_HOUSEKEEPING, "0");
        assert_class(bare, CLASS_DATAPLANE, "1");
        assert_int_equal(bare->page_count, 0);
}

/* arm64 with 64 KiB pages: huge pages of 2 MiB, 512 MiB (which is the kernel's own choice) and 16 GiB. */
static void test_other_page_sizes(void **state)
{
        struct topology *t = machine_regular(1, 1, 8, 1, 64, 1);
        cleanup_(topology_free_p) struct topology *owned = t;

        t->nodes[0].pages[1].page_bytes = 512 * MIB;
        cleanup_(plan_free_p) struct plan *plan = plan_ok(t, "{}");
        assert_int_equal(pages_of(plan, 0, 512 * MIB)->count, 1);
        assert_int_equal(plan->default_hugepage_bytes, 0);
        cleanup_(plan_free_p) struct plan *asked = plan_ok(t, "{'hugepages':{'default_size':'2MiB'}}");
        assert_int_equal(pages_of(asked, 0, 2 * MIB)->count, 147);
        assert_true(has_argument(asked, "default_hugepagesz=2M"));
}

/* Every other core is dedicated: the list of isolated CPUs is longer than the kernel's command line. */
static void test_long_lists(void **state)
{
        cleanup_(topology_free_p) struct topology *t = machine_regular(1, 32, 16, 2, 16, 1);
        cleanup_(plan_free_p) struct plan *regular = plan_ok(t, "{}");
        char spec[8192], list[4096];
        size_t used = 0;

        for (int core = 2; core < 500; core += 2)
                used += snprintf(list + used, sizeof(list) - used, "%s%d,%d", used ? "," : "", core, core + 512);
        snprintf(spec, sizeof(spec), "{'classes':{'housekeeping':{'cores':1},'guests':{'dedicated':{'cpus':'%s'}}}}",
                 list);
        cleanup_(plan_free_p) struct plan *long_list = plan_ok(t, spec);
        assert_true(regular->boot_isolation);
        assert_reason(regular, "kernel argument rcu_nocbs", "nohz_full means it too");
        assert_true(!long_list->boot_isolation);
        assert_reason(long_list, "isolation", "too long for the kernel's command line");
        snprintf(spec, sizeof(spec),
                 "{'classes':{'housekeeping':{'cores':1},'guests':{'dedicated':{'cpus':'%s'}}},'isolation':{'boot':"
                 "true}}",
                 list);
        plan_bad(t, spec, "/spec/isolation/boot", "boot: false");
}

static void test_long_arguments(void **state)
{
        cleanup_(topology_free_p) struct topology *t = machine_regular(1, 1, 4, 1, 16, 0);
        char spec[4096] = "{'isolation':{'boot':false},'kernel_arguments':['quiet'";
        size_t used = strlen(spec);

        for (int i = 0; i < 10; i++)
                used += snprintf(spec + used, sizeof(spec) - used, ",'a%d=%0200d'", i, i);
        snprintf(spec + used, sizeof(spec) - used, "]}");
        plan_bad(t, spec, "/spec/kernel_arguments", "254 bytes less");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_memory_without_cpus),
                cmocka_unit_test(test_cpus_without_memory),
                cmocka_unit_test(test_sub_numa_clusters),
                cmocka_unit_test(test_holes_and_offline),
                cmocka_unit_test(test_hybrid),
                cmocka_unit_test(test_restricted),
                cmocka_unit_test(test_nics_of_no_node),
                cmocka_unit_test(test_little_known),
                cmocka_unit_test(test_other_page_sizes),
                cmocka_unit_test(test_long_lists),
                cmocka_unit_test(test_long_arguments),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
