/* A whole profile, by all knobs at once: there and back, and with kill -9 before every step of it. */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "knob_fixture.h"

#define GROUP "/sys/fs/cgroup/socle.slice"
#define SHARE "/sys/fs/resctrl/socle-dataplane"
#define UNIT  "/etc/systemd/system/irqbalance.service.d"

/* What the kernel and the programs make of a step; the group of the partition is systemd's. */
static void answer(struct tree *tree, enum host_step step, const char *path)
{
        if (step == HOST_MAKE_DIRECTORY && strcmp(path, SHARE) == 0) {
                tree_put(tree, SHARE "/cpus_list", "%s", "");
                tree_put(tree, SHARE "/schemata", "    L3:0=7ff");
        }
        if (step != HOST_RUN || strcmp(path, "/usr/bin/systemctl") != 0)
                return;
        if (!tree_has(tree, GROUP "/cpuset.cpus")) {
                tree_put(tree, GROUP "/cpuset.cpus", "%s", "");
                tree_put(tree, GROUP "/cpuset.cpus.partition", "member");
        }
        bool told = tree_has(tree, UNIT "/50-socle.env") && tree_has(tree, UNIT "/50-socle.conf");
        tree_put(tree, "/proc/42/environ", "IRQBALANCE_BANNED_CPULIST=%s", told ? "2-7" : "");
}

static int remove_files(struct tree *tree, enum host_step step, const char *path)
{
        struct host quiet = {.root = tree->root};

        if (step != HOST_REMOVE_DIRECTORY || !tree_has(tree, path))
                return 0;
        tree_remove(tree, path);
        return host_make_directory(&quiet, "%s", path);
}

static const struct {
        const char *path, *text;
} files[] = {
        {"/proc/irq/default_smp_affinity", "ff"},
        {"/proc/irq/24/smp_affinity_list", "0-7"},
        {"/proc/irq/25/smp_affinity_list", "4"},
        {"/sys/devices/virtual/workqueue/cpumask", "ff"},
        {"/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages", "0"},
        {"/sys/fs/cgroup/cgroup.controllers", "cpuset cpu"},
        {"/run/systemd/system/.keep", "x"},
        {GROUP "/cpuset.cpus", ""},
        {GROUP "/cpuset.cpus.partition", "member"},
        {"/sys/devices/system/cpu/cpufreq/policy4/scaling_governor", "powersave"},
        {"/sys/devices/system/cpu/cpufreq/policy4/energy_performance_preference", "balance_performance"},
        {"/sys/devices/system/cpu/cpuidle/current_driver", "intel_idle"},
        {"/sys/devices/system/cpu/cpu4/power/pm_qos_resume_latency_us", "0"},
        {"/sys/kernel/mm/transparent_hugepage/enabled", "always"},
        {"/sys/kernel/mm/ksm/run", "1"},
        {"/proc/sys/kernel/numa_balancing", "1"},
        {"/proc/sys/vm/stat_interval", "1"},
        {"/sys/fs/resctrl/schemata", "    L3:0=7ff"},
        {"/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=quiet"},
        {"/proc/cmdline", "quiet"},
        {"/usr/sbin/irqbalance", "ELF"},
        {"/proc/42/comm", "irqbalance"},
        {"/proc/42/environ", "IRQBALANCE_BANNED_CPULIST="},
        {"/run/irqbalance/irqbalance42.sock", "x"},
        {"/proc/sys/kernel/random/boot_id", "boot-1"},
};

static int setup(void **state)
{
        tree_setup(state);
        struct tree *tree = *state;

        for (size_t i = 0; i < ARRAY_LEN(files); i++)
                tree_put(tree, files[i].path, "%s", files[i].text);
        tree->answer = answer;
        tree->refuse = remove_files;
        return 0;
}

static void make_wishes(struct tree *tree, struct wishes *wishes)
{
        static char *arguments[] = {"isolcpus=managed_irq,domain,4-7", "nohz_full=4-7", NULL};
        struct plan_pages pages = {.node = 0, .page_bytes = 2 << 20, .count = 64};
        cleanup_topology struct topology *topology = topology_small("0-7", "0-7", NULL);
        struct plan plan = plan_nothing();

        plan.isolated = cpus("4-7");
        plan.irq = cpus("0-1");
        plan.partition = true;
        plan.pages = &pages;
        plan.page_count = 1;
        plan.kernel_arguments = arguments;
        plan.classes[CLASS_DATAPLANE] = cpus("4-5");
        plan.cache.l3_mask[CLASS_DATAPLANE] = 0xf;
        plan.switches.thp = 1;
        plan.switches.ksm = plan.switches.numa_balancing = 0;
        plan.switches.stat_interval_s = 10;
        plan.switches.deepest_cstate_us = 0;
        snprintf(plan.switches.governor, sizeof(plan.switches.governor), "performance");
        snprintf(plan.switches.epp, sizeof(plan.switches.epp), "performance");
        wishes_of(tree, topology, &plan, wishes);
}

static int apply(struct tree *tree)
{
        cleanup_wishes struct wishes wishes = {};
        cleanup_results struct knob_results results = {};
        struct errors errors = {};

        make_wishes(tree, &wishes);
        tree->steps = 0;
        int r = knobs_apply(&tree->host, &wishes, &results, &errors);
        if (r < 0)
                print_errors(&errors);
        return r;
}

static int restore(struct tree *tree)
{
        cleanup_results struct knob_results results = {};
        struct errors errors = {};

        tree->steps = 0;
        int r = knobs_restore(&tree->host, &results, &errors);
        if (r < 0)
                print_errors(&errors);
        return r;
}

/* In a child that ends before step `at`; false: it had no such step. */
static bool dies(struct tree *tree, int (*what)(struct tree *tree), int at)
{
        int status;
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
                tree->die_at = at;
                _exit(what(tree) == 0 ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_not_equal(WEXITSTATUS(status), 1);
        return WEXITSTATUS(status) == 42;
}

static void recover(struct tree *tree)
{
        struct errors errors = {};
        bool undone;
        int r = knobs_recover(&tree->host, &undone, &errors);

        print_errors(&errors);
        assert_int_equal(r, 0);
        assert_int_equal(errors.count, 0);
}

static void test_kill(void **state)
{
        struct tree *tree = *state;
        cleanup_free char *before = tree_image(tree);
        int at, deaths = 0;

        assert_int_equal(apply(tree), 0);
        cleanup_free char *after = tree_image(tree);
        assert_int_equal(restore(tree), 0);
        cleanup_free char *back = tree_image(tree);
        assert_string_equal(back, before);

        for (at = 1; dies(tree, apply, at); at++, deaths++) {
                recover(tree);
                cleanup_free char *image = tree_image(tree);
                if (strcmp(image, before) != 0 && strcmp(image, after) != 0) {
                        print_message("died at %d\n", at);
                        assert_string_equal(image, before);
                }
                assert_int_equal(restore(tree), 0);
        }
        assert_int_equal(restore(tree), 0);
        for (at = 1;; at++, deaths++) {
                assert_int_equal(apply(tree), 0);
                if (!dies(tree, restore, at))
                        break;
                recover(tree);
                cleanup_free char *image = tree_image(tree);
                if (strcmp(image, before) != 0 && strcmp(image, after) != 0) {
                        print_message("died at %d\n", at);
                        assert_string_equal(image, before);
                }
        }
        print_message("%d deaths\n", deaths);
        assert_true(deaths > 200);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_kill, setup, tree_teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
