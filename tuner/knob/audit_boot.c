/* The kernel's command line against itself. */
#include <stdio.h>
#include <string.h>

#include "audit_private.h"

/* Interrupts are sent where nothing shall disturb (seapath/ansible issue 865). */
static void irqaffinity_on_isolated(struct auditor *auditor)
{
        cleanup_free char *both = audit_overlap(&auditor->irqaffinity, &auditor->boot_isolated);

        if (both)
                audit_add(auditor, AUDIT_ERROR, "irqaffinity-isolcpus", "kernel command line",
                          "irqaffinity= with CPUs that isolcpus= has not",
                          "irqaffinity= sends interrupts to the CPUs %s, which isolcpus= isolates", both);
}

static void nohz_without_isolation(struct auditor *auditor)
{
        struct cpu_set rest = auditor->nohz_full, isolated = auditor->boot_isolated;

        cpu_set_or(&isolated, &auditor->partition);
        cpu_set_and_not(&rest, &isolated);
        if (cpu_set_empty(&rest))
                return;
        cleanup_free char *list = cpu_set_to_list(&rest);
        audit_add(auditor, AUDIT_WARNING, "nohz_full-isolcpus", "kernel command line",
                  "the same CPUs in nohz_full= and in isolcpus=, or in an isolated partition",
                  "the CPUs %s have no timer tick with one task, but the scheduler still gives them others: then the "
                  "tick is back",
                  list ?: "");
}

static void isolation_with_tick(struct auditor *auditor)
{
        struct cpu_set rest = auditor->boot_isolated;

        cpu_set_and_not(&rest, &auditor->nohz_full);
        if (cpu_set_empty(&rest))
                return;
        cleanup_free char *list = cpu_set_to_list(&rest);
        audit_add(auditor, AUDIT_INFO, "isolcpus-nohz_full", "kernel command line", "nohz_full= with these CPUs too",
                  "the CPUs %s are isolated, and the timer interrupts them all the same", list ?: "");
}

/* Of these the kernel takes one value, or refuses the second; which is not what whoever added it expects. */
static void said_twice(struct auditor *auditor)
{
        static const char *const names[] = {
                "isolcpus=", "nohz_full=", "rcu_nocbs=", "irqaffinity=", "default_hugepagesz="};

        for (size_t n = 0; n < ARRAY_LEN(names); n++) {
                unsigned count = 0;
                for (size_t i = 0; auditor->command_line[i]; i++)
                        count += strncmp(auditor->command_line[i], names[n], strlen(names[n])) == 0;
                if (count > 1)
                        audit_add(auditor, AUDIT_ERROR, "argument-twice", "kernel command line",
                                  "one of them: the other is in the boot loader's own configuration",
                                  "%.*s is there %u times with different values", (int)strlen(names[n]) - 1, names[n],
                                  count);
        }
}

void audit_boot(struct auditor *auditor)
{
        irqaffinity_on_isolated(auditor);
        nohz_without_isolation(auditor);
        isolation_with_tick(auditor);
        said_twice(auditor);
}
