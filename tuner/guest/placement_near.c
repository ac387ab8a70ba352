/* Which nodes are better for a guest, and on which CPUs what is not a vCPU runs. See placement_private.h. */
#include "placement_private.h"

#define DISTANCE_LOCAL 10 /* ACPI's SLIT */

unsigned near_distance(const struct placement_state *state, const struct guest_demand *demand, int node)
{
        unsigned nearest = 0;

        if (demand->near_node >= 0)
                return demand->near_node == node ? DISTANCE_LOCAL
                                                 : topology_distance(state->topology, demand->near_node, node);
        for (size_t i = 0; demand->near_dataplane && i < state->topology->node_count; i++) {
                if (!state->nodes[i].has_dataplane)
                        continue;
                unsigned distance = (int)i == node ? DISTANCE_LOCAL : topology_distance(state->topology, (int)i, node);
                if (nearest == 0 || distance < nearest)
                        nearest = distance;
        }
        return nearest;
}

bool is_near(const struct placement_state *state, const struct guest_demand *demand, int node)
{
        unsigned distance = near_distance(state, demand, node);

        for (size_t i = 0; i < state->topology->node_count; i++)
                if (state->nodes[i].has_cpus && near_distance(state, demand, (int)i) < distance)
                        return false;
        return true;
}

static uint64_t millionths(uint64_t used, uint64_t all)
{
        return all > 0 ? (uint64_t)((double)used / (double)all * 1e6) : 0;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
        return a > b ? a : b;
}

uint64_t node_load(const struct placement_state *state, const struct guest_demand *demand, const struct cell_need *need,
                   int node)
{
        const struct node_use *use = &state->nodes[node];
        const struct memory_pool *pool = node_pool(use, demand->page_bytes);
        uint64_t load = pool ? millionths(pool->used_bytes + need->memory_bytes, pool->capacity_bytes) : 0;

        if (need->dedicated + need->extra > 0)
                load = larger(load, millionths(use->dedicated_count - use->free_count + need->dedicated + need->extra,
                                               use->dedicated_count));
        if (need->shared > 0)
                load = larger(load, millionths(use->shared_vcpus + need->shared, use->shared_count));
        return load;
}

struct cpu_set service_cpus(const struct placement_state *state, enum emulator_policy policy,
                            const struct guest_cell *cells, unsigned count)
{
        struct cpu_set cpus = {};

        if (policy == EMULATOR_OWN)
                return cpus;
        for (unsigned i = 0; i < count; i++) {
                const struct node_use *node = &state->nodes[cells[i].node];
                cpu_set_or(&cpus, policy == EMULATOR_SHARED ? &node->shared : &node->housekeeping);
        }
        if (cpu_set_empty(&cpus)) { /* none on its nodes: a CPU far away is better than a vCPU's */
                cpus = policy == EMULATOR_SHARED ? state->shared : state->plan->classes[CLASS_HOUSEKEEPING];
                cpu_set_and(&cpus, &state->topology->online);
        }
        return cpus;
}
