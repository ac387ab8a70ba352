/* Which CPUs are isolated, and where interrupts may go. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "planner.h"
#include "words.h"

static void add_extra(struct planner *planner)
{
        const struct cpu_set *extra = &planner->profile->isolated;
        struct plan *plan = planner->plan;
        struct cpu_set shared = *extra, housekeeping = *extra;
        char words[CPUS_WORDS];

        if (cpu_set_empty(extra) || !cpus_are_whole(planner, extra, "/spec/isolation/cpus"))
                return;
        cpu_set_and(&housekeeping, &plan->classes[CLASS_HOUSEKEEPING]);
        if (!cpu_set_empty(&housekeeping)) {
                errors_add(planner->errors, -EINVAL, "/spec/isolation/cpus",
                           "CPUs of other classes, or other ones in /spec/classes/housekeeping/cpus",
                           "%s: housekeeping", cpus_words(&housekeeping, words));
                return;
        }
        cpu_set_and(&shared, &plan->classes[CLASS_GUESTS_SHARED]);
        if (!cpu_set_empty(&shared))
                planner_reason(planner, "isolation",
                               "%s: isolated as asked, though vCPUs float there, which the scheduler will not balance",
                               cpus_words(&shared, words));
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
        char words[CPUS_WORDS], expected[160];

        plan->irq = cpu_set_empty(asked) ? plan->classes[CLASS_HOUSEKEEPING] : *asked;
        cpu_set_and_not(&wrong, &planner->topology->online);
        if (!cpu_set_empty(&wrong))
                errors_add(planner->errors, -EINVAL, "/spec/irq/cpus", "CPUs that are online", "%s: not online",
                           cpus_words(&wrong, words));
        wrong = *asked;
        cpu_set_and(&wrong, &plan->isolated);
        if (!cpu_set_empty(&wrong)) {
                snprintf(expected, sizeof(expected), "CPUs that are not isolated, such as %s",
                         cpus_words(&plan->classes[CLASS_HOUSEKEEPING], words));
                errors_add(planner->errors, -EINVAL, "/spec/irq/cpus", expected, "%s: isolated",
                           cpus_words(&wrong, words));
        }
        planner_reason(planner, "interrupts", "%s: %s", cpus_words(&plan->irq, words),
                       cpu_set_empty(asked) ? "housekeeping" : "as the profile says");
}

void isolation_plan(struct planner *planner)
{
        struct plan *plan = planner->plan;
        char words[CPUS_WORDS];

        cpu_set_or(&plan->isolated, &plan->classes[CLASS_DATAPLANE]);
        cpu_set_or(&plan->isolated, &plan->classes[CLASS_GUESTS_DEDICATED]);
        add_extra(planner);
        plan->partition = planner->profile->partition && !cpu_set_empty(&plan->isolated);
        plan->boot_isolation = planner->profile->boot != 0 && !cpu_set_empty(&plan->isolated);
        check_boot_cpu(planner);
        plan_irq(planner);

        if (cpu_set_empty(&plan->isolated))
                planner_reason(planner, "isolation",
                               "no CPU is for the dataplane or dedicated vCPUs: nothing is isolated");
        else
                planner_reason(planner, "isolation", "%s, those of the dataplane and of dedicated vCPUs%s",
                               cpus_words(&plan->isolated, words),
                               cpu_set_empty(&planner->profile->isolated) ? "" : " and what the profile adds");
}
