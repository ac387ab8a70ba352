/* What is used of a host, by CPU and by page size of a node. See placement.h and placement_private.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "placement_private.h"
#include "socle/cleanup.h"

DEFINE_CLEANUP(struct placement_state *, placement_state_free)
#define cleanup_state cleanup_(placement_state_free_p)

int cpu_node(const struct topology *topology, int cpu)
{
        for (size_t i = 0; i < topology->node_count; i++)
                if (cpu >= 0 && cpu_set_has(&topology->nodes[i].cpus, (unsigned)cpu))
                        return (int)i;
        return -1;
}

struct memory_pool *node_pool(const struct node_use *node, uint64_t page_bytes)
{
        for (size_t i = 0; i < node->pool_count; i++)
                if (node->pools[i].page_bytes == page_bytes)
                        return &node->pools[i];
        return NULL;
}

uint64_t node_free_bytes(const struct placement_state *state, int node, uint64_t page_bytes)
{
        const struct memory_pool *pool = node_pool(&state->nodes[node], page_bytes);

        return pool && pool->capacity_bytes > pool->used_bytes ? pool->capacity_bytes - pool->used_bytes : 0;
}

unsigned placement_free_cpus(const struct placement_state *state, enum sibling_policy siblings)
{
        unsigned all = 0;

        for (size_t i = 0; i < state->topology->node_count; i++)
                all += siblings == SIBLING_ISOLATE   ? state->nodes[i].untouched_cores
                       : siblings == SIBLING_REQUIRE ? state->nodes[i].untouched_threads
                                                     : state->nodes[i].free_count;
        return all;
}

uint64_t placement_free_bytes(const struct placement_state *state, uint64_t page_bytes)
{
        uint64_t all = 0;

        for (size_t i = 0; i < state->topology->node_count; i++)
                all += state->nodes[i].has_cpus ? node_free_bytes(state, (int)i, page_bytes) : 0;
        return all;
}

int placement_state_new(struct placement_state **ret, const struct topology *topology, const struct plan *plan)
{
        cleanup_state struct placement_state *state = calloc(1, sizeof(*state));
        int r;

        if (!state)
                return -ENOMEM;
        state->topology = topology;
        state->plan = plan;
        state->free = plan->classes[CLASS_GUESTS_DEDICATED];
        cpu_set_and(&state->free, &topology->online);
        /* A tiny machine has no class for them: they float with the OS. */
        state->shared = plan->classes[cpu_set_empty(&plan->classes[CLASS_GUESTS_SHARED]) ? CLASS_HOUSEKEEPING
                                                                                         : CLASS_GUESTS_SHARED];
        cpu_set_and(&state->shared, &topology->online);
        state->nodes = calloc(topology->node_count + 1, sizeof(*state->nodes));
        state->taken = calloc(CPU_MAX, sizeof(*state->taken));
        if (!state->nodes || !state->taken)
                return -ENOMEM;
        r = placement_count_cores(state);
        for (size_t i = 0; i < topology->node_count && r == 0; i++)
                r = placement_count_node(state, (int)i);
        if (r == 0)
                *ret = TAKE_PTR(state);
        return r;
}

/* ---- who uses it ---- */

static void occupant_clear(struct occupant *occupant)
{
        free(occupant->name);
        free(occupant->cells);
}

struct placement_state *placement_state_free(struct placement_state *state)
{
        if (!state)
                return NULL;
        for (size_t i = 0; state->nodes && i < state->topology->node_count; i++)
                free(state->nodes[i].pools);
        for (size_t i = 0; i < state->count; i++)
                occupant_clear(&state->list[i]);
        free(state->list);
        free(state->nodes);
        free(state->cores);
        free(state->core_cpus);
        free(state->core_of);
        free(state->taken);
        free(state);
        return NULL;
}

const struct topology *placement_topology(const struct placement_state *state)
{
        return state->topology;
}

const struct plan *placement_plan(const struct placement_state *state)
{
        return state->plan;
}

/* Memory of a guest that is bound to no node weighs on all, by what they have. */
static void use_floating(struct placement_state *state, uint64_t page_bytes, uint64_t bytes, int sign)
{
        uint64_t all = 0;

        for (size_t i = 0; i < state->topology->node_count; i++) {
                struct memory_pool *pool = node_pool(&state->nodes[i], page_bytes);
                all += pool ? pool->capacity_bytes : 0;
        }
        for (size_t i = 0; i < state->topology->node_count && all > 0; i++) {
                struct memory_pool *pool = node_pool(&state->nodes[i], page_bytes);
                if (pool)
                        pool->used_bytes += (uint64_t)sign *
                                            (uint64_t)((double)bytes * ((double)pool->capacity_bytes / (double)all));
        }
}

/* sign: 1 uses, -1 gives back (in arithmetic modulo 2^64). */
static void use_cell(struct placement_state *state, uint64_t page_bytes, const struct occupant_cell *cell, int sign)
{
        if (cell->node < 0) {
                use_floating(state, page_bytes, cell->memory_bytes, sign);
                return;
        }

        struct node_use *node = &state->nodes[cell->node];
        struct memory_pool *pool = node_pool(node, page_bytes);
        node->shared_vcpus += (unsigned)sign * cell->shared_vcpus;
        if (pool)
                pool->used_bytes += (uint64_t)sign * cell->memory_bytes;
}

static void use_core(struct placement_state *state, struct pick_core *core, bool is_free)
{
        if (!core)
                return;
        struct node_use *node = &state->nodes[core->node];
        bool before = core->whole && core->free == core->threads;
        core->free += is_free ? 1U : -1U;
        bool after = core->whole && core->free == core->threads;
        if (before == after)
                return;
        node->untouched_cores += after ? 1U : -1U;
        if (core->threads > 1)
                node->untouched_threads += after ? core->threads : -core->threads;
}

static void use_cpu(struct placement_state *state, int cpu, int sign)
{
        int node = cpu_node(state->topology, cpu);
        bool was_free = state->taken[cpu] == 0;

        state->taken[cpu] = (uint16_t)(state->taken[cpu] + sign);
        bool is_free = state->taken[cpu] == 0;
        if (node < 0 || was_free == is_free || !cpu_set_has(&state->nodes[node].dedicated, (unsigned)cpu))
                return;
        if (is_free)
                cpu_set_add(&state->free, (unsigned)cpu);
        else
                cpu_set_remove(&state->free, (unsigned)cpu);
        state->nodes[node].free_count += is_free ? 1U : -1U;
        use_core(state, state->core_of[cpu], is_free);
}

static void occupy(struct placement_state *state, const struct occupant *occupant, int sign)
{
        for (int cpu = cpu_set_next(&occupant->taken, -1); cpu >= 0; cpu = cpu_set_next(&occupant->taken, cpu))
                use_cpu(state, cpu, sign);
        for (unsigned i = 0; i < occupant->cell_count; i++)
                use_cell(state, occupant->page_bytes, &occupant->cells[i], sign);
}

/* Where the name is, or would be. */
static size_t position(const struct placement_state *state, const char *name, bool *ret_there)
{
        size_t low = 0, high = state->count;

        while (low < high) {
                size_t middle = (low + high) / 2;
                if (strcmp(state->list[middle].name, name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        *ret_there = low < state->count && strcmp(state->list[low].name, name) == 0;
        return low;
}

static int make_occupant(struct placement_state *state, const char *name, const struct guest_placement *placement,
                         struct occupant *ret)
{
        cleanup_free char *own_name = strdup(name);
        cleanup_free struct occupant_cell *cells = calloc(placement->cell_count + 1, sizeof(*cells));

        if (!own_name || !cells)
                return -ENOMEM;
        for (unsigned i = 0; i < placement->cell_count; i++) {
                const struct guest_cell *cell = &placement->cells[i];
                int node = cell->node < (int)state->topology->node_count ? cell->node : -1;
                cells[i] = (struct occupant_cell){.node = node, .memory_bytes = cell->memory_bytes};
                for (unsigned v = 0; v < placement->vcpus; v++)
                        cells[i].shared_vcpus += cpu_set_has(&cell->vcpus, v) &&
                                                 !cpu_set_within(&placement->vcpu_cpus[v], &placement->taken);
        }
        *ret = (struct occupant){
                .taken = placement->taken, .page_bytes = placement->page_bytes, .cell_count = placement->cell_count};
        ret->name = TAKE_PTR(own_name);
        ret->cells = TAKE_PTR(cells);
        return 0;
}

/* Complains about the first CPU that another has. */
static int check_conflict(const struct placement_state *state, const char *name, const struct cpu_set *taken,
                          struct errors *errors)
{
        for (size_t i = 0; i < state->count; i++) {
                const struct occupant *other = &state->list[i];
                if (strcmp(other->name, name) == 0 || !cpu_set_intersects(&other->taken, taken))
                        continue;
                struct cpu_set both = *taken;
                cpu_set_and(&both, &other->taken);
                cleanup_free char *cpus = cpu_set_to_list(&both);
                errors_add(errors, -EEXIST, "/spec/vcpus", "a CPU for one guest alone", "CPU %.60s is dedicated to %s",
                           cpus ? cpus : "", other->name);
                return -EEXIST;
        }
        return 0;
}

int placement_add(struct placement_state *state, const char *name, const struct guest_placement *placement,
                  bool foreign, struct errors *errors)
{
        int conflict = check_conflict(state, name, &placement->taken, errors);
        struct occupant occupant;
        bool there;

        if (conflict < 0 && !foreign)
                return conflict;
        if (state->count == state->room) {
                size_t room = state->room ? state->room * 2 : 64;
                struct occupant *list = reallocarray(state->list, room, sizeof(*list));
                if (!list)
                        return -ENOMEM;
                state->list = list;
                state->room = room;
        }
        if (make_occupant(state, name, placement, &occupant) < 0)
                return -ENOMEM;
        placement_remove(state, name);
        size_t at = position(state, name, &there);
        memmove(&state->list[at + 1], &state->list[at], (state->count++ - at) * sizeof(*state->list));
        state->list[at] = occupant;
        occupy(state, &occupant, 1);
        return conflict;
}

void placement_remove(struct placement_state *state, const char *name)
{
        bool there;
        size_t at = position(state, name, &there);

        if (!there)
                return;
        occupy(state, &state->list[at], -1);
        occupant_clear(&state->list[at]);
        memmove(&state->list[at], &state->list[at + 1], (--state->count - at) * sizeof(*state->list));
}
