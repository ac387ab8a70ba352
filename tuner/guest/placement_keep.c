/* Whether a guest that is placed already may stay as it is. See placement_keep() in placement.h. */
#include <stdlib.h>

#include "placement_private.h"
#include "socle/cleanup.h"

/* What a placement has been found to take, and by which vCPUs. */
struct holding {
        const struct placement_state *state;
        struct cpu_set vcpus; /* their dedicated CPUs */
        struct cpu_set all;   /* and those of the emulator and I/O threads, and idle siblings */
};

/* The only CPU of a set, -1: it has none or several. */
static int only_cpu(const struct cpu_set *set)
{
        int cpu = cpu_set_next(set, -1);

        return cpu >= 0 && cpu_set_next(set, cpu) < 0 ? cpu : -1;
}

static bool hold(struct holding *holding, int cpu)
{
        if (cpu < 0 || !cpu_set_has(&holding->state->free, (unsigned)cpu) || cpu_set_has(&holding->all, (unsigned)cpu))
                return false;
        cpu_set_add(&holding->all, (unsigned)cpu);
        return true;
}

static bool keep_cell(struct holding *holding, const struct guest_demand *demand, const struct cell_need *need,
                      const struct guest_placement *placement, unsigned cell)
{
        int node = placement->cells[cell].node;

        if (node < 0 || !cpu_set_equal(&need->vcpus, &placement->cells[cell].vcpus) ||
            need->memory_bytes > node_free_bytes(holding->state, node, demand->page_bytes))
                return false;
        for (unsigned other = 0; other < cell; other++)
                if (placement->cells[other].node == node)
                        return false;
        for (int v = cpu_set_next(&need->vcpus, -1); v >= 0; v = cpu_set_next(&need->vcpus, v)) {
                const struct cpu_set *cpus = &placement->vcpu_cpus[v];
                if (!demand_is_dedicated(demand, (unsigned)v)) {
                        if (need->shared == 0 || !cpu_set_equal(cpus, &holding->state->nodes[node].shared))
                                return false;
                        continue;
                }
                int cpu = only_cpu(cpus);
                if (!hold(holding, cpu) || !cpu_set_has(&holding->state->nodes[node].dedicated, (unsigned)cpu))
                        return false;
                cpu_set_add(&holding->vcpus, (unsigned)cpu);
        }
        return true;
}

/* Are the cores of the vCPUs as the sibling policy wants them (`require`: all full but one a cell)? Takes their idle
 * siblings. */
static bool keep_siblings(struct holding *holding, const struct guest_demand *demand, unsigned cells)
{
        const struct topology *topology = holding->state->topology;
        unsigned begun = 0;

        for (size_t i = 0; i < topology->core_count && demand->siblings != SIBLING_PREFER; i++) {
                const struct topology_core *core = &topology->cores[i];
                int used = 0;
                for (int t = 0; t < core->count; t++)
                        used += cpu_set_has(&holding->vcpus, (unsigned)topology->core_cpus[core->first + t]);
                if (used == 0)
                        continue;
                begun += used < core->count;
                if (demand->siblings == SIBLING_ISOLATE ? used > 1 : core->count < 2 || begun > cells)
                        return false;
                for (int t = 0; t < core->count; t++) {
                        int cpu = topology->core_cpus[core->first + t];
                        if (!cpu_set_has(&holding->vcpus, (unsigned)cpu) && !hold(holding, cpu))
                                return false;
                }
        }
        return true;
}

static bool keep_service(struct holding *holding, const struct guest_placement *placement, enum emulator_policy policy,
                         unsigned threads, const struct cpu_set *cpus)
{
        struct cpu_set wanted;

        if (policy != EMULATOR_OWN) {
                wanted = service_cpus(holding->state, policy, placement->cells, placement->cell_count);
                return threads == 0 || cpu_set_equal(cpus, &wanted);
        }
        if (cpu_set_count(cpus) != threads)
                return false;
        for (int cpu = cpu_set_next(cpus, -1); cpu >= 0; cpu = cpu_set_next(cpus, cpu))
                if (!hold(holding, cpu) || cpu_node(holding->state->topology, cpu) != placement->cells[0].node)
                        return false;
        return true;
}

static bool keep_near(const struct placement_state *state, const struct guest_demand *demand,
                      const struct guest_placement *placement)
{
        for (unsigned i = 0; demand->near_required && i < placement->cell_count; i++)
                if (is_near(state, demand, placement->cells[i].node))
                        return true;
        return !demand->near_required;
}

/* Not on more nodes than it has to be. */
static bool keep_cells(const struct placement_state *state, const struct guest_demand *demand, unsigned cells)
{
        struct guest_demand fewer = *demand;

        if (demand->cells)
                return cells == demand->cells;
        for (fewer.cells = 1; fewer.cells < cells; fewer.cells++)
                if (placement_try(state, &fewer, NULL) == 0)
                        return false;
        return cells > 0;
}

bool placement_keep(const struct placement_state *state, const struct guest_demand *demand,
                    struct guest_placement *placement)
{
        unsigned cells = placement->cell_count;
        struct holding holding = {.state = state};
        cleanup_free struct cell_need *needs = calloc(cells + 1, sizeof(*needs));

        if (!needs || placement->vcpus != demand->vcpus || placement->page_bytes != demand->page_bytes ||
            !keep_cells(state, demand, cells))
                return false;
        split_demand(demand, cells, needs);
        for (unsigned i = 0; i < cells; i++)
                if (!keep_cell(&holding, demand, &needs[i], placement, i))
                        return false;
        if (!keep_siblings(&holding, demand, cells) ||
            !keep_service(&holding, placement, demand->emulator, 1, &placement->emulator) ||
            !keep_service(&holding, placement, demand->iothread_policy, demand->iothreads, &placement->iothreads) ||
            !keep_near(state, demand, placement))
                return false;
        placement->taken = holding.all;
        return true;
}
