/* The kernel's switches: one file, one value. */
#include <errno.h>
#include <string.h>

#include "knob_fixture.h"

static const struct {
        const char *knob, *path, *before, *after, *back;
} switches[] = {
        {"thp", "/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never", "madvise", "always"},
        {"ksm", "/sys/kernel/mm/ksm/run", "1", "0", "1"},
        {"numa_balancing", "/proc/sys/kernel/numa_balancing", "1", "0", "1"},
        {"nmi_watchdog", "/proc/sys/kernel/nmi_watchdog", "1", "0", "1"},
        {"stat_interval", "/proc/sys/vm/stat_interval", "1", "10", "1"},
        {"swappiness", "/proc/sys/vm/swappiness", "60", "0", "60"},
        {"rt_throttling", "/proc/sys/kernel/sched_rt_runtime_us", "950000", "-1", "950000"},
};

static struct plan plan_switches(void)
{
        struct plan plan = plan_nothing();

        plan.switches.thp = 1;
        plan.switches.ksm = plan.switches.numa_balancing = plan.switches.nmi_watchdog = 0;
        plan.switches.stat_interval_s = 10;
        plan.switches.swappiness = 0;
        plan.switches.rt_set = true;
        plan.switches.rt_runtime_us = -1;
        return plan;
}

/* As the kernel shows what was written. */
static void brackets(struct tree *tree, enum host_step step, const char *path)
{
        static const char *const modes[] = {"always", "madvise", "never"};

        if (step != HOST_WRITE || strcmp(path, switches[0].path) != 0)
                return;
        cleanup_free char *now = tree_get(tree, path);
        tree_put(tree, path, "%s%s%s %s%s%s %s%s%s", strcmp(now, modes[0]) ? "" : "[", modes[0],
                 strcmp(now, modes[0]) ? "" : "]", strcmp(now, modes[1]) ? "" : "[", modes[1],
                 strcmp(now, modes[1]) ? "" : "]", strcmp(now, modes[2]) ? "" : "[", modes[2],
                 strcmp(now, modes[2]) ? "" : "]");
}

static int setup(void **state)
{
        tree_setup(state);
        struct tree *tree = *state;

        tree->answer = brackets;
        for (size_t i = 0; i < ARRAY_LEN(switches); i++)
                tree_put(tree, switches[i].path, "%s", switches[i].before);
        return 0;
}

static void test_there_and_back(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-3", "0-3", NULL);
        struct plan plan = plan_switches();
        cleanup_wishes struct wishes wishes = {};

        there_and_back(tree, topology, &plan, ARRAY_LEN(switches));
        wishes_of(tree, topology, &plan, &wishes);
        assert_int_equal(wishes.count, ARRAY_LEN(switches));
        apply_changes(tree, &wishes, ARRAY_LEN(switches));
        for (size_t i = 0; i < ARRAY_LEN(switches); i++) {
                assert_wish(&wishes, switches[i].knob, "", switches[i].after);
                assert_reads(tree, switches[i].knob, "", switches[i].after);
                assert_non_null(strstr(knob_find(switches[i].knob)->help, "Documentation/"));
        }
        tree_assert(tree, switches[0].path, "always [madvise] never");
}

static int refuse(struct tree *tree, enum host_step step, const char *path)
{
        return step == HOST_WRITE && strcmp(path, switches[6].path) == 0 ? -EINVAL : 0;
}

static void test_bad_value(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-3", "0-3", NULL);
        struct plan plan = plan_switches();
        cleanup_wishes struct wishes wishes = {};

        wishes_of(tree, topology, &plan, &wishes);
        tree->refuse = refuse;
        apply_fails(tree, &wishes, -EINVAL, "rt_throttling: asked '-1', found '950000': Invalid argument");
}

static void test_nothing_asked(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-3", "0-3", NULL);
        struct plan plan = plan_nothing();
        cleanup_wishes struct wishes wishes = {};

        wishes_of(tree, topology, &plan, &wishes);
        assert_int_equal(wishes.count, 0);
        assert_int_equal(wishes.note_count, 0);
}

static void test_not_there(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-3", "0-3", NULL);
        struct plan plan = plan_switches();
        cleanup_wishes struct wishes wishes = {};

        tree_remove(tree, switches[1].path);
        wishes_of(tree, topology, &plan, &wishes);
        assert_int_equal(wishes.count, ARRAY_LEN(switches) - 1);
        assert_note(&wishes, "ksm", "this host has no /sys/kernel/mm/ksm/run");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_there_and_back, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_bad_value, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_nothing_asked, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_not_there, setup, tree_teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
