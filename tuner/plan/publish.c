/* The cores' classes into the plan, as sets of CPUs, each with its reason. */
#include <stdio.h>

#include "planner.h"
#include "words.h"

static const char *why(const struct planner *planner, enum cpu_class class)
{
        static const char *const derived[CLASS_COUNT] = {
                [CLASS_HOUSEKEEPING] = "one core a node, with the lowest CPU (as TripleO's derived parameters do)",
                [CLASS_DATAPLANE] = "one core of each node with an underlay's NIC",
                [CLASS_GUESTS_DEDICATED] = "half of what no other class takes",
                [CLASS_GUESTS_SHARED] = "half of what no other class takes, and the odd core",
                [CLASS_STORAGE] = "what the OSDs need",
        };
        static const char *const asked[] = {
                [CLASS_CPUS] = "as listed in the profile",
                [CLASS_CORES] = "as many in all as the profile says, spread over the nodes",
                [CLASS_CORES_PER_NODE] = "as many of each node as the profile says",
        };
        enum class_form form = form_of(planner, class);

        if (form != CLASS_DERIVED)
                return asked[form];
        if (class == CLASS_GUESTS_DEDICATED && form_of(planner, CLASS_GUESTS_SHARED) != CLASS_DERIVED)
                return "what no other class takes";
        if (class == CLASS_GUESTS_SHARED && form_of(planner, CLASS_GUESTS_DEDICATED) != CLASS_DERIVED)
                return "what no other class takes";
        if (planner->topology->hybrid)
                return class == CLASS_GUESTS_DEDICATED ? "the performance cores that no other class takes"
                       : class == CLASS_GUESTS_SHARED  ? "efficiency cores and what no other class takes"
                       : class == CLASS_DATAPLANE      ? "one performance core of each node with an underlay's NIC"
                       : class == CLASS_HOUSEKEEPING ? "one core a node: that of the boot CPU, else an efficiency core"
                                                     : derived[class];
        return derived[class];
}

static void explain(struct planner *planner, enum cpu_class class, int node)
{
        struct cpu_set cpus = {0};
        char subject[64], words[CPUS_WORDS];
        unsigned cores = 0;
        bool weak = false;

        for (size_t core = 0; core < planner->topology->core_count; core++)
                if (planner->owner[core] == (int)class && core_node(planner, core) == node) {
                        core_cpus(planner, core, &cpus);
                        weak |= wants_strong(class) && !core_is_strong(planner, core);
                        cores++;
                }
        if (cores == 0)
                return;
        snprintf(subject, sizeof(subject), "class %s node %d", cpu_class_names[class], node_number(planner, node));
        planner_reason(planner, subject, "%u core%s, %s: %s%s", cores, cores == 1 ? "" : "s", cpus_words(&cpus, words),
                       why(planner, class), weak ? "; not all are performance cores" : "");
}

void classes_publish(struct planner *planner)
{
        struct plan *plan = planner->plan;

        for (size_t core = 0; core < planner->topology->core_count; core++) {
                if (planner->owner[core] == CORE_FREE)
                        planner->owner[core] = CLASS_HOUSEKEEPING; /* foreign */
                core_cpus(planner, core, &plan->classes[planner->owner[core]]);
                if (planner->owner[core] != CLASS_DATAPLANE)
                        continue;
                if (planner->profile->dataplane.idle_siblings)
                        cpu_set_add(&plan->workers, core_first_cpu(planner, core));
                else
                        core_cpus(planner, core, &plan->workers);
        }
        for (int which = 0; which < CLASS_COUNT; which++)
                for (int node = 0; node < planner->node_count; node++)
                        explain(planner, which, node);
}
