/* Contradictions: a host in which each is there once, and one in which none is. */
#include <errno.h>
#include <string.h>

#include "knob/audit.h"
#include "knob_fixture.h"

struct findings {
        struct audit_finding *list;
        size_t count;
};

static void findings_clear(struct findings *findings)
{
        free(findings->list);
}
#define cleanup_findings cleanup_(findings_clear)

static const struct audit_finding *find(const struct findings *findings, const char *rule, const char *subject)
{
        for (size_t i = 0; i < findings->count; i++)
                if (strcmp(findings->list[i].rule, rule) == 0 && strcmp(findings->list[i].subject, subject) == 0)
                        return &findings->list[i];
        return NULL;
}

static void assert_found(const struct findings *findings, const char *rule, const char *severity, const char *subject,
                         const char *words)
{
        const struct audit_finding *finding = find(findings, rule, subject);

        if (!finding) {
                for (size_t i = 0; i < findings->count; i++)
                        print_message("%s %s: %s\n", findings->list[i].rule, findings->list[i].subject,
                                      findings->list[i].text);
                fail_msg("no finding %s about '%s'", rule, subject);
                return;
        }
        assert_string_equal(finding->severity, severity);
        if (!strstr(finding->text, words))
                fail_msg("'%s' does not say '%s'", finding->text, words);
        assert_true(finding->remedy[0]);
}

/* Two threads a core: 0 and 4, 1 and 5, 2 and 6, 3 and 7. */
static int siblings[] = {0, 4, 1, 5, 2, 6, 3, 7};
static struct topology_core cores[] = {
        {.first = 0, .count = 2}, {.first = 2, .count = 2}, {.first = 4, .count = 2}, {.first = 6, .count = 2}};

static struct topology *machine(void)
{
        struct topology *topology = topology_small("0-7", "0-7", NULL);

        topology->cores = cores;
        topology->core_count = 4;
        topology->core_cpus = siblings;
        return topology;
}

static int setup(void **state)
{
        tree_setup(state);
        struct tree *tree = *state;

        tree_put(tree, "/proc/cmdline",
                 "quiet isolcpus=managed_irq,domain,2-3,6-7 nohz_full=2-3,6-7 irqaffinity=0-1,4-5");
        tree_put(tree, "/sys/devices/system/cpu/isolated", "2-3,6-7");
        tree_put(tree, "/sys/devices/system/cpu/nohz_full", "2-3,6-7");
        tree_put(tree, "/proc/irq/24/smp_affinity_list", "0-1");
        tree_put(tree, "/proc/irq/24/effective_affinity_list", "1");
        return 0;
}

static struct plan plan_good(void)
{
        struct plan plan = plan_nothing();

        plan.classes[CLASS_HOUSEKEEPING] = cpus("0-1,4-5");
        plan.classes[CLASS_DATAPLANE] = cpus("2,6");
        plan.classes[CLASS_GUESTS_DEDICATED] = cpus("3,7");
        plan.isolated = cpus("2-3,6-7");
        plan.irq = cpus("0-1,4-5");
        return plan;
}

static void run(struct tree *tree, const struct plan *plan, const char *guests, const char *devices,
                struct findings *ret)
{
        cleanup_topology struct topology *topology = machine();
        json_t *guest_list = json_loads(guests, 0, NULL), *device_list = json_loads(devices, 0, NULL);
        const struct audit_facts facts = {&tree->host, topology, plan, guest_list, device_list};

        assert_true(guest_list && device_list);
        assert_int_equal(audit(&facts, &ret->list, &ret->count), 0);
        json_decref(guest_list);
        json_decref(device_list);
}

static void test_sound(void **state)
{
        cleanup_findings struct findings findings = {};
        struct plan plan = plan_good();

        run(*state, &plan,
            "[{\"name\": \"db1\", \"placement\": {\"vcpus\": [{\"vcpu\": 0, \"cpus\": \"3\"}], \"emulator\": \"0-1\","
            " \"nodes\": [0]}}, {\"name\": \"floats\", \"vcpus\": [{\"vcpu\": 0, \"cpus\": \"0-1\"}]}]",
            "{\"devices\": [{\"vfs\": [{\"address\": \"0000:01:10.0\", \"node\": 0, \"user\": \"guest db1\"}]}]}",
            &findings);
        for (size_t i = 0; i < findings.count; i++)
                print_message("%s: %s\n", findings.list[i].rule, findings.list[i].text);
        assert_int_equal(findings.count, 0);
}

static void test_boot(void **state)
{
        struct tree *tree = *state;
        cleanup_findings struct findings findings = {};
        struct plan plan = plan_good();

        tree_put(tree, "/proc/cmdline", "isolcpus=2,6 isolcpus=3 irqaffinity=0-2 nohz_full=4,6");
        tree_put(tree, "/sys/devices/system/cpu/isolated", "2,6");
        tree_put(tree, "/sys/devices/system/cpu/nohz_full", "4,6");
        run(tree, &plan, "[]", "[]", &findings);
        assert_found(&findings, "irqaffinity-isolcpus", "error", "kernel command line", "CPUs 2,");
        assert_found(&findings, "argument-twice", "error", "kernel command line", "isolcpus is there 2 times");
        assert_found(&findings, "nohz_full-isolcpus", "warning", "kernel command line", "CPUs 4 have no timer tick");
        assert_found(&findings, "isolcpus-nohz_full", "info", "kernel command line", "CPUs 2 are isolated");
        assert_string_equal(findings.list[0].severity, "error"); /* the worst first */
        assert_string_equal(findings.list[findings.count - 1].severity, "info");
}

static void test_classes(void **state)
{
        struct tree *tree = *state;
        cleanup_findings struct findings findings = {};
        struct plan plan = plan_good();

        plan.isolated = cpus("2-3,6");
        plan.classes[CLASS_GUESTS_SHARED] = cpus("7");
        run(tree, &plan, "[]", "[]", &findings);
        assert_found(&findings, "siblings-split", "error", "CPU 3", "its sibling 7 on the same core is not");
        assert_null(find(&findings, "siblings-split", "CPU 2"));
        assert_found(&findings, "isolcpus-class", "error", "class guests_shared", "CPUs 7 are isolated at boot");
}

static void test_offline(void **state)
{
        cleanup_findings struct findings findings = {};
        struct plan plan = plan_good();

        plan.isolated = cpus("2-3,6-7,9");
        run(*state, &plan, "[]", "[]", &findings);
        assert_found(&findings, "isolated-offline", "warning", "isolation", "CPUs 9 are planned with, and offline");
}

static void test_partition(void **state)
{
        struct tree *tree = *state;
        cleanup_findings struct findings findings = {}, invalid = {};
        struct plan plan = plan_good();

        tree_put(tree, "/sys/fs/cgroup/socle.slice/cpuset.cpus", "2-3");
        tree_put(tree, "/sys/fs/cgroup/socle.slice/cpuset.cpus.partition", "isolated");
        run(tree, &plan, "[{\"name\": \"db1\", \"vcpus\": [{\"vcpu\": 0, \"cpus\": \"3\"}], \"emulator\": \"0\"}]",
            "[]", &findings);
        assert_found(&findings, "isolcpus-partition", "warning", "isolation", "CPUs 6-7 are isolated at boot");
        assert_found(&findings, "vcpu-partition", "error", "Guest db1", "CPU 3 of the isolated partition");
        tree_put(tree, "/sys/fs/cgroup/socle.slice/cpuset.cpus.partition",
                 "isolated invalid (Parent is not a partition root)");
        run(tree, &plan, "[]", "[]", &invalid);
        assert_found(&invalid, "partition-invalid", "error", "isolation", "Parent is not a partition root");
}

static void test_interrupts(void **state)
{
        struct tree *tree = *state;
        cleanup_findings struct findings findings = {}, told = {};
        struct plan plan = plan_good();

        tree_put(tree, "/proc/irq/24/effective_affinity_list", "2");
        tree_put(tree, "/proc/irq/24/eth0-rx/.keep", "x");
        tree_put(tree, "/proc/irq/30/smp_affinity_list", "7");
        tree_protect(tree, "/proc/irq/30/smp_affinity_list");
        tree_put(tree, "/run/irqbalance/irqbalance42.sock", "x");
        tree_put(tree, "/proc/42/comm", "irqbalance");
        tree_put(tree, "/proc/42/environ", "IRQBALANCE_BANNED_CPULIST=2");
        run(tree, &plan, "[]", "[]", &findings);
        assert_found(&findings, "irq-isolated", "warning", "irq 24 (eth0-rx)", "goes to the isolated CPU 2");
        assert_found(&findings, "irq-isolated-managed", "info", "irq 30", "on the isolated CPU 7");
        assert_found(&findings, "irqbalance-isolated", "warning", "irqbalance", "CPUs 3,6-7");
        tree_put(tree, "/proc/42/environ", "PATH=/bin"); /* then it finds those of isolcpus= by itself */
        run(tree, &plan, "[]", "[]", &told);
        assert_null(find(&told, "irqbalance-isolated", "irqbalance"));
}

static void test_guests(void **state)
{
        cleanup_findings struct findings findings = {};
        struct plan plan = plan_good();

        run(*state, &plan,
            "[{\"name\": \"a\", \"vcpus\": [{\"vcpu\": 0, \"cpus\": \"2\"}], \"emulator\": \"3,7\", \"nodes\": [1]},"
            " {\"name\": \"ab\", \"vcpus\": [{\"vcpu\": 0, \"cpus\": \"2\"}, {\"vcpu\": 1, \"cpus\": \"0-1\"}],"
            " \"emulator\": \"0-3\", \"nodes\": [1]}, {\"name\": \"odd\", \"vcpus\": [{\"cpus\": 7}, {\"cpus\": "
            "\"x\"}]}]",
            "[{\"devices\": [{\"vfs\": [{\"address\": \"0000:01:10.0\", \"node\": 0, \"user\": \"guest ab\"}]}]}]",
            &findings);
        assert_found(&findings, "vcpu-dataplane", "error", "Guest a", "CPU 2 of the dataplane");
        assert_found(&findings, "vcpu-twice", "error", "Guest a", "CPU 2 is dedicated to guest ab too");
        assert_found(&findings, "emulator-isolated", "warning", "Guest a", "isolated CPUs 3,7");
        assert_null(find(&findings, "emulator-isolated", "Guest ab")); /* it has others to run on */
        assert_found(&findings, "vf-node", "warning", "Guest ab", "VF 0000:01:10.0 is on NUMA node 0");
        assert_null(find(&findings, "vf-node", "Guest a")); /* that is not its name in these words */
}

/* Nothing known is nothing wrong; and this machine can be looked at. */
static void test_without_facts(void **state)
{
        const struct audit_facts none = {};
        const struct host real = {.root = "/", .state = "/nonexistent"};
        const struct audit_facts host_only = {.host = &real};
        cleanup_findings struct findings nothing = {}, here = {};

        assert_int_equal(audit(&none, &nothing.list, &nothing.count), 0);
        assert_int_equal(nothing.count, 0);
        assert_int_equal(audit(&host_only, &here.list, &here.count), 0);
        json_t *json = audit_to_json(here.list, here.count);
        assert_int_equal(json_array_size(json), here.count);
        json_decref(json);
}

static void test_json(void **state)
{
        const struct audit_finding finding = {"rule", "error", "CPU 3", "what", "how"};
        json_t *json = audit_to_json(&finding, 1);
        cleanup_free char *text = json_dumps(json, JSON_SORT_KEYS);

        json_decref(json);
        assert_string_equal(text, "[{\"remedy\": \"how\", \"rule\": \"rule\", \"severity\": \"error\", "
                                  "\"subject\": \"CPU 3\", \"text\": \"what\"}]");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_sound, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_boot, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_classes, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_offline, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_partition, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_interrupts, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_guests, setup, tree_teardown),
                cmocka_unit_test(test_without_facts),
                cmocka_unit_test(test_json),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
