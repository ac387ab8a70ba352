/* Cores: which may be had, in which order, and taking them (planner.h). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "planner.h"
#include "words.h"

int core_node(const struct planner *planner, int core)
{
        int node = planner->topology->cores[core].node;

        return node < 0 || node >= planner->node_count ? 0 : node; /* not told: as good as the first */
}

int core_first_cpu(const struct planner *planner, int core)
{
        return planner->topology->core_cpus[planner->topology->cores[core].first];
}

bool core_is_strong(const struct planner *planner, int core)
{
        return planner->topology->cores[core].kind == planner->kind_max;
}

void core_cpus(const struct planner *planner, int core, struct cpu_set *set)
{
        const struct topology_core *c = &planner->topology->cores[core];

        for (int i = 0; i < c->count; i++)
                cpu_set_add(set, planner->topology->core_cpus[c->first + i]);
}

/* qsort_r's order: by node, then as the class wants it, then by CPU. */
struct order {
        const struct planner *planner;
        bool strong;
};

static int compare(const void *a, const void *b, void *user)
{
        const struct order *order = user;
        const struct planner *planner = order->planner;
        int x = *(const int *)a, y = *(const int *)b;
        int kind = planner->topology->cores[x].kind - planner->topology->cores[y].kind;
        int node = core_node(planner, x) - core_node(planner, y);

        if (node)
                return node;
        if (!order->strong && (x == planner->boot_core || y == planner->boot_core))
                return x == planner->boot_core ? -1 : 1;
        if (kind)
                return order->strong ? -kind : kind;
        return core_first_cpu(planner, x) - core_first_cpu(planner, y);
}

static void find_foreign(struct planner *planner)
{
        struct cpu_set foreign = {0};
        char words[CPUS_WORDS];

        for (size_t core = 0; core < planner->topology->core_count; core++) {
                struct cpu_set cpus = {0};

                core_cpus(planner, core, &cpus);
                planner->foreign[core] = !cpu_set_within(&cpus, &planner->topology->allowed);
                if (planner->foreign[core])
                        cpu_set_or(&foreign, &cpus);
        }
        if (cpu_set_empty(&foreign))
                return;
        planner_reason(planner, "class housekeeping", "%s: not ours by the cgroup, left to the OS",
                       cpus_words(&foreign, words));
}

int cores_init(struct planner *planner)
{
        const struct topology *topology = planner->topology;
        size_t count = topology->core_count;
        struct order strong = {planner, true}, weak = {planner, false};

        planner->owner = calloc(count, sizeof(int));
        planner->foreign = calloc(count, sizeof(bool));
        planner->strong = calloc(count, sizeof(int));
        planner->weak = calloc(count, sizeof(int));
        if (!planner->owner || !planner->foreign || !planner->strong || !planner->weak)
                return -ENOMEM;
        for (size_t core = 0; core < count; core++) {
                planner->owner[core] = CORE_FREE;
                planner->strong[core] = planner->weak[core] = core;
                if (topology->cores[core].kind > planner->kind_max)
                        planner->kind_max = topology->cores[core].kind;
                if (core_first_cpu(planner, core) < core_first_cpu(planner, planner->boot_core))
                        planner->boot_core = core;
                planner->nodes[core_node(planner, core)].count++;
        }
        for (int node = 1; node < planner->node_count; node++)
                planner->nodes[node].first = planner->nodes[node - 1].first + planner->nodes[node - 1].count;
        qsort_r(planner->strong, count, sizeof(int), compare, &strong);
        qsort_r(planner->weak, count, sizeof(int), compare, &weak);
        find_foreign(planner);
        return 0;
}

bool wants_strong(enum cpu_class class)
{
        return class == CLASS_DATAPLANE || class == CLASS_GUESTS_DEDICATED;
}

static bool may_take(const struct planner *planner, enum cpu_class class, int core)
{
        return planner->owner[core] == CORE_FREE && !planner->foreign[core] &&
               (!wants_strong(class) || core_is_strong(planner, core));
}

unsigned cores_free(const struct planner *planner, enum cpu_class class, int node)
{
        const struct node_state *state = &planner->nodes[node];
        unsigned count = 0;

        for (int i = state->first; i < state->first + state->count; i++)
                count += may_take(planner, class, planner->strong[i]);
        return count;
}

bool cores_take(struct planner *planner, enum cpu_class class, int node)
{
        const struct node_state *state = &planner->nodes[node];
        const int *order = wants_strong(class) ? planner->strong : planner->weak;

        for (int i = state->first; i < state->first + state->count; i++)
                if (may_take(planner, class, order[i])) {
                        planner->owner[order[i]] = class;
                        return true;
                }
        return false;
}

/* Cores, or their CPUs, that a class has on a node. */
static unsigned owned(const struct planner *planner, enum cpu_class class, int node, bool cpus)
{
        const struct node_state *state = &planner->nodes[node];
        unsigned count = 0;

        for (int i = state->first; i < state->first + state->count; i++)
                if (planner->owner[planner->strong[i]] == (int)class)
                        count += cpus ? planner->topology->cores[planner->strong[i]].count : 1;
        return count;
}

unsigned cores_owned(const struct planner *planner, enum cpu_class class, int node)
{
        return owned(planner, class, node, false);
}

unsigned cpus_owned(const struct planner *planner, enum cpu_class class, int node)
{
        return owned(planner, class, node, true);
}

unsigned cores_usable(const struct planner *planner, int node)
{
        const struct node_state *state = &planner->nodes[node];
        unsigned count = 0;

        for (int i = state->first; i < state->first + state->count; i++)
                count += !planner->foreign[planner->strong[i]];
        return count;
}

/* What is wrong with CPUs of a list, all at once; what would be right. */
static void complain(struct planner *planner, const struct cpu_set *cpus, const char *pointer, const char *expected,
                     const char *what)
{
        char words[CPUS_WORDS];

        if (!cpu_set_empty(cpus))
                errors_add(planner->errors, -EINVAL, pointer, expected, "%s: %s", cpus_words(cpus, words), what);
}

bool cpus_are_whole(struct planner *planner, const struct cpu_set *cpus, const char *pointer)
{
        const struct topology *topology = planner->topology;
        struct cpu_set absent = *cpus, offline = *cpus, forbidden = *cpus, siblings = {0};
        size_t before = planner->errors->count;
        char expected[200], words[CPUS_WORDS];

        cpu_set_and_not(&absent, &topology->present);
        cpu_set_and(&offline, &topology->present);
        cpu_set_and_not(&offline, &topology->online);
        cpu_set_and(&forbidden, &topology->online);
        cpu_set_and_not(&forbidden, &topology->allowed);
        snprintf(expected, sizeof(expected), "%s, which are online", cpus_words(&topology->online, words));
        complain(planner, &absent, pointer, expected, "not there");
        complain(planner, &offline, pointer, expected, "offline");
        snprintf(expected, sizeof(expected), "%s, which we may use", cpus_words(&topology->allowed, words));
        complain(planner, &forbidden, pointer, expected, "not ours by the cgroup");

        for (size_t core = 0; core < topology->core_count; core++) {
                struct cpu_set whole = {0};

                core_cpus(planner, core, &whole);
                if (!cpu_set_intersects(&whole, cpus))
                        continue;
                cpu_set_and_not(&whole, cpus);
                cpu_set_or(&siblings, &whole);
        }
        complain(planner, &siblings, pointer, "whole cores: these CPUs too, or none of their siblings",
                 "left out, but siblings of some in the list");
        return planner->errors->count == before;
}

void cores_claim_list(struct planner *planner, enum cpu_class class, const struct cpu_set *cpus, const char *pointer)
{
        if (!cpus_are_whole(planner, cpus, pointer))
                return;
        for (size_t core = 0; core < planner->topology->core_count; core++)
                if (cpu_set_has(cpus, core_first_cpu(planner, core)))
                        planner->owner[core] = class;
}
