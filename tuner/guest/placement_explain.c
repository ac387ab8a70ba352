/* Why a guest does not fit, and what would do: found by trying, since placing is quick. See placement_private.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "placement_private.h"

#define NODES_SHOWN 4
#define TEXT_SIZE   256

static const char *size_text(uint64_t bytes, char buffer[32])
{
        static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
        unsigned unit = 0;
        double value = (double)bytes;

        for (; value >= 1024 && unit < 4; unit++)
                value /= 1024;
        snprintf(buffer, 32, value == (uint64_t)value ? "%.0f %s" : "%.1f %s", value, units[unit]);
        return buffer;
}

static const char *pages_text(uint64_t page_bytes, char buffer[64])
{
        char size[32];

        if (page_bytes)
                snprintf(buffer, 64, " in pages of %s", size_text(page_bytes, size));
        else
                buffer[0] = 0;
        return buffer;
}

/* "node 0 has 3 free dedicated CPUs and 2 GiB; node 1 …" */
static void show_nodes(const struct placement_state *state, const struct guest_demand *demand, char text[TEXT_SIZE])
{
        unsigned shown = 0, cpu_nodes = 0;
        char size[32];
        size_t used = 0;

        text[0] = 0;
        for (size_t i = 0; i < state->topology->node_count; i++) {
                const struct node_use *node = &state->nodes[i];
                if (!node->has_cpus || ++cpu_nodes > NODES_SHOWN)
                        continue;
                used += (size_t)snprintf(text + used, TEXT_SIZE - used, "%snode %d has ", shown++ ? "; " : "",
                                         state->topology->nodes[i].os_index);
                if (demand->policy != VCPU_SHARED)
                        used += (size_t)snprintf(text + used, TEXT_SIZE - used, "%u free dedicated CPU%s, ",
                                                 node->free_count, node->free_count == 1 ? "" : "s");
                if (demand->policy != VCPU_DEDICATED && node->shared_count == 0)
                        used += (size_t)snprintf(text + used, TEXT_SIZE - used, "no shared CPUs, ");
                used += (size_t)snprintf(text + used, TEXT_SIZE - used, "%s",
                                         size_text(node_free_bytes(state, (int)i, demand->page_bytes), size));
        }
        if (cpu_nodes > NODES_SHOWN)
                snprintf(text + used, TEXT_SIZE - used, "; and %u more nodes", cpu_nodes - NODES_SHOWN);
}

/* ---- what would do ---- */

/* One thing asked for less strictly; false: it was not asked for. `at` and `words` are of what would do. */
struct relaxation {
        const char *at;
        bool (*relax)(struct guest_demand *demand);
        const char *words;
};

static bool relax_near(struct guest_demand *demand)
{
        bool asked = demand->near_required;

        demand->near_required = false;
        return asked;
}

static bool relax_siblings(struct guest_demand *demand)
{
        bool asked = demand->siblings != SIBLING_PREFER;

        demand->siblings = SIBLING_PREFER;
        return asked;
}

static bool relax_emulator(struct guest_demand *demand)
{
        bool asked = demand->emulator != EMULATOR_HOUSEKEEPING;

        demand->emulator = EMULATOR_HOUSEKEEPING;
        return asked;
}

static bool relax_iothreads(struct guest_demand *demand)
{
        bool asked = demand->iothread_policy != EMULATOR_HOUSEKEEPING && demand->iothreads > 0;

        demand->iothread_policy = EMULATOR_HOUSEKEEPING;
        return asked;
}

static bool relax_cells(struct guest_demand *demand)
{
        bool asked = demand->cells != 0 && !demand->layout;

        demand->cells = 0;
        return asked;
}

static const struct relaxation relaxations[] = {
        {"/spec/near/required", relax_near, "false: it fits on another node"},
        {"/spec/vcpus/siblings", relax_siblings, "prefer"},
        {"/spec/emulator", relax_emulator, "housekeeping"},
        {"/spec/iothreads", relax_iothreads, "housekeeping"},
        {"/spec/numa/cells", relax_cells, "0: as many as it needs"},
};

static bool fits_with(const struct placement_state *state, const struct guest_demand *demand, unsigned vcpus,
                      uint64_t memory_bytes)
{
        struct guest_demand less = *demand;

        less.vcpus = vcpus;
        less.memory_bytes = memory_bytes;
        return vcpus >= less.cells && placement_try(state, &less, NULL) == 0;
}

/* Of memory (in units of so many bytes) or, with 0, of vCPUs. */
static bool units_fit(const struct placement_state *state, const struct guest_demand *demand, uint64_t units,
                      uint64_t unit_bytes)
{
        return unit_bytes ? fits_with(state, demand, demand->vcpus, units * unit_bytes)
                          : fits_with(state, demand, (unsigned)units, demand->memory_bytes);
}

/* More than this many units cannot be, whatever the nodes are. */
static uint64_t bound(const struct placement_state *state, const struct guest_demand *demand, uint64_t unit_bytes)
{
        if (unit_bytes)
                return placement_free_bytes(state, demand->page_bytes) / unit_bytes;
        return demand->policy == VCPU_DEDICATED ? placement_free_cpus(state, demand->siblings) : UINT64_MAX - 1;
}

/* The smallest number of units that fits, so that there is something to begin with; 0: what lacks is something else. A
 * page for each cell it has to be: so one is not always enough. */
static uint64_t smallest(const struct placement_state *state, const struct guest_demand *demand, uint64_t below,
                         uint64_t unit_bytes)
{
        uint64_t first = unit_bytes || demand->cells == 0 ? 1 : demand->cells;
        uint64_t last = unit_bytes ? state->topology->node_count : first;

        if (unit_bytes && !fits_with(state, demand, demand->vcpus, 0))
                return 0;
        for (uint64_t units = first; units <= last && units < below; units++)
                if (units_fit(state, demand, units, unit_bytes))
                        return units;
        return 0;
}

/* The largest number of units below `wanted` that fits, by halving; 0: none. */
static uint64_t largest(const struct placement_state *state, const struct guest_demand *demand, uint64_t wanted,
                        uint64_t unit_bytes)
{
        uint64_t high = bound(state, demand, unit_bytes) + 1, low;

        high = high < wanted ? high : wanted;
        low = smallest(state, demand, high, unit_bytes);
        while (low > 0 && high - low > 1) {
                uint64_t middle = low + (high - low) / 2;
                if (units_fit(state, demand, middle, unit_bytes))
                        low = middle;
                else
                        high = middle;
        }
        return low;
}

/* The first single thing that, asked for less strictly, makes it fit: where it is in the object, and what would do. */
static bool find_relaxation(const struct placement_state *state, const struct guest_demand *demand, const char **ret_at,
                            char words[TEXT_SIZE])
{
        uint64_t unit = demand->page_bytes ? demand->page_bytes : 1 << 20, units;
        char size[32];

        for (size_t i = 0; i < sizeof(relaxations) / sizeof(relaxations[0]); i++) {
                struct guest_demand less = *demand;
                if (!relaxations[i].relax(&less) || placement_try(state, &less, NULL) < 0)
                        continue;
                *ret_at = relaxations[i].at;
                snprintf(words, TEXT_SIZE, "%s", relaxations[i].words);
                return true;
        }
        units = demand->layout ? 0 : largest(state, demand, (demand->memory_bytes + unit - 1) / unit, unit);
        if (units > 0) {
                *ret_at = "/spec/memory";
                snprintf(words, TEXT_SIZE, "at most %s of memory", size_text(units * unit, size));
                return true;
        }
        units = demand->layout ? 0 : largest(state, demand, demand->vcpus, 0);
        if (units > 0) {
                *ret_at = "/spec/vcpus";
                snprintf(words, TEXT_SIZE, "at most %" PRIu64 " vCPUs", units);
        }
        return units > 0;
}

/* ---- what can never be, whatever else is on the host ---- */

static bool has_page_size(const struct placement_state *state, uint64_t page_bytes)
{
        for (size_t i = 0; i < state->topology->node_count; i++) {
                const struct memory_pool *pool = node_pool(&state->nodes[i], page_bytes);
                if (pool && pool->capacity_bytes > 0)
                        return true;
        }
        return false;
}

static int explain_impossible(const struct placement_state *state, const struct guest_demand *demand,
                              struct errors *errors)
{
        char words[TEXT_SIZE], size[32];

        if (demand->vcpus == 0 || demand->vcpus > CPU_MAX) {
                errors_add(errors, -EINVAL, "/spec/vcpus", "a domain that has vCPUs", "%u vCPUs", demand->vcpus);
                return -EINVAL;
        }
        if (demand->cells > demand->vcpus) {
                snprintf(words, sizeof(words), "at most %u, one for each vCPU", demand->vcpus);
                errors_add(errors, -EINVAL, "/spec/numa/cells", words, "%u cells for %u vCPUs", demand->cells,
                           demand->vcpus);
                return -EINVAL;
        }
        if (demand->policy != VCPU_SHARED && cpu_set_empty(&state->plan->classes[CLASS_GUESTS_DEDICATED]))
                errors_add(errors, -ENOSPC, "/spec/vcpus/policy", "shared, or guests_dedicated in the HostProfile",
                           "this host dedicates no CPU to guests");
        else if (!has_page_size(state, demand->page_bytes))
                errors_add(errors, -ENOSPC, "/spec/memory/hugepages", "a size that the HostProfile plans for guests",
                           "no node has pages of %s for guests", size_text(demand->page_bytes, size));
        else
                return 0;
        return -ENOSPC;
}

int placement_explain(const struct placement_state *state, const struct guest_demand *demand, struct errors *errors)
{
        int r = explain_impossible(state, demand, errors);
        char nodes[TEXT_SIZE], size[32], pages[64], words[TEXT_SIZE] = "another host, or fewer guests on this one";
        const char *at = "/spec";

        if (r < 0)
                return r;
        show_nodes(state, demand, nodes);
        find_relaxation(state, demand, &at, words);
        errors_add(errors, -ENOSPC, at, words, "%.40s: %u vCPU%s and %s%s do not fit: %s", demand->name, demand->vcpus,
                   demand->vcpus == 1 ? "" : "s", size_text(demand->memory_bytes, size),
                   pages_text(demand->page_bytes, pages), nodes);
        return -ENOSPC;
}
