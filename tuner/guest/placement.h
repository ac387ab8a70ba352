/* Where guests go: a pure function over a topology, a plan's guest classes and what is taken already. Packs and
 * balances across nodes, never gives a dedicated CPU twice, keeps a guest on as few nodes as it can, near its VF or its
 * vhost-user port. One guest among 500 takes less than a millisecond. */
#pragma once

#include <stdbool.h>

#include "plan/plan.h"
#include "socle/errors.h"

enum vcpu_policy { VCPU_SHARED, VCPU_DEDICATED, VCPU_MIXED };
enum sibling_policy { SIBLING_PREFER, SIBLING_REQUIRE, SIBLING_ISOLATE };
enum emulator_policy { EMULATOR_HOUSEKEEPING, EMULATOR_OWN, EMULATOR_SHARED };

struct guest_demand {
        const char *name;
        unsigned vcpus;
        enum vcpu_policy policy;
        struct cpu_set dedicated; /* mixed: which vCPUs are dedicated (by vCPU number) */
        enum sibling_policy siblings;
        enum emulator_policy emulator; /* also for I/O threads */
        unsigned iothreads;
        uint64_t memory_bytes;
        uint64_t page_bytes; /* 0: normal pages */
        unsigned cells;      /* guest NUMA cells; 0: as many as host nodes it has to be on */
        int near_node;       /* node of its VF or port, index; -1: none */
        bool near_required;
};

/* Of one guest, wherever it comes from: ours, or what another manager (Nova) pinned. */
struct guest_placement {
        unsigned vcpus;
        struct cpu_set *vcpu_cpus; /* a vCPU: one CPU when dedicated, the shared class of its node when not */
        struct cpu_set emulator, iothreads;
        struct cpu_set taken; /* CPUs that are nobody else's (isolate: the siblings too) */
        struct guest_cell {
                int node;             /* index into the topology's nodes */
                struct cpu_set vcpus; /* by vCPU number */
                uint64_t memory_bytes;
        } * cells;
        unsigned cell_count;
        uint64_t page_bytes;
};

/* What is used of a host: kept up by adding and removing placements. */
struct placement_state;
int placement_state_new(struct placement_state **ret, const struct topology *topology, const struct plan *plan);
struct placement_state *placement_state_free(struct placement_state *state);
/* -EEXIST: a CPU that is dedicated to another (its name in `errors`); foreign ones are added all the same. */
int placement_add(struct placement_state *state, const char *name, const struct guest_placement *placement,
                  bool foreign, struct errors *errors);
void placement_remove(struct placement_state *state, const char *name);

/* Does not change the state. -ENOSPC: it does not fit, and `errors` says what would ("3 dedicated CPUs are free on node
 * 1, 4 are wanted; …"). The result is the caller's: guest_placement_free(). */
int placement_find(const struct placement_state *state, const struct guest_demand *demand, struct guest_placement **ret,
                   struct errors *errors);
struct guest_placement *guest_placement_free(struct guest_placement *placement);
json_t *guest_placement_to_json(const struct guest_placement *placement, const struct topology *topology);
