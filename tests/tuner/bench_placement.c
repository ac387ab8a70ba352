/* How long one guest takes to be placed among 500 on 1,024 CPUs and 32 nodes: guests that fit, that need two and eight
 * nodes, and some that fit nowhere (which costs the search for what would do), on that host and on a full one. `meson
 * test --benchmark` runs it. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "placement_fixture.h"

#define GUESTS 500
#define ROUNDS 1000

static double now_us(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return x < y ? -1 : x > y;
}

static void measure(const struct placement_state *state, const char *what, const struct guest_demand *demand)
{
        static double took_us[ROUNDS];
        unsigned nodes = 0;

        for (int i = 0; i < ROUNDS; i++) {
                struct guest_placement *placement = NULL;
                struct errors errors = {};
                double from = now_us();
                placement_find(state, demand, &placement, &errors);
                took_us[i] = now_us() - from;
                nodes = placement ? placement->cell_count : 0;
                guest_placement_free(placement);
        }
        qsort(took_us, ROUNDS, sizeof(*took_us), by_value);
        printf("%-38s %2u nodes  median %7.1f us  99 %% %7.1f us\n", what, nodes, took_us[ROUNDS / 2],
               took_us[ROUNDS * 99 / 100]);
}

static void fill(struct placement_state *state)
{
        for (int i = 0; i < GUESTS; i++) {
                char name[16];
                struct guest_placement *placement = NULL;
                struct errors errors = {};
                snprintf(name, sizeof(name), "guest%d", i);
                struct guest_demand demand = {
                        .name = name,
                        .vcpus = 1 + (unsigned)i % 3,
                        .policy = i % 5 ? VCPU_SHARED : VCPU_DEDICATED,
                        .memory_bytes = GIB,
                        .near_node = i % 7 ? -1 : i % 32,
                };
                if (placement_find(state, &demand, &placement, &errors) < 0 ||
                    placement_add(state, name, placement, false, &errors) < 0)
                        exit(EXIT_FAILURE);
                guest_placement_free(placement);
        }
}

/* Guests of two CPUs as long as there is room for them. */
static unsigned fill_up(struct placement_state *state)
{
        for (unsigned i = 0;; i++) {
                char name[16];
                struct guest_placement *placement = NULL;
                struct errors errors = {};
                snprintf(name, sizeof(name), "more%u", i);
                const struct guest_demand demand = {
                        .name = name, .vcpus = 2, .policy = VCPU_DEDICATED, .memory_bytes = GIB, .near_node = -1};
                if (placement_find(state, &demand, &placement, &errors) < 0)
                        return i;
                if (placement_add(state, name, placement, false, &errors) < 0)
                        exit(EXIT_FAILURE);
                guest_placement_free(placement);
        }
}

/* What fits nowhere, each for another reason. */
static void refuse(const struct placement_state *state)
{
        struct guest_demand demand = {
                .name = "one", .vcpus = 1024, .policy = VCPU_DEDICATED, .memory_bytes = 4 * GIB, .near_node = -1};

        measure(state, "1024 dedicated vCPUs: no place", &demand);
        demand.siblings = SIBLING_ISOLATE;
        measure(state, "1024 isolated vCPUs: no place", &demand);
        demand.vcpus = 300;
        measure(state, "300 isolated vCPUs: no place", &demand);
        demand.siblings = SIBLING_REQUIRE;
        demand.vcpus = 1000;
        measure(state, "1000 vCPUs, whole cores: no place", &demand);
        demand.siblings = SIBLING_PREFER;
        demand.vcpus = 64;
        demand.memory_bytes = 10000 * GIB;
        measure(state, "64 vCPUs, 10000 GiB: no place", &demand);
        demand.vcpus = 512;
        demand.memory_bytes = 8000 * GIB;
        measure(state, "512 vCPUs, 8000 GiB: no place", &demand);
        demand.vcpus = 1000;
        demand.memory_bytes = 4 * GIB;
        demand.near_node = 3;
        demand.near_required = true;
        demand.emulator = EMULATOR_OWN;
        measure(state, "1000 vCPUs near a VF: no place", &demand);
}

int main(void)
{
        static const struct machine_shape shape = {
                .nodes = 32,
                .cores = 16,
                .threads = 2,
                .caches = 4,
                .node_bytes = 256 * GIB,
                .housekeeping = 1,
                .dataplane = 1,
                .shared = 3,
        };
        struct machine *machine = machine_new(&shape);
        struct placement_state *state = NULL;
        struct guest_demand demand = {
                .name = "one", .policy = VCPU_DEDICATED, .memory_bytes = 4 * GIB, .near_node = -1};

        if (placement_state_new(&state, &machine->topology, &machine->plan) < 0)
                return EXIT_FAILURE;
        double from = now_us();
        fill(state);
        printf("%-38s           all in %7.1f us\n", "500 guests, one after the other", now_us() - from);
        demand.vcpus = 4;
        measure(state, "4 dedicated vCPUs", &demand);
        demand.near_node = 17;
        measure(state, "4 dedicated vCPUs near a VF", &demand);
        demand.siblings = SIBLING_ISOLATE;
        demand.emulator = EMULATOR_OWN;
        measure(state, "4 isolated vCPUs, emulator of its own", &demand);
        demand.siblings = SIBLING_PREFER;
        demand.emulator = EMULATOR_HOUSEKEEPING;
        demand.near_node = -1;
        demand.vcpus = 32;
        measure(state, "32 dedicated vCPUs", &demand);
        demand.vcpus = 128;
        measure(state, "128 dedicated vCPUs", &demand);
        refuse(state);
        printf("%u guests more, and the host is full\n", fill_up(state));
        demand.vcpus = 4;
        measure(state, "4 dedicated vCPUs: no place", &demand);
        demand.siblings = SIBLING_ISOLATE;
        measure(state, "4 isolated vCPUs: no place", &demand);
        demand.siblings = SIBLING_PREFER;
        demand.cells = 4;
        demand.vcpus = 32;
        measure(state, "32 dedicated vCPUs in 4 cells: no place", &demand);
        refuse(state);
        placement_state_free(state);
        machine_free(machine);
        return EXIT_SUCCESS;
}
