/* The kind HostProfile: what its table and its checks refuse, that there is one only, and that what is written arrives
 * in the plain struct. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "planning.h"
#include "socle/cleanup.h"

static void test_defaults(void **state)
{
        cleanup_(host_profile_free_p) struct host_profile *profile = profile_of("{}");

        for (int which = 0; which < CLASS_COUNT; which++)
                assert_int_equal(profile->classes[which].form, CLASS_DERIVED);
        assert_int_equal(profile->dataplane.formula, FORMULA_SOCLE);
        assert_int_equal(profile->dataplane.mtus[0], 1500);
        assert_int_equal(profile->storage.cpus_per_osd[DISK_HDD], 1);
        assert_int_equal(profile->storage.cpus_per_osd[DISK_SSD], 4);
        assert_int_equal(profile->storage.cpus_per_osd[DISK_NVME], 3);
        assert_int_equal(profile->storage.osd_bytes, UINT64_C(5) << 30);
        assert_int_equal(profile->guests.overhead_bytes, UINT64_C(512) << 20);
        assert_int_equal(profile->guests.count, -1);
        assert_true(!profile->partition && !profile->enforce);
        assert_int_equal(profile->boot, -1);
        assert_int_equal(profile->thp, PROFILE_DERIVE);
        assert_int_equal(profile->irqbalance, PROFILE_KEEP);
        assert_int_equal(profile->cstate_latency_us, PROFILE_KEEP);
}

static void test_members(void **state)
{
        cleanup_(host_profile_free_p) struct host_profile *profile =
                profile_of("{'classes':{'housekeeping':{'cpus':'0-1'},'guests':{'shared':{'cores':3}},"
                           "'storage':{'cores_per_node':2},'dataplane':{'siblings':'idle','nodes':'all'}},"
                           "'dataplane':{'nics':['eth0','0000:81:00.0']},"
                           "'memory':{'transparent_hugepages':'keep','ksm':'on','numa_balancing':'keep'},"
                           "'kernel':{'nmi_watchdog':'off','iommu':'on'},'cache':{'dataplane':{'l3_mask':'7f0'},"
                           "'guests_shared':{'memory_bandwidth':50}},'isolation':{'cpus':'4-5','boot':false},"
                           "'guests':{'page_size':'1GiB'},'kernel_arguments':['quiet'],'enforce':true}");

        assert_int_equal(profile->classes[CLASS_HOUSEKEEPING].form, CLASS_CPUS);
        assert_cpus(&profile->classes[CLASS_HOUSEKEEPING].cpus, "0-1");
        assert_int_equal(profile->classes[CLASS_GUESTS_SHARED].cores, 3);
        assert_int_equal(profile->classes[CLASS_STORAGE].form, CLASS_CORES_PER_NODE);
        assert_int_equal(profile->classes[CLASS_DATAPLANE].form, CLASS_DERIVED);
        assert_true(profile->dataplane.idle_siblings && profile->dataplane.all_nodes);
        assert_string_equal(profile->dataplane.nics[1], "0000:81:00.0");
        assert_int_equal(profile->thp, PROFILE_KEEP);
        assert_int_equal(profile->ksm, 1);
        assert_int_equal(profile->numa_balancing, PROFILE_KEEP);
        assert_int_equal(profile->nmi_watchdog, 0);
        assert_int_equal(profile->iommu, 1);
        assert_int_equal(profile->cache[CLASS_DATAPLANE].l3_mask, 0x7f0);
        assert_int_equal(profile->cache[CLASS_GUESTS_SHARED].mb_percent, 50);
        assert_cpus(&profile->isolated, "4-5");
        assert_int_equal(profile->guests.page_bytes, UINT64_C(1) << 30);
        assert_string_equal(profile->kernel_arguments[0], "quiet");
        assert_true(profile->enforce && !profile->boot);
}

#define BAD_SPEC(spec, pointer, words) BAD({"HostProfile", "h", spec, pointer, words})

static void test_what_a_table_cannot_say(void **state)
{
        BAD_SPEC("{'classes':{'dataplane':{'cores':1,'cpus':'2'}}}", "/spec/classes/dataplane/cores",
                 "comes with another of cpus, cores");
        BAD_SPEC("{'classes':{'housekeeping':{'cores':0}}}", "/spec/classes/housekeeping", "at least one core");
        BAD_SPEC("{'classes':{'housekeeping':{'cpus':''}}}", "/spec/classes/housekeeping", "at least one core");
        BAD_SPEC("{'classes':{'storage':{'cpus':'1-'}}}", "/spec/classes/storage/cpus", "is the text \"1-\"");
        BAD_SPEC("{'isolation':{'cpus':'0-9999'}}", "/spec/isolation/cpus", "a list of CPUs below 8192");
        BAD_SPEC("{'irq':{'cpus':'all'}}", "/spec/irq/cpus", "such as 2-7,34-39");
        BAD_SPEC("{'classes':{'dataplane':{'cpus':'2-4'},'guests':{'shared':{'cpus':'3-9'}}}}",
                 "/spec/classes/guests/shared/cpus", "CPUs 3-4: in dataplane too");
        BAD_SPEC("{'irq':{'cpus':8192}}", "/spec/irq/cpus", "cpus is 8192");
        BAD_SPEC("{'irq':{'cpus':true}}", "/spec/irq/cpus", "cpus is true");
        BAD_SPEC("{'isolation':{'cpus':'2-3'},'irq':{'cpus':'3'}}", "/spec/irq/cpus", "to be isolated");
        BAD_SPEC("{'isolation':{'cpus':'2-3'},'classes':{'housekeeping':{'cpus':'0-2'}}}", "/spec/isolation/cpus",
                 "housekeeping");
        BAD_SPEC("{'power':{'uncore_min':2400,'uncore_max':1200}}", "/spec/power/uncore_min", "at most uncore_max");
        BAD_SPEC("{'hugepages':{'pages':[{'size':'2MiB','count':1},{'size':'1GiB','count':1},{'size':'2MiB','count':2}]"
                 "}}",
                 "/spec/hugepages/pages/2", "one entry of a size");
        BAD_SPEC("{'cache':{'storage':{'l3_mask':'5'}}}", "/spec/cache/storage/l3_mask", "contiguous");
        BAD_SPEC("{'cache':{'storage':{'l3_mask':'0'}}}", "/spec/cache/storage/l3_mask", "contiguous");
        BAD_SPEC("{'cache':{'storage':{'l3_mask':'-1'}}}", "/spec/cache/storage/l3_mask", "contiguous");
        BAD_SPEC("{'kernel_arguments':['isolcpus=1']}", "/spec/kernel_arguments/0", "/spec/isolation instead");
        BAD_SPEC("{'kernel_arguments':['quiet','quiet']}", "/spec/kernel_arguments/1", "there twice");
        BAD_SPEC("{'kernel_arguments':['a b']}", "/spec/kernel_arguments/0", "no argument of a kernel");
        BAD_SPEC("{'kernel_arguments':['x=$(reboot)']}", "/spec/kernel_arguments/0", "no argument of a kernel");
        BAD_SPEC("{'kernel_arguments':['=1']}", "/spec/kernel_arguments/0", "no argument of a kernel");
}

static void test_the_table(void **state)
{
        BAD_SPEC("{'classes':{'dataplane':{'core':1}}}", "/spec/classes/dataplane/core", "did you mean cores?");
        BAD_SPEC("{'classes':{'dataplane':{'cores':-1}}}", "/spec/classes/dataplane/cores", "from 0");
        BAD_SPEC("{'guests':{'page_size':'3MiB'}}", "/spec/guests/page_size", "2MiB");
        BAD_SPEC("{'dataplane':{'mtus':[]}}", "/spec/dataplane/mtus", "too short");
        BAD_SPEC("{'power':{'governor':''}}", "/spec/power/governor", "too short");
        BAD_SPEC("{'kernel':{'iommu':true}}", "/spec/kernel/iommu", "on");
}

static void test_one_only(void **state)
{
        struct errors errors = {0};

        apply_ok(*state, "[{'kind':'HostProfile','name':'a','spec':{}}]");
        apply_ok(*state, "[{'kind':'HostProfile','name':'a','spec':{'enforce':true}}]");
        apply_bad(*state, "[{'kind':'HostProfile','name':'b','spec':{}}]", &errors);
        assert_only_complaint(&errors, -EINVAL, "HostProfile", "b", "/spec",
                              "tuning of this host belongs to HostProfile a already");
        fixture_restart(*state);
        delete_ok(*state, "[{'kind':'HostProfile','name':'a'}]");
        apply_ok(*state, "[{'kind':'HostProfile','name':'b','spec':{}}]");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults),
                cmocka_unit_test(test_members),
                T(test_what_a_table_cannot_say),
                T(test_the_table),
                T(test_one_only),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
