/* Which CPUs of one node a guest gets: whole cores as its sibling policy says, of one cache where they fit, out of
 * cores that are begun where single CPUs are wanted. See placement_private.h. */
#include <string.h>

#include "placement_private.h"

/* What has been chosen so far. */
struct choice {
        const struct node_use *node;
        struct cpu_set free; /* what is left to choose from */
        struct cpu_set taken;
        int *cpus;
        unsigned count;
        int group; /* only cores of this one; -1: any */
};

static unsigned free_threads(const struct choice *choice, const struct pick_core *core)
{
        unsigned count = 0;

        if (choice->group >= 0 && core->group != choice->group)
                return 0;
        for (unsigned i = 0; i < core->threads; i++)
                count += cpu_set_has(&choice->free, (unsigned)core->cpus[i]);
        return count;
}

static bool is_untouched(const struct choice *choice, const struct pick_core *core)
{
        return core->whole && free_threads(choice, core) == core->threads;
}

static void take(struct choice *choice, int cpu, bool use)
{
        cpu_set_remove(&choice->free, (unsigned)cpu);
        cpu_set_add(&choice->taken, (unsigned)cpu);
        if (use)
                choice->cpus[choice->count++] = cpu;
}

/* Up to `use` of the core's free CPUs; the others too, but idle, when `whole`. */
static void take_core(struct choice *choice, const struct pick_core *core, unsigned use, bool whole)
{
        for (unsigned i = 0; i < core->threads; i++) {
                if (!cpu_set_has(&choice->free, (unsigned)core->cpus[i]) || (use == 0 && !whole))
                        continue;
                take(choice, core->cpus[i], use > 0);
                use -= use > 0;
        }
}

static bool isolate(struct choice *choice, unsigned wanted)
{
        for (size_t i = 0; i < choice->node->core_count && wanted > 0; i++) {
                if (!is_untouched(choice, &choice->node->cores[i]))
                        continue;
                take_core(choice, &choice->node->cores[i], 1, true);
                wanted--;
        }
        return wanted == 0;
}

static bool require(struct choice *choice, unsigned wanted)
{
        for (size_t i = 0; i < choice->node->core_count && wanted > 0; i++) {
                const struct pick_core *core = &choice->node->cores[i];
                if (core->threads < 2 || !is_untouched(choice, core))
                        continue;
                unsigned use = wanted < core->threads ? wanted : core->threads;
                take_core(choice, core, use, true);
                wanted -= use;
        }
        return wanted == 0;
}

/* The core that `wanted` CPUs leave the least of: none of it, if there is one such. */
static const struct pick_core *tightest(const struct choice *choice, unsigned wanted)
{
        const struct pick_core *best = NULL;
        unsigned least = 0;

        for (size_t i = 0; i < choice->node->core_count; i++) {
                unsigned count = free_threads(choice, &choice->node->cores[i]);
                if (count < wanted || (best && count >= least))
                        continue;
                best = &choice->node->cores[i];
                least = count;
        }
        return best;
}

static const struct pick_core *fullest(const struct choice *choice)
{
        const struct pick_core *best = NULL;
        unsigned most = 0;

        for (size_t i = 0; i < choice->node->core_count; i++) {
                unsigned count = free_threads(choice, &choice->node->cores[i]);
                if (count <= most)
                        continue;
                best = &choice->node->cores[i];
                most = count;
        }
        return best;
}

/* Cores that nobody is on as long as one is filled, then the rest where it leaves the fewest holes. */
static bool prefer(struct choice *choice, unsigned wanted)
{
        for (size_t i = 0; i < choice->node->core_count && wanted > 0; i++) {
                const struct pick_core *core = &choice->node->cores[i];
                if (core->threads > wanted || !is_untouched(choice, core))
                        continue;
                take_core(choice, core, core->threads, false);
                wanted -= core->threads;
        }
        while (wanted > 0) {
                const struct pick_core *core = tightest(choice, wanted);
                if (!core)
                        core = fullest(choice);
                if (!core)
                        return false;
                unsigned count = free_threads(choice, core), use = wanted < count ? wanted : count;
                take_core(choice, core, use, false);
                wanted -= use;
        }
        return true;
}

static bool choose(struct choice *choice, const struct pick *pick)
{
        bool fits = pick->siblings == SIBLING_ISOLATE   ? isolate(choice, pick->vcpus)
                    : pick->siblings == SIBLING_REQUIRE ? require(choice, pick->vcpus)
                                                        : prefer(choice, pick->vcpus);

        return fits && prefer(choice, pick->extra);
}

static unsigned free_in_group(const struct choice *choice)
{
        unsigned count = 0;

        for (size_t i = 0; i < choice->node->core_count; i++)
                count += free_threads(choice, &choice->node->cores[i]);
        return count;
}

/* The group with the fewest free CPUs that is enough, among those of the most powerful kind of core; -1: none. */
static int tightest_group(struct choice choice, const struct pick *pick)
{
        int best = -1, best_kind = 0,
            last = choice.node->core_count > 0 ? choice.node->cores[choice.node->core_count - 1].group : 0;
        unsigned least = 0;

        for (size_t i = 0; last > 0 && i < choice.node->core_count; i++) {
                const struct pick_core *core = &choice.node->cores[i];
                if (i > 0 && core[-1].group == core->group)
                        continue;
                struct choice attempt = choice;
                attempt.group = core->group;
                unsigned count = free_in_group(&attempt);
                if (count < pick->vcpus + pick->extra || (best >= 0 && (core->kind < best_kind || count >= least)) ||
                    !choose(&attempt, pick))
                        continue;
                best = core->group;
                best_kind = core->kind;
                least = count;
        }
        return best;
}

bool pick_may_fit(const struct node_use *node, const struct pick *pick)
{
        if (pick->vcpus + pick->extra > node->free_count)
                return false;
        return pick->siblings == SIBLING_ISOLATE   ? pick->vcpus <= node->untouched_cores
               : pick->siblings == SIBLING_REQUIRE ? pick->vcpus <= node->untouched_threads
                                                   : true;
}

bool pick_cpus(const struct node_use *node, const struct pick *pick, const struct cpu_set *free, int *cpus,
               struct cpu_set *ret_taken)
{
        struct choice choice = {.node = node, .free = *free, .cpus = cpus, .group = -1};

        if (!pick_may_fit(node, pick))
                return false;
        choice.group = tightest_group(choice, pick);
        if (!choose(&choice, pick))
                return false;
        *ret_taken = choice.taken;
        return true;
}
