/* The kernel's switches, power, and shares of the cache. What the profile does not say is derived where CPUs are
 * isolated, after tuned's profiles cpu-partitioning and network-latency, and left alone elsewhere. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "planner.h"

static int derive(struct planner *planner, int asked, int derived, const char *name, const char *word)
{
        if (asked != PROFILE_DERIVE)
                return asked;
        if (cpu_set_empty(&planner->plan->isolated))
                return PROFILE_KEEP;
        planner_reason(planner, name,
                       "%s, for the sake of the isolated CPUs (tuned: cpu-partitioning, network-latency)", word);
        return derived;
}

static void derive_word(struct planner *planner, const char *asked, char ret[32], const char *name)
{
        ret[0] = '\0';
        if (strcmp(asked, "keep") == 0 || (!*asked && cpu_set_empty(&planner->plan->isolated)))
                return;
        snprintf(ret, 32, "%s", *asked ? asked : "performance");
        if (!*asked)
                planner_reason(planner, name,
                               "performance: CPUs are isolated, and speed that changes is jitter (tuned: "
                               "cpu-partitioning)");
}

static void plan_cache(struct planner *planner)
{
        const struct topology *topology = planner->topology;

        for (int which = 0; which < CLASS_COUNT; which++) {
                const struct profile_cache *asked = &planner->profile->cache[which];
                char pointer[80];

                snprintf(pointer, sizeof(pointer), "/spec/cache/%s", cpu_class_names[which]);
                if ((asked->l3_mask && !topology->resctrl_l3) || (asked->mb_percent && !topology->resctrl_mb))
                        errors_add(planner->errors, -EINVAL, pointer, "none",
                                   "%s of %s cannot be allocated: the CPU or the kernel has no resctrl for it",
                                   asked->l3_mask && !topology->resctrl_l3 ? "cache" : "memory bandwidth",
                                   topology->source);
                else if ((asked->l3_mask || asked->mb_percent) && cpu_set_empty(&planner->plan->classes[which]))
                        errors_add(planner->errors, -EINVAL, pointer, "a class that has CPUs", "%s has no CPUs here",
                                   cpu_class_names[which]);
                planner->plan->cache.l3_mask[which] = asked->l3_mask;
                planner->plan->cache.mb_percent[which] = asked->mb_percent;
        }
}

void switches_plan(struct planner *planner)
{
        const struct host_profile *profile = planner->profile;
        struct plan_switches *to = &planner->plan->switches;

        to->thp = derive(planner, profile->thp, 1, "transparent_hugepages", "madvise");
        to->ksm = derive(planner, profile->ksm, 0, "ksm", "off");
        to->numa_balancing = derive(planner, profile->numa_balancing, 0, "numa_balancing", "off");
        to->nmi_watchdog = derive(planner, profile->nmi_watchdog, 0, "nmi_watchdog", "off");
        to->stat_interval_s = derive(planner, profile->stat_interval_s, 10, "stat_interval", "10 s");
        to->irqbalance = profile->irqbalance;
        to->rt_set = profile->rt_set;
        to->rt_runtime_us = profile->rt_runtime_us;
        to->swappiness = profile->swappiness;
        to->deepest_cstate_us = profile->cstate_latency_us;
        to->uncore_min_mhz = profile->uncore_min_mhz ? profile->uncore_min_mhz : PROFILE_KEEP;
        to->uncore_max_mhz = profile->uncore_max_mhz ? profile->uncore_max_mhz : PROFILE_KEEP;
        derive_word(planner, profile->governor, to->governor, "governor");
        derive_word(planner, profile->epp, to->epp, "energy_performance_preference");
        plan_cache(planner);
}
