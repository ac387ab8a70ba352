/* What holds of every placement, on machines and for guests made up at random, a seed each. An oracle of its own keeps
 * books, and counts by hand whether a refused guest could have had a place. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guest/placement_private.h"
#include "placement_fixture.h"
#include "socle/cleanup.h"

#define MACHINES 300
#define STEPS    60
#define GUESTS   40

static uint64_t random_state;

static unsigned below(unsigned bound)
{
        random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
        return (unsigned)(random_state >> 33) % bound;
}

/* The books: what each guest has, by the placements that were found. */
struct books {
        struct machine *machine;
        struct placement_state *state;
        struct {
                char name[16];
                struct guest_demand demand;
                struct guest_placement *placement;
        } guests[GUESTS];
};

static struct machine *make_machine(void)
{
        struct machine_shape shape = {
                .nodes = 1 + below(4),
                .cores = 2 + below(9),
                .threads = 1U << below(3),
                .caches = 1 + below(3),
                .node_bytes = (4 + below(60)) * GIB,
                .housekeeping = below(2),
                .dataplane = below(2),
                .shared = below(3),
        };

        if (below(2)) {
                shape.huge_bytes = below(2) ? GIB : 2 * MIB;
                shape.huge_count = 1 + (unsigned)(shape.node_bytes / 2 / shape.huge_bytes);
        }
        struct machine *machine = machine_new(&shape);
        for (unsigned i = 0; i < below(4); i++) /* odd ones out: offline, or of another class */
                machine_set_core(machine, below(shape.nodes * shape.cores), (enum cpu_class)below(CLASS_COUNT + 1));
        return machine;
}

static struct guest_demand make_demand(const struct machine *machine, const char *name)
{
        struct guest_demand demand = {
                .name = name,
                .vcpus = 1 + below(below(4) ? 6 : 24),
                .policy = (enum vcpu_policy)below(3),
                .siblings = (enum sibling_policy)below(3),
                .emulator = (enum emulator_policy)below(3),
                .iothread_policy = (enum emulator_policy)below(3),
                .iothreads = below(3),
                .memory_bytes = (1 + below(8)) * (GIB / 2),
                .page_bytes = machine->plan.page_count > 0 && below(2) ? machine->plan.pages[0].page_bytes : 0,
                .cells = below(4) ? 0 : 1 + below(3),
                .near_node = (int)below((unsigned)machine->topology.node_count + 1) - 1,
                .near_required = below(3) == 0,
                .near_dataplane = below(2),
        };

        for (unsigned v = 0; v < demand.vcpus; v++)
                if (below(2))
                        cpu_set_add(&demand.dedicated, v);
        if (demand.cells > demand.vcpus)
                demand.cells = demand.vcpus;
        return demand;
}

/* Where vCPUs float that are not dedicated. */
static const struct cpu_set *shared_class(const struct machine *machine)
{
        const struct cpu_set *classes = machine->plan.classes;

        return &classes[cpu_set_empty(&classes[CLASS_GUESTS_SHARED]) ? CLASS_HOUSEKEEPING : CLASS_GUESTS_SHARED];
}

static bool is_dedicated(const struct guest_demand *demand, unsigned v)
{
        return demand->policy == VCPU_DEDICATED || (demand->policy == VCPU_MIXED && cpu_set_has(&demand->dedicated, v));
}

static struct cpu_set taken_by_all(const struct books *books)
{
        struct cpu_set taken = {};

        for (size_t i = 0; i < GUESTS; i++)
                if (books->guests[i].placement)
                        cpu_set_or(&taken, &books->guests[i].placement->taken);
        return taken;
}

static uint64_t bytes_on(const struct books *books, int node, uint64_t page_bytes)
{
        uint64_t bytes = 0;

        for (size_t i = 0; i < GUESTS; i++) {
                const struct guest_placement *placement = books->guests[i].placement;
                for (unsigned c = 0; placement && placement->page_bytes == page_bytes && c < placement->cell_count; c++)
                        if (placement->cells[c].node == node)
                                bytes += placement->cells[c].memory_bytes;
        }
        return bytes;
}

static uint64_t capacity(const struct machine *machine, int node, uint64_t page_bytes)
{
        const struct plan *plan = &machine->plan;
        uint64_t huge = 0;

        for (size_t i = 0; i < plan->page_count; i++) {
                if (plan->pages[i].node != node)
                        continue;
                huge += plan->pages[i].count * plan->pages[i].page_bytes;
                if (plan->pages[i].page_bytes == page_bytes)
                        return (plan->pages[i].count - plan->pages[i].dataplane) * page_bytes;
        }
        return page_bytes ? 0 : machine->topology.nodes[node].memory_bytes - plan->reserved_bytes[node] - huge;
}

/* ---- what must hold of a placement that was found ---- */

static void check_cells(const struct books *books, const struct guest_demand *demand,
                        const struct guest_placement *placement)
{
        struct cpu_set vcpus = {};
        uint64_t bytes = 0;
        unsigned nodes = 0;

        for (unsigned i = 0; i < placement->cell_count; i++) {
                const struct guest_cell *cell = &placement->cells[i];
                assert_in_range(cell->node, 0, books->machine->topology.node_count - 1);
                assert_false(nodes >> cell->node & 1); /* a node each */
                nodes |= 1U << cell->node;
                assert_false(cpu_set_empty(&cell->vcpus));
                assert_false(cpu_set_intersects(&vcpus, &cell->vcpus));
                cpu_set_or(&vcpus, &cell->vcpus);
                bytes += cell->memory_bytes;
                assert_true(bytes_on(books, cell->node, demand->page_bytes) + cell->memory_bytes <=
                            capacity(books->machine, cell->node, demand->page_bytes));
                assert_int_equal(demand->page_bytes ? cell->memory_bytes % demand->page_bytes : 0, 0);
        }
        assert_int_equal(cpu_set_count(&vcpus), demand->vcpus);
        assert_true(bytes >= demand->memory_bytes);
        assert_true(bytes - demand->memory_bytes < (demand->page_bytes ? demand->page_bytes : MIB));
        assert_true(demand->cells == 0 || placement->cell_count == demand->cells);
        if (demand->near_required && demand->near_node >= 0 &&
            !cpu_set_empty(&books->machine->topology.nodes[demand->near_node].cpus))
                assert_true(nodes >> demand->near_node & 1);
}

static void check_vcpus(const struct books *books, const struct guest_demand *demand,
                        const struct guest_placement *placement, struct cpu_set *ret_dedicated)
{
        for (unsigned i = 0; i < placement->cell_count; i++) {
                const struct guest_cell *cell = &placement->cells[i];
                const struct cpu_set *there = &books->machine->topology.nodes[cell->node].cpus;
                for (int v = cpu_set_next(&cell->vcpus, -1); v >= 0; v = cpu_set_next(&cell->vcpus, v)) {
                        const struct cpu_set *cpus = &placement->vcpu_cpus[v];
                        assert_false(cpu_set_empty(cpus));
                        assert_true(cpu_set_within(cpus, there));
                        if (!is_dedicated(demand, (unsigned)v)) {
                                assert_true(cpu_set_within(cpus, shared_class(books->machine)));
                                continue;
                        }
                        assert_int_equal(cpu_set_count(cpus), 1);
                        assert_true(cpu_set_within(cpus, &placement->taken));
                        assert_false(cpu_set_intersects(cpus, ret_dedicated)); /* never twice */
                        cpu_set_or(ret_dedicated, cpus);
                }
        }
}

static void check_siblings(const struct books *books, const struct guest_demand *demand,
                           const struct guest_placement *placement, const struct cpu_set *dedicated)
{
        const struct topology *topology = &books->machine->topology;

        for (size_t i = 0; i < topology->core_count; i++) {
                const struct topology_core *core = &topology->cores[i];
                struct cpu_set cpus = {}, used;
                for (int t = 0; t < core->count; t++)
                        cpu_set_add(&cpus, (unsigned)topology->core_cpus[core->first + t]);
                used = cpus;
                cpu_set_and(&used, dedicated);
                if (cpu_set_empty(&used) || demand->siblings == SIBLING_PREFER)
                        continue;
                assert_true(cpu_set_within(&cpus, &placement->taken));
                if (demand->siblings == SIBLING_ISOLATE) {
                        assert_int_equal(cpu_set_count(&used), 1);
                        cpu_set_and_not(&cpus, &used); /* the emulator is not on them either */
                        assert_false(cpu_set_intersects(&cpus, &placement->emulator));
                } else {
                        assert_true(core->count > 1);
                }
        }
}

static void check_service(const struct books *books, const struct cpu_set *cpus, enum emulator_policy policy,
                          unsigned own, const struct guest_placement *placement)
{
        const struct plan *plan = &books->machine->plan;

        if (policy == EMULATOR_OWN) {
                assert_int_equal(cpu_set_count(cpus), own);
                assert_true(cpu_set_within(cpus, &placement->taken));
        } else if (own > 0) {
                assert_true(cpu_set_within(cpus, policy == EMULATOR_SHARED ? shared_class(books->machine)
                                                                           : &plan->classes[CLASS_HOUSEKEEPING]));
        }
}

static void check_placement(const struct books *books, const struct guest_demand *demand,
                            struct guest_placement *placement)
{
        struct cpu_set dedicated = {}, all = taken_by_all(books), taken = placement->taken;

        assert_false(cpu_set_intersects(&all, &taken));
        assert_true(cpu_set_within(&taken, &books->machine->plan.classes[CLASS_GUESTS_DEDICATED]));
        assert_true(cpu_set_within(&taken, &books->machine->topology.online));
        check_cells(books, demand, placement);
        check_vcpus(books, demand, placement, &dedicated);
        check_siblings(books, demand, placement, &dedicated);
        check_service(books, &placement->emulator, demand->emulator, 1, placement);
        check_service(books, &placement->iothreads, demand->iothread_policy, demand->iothreads, placement);
        placement->taken = (struct cpu_set){};
        assert_true(placement_keep(books->state, demand, placement));
        assert_true(cpu_set_equal(&placement->taken, &taken));
}

/* ---- could a refused guest have had a place? ---- */

struct count {
        unsigned free, whole_cores, whole_smt_threads, shared;
        uint64_t bytes;
};

static struct count count_node(const struct books *books, int node, uint64_t page_bytes)
{
        const struct topology *topology = &books->machine->topology;
        struct cpu_set taken = taken_by_all(books), shared = topology->nodes[node].cpus;
        uint64_t used = bytes_on(books, node, page_bytes), all = capacity(books->machine, node, page_bytes);
        struct count count = {.bytes = all > used ? all - used : 0};

        cpu_set_and(&shared, shared_class(books->machine));
        count.shared = cpu_set_count(&shared);
        for (size_t i = 0; i < topology->core_count; i++) {
                const struct topology_core *core = &topology->cores[i];
                int free = 0;
                for (int t = 0; t < core->count && core->node == node; t++) {
                        unsigned cpu = (unsigned)topology->core_cpus[core->first + t];
                        free += cpu_set_has(&books->machine->plan.classes[CLASS_GUESTS_DEDICATED], cpu) &&
                                !cpu_set_has(&taken, cpu);
                }
                count.free += (unsigned)free;
                if (free > 0 && free == core->count) {
                        count.whole_cores++;
                        count.whole_smt_threads += free > 1 ? (unsigned)free : 0;
                }
        }
        return count;
}

/* All cores of these machines have the same number of threads. */
static bool could_fit(const struct books *books, const struct guest_demand *demand, unsigned first, unsigned vcpus,
                      unsigned extra, uint64_t bytes, int node)
{
        const struct count count = count_node(books, node, demand->page_bytes);
        unsigned dedicated = 0, threads = books->machine->threads, cores;

        for (unsigned v = first; v < first + vcpus; v++)
                dedicated += is_dedicated(demand, v);
        if (bytes > count.bytes || (dedicated < vcpus && count.shared == 0))
                return false;
        switch (demand->siblings) {
        case SIBLING_ISOLATE:
                return dedicated <= count.whole_cores && dedicated * threads + extra <= count.free;
        case SIBLING_REQUIRE:
                cores = (dedicated + threads - 1) / threads;
                return dedicated <= count.whole_smt_threads && cores * threads + extra <= count.free;
        default:
                return dedicated + extra <= count.free;
        }
}

/* All ways to give cells to nodes, one cell after the other. */
static bool some_way(const struct books *books, const struct guest_demand *demand, unsigned cells, unsigned cell,
                     unsigned first, unsigned nodes)
{
        uint64_t unit = demand->page_bytes ? demand->page_bytes : MIB;
        uint64_t units = (demand->memory_bytes + unit - 1) / unit;
        unsigned vcpus = demand->vcpus / cells + (cell < demand->vcpus % cells);
        unsigned extra = cell > 0 ? 0
                                  : (demand->emulator == EMULATOR_OWN) +
                                            (demand->iothread_policy == EMULATOR_OWN ? demand->iothreads : 0);

        if (cells > units)
                return false; /* a cell without memory is none */
        if (cell == cells)
                return !demand->near_required || demand->near_node < 0 || (nodes >> demand->near_node & 1);
        for (int node = 0; node < (int)books->machine->topology.node_count; node++)
                if (!(nodes >> node & 1) && !cpu_set_empty(&books->machine->topology.nodes[node].cpus) &&
                    could_fit(books, demand, first, vcpus, extra, (units / cells + (cell < units % cells)) * unit,
                              node) &&
                    some_way(books, demand, cells, cell + 1, first + vcpus, nodes | 1U << node))
                        return true;
        return false;
}

/* The fewest cells for which there is a way; 0: there is none. */
static unsigned fewest_cells(const struct books *books, const struct guest_demand *demand)
{
        for (unsigned cells = demand->cells ? demand->cells : 1;
             cells <= (demand->cells ? demand->cells : demand->vcpus) && cells <= 4; cells++)
                if (some_way(books, demand, cells, 0, 0, 0))
                        return cells;
        return 0;
}

/* What is said that would do does; and where nothing is said, neither fewer vCPUs nor less memory would. */
static void check_advice(const struct books *books, const struct guest_demand *demand, const char *advice)
{
        uint64_t unit = demand->page_bytes ? demand->page_bytes : MIB;
        struct guest_demand fewer = *demand, smaller = *demand;

        if (sscanf(advice, "at most %u vCPUs", &fewer.vcpus) == 1 && strstr(advice, "vCPUs")) {
                assert_int_not_equal(fewest_cells(books, &fewer), 0);
        } else if (strncmp(advice, "another host", strlen("another host")) == 0) {
                fewer.vcpus = fewer.cells ? fewer.cells : 1;
                assert_true(fewer.vcpus == demand->vcpus || fewest_cells(books, &fewer) == 0);
                for (uint64_t units = 1; units <= 4 && units * unit < demand->memory_bytes; units++) {
                        smaller.memory_bytes = units * unit;
                        assert_int_equal(fewest_cells(books, &smaller), 0);
                }
        }
}

/* ---- one random life of a machine ---- */

static void arrive(struct books *books, size_t i, unsigned *found, unsigned *refused)
{
        struct guest_demand *demand = &books->guests[i].demand;
        struct guest_placement *placement = NULL, *again = NULL;
        struct errors errors = {};

        snprintf(books->guests[i].name, sizeof(books->guests[i].name), "guest%zu", i);
        *demand = make_demand(books->machine, books->guests[i].name);
        /* Near what has no workers, or on a node that lost its CPUs: required means nothing that the oracle counts. */
        demand->near_required &=
                demand->near_node >= 0 && !cpu_set_empty(&books->machine->topology.nodes[demand->near_node].cpus);
        unsigned fewest = fewest_cells(books, demand);
        int r = placement_find(books->state, demand, &placement, &errors);
        assert_int_equal(placement_try(books->state, demand, NULL), r); /* whether, without where */
        if (fewest == 0) {
                assert_int_equal(r, -ENOSPC);
                assert_int_equal(errors.count, 1);
                assert_int_not_equal(errors.list[0].expected[0], 0);
                check_advice(books, demand, errors.list[0].expected);
                (*refused)++;
                return;
        }
        assert_int_equal(r, 0);
        assert_int_equal(placement->cell_count, fewest);
        check_placement(books, demand, placement);
        assert_int_equal(placement_find(books->state, demand, &again, &errors), 0); /* the same, asked again */
        assert_memory_equal(placement->vcpu_cpus, again->vcpu_cpus, demand->vcpus * sizeof(*again->vcpu_cpus));
        guest_placement_free(again);
        assert_int_equal(placement_add(books->state, demand->name, placement, false, &errors), 0);
        books->guests[i].placement = placement;
        (*found)++;
}

static void leave(struct books *books, size_t i)
{
        placement_remove(books->state, books->guests[i].name);
        books->guests[i].placement = guest_placement_free(books->guests[i].placement);
}

/* After all have left, it is as if nobody had been there. */
static void check_empty(struct books *books)
{
        struct placement_state *fresh = NULL;
        struct guest_placement *used = NULL, *unused = NULL;
        struct errors errors = {};

        assert_int_equal(placement_state_new(&fresh, &books->machine->topology, &books->machine->plan), 0);
        for (unsigned i = 0; i < 5; i++) {
                struct guest_demand demand = make_demand(books->machine, "last");
                int r = placement_find(books->state, &demand, &used, &errors);
                assert_int_equal(placement_find(fresh, &demand, &unused, &errors), r);
                if (r == 0)
                        assert_memory_equal(used->vcpu_cpus, unused->vcpu_cpus,
                                            demand.vcpus * sizeof(*used->vcpu_cpus));
                used = guest_placement_free(used);
                unused = guest_placement_free(unused);
        }
        placement_state_free(fresh);
}

static void live(unsigned *found, unsigned *refused)
{
        struct books books = {.machine = make_machine()};

        assert_int_equal(placement_state_new(&books.state, &books.machine->topology, &books.machine->plan), 0);
        for (unsigned step = 0; step < STEPS; step++) {
                size_t i = below(GUESTS);
                if (books.guests[i].placement)
                        leave(&books, i);
                else
                        arrive(&books, i, found, refused);
        }
        for (size_t i = 0; i < GUESTS; i++)
                leave(&books, i);
        check_empty(&books);
        placement_state_free(books.state);
        machine_free(books.machine);
}

static unsigned seed;

static void test_random_lives(void **state)
{
        unsigned found = 0, refused = 0;

        for (seed = 1; seed <= MACHINES; seed++) {
                random_state = seed;
                live(&found, &refused);
        }
        print_message("%u found, %u refused\n", found, refused);
        assert_true(found > MACHINES && refused > MACHINES); /* or the test would tell of little */
}

static int say_seed(void **state)
{
        if (seed <= MACHINES)
                print_message("this was seed %u\n", seed);
        return 0;
}

int main(void)
{
        static const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(test_random_lives, say_seed)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
