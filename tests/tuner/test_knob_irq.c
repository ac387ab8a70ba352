/* Interrupts, irqbalance and workqueues: who may be moved is, who may not is told. */
#include <errno.h>
#include <string.h>

#include "knob_fixture.h"

static int setup(void **state)
{
        tree_setup(state);
        struct tree *tree = *state;

        tree_put(tree, "/proc/irq/default_smp_affinity", "ff");
        tree_put(tree, "/proc/irq/0/smp_affinity_list", "0-7");
        tree_put(tree, "/proc/irq/24/smp_affinity_list", "0-7");
        tree_put(tree, "/proc/irq/25/smp_affinity_list", "1");
        tree_put(tree, "/proc/irq/26/smp_affinity_list", "4");
        tree_protect(tree, "/proc/irq/26/smp_affinity_list");
        tree_put(tree, "/sys/devices/virtual/workqueue/cpumask", "ff");
        tree_put(tree, "/sys/devices/virtual/workqueue/writeback/cpumask", "ff");
        tree_put(tree, "/sys/devices/virtual/workqueue/writeback/nice", "0");
        tree_put(tree, "/sys/devices/virtual/workqueue/power/control", "auto");
        return 0;
}

static struct plan plan_isolated(void)
{
        struct plan plan = plan_nothing();

        plan.isolated = cpus("4-7");
        plan.irq = cpus("0-1");
        return plan;
}

static void test_there_and_back(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-7", "0-7", NULL);
        struct plan plan = plan_isolated();
        cleanup_wishes struct wishes wishes = {};

        there_and_back(tree, topology, &plan, 5);
        wishes_of(tree, topology, &plan, &wishes);
        assert_wish(&wishes, "irq_affinity", "default", "0-1");
        assert_wish(&wishes, "irq_affinity", "irq 25", "0-1");
        assert_null(find_wish(&wishes, "irq_affinity", "irq 26"));
        assert_note(&wishes, "irq_affinity", "the kernel places this interrupt itself");
        assert_wish(&wishes, "workqueue", "", "0-3");
        apply_changes(tree, &wishes, 5);
        tree_assert(tree, "/proc/irq/default_smp_affinity", "3");
        tree_assert(tree, "/proc/irq/24/smp_affinity_list", "0-1");
        tree_assert(tree, "/proc/irq/25/smp_affinity_list", "1"); /* is where it may be: left alone */
        tree_assert(tree, "/sys/devices/virtual/workqueue/writeback/cpumask", "f");
}

/* Within the allowed CPUs, interrupts may be moved about; out of them is drift. */
static void test_drift(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-7", "0-7", NULL);
        struct plan plan = plan_isolated();
        cleanup_wishes struct wishes wishes = {};
        cleanup_results struct knob_results none = {}, drift = {};

        wishes_of(tree, topology, &plan, &wishes);
        apply_changes(tree, &wishes, 5);
        tree_put(tree, "/proc/irq/24/smp_affinity_list", "0");
        assert_int_equal(knobs_drift(&tree->host, &wishes, &none), 0);
        assert_int_equal(none.count, 0);
        tree_put(tree, "/proc/irq/24/smp_affinity_list", "1-2");
        assert_int_equal(knobs_drift(&tree->host, &wishes, &drift), 0);
        assert_int_equal(drift.count, 1);
        assert_string_equal(drift.list[0].target, "irq 24");
        assert_string_equal(drift.list[0].found, "1-2");
}

static int refuse_irq(struct tree *tree, enum host_step step, const char *path)
{
        return step == HOST_WRITE && strcmp(path, "/proc/irq/24/smp_affinity_list") == 0 ? -ENOSPC : 0;
}

static void test_no_vector(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-7", "0-7", NULL);
        struct plan plan = plan_isolated();
        cleanup_wishes struct wishes wishes = {};

        wishes_of(tree, topology, &plan, &wishes);
        tree->refuse = refuse_irq;
        apply_fails(tree, &wishes, -ENOSPC,
                    "irq 24: asked '0-1', found '0-7': those CPUs have no interrupt vector left");
}

static void free_irq(struct tree *tree, enum host_step step, const char *path)
{
        if (step == HOST_WRITE && strcmp(path, "/proc/irq/0/smp_affinity_list") == 0 && tree_has(tree, "/proc/irq/24"))
                tree_remove(tree, "/proc/irq/24");
}

/* A driver that is unloaded meanwhile takes its interrupts along. */
static void test_vanishes(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-7", "0-7", NULL);
        struct plan plan = plan_isolated();
        cleanup_wishes struct wishes wishes = {};
        cleanup_results struct knob_results results = {};
        struct errors errors = {};

        wishes_of(tree, topology, &plan, &wishes);
        tree->answer = free_irq;
        assert_int_equal(knobs_apply(&tree->host, &wishes, &results, &errors), 0);
        assert_int_equal(find_result(&results, "irq_affinity", "irq 24")->state, KNOB_GONE);
        restore_ok(tree);
        tree_assert(tree, "/proc/irq/0/smp_affinity_list", "0-7");
}

static void test_garbage(void **state)
{
        struct tree *tree = *state;
        cleanup_wishes struct wishes wishes = {};

        wish_for(&wishes, "workqueue", "", "0-3");
        tree_put(tree, "/sys/devices/virtual/workqueue/cpumask", "not a mask");
        apply_fails(tree, &wishes, -EBADMSG, "cannot be read: workqueue");
}

static void test_everywhere(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-7", "0-7", NULL);
        struct plan plan = plan_nothing();
        cleanup_wishes struct wishes wishes = {};

        plan.irq = cpus("0-7"); /* no CPU is spared */
        wishes_of(tree, topology, &plan, &wishes);
        assert_int_equal(wishes.count, 0);
}

/* ---- irqbalance ---- */

#define DIRECTORY "/etc/systemd/system/irqbalance.service.d"

static void install_irqbalance(struct tree *tree)
{
        tree_put(tree, "/usr/sbin/irqbalance", "ELF");
        tree_put(tree, "/run/systemd/system/.keep", "x");
        tree_put(tree, "/run/irqbalance/irqbalance41.sock", "left by one that was killed");
        tree_put(tree, "/run/irqbalance/irqbalance42.sock", "x");
        tree_put(tree, "/proc/42/comm", "irqbalance");
        tree_put(tree, "/proc/42/environ", "PATH=/bin");
        tree_put(tree, "/proc/41/comm", "bash");
        tree_put(tree, "/sys/fs/cgroup/system.slice/irqbalance.service/cgroup.procs", "42");
}

static void restart_irqbalance(struct tree *tree, enum host_step step, const char *path)
{
        if (step != HOST_RUN)
                return;
        if (!tree_has(tree, DIRECTORY "/50-socle.env")) {
                tree_put(tree, "/proc/42/environ", "PATH=/bin");
                return;
        }
        cleanup_free char *text = tree_get(tree, DIRECTORY "/50-socle.env");
        tree_put(tree, "/proc/42/environ", "PATH=/bin\n%s", strchr(text, '\n') + 1);
}

static void test_irqbalance(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-7", "0-7", NULL);
        struct plan plan = plan_isolated();
        cleanup_wishes struct wishes wishes = {};

        install_irqbalance(tree);
        tree->answer = restart_irqbalance;
        there_and_back(tree, topology, &plan, 7); /* systemd's own affinity too */
        wishes_of(tree, topology, &plan, &wishes);
        assert_wish(&wishes, "irqbalance", "", "2-7"); /* all but where interrupts may go */
        apply_changes(tree, &wishes, 7);
        cleanup_free char *drop_in = tree_get(tree, DIRECTORY "/50-socle.conf");
        assert_non_null(strstr(drop_in, "\n[Service]\nEnvironmentFile=" DIRECTORY "/50-socle.env"));
        cleanup_free char *environment = tree_get(tree, DIRECTORY "/50-socle.env");
        assert_non_null(strstr(environment, "\nIRQBALANCE_BANNED_CPULIST=2-7"));

        tree_put(tree, "/proc/42/environ", "IRQBALANCE_BANNED_CPULIST=3"); /* started by hand */
        assert_reads(tree, "irqbalance", "", "2-7 (it runs with '3')");
        restore_ok(tree);
}

static unsigned programs;

static void count_programs(struct tree *tree, enum host_step step, const char *path)
{
        programs += step == HOST_RUN;
}

/* With the drop-in of our packages, systemd is asked to start it anew while it runs, and for nothing else. */
static void test_irqbalance_shipped(void **state)
{
        struct tree *tree = *state;

        install_irqbalance(tree);
        tree_put(tree, "/lib/systemd/system/irqbalance.service.d/50-socle.conf", "[Service]");
        const struct knob *knob = knob_find("irqbalance");
        struct knob_detail detail = {};
        programs = 0;
        tree->answer = count_programs;
        assert_int_equal(knob_write(knob, &tree->host, "", "2-7", &detail), 0);
        assert_int_equal(programs, 1);
        assert_true(tree_has(tree, DIRECTORY "/50-socle.env"));
        assert_false(tree_has(tree, DIRECTORY "/50-socle.conf"));
        tree_put(tree, "/sys/fs/cgroup/system.slice/irqbalance.service/cgroup.procs", "%s", "");
        tree_remove(tree, "/run/irqbalance");
        assert_int_equal(knob_write(knob, &tree->host, "", "4-7", &detail), 0);
        assert_int_equal(programs, 1);
        assert_reads(tree, "irqbalance", "", "4-7");
        assert_int_equal(knob_write(knob, &tree->host, "", "", &detail), 0);
        assert_reads(tree, "irqbalance", "", "");
        assert_false(tree_has(tree, DIRECTORY "/50-socle.env"));
}

static void test_irqbalance_not_told(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-7", "0-7", NULL);
        struct plan plan = plan_isolated();
        cleanup_wishes struct wishes wishes = {};

        install_irqbalance(tree); /* and it goes on as it was */
        wishes_of(tree, topology, &plan, &wishes);
        apply_fails(tree, &wishes, -EIO, "irqbalance: asked '2-7', found '2-7 (it runs with '')'");
}

static void service(struct tree *tree, enum host_step step, const char *path)
{
        if (step == HOST_RUN)
                tree_put(tree, "/sys/fs/cgroup/system.slice/irqbalance.service/cgroup.procs", "%s", "");
}

static void test_irqbalance_off(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-7", "0-7", NULL);
        struct plan plan = plan_nothing();
        cleanup_wishes struct wishes wishes = {};

        install_irqbalance(tree);
        assert_reads(tree, "irqbalance_service", "", "running");
        plan.switches.irqbalance = 0;
        wishes_of(tree, topology, &plan, &wishes);
        assert_wish(&wishes, "irqbalance_service", "", "stopped");
        assert_null(find_wish(&wishes, "irqbalance", ""));
        tree->answer = service;
        apply_changes(tree, &wishes, 1);
        assert_reads(tree, "irqbalance_service", "", "stopped");
}

/* This machine's, none moved: what is shown as read-only is known to be the kernel's, and asking moves nothing. */
static void test_real_interrupts(void **state)
{
        const struct host host = {.root = "/", .state = "/nonexistent"};
        cleanup_topology struct topology *topology = topology_small("0-7", "0-7", NULL);
        struct plan plan = plan_isolated();
        cleanup_wishes struct wishes wishes = {};
        cleanup_results struct knob_results before = {}, after = {};
        struct errors errors = {};

        assert_int_equal(knobs_wish(&host, topology, &plan, &wishes, &errors), 0);
        assert_int_equal(knobs_drift(&host, &wishes, &before), 0);
        assert_int_equal(knobs_wish(&host, topology, &plan, &wishes, &errors), 0);
        assert_int_equal(knobs_drift(&host, &wishes, &after), 0);
        assert_int_equal(before.count, after.count);
        for (size_t i = 0; i < before.count; i++)
                assert_string_equal(before.list[i].found ?: "", after.list[i].found ?: "");
        for (size_t i = 0; i < wishes.note_count; i++)
                print_message("%s %s: %s\n", wishes.notes[i].knob->name, wishes.notes[i].target, wishes.notes[i].text);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_there_and_back, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_drift, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_no_vector, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_vanishes, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_garbage, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_everywhere, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_irqbalance, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_irqbalance_shipped, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_irqbalance_not_told, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_irqbalance_off, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_real_interrupts, setup, tree_teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
