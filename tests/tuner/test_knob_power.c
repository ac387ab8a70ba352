/* Frequencies and idle states. */
#include <errno.h>
#include <string.h>

#include "knob_fixture.h"

#define FREQUENCY "/sys/devices/system/cpu/cpufreq"
#define UNCORE    "/sys/devices/system/cpu/intel_uncore_frequency"

static int setup(void **state)
{
        tree_setup(state);
        struct tree *tree = *state;

        for (int i = 0; i < 4; i++) {
                char path[96];
                snprintf(path, sizeof(path), FREQUENCY "/policy%d/scaling_governor", i);
                tree_put(tree, path, "powersave");
                snprintf(path, sizeof(path), FREQUENCY "/policy%d/scaling_available_governors", i);
                tree_put(tree, path, "performance powersave");
                snprintf(path, sizeof(path), FREQUENCY "/policy%d/energy_performance_preference", i);
                tree_put(tree, path, "balance_performance");
                snprintf(path, sizeof(path), FREQUENCY "/policy%d/energy_performance_available_preferences", i);
                tree_put(tree, path, "default performance balance_performance balance_power power");
                snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/power/pm_qos_resume_latency_us", i);
                tree_put(tree, path, "0");
        }
        tree_put(tree, "/sys/devices/system/cpu/cpuidle/current_driver", "intel_idle");
        tree_put(tree, UNCORE "/package_00_die_00/min_freq_khz", "800000");
        tree_put(tree, UNCORE "/package_00_die_00/max_freq_khz", "2400000");
        return 0;
}

static struct plan plan_power(void)
{
        struct plan plan = plan_nothing();

        plan.isolated = cpus("2-3");
        snprintf(plan.switches.governor, sizeof(plan.switches.governor), "performance");
        snprintf(plan.switches.epp, sizeof(plan.switches.epp), "performance");
        plan.switches.deepest_cstate_us = 0;
        plan.switches.uncore_min_mhz = plan.switches.uncore_max_mhz = 2000;
        return plan;
}

/* As intel_pstate: with the governor performance no other preference is taken. */
static int pstate(struct tree *tree, enum host_step step, const char *path)
{
        unsigned policy;

        if (step != HOST_WRITE || sscanf(path, FREQUENCY "/policy%u/energy", &policy) != 1 || !strstr(path, "energy"))
                return 0;
        char governor[96];
        snprintf(governor, sizeof(governor), FREQUENCY "/policy%u/scaling_governor", policy);
        cleanup_free char *now = tree_get(tree, governor);
        cleanup_free char *preference = tree_get(tree, path);
        /* What is about to be written is not known here: only "performance" is, when that is not there yet. */
        return strcmp(now, "performance") == 0 && strcmp(preference, "performance") == 0 ? -EBUSY : 0;
}

static void test_there_and_back(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-3", "0-3", NULL);
        struct plan plan = plan_power();
        cleanup_wishes struct wishes wishes = {};

        tree->refuse = pstate; /* undoing has to go by the governor first */
        there_and_back(tree, topology, &plan, 4 + 4 + 2 + 2);
        wishes_of(tree, topology, &plan, &wishes);
        assert_wish(&wishes, "governor", "policy3", "performance");
        assert_wish(&wishes, "cstates", "cpu2", "n/a");
        assert_wish(&wishes, "uncore", "package_00_die_00/min", "2000000");
        apply_changes(tree, &wishes, 12);
        tree_assert(tree, UNCORE "/package_00_die_00/max_freq_khz", "2000000");
        tree_assert(tree, "/sys/devices/system/cpu/cpu1/power/pm_qos_resume_latency_us", "0");
        tree_assert(tree, "/sys/devices/system/cpu/cpu2/power/pm_qos_resume_latency_us", "n/a");
}

static void test_latency(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-3", "0-3", NULL);
        struct plan plan = plan_nothing();
        cleanup_wishes struct wishes wishes = {};

        plan.isolated = cpus("3");
        plan.switches.deepest_cstate_us = 2;
        wishes_of(tree, topology, &plan, &wishes);
        assert_wish(&wishes, "cstates", "cpu3", "2");
}

static void test_not_to_be_had(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-3", "0-3", NULL);
        struct plan plan = plan_power();
        cleanup_wishes struct wishes wishes = {};
        struct errors errors = {};

        snprintf(plan.switches.governor, sizeof(plan.switches.governor), "power");
        assert_int_equal(knobs_wish(&tree->host, topology, &plan, &wishes, &errors), -EINVAL);
        assert_string_equal(errors.list[0].pointer, "/spec/power/governor");
        assert_true(has_words(&errors, "'power' is not to be had here (policy0)"));
        assert_string_equal(errors.list[0].expected, "performance powersave");
}

static void test_without(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-3", "0-3", NULL);
        struct plan plan = plan_power();
        cleanup_wishes struct wishes wishes = {};

        tree_remove(tree, FREQUENCY);
        tree_remove(tree, UNCORE);
        tree_put(tree, "/sys/devices/system/cpu/cpuidle/current_driver", "none");
        wishes_of(tree, topology, &plan, &wishes);
        assert_int_equal(wishes.count, 0);
        assert_note(&wishes, "governor", "this host has no");
        assert_note(&wishes, "epp", "this host has no");
        assert_note(&wishes, "cstates", "no idle states");
        assert_note(&wishes, "uncore", "module intel_uncore_frequency");
}

/* What can only be read by interrupting a CPU is not polled. */
static void test_not_disturbed(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-3", "0-3", NULL);
        struct plan plan = plan_power();
        cleanup_wishes struct wishes wishes = {};
        cleanup_results struct knob_results drift = {};

        wishes_of(tree, topology, &plan, &wishes);
        assert_int_equal(knobs_drift(&tree->host, &wishes, &drift), 0);
        assert_non_null(find_result(&drift, "governor", "policy0"));
        assert_null(find_result(&drift, "epp", "policy0"));
        assert_null(find_result(&drift, "uncore", "package_00_die_00/min"));
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_there_and_back, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_latency, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_not_to_be_had, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_without, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_not_disturbed, setup, tree_teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
