/* CPUs: siblings that are torn apart, isolation at boot against the partition and against the classes. */
#include <stdio.h>
#include <string.h>

#include "audit_private.h"

/* A core of which one thread is isolated and another is not: the quiet one has a noisy other half. */
static void split_siblings(struct auditor *auditor, const struct cpu_set *isolated, const char *by)
{
        const struct topology *topology = auditor->facts->topology;

        for (size_t i = 0; topology && i < topology->core_count; i++) {
                const struct topology_core *core = &topology->cores[i];
                struct cpu_set in = {}, out = {};
                char subject[64];
                for (int k = 0; k < core->count; k++) {
                        int cpu = topology->core_cpus[core->first + k];
                        cpu_set_add(cpu_set_has(isolated, (unsigned)cpu) ? &in : &out, (unsigned)cpu);
                }
                if (cpu_set_empty(&in) || cpu_set_empty(&out))
                        continue;
                cleanup_free char *inner = cpu_set_to_list(&in), *outer = cpu_set_to_list(&out);
                snprintf(subject, sizeof(subject), "CPU %.40s", inner ?: "");
                audit_add(auditor, AUDIT_ERROR, "siblings-split", subject, "whole cores: all siblings or none",
                          "is isolated (%s), and its sibling %s on the same core is not: they share its time", by,
                          outer ?: "");
        }
}

/* Only an isolated partition may have CPUs that were isolated at boot (cgroup-v2.rst). */
static void boot_against_partition(struct auditor *auditor)
{
        struct cpu_set rest = auditor->boot_isolated;
        cleanup_free char *value = NULL;
        const struct knob *knob = knob_find("partition");

        cpu_set_and_not(&rest, &auditor->partition);
        if (!cpu_set_empty(&auditor->partition) && !cpu_set_empty(&rest)) {
                cleanup_free char *list = cpu_set_to_list(&rest);
                audit_add(auditor, AUDIT_WARNING, "isolcpus-partition", "isolation",
                          "the same CPUs in both, or one of them only",
                          "the CPUs %s are isolated at boot (isolcpus=) and not in the isolated partition", list ?: "");
        }
        if (auditor->facts->host && knob && knob_read(knob, auditor->facts->host, "", &value) == 0 &&
            strstr(value, "invalid"))
                audit_add(auditor, AUDIT_ERROR, "partition-invalid", "isolation",
                          "CPUs that no other cpuset claims, and that are online",
                          "the partition isolates nothing: the kernel says '%.150s'", value);
}

/* Isolated at boot, and meant for what floats: whoever lands there stays, however full it gets. */
static void boot_against_classes(struct auditor *auditor)
{
        static const enum cpu_class floating[] = {CLASS_HOUSEKEEPING, CLASS_GUESTS_SHARED, CLASS_STORAGE};
        const struct plan *plan = auditor->facts->plan;

        for (size_t i = 0; plan && i < ARRAY_LEN(floating); i++) {
                struct cpu_set cpus = plan->classes[floating[i]];
                cpu_set_and_not(&cpus, &plan->isolated);
                cleanup_free char *both = audit_overlap(&cpus, &auditor->boot_isolated);
                char subject[64];
                if (!both)
                        continue;
                snprintf(subject, sizeof(subject), "class %s", cpu_class_names[floating[i]]);
                audit_add(auditor, AUDIT_ERROR, "isolcpus-class", subject,
                          "isolcpus= without them (after a reboot), or another class for them",
                          "its CPUs %s are isolated at boot: no load is balanced there", both);
        }
}

static void offline(struct auditor *auditor)
{
        const struct topology *topology = auditor->facts->topology;
        struct cpu_set gone = auditor->isolated;

        if (!topology || !auditor->facts->plan)
                return;
        cpu_set_and_not(&gone, &topology->online);
        if (cpu_set_empty(&gone))
                return;
        cleanup_free char *list = cpu_set_to_list(&gone);
        audit_add(auditor, AUDIT_WARNING, "isolated-offline", "isolation", "them online again, or a new plan",
                  "the CPUs %s are planned with, and offline", list ?: "");
}

void audit_cpus(struct auditor *auditor)
{
        split_siblings(auditor, &auditor->isolated, auditor->facts->plan ? "as planned" : "as the kernel has it");
        if (auditor->facts->plan && !cpu_set_equal(&auditor->isolated, &auditor->boot_isolated))
                split_siblings(auditor, &auditor->boot_isolated, "at boot");
        boot_against_partition(auditor);
        boot_against_classes(auditor);
        offline(auditor);
}
