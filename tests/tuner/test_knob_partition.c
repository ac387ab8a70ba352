/* CPUs taken out of the scheduler's domains: an isolated partition of cgroup v2, the cpuset of v1; systemd's part. */
#include <errno.h>
#include <string.h>

#include "knob_fixture.h"

#define ROOT  "/sys/fs/cgroup"
#define GROUP ROOT "/socle.slice"

/* What the kernel has made of a group's files. */
static void make_files(struct tree *tree)
{
        if (tree_has(tree, GROUP "/cpuset.cpus"))
                return;
        tree_put(tree, GROUP "/cpuset.cpus", "%s", "");
        tree_put(tree, GROUP "/cpuset.cpus.exclusive", "%s", "");
        tree_put(tree, GROUP "/cpuset.cpus.partition", "member");
        tree_put(tree, GROUP "/cgroup.events", "populated 0\nfrozen 0");
}

static void answer(struct tree *tree, enum host_step step, const char *path)
{
        if (step == HOST_MAKE_DIRECTORY && strcmp(path, GROUP) == 0)
                make_files(tree);
}

static int remove_files(struct tree *tree, enum host_step step, const char *path)
{
        if (step == HOST_REMOVE_DIRECTORY && tree_has(tree, GROUP "/cpuset.cpus")) {
                tree_remove(tree, GROUP);
                struct host quiet = {.root = tree->root};
                assert_int_equal(host_make_directory(&quiet, GROUP), 0);
        }
        return 0;
}

static int setup(void **state)
{
        tree_setup(state);
        struct tree *tree = *state;

        tree_put(tree, ROOT "/cgroup.controllers", "cpuset cpu io memory");
        tree_put(tree, ROOT "/cgroup.subtree_control", "+cpuset");
        tree_put(tree, "/proc/1/task/1/status", "Name:\tinit\nVmSize:\t10 kB\nCpus_allowed_list:\t0-7");
        tree->answer = answer;
        tree->refuse = remove_files;
        return 0;
}

static struct plan plan_partition(void)
{
        struct plan plan = plan_nothing();

        plan.isolated = cpus("4-7");
        plan.partition = true;
        return plan;
}

static void test_there_and_back(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-7", "0-7", NULL);
        struct plan plan = plan_partition();
        cleanup_wishes struct wishes wishes = {}, more = {};

        there_and_back(tree, topology, &plan, 1);
        tree_assert_absent(tree, GROUP);
        wishes_of(tree, topology, &plan, &wishes);
        assert_wish(&wishes, "partition", "socle.slice", "isolated 4-7");
        apply_changes(tree, &wishes, 1);
        tree_assert(tree, GROUP "/cpuset.cpus", "4-7");
        tree_assert(tree, GROUP "/cpuset.cpus.exclusive", "4-7");
        tree_assert(tree, GROUP "/cpuset.cpus.partition", "isolated");

        plan.isolated = cpus("2-7");
        wishes_of(tree, topology, &plan, &more);
        apply_changes(tree, &more, 1);
        assert_reads(tree, "partition", "socle.slice", "isolated 2-7");
        restore_ok(tree);
}

static void invalid(struct tree *tree, enum host_step step, const char *path)
{
        answer(tree, step, path);
        if (step != HOST_WRITE || strcmp(path, GROUP "/cpuset.cpus.partition") != 0)
                return;
        cleanup_free char *now = tree_get(tree, path);
        if (strcmp(now, "isolated") == 0)
                tree_put(tree, path, "isolated invalid (Cpu list in cpuset.cpus not exclusive)");
}

static void test_invalid(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-7", "0-7", NULL);
        struct plan plan = plan_partition();
        cleanup_wishes struct wishes wishes = {};

        wishes_of(tree, topology, &plan, &wishes);
        tree->answer = invalid;
        apply_fails(tree, &wishes, -EIO, "the kernel says: isolated invalid (Cpu list in cpuset.cpus not exclusive)");
        tree_assert_absent(tree, GROUP);
}

/* The neighbour's partition would become invalid by our listing its CPUs. */
static void test_neighbour(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-7", "0-7", NULL);
        struct plan plan = plan_partition();
        cleanup_wishes struct wishes wishes = {};

        tree_put(tree, ROOT "/other/cpuset.cpus", "7");
        tree_put(tree, ROOT "/other/cpuset.cpus.partition", "root");
        wishes_of(tree, topology, &plan, &wishes);
        apply_fails(tree, &wishes, -EBUSY, "'other' is a partition that has the CPUs 7 already");
        tree_assert_absent(tree, GROUP);
        tree_put(tree, ROOT "/other/cpuset.cpus.partition", "root invalid (no more)");
        apply_changes(tree, &wishes, 1);
        restore_ok(tree);
}

/* Nobody who is pinned there is driven away; whoever is in the slice already may be. */
static void test_pinned(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-7", "0-7", NULL);
        struct plan plan = plan_partition();
        cleanup_wishes struct wishes wishes = {};

        tree_put(tree, "/proc/12/task/12/status", "Name:\tmigration/5\nCpus_allowed_list:\t5");
        tree_put(tree, "/proc/77/task/77/status", "Name:\tqemu\nVmSize:\t10 kB\nCpus_allowed_list:\t0-1");
        tree_put(tree, "/proc/77/task/78/status", "Name:\tCPU 0/KVM\nVmSize:\t10 kB\nCpus_allowed_list:\t5");
        tree_put(tree, "/proc/77/task/78/cgroup", "0::/machine.slice/vm1");
        wishes_of(tree, topology, &plan, &wishes);
        apply_fails(tree, &wishes, -EBUSY, "thread 'CPU 0/KVM' (78 of process 77) is pinned to these CPUs");
        tree_put(tree, "/proc/77/task/78/cgroup", "1:name=systemd:/x\n0::/socle.slice/vm1");
        apply_changes(tree, &wishes, 1);
        tree_put(tree, GROUP "/cgroup.events", "populated 1\nfrozen 0");
        restore_ok(tree); /* and the slice stays for those who live in it, as one like any other */
        tree_assert(tree, GROUP "/cpuset.cpus.partition", "member");
        tree_assert(tree, GROUP "/cpuset.cpus", "");
}

static void systemctl(struct tree *tree, enum host_step step, const char *path)
{
        if (step == HOST_RUN)
                make_files(tree);
}

static void test_systemd(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-7", "0-7", NULL);
        struct plan plan = plan_partition();
        cleanup_wishes struct wishes wishes = {};

        tree_put(tree, "/run/systemd/system/.keep", "x");
        tree->answer = systemctl;
        wishes_of(tree, topology, &plan, &wishes);
        assert_wish(&wishes, "systemd_affinity", "", "0-3");
        apply_changes(tree, &wishes, 2);
        cleanup_free char *drop_in = tree_get(tree, "/etc/systemd/system.conf.d/50-socle.conf");
        assert_non_null(strstr(drop_in, "\n[Manager]\nCPUAffinity=0-3"));
        assert_reads(tree, "partition", "socle.slice", "isolated 4-7");
        tree_put(tree, "/proc/1/status", "Name:\tsystemd\nCpus_allowed_list:\t0-7"); /* as old kernels forget it */
        assert_reads(tree, "systemd_affinity", "", "0-3 (systemd is on 0-7)");
        tree_put(tree, "/proc/1/status", "Name:\tsystemd\nCpus_allowed_list:\t1");
        assert_reads(tree, "systemd_affinity", "", "0-3");
        restore_ok(tree);
        tree_assert_absent(tree, "/etc/systemd/system.conf.d/50-socle.conf");
        assert_reads(tree, "partition", "socle.slice", "none");
}

static void test_no_cpuset(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-7", "0-7", NULL);
        struct plan plan = plan_partition();
        cleanup_wishes struct wishes wishes = {};

        tree_put(tree, ROOT "/cgroup.controllers", "cpu io memory");
        wishes_of(tree, topology, &plan, &wishes);
        assert_int_equal(wishes.count, 0);
        assert_note(&wishes, "partition", "no cpuset controller");
}

/* ---- cgroup v1 ---- */

#define V1   ROOT "/cpuset"
#define OURS V1 "/socle"

static void answer_v1(struct tree *tree, enum host_step step, const char *path)
{
        if (step != HOST_MAKE_DIRECTORY || strcmp(path, OURS) != 0)
                return;
        tree_put(tree, OURS "/cpuset.cpus", "%s", "");
        tree_put(tree, OURS "/cpuset.mems", "%s", "");
        tree_put(tree, OURS "/cpuset.sched_load_balance", "1");
}

static int remove_files_v1(struct tree *tree, enum host_step step, const char *path)
{
        struct host quiet = {.root = tree->root};

        if (step != HOST_REMOVE_DIRECTORY)
                return 0;
        tree_remove(tree, OURS);
        return host_make_directory(&quiet, OURS);
}

static void test_v1(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-7", "0-7", NULL);
        struct plan plan = plan_partition();
        cleanup_wishes struct wishes wishes = {};

        tree_remove(tree, ROOT "/cgroup.controllers");
        tree_put(tree, V1 "/cpuset.cpus", "0-7");
        tree_put(tree, V1 "/cpuset.mems", "0");
        tree_put(tree, V1 "/cpuset.sched_load_balance", "1");
        tree_put(tree, V1 "/machine/cpuset.cpus", "0-7");
        tree_put(tree, V1 "/machine/cpuset.sched_load_balance", "0");
        tree->answer = answer_v1;
        tree->refuse = remove_files_v1;
        there_and_back(tree, topology, &plan, 1);
        wishes_of(tree, topology, &plan, &wishes);
        assert_wish(&wishes, "cpuset", "socle", "balanced 0-3");
        tree_put(tree, V1 "/machine/cpuset.sched_load_balance", "1");
        apply_fails(tree, &wishes, -EIO, "asked 'balanced 0-3', found 'balanced 0-3 but machine 0-7 too'");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_there_and_back, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_invalid, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_neighbour, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_pinned, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_systemd, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_no_cpuset, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_v1, setup, tree_teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
