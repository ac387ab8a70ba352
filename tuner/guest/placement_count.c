/* What a host has for guests, by its plan: cores and CPUs of the classes, memory by page size. See placement_private.h.
 */
#include <errno.h>
#include <stdlib.h>

#include "placement_private.h"
#include "socle/cleanup.h"

#define HUGE_PAGE_MIN 65536 /* no huge page of any platform is smaller, hardly a normal one larger */

static const struct plan_pages *planned_pages(const struct plan *plan, int node, uint64_t page_bytes)
{
        for (size_t i = 0; i < plan->page_count; i++)
                if (plan->pages[i].node == node && plan->pages[i].page_bytes == page_bytes)
                        return &plan->pages[i];
        return NULL;
}

static void add_pool(struct node_use *use, uint64_t page_bytes, uint64_t count, uint64_t not_for_guests)
{
        use->pools[use->pool_count++] = (struct memory_pool){
                .page_bytes = page_bytes,
                .capacity_bytes = count > not_for_guests ? (count - not_for_guests) * page_bytes : 0,
        };
}

/* Huge pages as planned, of sizes that are not planned as they are; normal pages are what is left of the node. */
static int count_memory(struct placement_state *state, int node)
{
        const struct topology_node *there = &state->topology->nodes[node];
        const struct plan *plan = state->plan;
        struct node_use *use = &state->nodes[node];
        uint64_t gone = plan->reserved_bytes ? plan->reserved_bytes[node] : 0;

        use->pools = calloc(1 + there->page_count + plan->page_count, sizeof(*use->pools));
        if (!use->pools)
                return -ENOMEM;
        use->pool_count = 1; /* the first one: normal pages */
        for (size_t i = 0; i < plan->page_count; i++) {
                const struct plan_pages *pages = &plan->pages[i];
                if (pages->node != node)
                        continue;
                add_pool(use, pages->page_bytes, pages->count, pages->dataplane);
                gone += pages->count * pages->page_bytes;
        }
        for (size_t i = 0; i < there->page_count; i++) {
                const struct topology_pages *pages = &there->pages[i];
                if (pages->page_bytes < HUGE_PAGE_MIN || planned_pages(plan, node, pages->page_bytes))
                        continue;
                add_pool(use, pages->page_bytes, pages->count, 0);
                gone += pages->count * pages->page_bytes;
        }
        use->pools[0].capacity_bytes = there->memory_bytes > gone ? there->memory_bytes - gone : 0;
        return 0;
}

static int by_kind_and_cache(const void *a, const void *b, void *topology)
{
        const struct topology_core *cores = ((const struct topology *)topology)->cores;
        const struct topology_core *x = &cores[*(const int *)a], *y = &cores[*(const int *)b];

        if (x->kind != y->kind)
                return y->kind - x->kind;
        if (x->l3 != y->l3)
                return x->l3 - y->l3;
        return x < y ? -1 : x > y;
}

/* A core as far as it is of the class; false: not at all. */
static bool count_core(struct placement_state *state, const struct topology_core *there, struct pick_core *core,
                       int *cpus)
{
        core->kind = there->kind;
        core->cpus = cpus;
        for (int i = 0; i < there->count; i++) {
                int cpu = state->topology->core_cpus[there->first + i];
                if (!cpu_set_has(&state->free, (unsigned)cpu))
                        continue;
                cpus[core->threads++] = cpu;
                state->core_of[cpu] = core;
        }
        core->free = core->threads;
        core->node = there->node;
        core->whole = core->threads == (unsigned)there->count;
        return core->threads > 0;
}

/* Cores of the class guests_dedicated, a node's side by side, those of a cache side by side therein. */
int placement_count_cores(struct placement_state *state)
{
        const struct topology *topology = state->topology;
        cleanup_free int *order = calloc(topology->core_count + 1, sizeof(*order));
        struct pick_core *core;
        int *cpus;

        core = state->cores = calloc(topology->core_count + 1, sizeof(*core));
        cpus = state->core_cpus = calloc(topology->cpu_count + 1, sizeof(*cpus));
        state->core_of = calloc(CPU_MAX, sizeof(*state->core_of));
        if (!order || !core || !cpus || !state->core_of)
                return -ENOMEM;
        for (size_t i = 0; i < topology->core_count; i++)
                order[i] = (int)i;
        qsort_r(order, topology->core_count, sizeof(*order), by_kind_and_cache, (void *)topology);
        for (size_t node = 0; node < topology->node_count; node++) {
                struct node_use *use = &state->nodes[node];
                const struct topology_core *previous = NULL;
                use->cores = core;
                for (size_t i = 0; i < topology->core_count; i++) {
                        const struct topology_core *there = &topology->cores[order[i]];
                        if (there->node != (int)node || !count_core(state, there, core, cpus))
                                continue;
                        core->group = !previous                                                    ? 0
                                      : previous->l3 == there->l3 && previous->kind == there->kind ? core[-1].group
                                                                                                   : core[-1].group + 1;
                        previous = there;
                        use->untouched_cores += core->whole;
                        use->untouched_threads += core->whole && core->threads > 1 ? core->threads : 0;
                        cpus += core->threads;
                        core++;
                }
                use->core_count = (size_t)(core - use->cores);
        }
        return 0;
}

int placement_count_node(struct placement_state *state, int node)
{
        const struct topology_node *there = &state->topology->nodes[node];
        const struct plan *plan = state->plan;
        struct node_use *use = &state->nodes[node];

        use->shared = use->housekeeping = use->dedicated = there->cpus;
        cpu_set_and(&use->shared, &state->shared);
        cpu_set_and(&use->housekeeping, &plan->classes[CLASS_HOUSEKEEPING]);
        cpu_set_and(&use->dedicated, &state->free);
        use->shared_count = cpu_set_count(&use->shared);
        use->dedicated_count = use->free_count = cpu_set_count(&use->dedicated);
        use->has_cpus = !cpu_set_empty(&there->cpus);
        use->has_dataplane = cpu_set_intersects(&there->cpus, &plan->classes[CLASS_DATAPLANE]);
        for (size_t i = 0; i < state->topology->pci_count; i++)
                use->nics += state->topology->pci[i].node == node && state->topology->pci[i].physical_function < 0;
        return count_memory(state, node);
}
