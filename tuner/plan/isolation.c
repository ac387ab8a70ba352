/* Which CPUs are isolated, and where interrupts may go. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "planner.h"
#include "socle/cleanup.h"

static void add_extra(struct planner *planner)
{
        const struct cpu_set *extra = &planner->profile->isolated;
        struct plan *plan = planner->plan;
        struct cpu_set shared = *extra, housekeeping = *extra;

        if (cpu_set_empty(extra) || !cpus_are_whole(planner, extra, "/spec/isolation/cpus"))
                return;
        cpu_set_and(&housekeeping, &plan->classes[CLASS_HOUSEKEEPING]);
        if (!cpu_set_empty(&housekeeping)) {
                cleanup_free char *list = cpu_set_to_list(&housekeeping);
                errors_add(planner->errors, -EINVAL, "/spec/isolation/cpus",
                           "CPUs of other classes, or other ones in /spec/classes/housekeeping/cpus",
                           "CPUs %.100s are housekeeping", list ?: "");
        }
        cpu_set_and(&shared, &plan->classes[CLASS_GUESTS_SHARED]);
        if (!cpu_set_empty(&shared)) {
                cleanup_free char *list = cpu_set_to_list(&shared);
                planner_reason(planner, "isolation",
                               "CPUs %.100s of shared guests are isolated as asked: the scheduler "
                               "does not balance floating vCPUs there",
                               list ?: "");
        }
        cpu_set_or(&plan->isolated, extra);
}

/* The CPU that boots keeps time for all: the kernel takes it out of nohz_full by itself, and says so only in its log.
 */
static void check_boot_cpu(struct planner *planner)
{
        int boot = planner->topology->core_count > 0 ? core_first_cpu(planner, planner->boot_core) : -1;

        if (boot >= 0 && planner->plan->boot_isolation && cpu_set_has(&planner->plan->isolated, boot))
                errors_add(planner->errors, -EINVAL, "/spec/isolation/boot",
                           "its core in /spec/classes/housekeeping/cpus; or boot: false",
                           "CPU %d boots the machine and keeps its time: it cannot be isolated at boot", boot);
}

static void plan_irq(struct planner *planner)
{
        struct plan *plan = planner->plan;
        const struct cpu_set *asked = &planner->profile->irq;
        struct cpu_set wrong = *asked;

        plan->irq = cpu_set_empty(asked) ? plan->classes[CLASS_HOUSEKEEPING] : *asked;
        cpu_set_and_not(&wrong, &planner->topology->online);
        if (!cpu_set_empty(&wrong)) {
                cleanup_free char *list = cpu_set_to_list(&wrong);
                errors_add(planner->errors, -EINVAL, "/spec/irq/cpus", "CPUs that are online",
                           "CPUs %.100s are not online", list ?: "");
        }
        wrong = *asked;
        cpu_set_and(&wrong, &plan->isolated);
        if (!cpu_set_empty(&wrong)) {
                cleanup_free char *list = cpu_set_to_list(&wrong),
                                  *right = cpu_set_to_list(&plan->classes[CLASS_HOUSEKEEPING]);
                char expected[160];

                snprintf(expected, sizeof(expected), "CPUs that are not isolated, such as %.100s", right ?: "");
                errors_add(planner->errors, -EINVAL, "/spec/irq/cpus", expected, "CPUs %.100s are isolated",
                           list ?: "");
        }
        cleanup_free char *list = cpu_set_to_list(&plan->irq);
        planner_reason(planner, "interrupts", "CPUs %.160s: %s", list ?: "",
                       cpu_set_empty(asked) ? "housekeeping" : "as the profile says");
}

void isolation_plan(struct planner *planner)
{
        struct plan *plan = planner->plan;

        cpu_set_or(&plan->isolated, &plan->classes[CLASS_DATAPLANE]);
        cpu_set_or(&plan->isolated, &plan->classes[CLASS_GUESTS_DEDICATED]);
        add_extra(planner);
        plan->partition = planner->profile->partition && !cpu_set_empty(&plan->isolated);
        plan->boot_isolation = planner->profile->boot && !cpu_set_empty(&plan->isolated);
        check_boot_cpu(planner);
        plan_irq(planner);

        cleanup_free char *list = cpu_set_to_list(&plan->isolated);
        if (cpu_set_empty(&plan->isolated))
                planner_reason(planner, "isolation",
                               "no CPU is for the dataplane or dedicated vCPUs: nothing is isolated");
        else
                planner_reason(planner, "isolation",
                               "CPUs %.120s, those of the dataplane and of dedicated vCPUs%s; %s%s%s", list ?: "",
                               cpu_set_empty(&planner->profile->isolated) ? "" : " and what the profile adds",
                               plan->partition ? "by a cgroup partition" : "",
                               plan->partition && plan->boot_isolation ? " and " : "",
                               plan->boot_isolation ? "on the kernel's command line" : "");
}
