/* Which nodes the cells of a guest get. As few as it can be; for each number of cells, the best of these sets: begun at
 * each node in turn, nodes are added by their distance from it as long as cells and nodes can be paired (augmenting
 * paths), so that the work grows with nodes and cells and not with their permutations. See placement.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "placement_private.h"
#include "socle/cleanup.h"

DEFINE_CLEANUP(struct guest_placement *, guest_placement_free)
#define cleanup_placement cleanup_(guest_placement_free_p)

/* The search, for one number of cells after the other. */
struct search {
        const struct placement_state *state;
        const struct guest_demand *demand;
        unsigned cells, nodes;
        bool only_whether; /* nobody wants to know where */
        struct cell_need *needs;
        bool *fits;        /* cells × nodes */
        uint64_t *load;    /* by node, with the first cell on it */
        int *order;        /* nodes, the preferred first */
        int anchor;        /* where this attempt begins */
        int *node_of_cell; /* -1: none yet */
        bool *visited;     /* cells, of one augmenting path */
        int *cpus;         /* room for the CPUs of one cell */
};

static void search_clear(struct search *search)
{
        free(search->needs);
        free(search->fits);
        free(search->load);
        free(search->order);
        free(search->node_of_cell);
        free(search->visited);
        free(search->cpus);
}

/* With room for so many cells. */
static int search_init(struct search *search, const struct placement_state *state, const struct guest_demand *demand,
                       unsigned cells)
{
        size_t nodes = state->topology->node_count;

        search->state = state;
        search->demand = demand;
        search->nodes = (unsigned)nodes;
        search->needs = malloc(cells * sizeof(*search->needs)); /* split_demand() fills it, and most is never used */
        search->fits = calloc(cells * nodes + 1, sizeof(*search->fits));
        search->load = calloc(nodes + 1, sizeof(*search->load));
        search->order = calloc(nodes + 1, sizeof(*search->order));
        search->node_of_cell = calloc(cells, sizeof(*search->node_of_cell));
        search->visited = calloc(cells, sizeof(*search->visited));
        search->cpus = calloc(demand->vcpus + demand_extra(demand), sizeof(*search->cpus));
        return search->needs && search->fits && search->load && search->order && search->node_of_cell &&
                               search->visited && search->cpus
                       ? 0
                       : -ENOMEM;
}

/* ---- does a cell fit on a node ---- */

static bool pick_cell(const struct search *search, const struct cell_need *need, int node, struct cpu_set *ret_taken)
{
        const struct pick pick = {.vcpus = need->dedicated, .extra = need->extra, .siblings = search->demand->siblings};

        return pick_cpus(&search->state->nodes[node], &pick, &search->state->free, search->cpus, ret_taken);
}

static bool cell_fits(const struct search *search, const struct cell_need *need, int node)
{
        const struct node_use *use = &search->state->nodes[node];
        const struct pick pick = {.vcpus = need->dedicated, .extra = need->extra, .siblings = search->demand->siblings};
        struct cpu_set taken;

        if (!use->has_cpus || (need->shared > 0 && use->shared_count == 0) ||
            need->memory_bytes > node_free_bytes(search->state, node, search->demand->page_bytes))
                return false;
        if (need->dedicated + need->extra == 0)
                return true;
        if (!pick_may_fit(use, &pick))
                return false;
        /* Whole cores beside single CPUs take trying; all else is a matter of numbers. */
        return pick.siblings == SIBLING_PREFER || pick.extra == 0 || pick_cell(search, need, node, &taken);
}

static bool same_need(const struct cell_need *a, const struct cell_need *b)
{
        return a->dedicated == b->dedicated && a->extra == b->extra && a->memory_bytes == b->memory_bytes &&
               (a->shared > 0) == (b->shared > 0);
}

static void find_fits(struct search *search)
{
        for (unsigned cell = 0; cell < search->cells; cell++) {
                bool *row = &search->fits[cell * search->nodes];
                if (cell > 0 && same_need(&search->needs[cell], &search->needs[cell - 1])) {
                        memcpy(row, row - search->nodes, search->nodes * sizeof(*row));
                        continue;
                }
                for (unsigned node = 0; node < search->nodes; node++)
                        row[node] = cell_fits(search, &search->needs[cell], (int)node);
        }
        for (unsigned node = 0; node < search->nodes && !search->only_whether; node++)
                search->load[node] = node_load(search->state, search->demand, &search->needs[0], (int)node);
}

/* ---- nodes for the cells ---- */

static int by_preference(const void *a, const void *b, void *user)
{
        const struct search *search = user;
        int x = *(const int *)a, y = *(const int *)b;
        unsigned near_x = near_distance(search->state, search->demand, x);
        unsigned near_y = near_distance(search->state, search->demand, y);
        unsigned far_x = topology_distance(search->state->topology, search->anchor, x);
        unsigned far_y = topology_distance(search->state->topology, search->anchor, y);
        unsigned nics_x = search->state->nodes[x].nics, nics_y = search->state->nodes[y].nics;

        if (near_x != near_y)
                return near_x < near_y ? -1 : 1;
        if (search->cells > 1 && (x == search->anchor) != (y == search->anchor))
                return x == search->anchor ? -1 : 1;
        if (search->cells > 1 && far_x != far_y)
                return far_x < far_y ? -1 : 1;
        if (search->load[x] != search->load[y])
                return search->load[x] < search->load[y] ? -1 : 1;
        if (near_x == 0 && nics_x != nics_y) /* leaves the places beside NICs to those that need them */
                return nics_x < nics_y ? -1 : 1;
        return x - y;
}

/* Gives the node to a cell that has none, or shifts those that have one so that there is such a cell. */
static bool augment(struct search *search, int node)
{
        for (unsigned cell = 0; cell < search->cells; cell++) {
                if (search->node_of_cell[cell] >= 0 || !search->fits[cell * search->nodes + (unsigned)node])
                        continue;
                search->node_of_cell[cell] = node;
                return true;
        }
        for (unsigned cell = 0; cell < search->cells; cell++) {
                if (search->visited[cell] || !search->fits[cell * search->nodes + (unsigned)node])
                        continue;
                search->visited[cell] = true;
                if (augment(search, search->node_of_cell[cell])) {
                        search->node_of_cell[cell] = node;
                        return true;
                }
        }
        return false;
}

static bool pair(struct search *search, int anchor)
{
        unsigned paired = 0;

        search->anchor = anchor;
        for (unsigned i = 0; i < search->nodes; i++)
                search->order[i] = (int)i;
        if (!search->only_whether || search->demand->near_required)
                qsort_r(search->order, search->nodes, sizeof(*search->order), by_preference, search);
        for (unsigned i = 0; i < search->cells; i++)
                search->node_of_cell[i] = -1;
        for (unsigned i = 0; i < search->nodes && paired < search->cells; i++) {
                memset(search->visited, 0, search->cells * sizeof(*search->visited));
                paired += augment(search, search->order[i]);
        }
        return paired == search->cells;
}

struct cost {
        uint64_t near, spread, load;
};

static struct cost cost_of(const struct search *search)
{
        struct cost cost = {};

        for (unsigned i = 0; i < search->cells; i++) {
                int node = search->node_of_cell[i];
                cost.near += near_distance(search->state, search->demand, node);
                cost.load += search->load[node];
                for (unsigned j = 0; j < i; j++)
                        cost.spread += topology_distance(search->state->topology, node, search->node_of_cell[j]);
        }
        return cost;
}

static bool is_less(const struct cost *a, const struct cost *b)
{
        if (a->near != b->near)
                return a->near < b->near;
        return a->spread != b->spread ? a->spread < b->spread : a->load < b->load;
}

static bool is_near_enough(const struct search *search)
{
        for (unsigned i = 0; i < search->cells && search->demand->near_required; i++)
                if (is_near(search->state, search->demand, search->node_of_cell[i]))
                        return true;
        return !search->demand->near_required;
}

/* The best of the sets of nodes that each node in turn begins; in node_of_cell. */
static int choose_nodes(struct search *search)
{
        unsigned anchors = search->cells > 1 ? search->nodes : 1;
        cleanup_free int *best = calloc(search->cells, sizeof(*best));
        struct cost least = {};
        bool found = false;

        if (!best)
                return -ENOMEM;
        for (unsigned anchor = 0; anchor < anchors; anchor++) {
                if (!pair(search, (int)anchor))
                        return -ENOSPC; /* whether they can be paired does not depend on the order */
                if (search->only_whether && is_near_enough(search))
                        return 0;
                struct cost cost = cost_of(search);
                if (!is_near_enough(search) || (found && !is_less(&cost, &least)))
                        continue;
                memcpy(best, search->node_of_cell, search->cells * sizeof(*best));
                least = cost;
                found = true;
        }
        memcpy(search->node_of_cell, best, search->cells * sizeof(*best));
        return found ? 0 : -ENOSPC;
}

/* ---- the placement ---- */

static void place_cell(struct search *search, unsigned cell, struct guest_placement *placement)
{
        const struct cell_need *need = &search->needs[cell];
        int node = search->node_of_cell[cell], *cpu = search->cpus;
        struct cpu_set taken = {};

        pick_cell(search, need, node, &taken);
        cpu_set_or(&placement->taken, &taken);
        placement->cells[cell] =
                (struct guest_cell){.node = node, .vcpus = need->vcpus, .memory_bytes = need->memory_bytes};
        for (int v = cpu_set_next(&need->vcpus, -1); v >= 0; v = cpu_set_next(&need->vcpus, v)) {
                if (demand_is_dedicated(search->demand, (unsigned)v))
                        cpu_set_add(&placement->vcpu_cpus[v], (unsigned)*cpu++);
                else
                        placement->vcpu_cpus[v] = search->state->nodes[node].shared;
        }
        if (need->extra > 0 && search->demand->emulator == EMULATOR_OWN)
                cpu_set_add(&placement->emulator, (unsigned)*cpu++);
        if (need->extra > 0 && search->demand->iothread_policy == EMULATOR_OWN)
                for (unsigned i = 0; i < search->demand->iothreads; i++)
                        cpu_set_add(&placement->iothreads, (unsigned)*cpu++);
}

static struct guest_placement *place(struct search *search)
{
        const struct guest_demand *demand = search->demand;
        struct guest_placement *placement = guest_placement_new(demand->vcpus, search->cells);
        struct cpu_set cpus;

        if (!placement)
                return NULL;
        placement->page_bytes = demand->page_bytes;
        for (unsigned cell = 0; cell < search->cells; cell++)
                place_cell(search, cell, placement);
        cpus = service_cpus(search->state, demand->emulator, placement->cells, search->cells);
        cpu_set_or(&placement->emulator, &cpus);
        if (demand->iothreads > 0) {
                cpus = service_cpus(search->state, demand->iothread_policy, placement->cells, search->cells);
                cpu_set_or(&placement->iothreads, &cpus);
        }
        return placement;
}

static int try_cells(struct search *search, unsigned cells, struct guest_placement **ret)
{
        search->cells = cells;
        split_demand(search->demand, cells, search->needs);
        for (unsigned i = 0; i < cells && search->demand->memory_bytes > 0; i++)
                if (search->needs[i].memory_bytes == 0)
                        return -ENOSPC; /* not a page for each cell */
        find_fits(search);
        int r = choose_nodes(search);
        if (r < 0 || !ret)
                return r;
        struct guest_placement *placement = place(search);
        if (!placement)
                return -ENOMEM;
        *ret = placement;
        return 0;
}

static uint64_t parts(uint64_t all, uint64_t most)
{
        return most ? (all + most - 1) / most : 0;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
        return a > b ? a : b;
}

/* The fewest cells that are not out of the question by mere numbers, of CPUs, of cores as the sibling policy wants
 * them, and of memory; 0: none is. */
static unsigned fewest_cells(const struct placement_state *state, const struct guest_demand *demand)
{
        unsigned extra = demand_extra(demand), dedicated = 0, most = 0, most_vcpus = 0;
        uint64_t most_bytes = 0;

        for (unsigned v = 0; v < demand->vcpus && demand->policy == VCPU_MIXED; v++)
                dedicated += demand_is_dedicated(demand, v);
        if (demand->policy == VCPU_DEDICATED)
                dedicated = demand->vcpus;
        for (size_t i = 0; i < state->topology->node_count; i++) {
                const struct node_use *node = &state->nodes[i];
                unsigned vcpus = demand->siblings == SIBLING_ISOLATE   ? node->untouched_cores
                                 : demand->siblings == SIBLING_REQUIRE ? node->untouched_threads
                                                                       : node->free_count;
                uint64_t bytes = node->has_cpus ? node_free_bytes(state, (int)i, demand->page_bytes) : 0;
                most = node->free_count > most ? node->free_count : most;
                most_vcpus = vcpus > most_vcpus ? vcpus : most_vcpus;
                most_bytes = bytes > most_bytes ? bytes : most_bytes;
        }
        if (dedicated + extra > placement_free_cpus(state, SIBLING_PREFER) ||
            dedicated > placement_free_cpus(state, demand->siblings) ||
            demand->memory_bytes > placement_free_bytes(state, demand->page_bytes))
                return 0;
        uint64_t by_cpus = larger(parts(dedicated + extra, most), parts(dedicated, most_vcpus));
        return (unsigned)larger(larger(by_cpus, parts(demand->memory_bytes, most_bytes)), 1);
}

int placement_try(const struct placement_state *state, const struct guest_demand *demand, struct guest_placement **ret)
{
        cleanup_(search_clear) struct search search = {.only_whether = !ret};
        unsigned nodes = 0, first = fewest_cells(state, demand), last = demand->vcpus;

        if (first == 0)
                return -ENOSPC;
        for (size_t i = 0; i < state->topology->node_count; i++)
                nodes += state->nodes[i].has_cpus;
        if (demand->cells) {
                first = first > demand->cells ? first : demand->cells;
                last = demand->cells;
        }
        last = last < nodes ? last : nodes;
        if (first > last)
                return -ENOSPC;
        if (search_init(&search, state, demand, last) < 0)
                return -ENOMEM;
        for (unsigned cells = first; cells <= last; cells++) {
                int r = try_cells(&search, cells, ret);
                if (r != -ENOSPC)
                        return r;
        }
        return -ENOSPC;
}

int placement_find(const struct placement_state *state, const struct guest_demand *demand, struct guest_placement **ret,
                   struct errors *errors)
{
        int r = demand->vcpus == 0 || demand->vcpus > CPU_MAX || demand->cells > demand->vcpus
                        ? -EINVAL
                        : placement_try(state, demand, ret);

        if (r == -ENOMEM)
                errors_add(errors, r, "", "", "out of memory");
        return r == -EINVAL || r == -ENOSPC ? placement_explain(state, demand, errors) : r;
}
