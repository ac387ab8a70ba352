/* Where guests go: a pure function over a topology, a plan's guest classes and what is taken already. Packs vCPUs onto
 * cores and caches, balances guests across nodes, never gives a dedicated CPU twice, keeps a guest on as few nodes as
 * it can, near its VF or its vhost-user port. One guest among 500 takes less than a millisecond. */
#pragma once

#include <stdbool.h>

#include "plan/plan.h"
#include "socle/errors.h"

enum vcpu_policy { VCPU_SHARED, VCPU_DEDICATED, VCPU_MIXED };
enum sibling_policy {
        SIBLING_PREFER,  /* whole cores first, then what is left of others */
        SIBLING_REQUIRE, /* whole cores with siblings only, shared with no other guest */
        SIBLING_ISOLATE, /* a core a vCPU, its siblings idle */
};
enum emulator_policy {
        EMULATOR_HOUSEKEEPING, /* on the housekeeping CPUs of the guest's nodes */
        EMULATOR_OWN,          /* a dedicated CPU on the node of the first cell; of I/O threads, one each */
        EMULATOR_SHARED,       /* with the shared vCPUs of its nodes */
};

/* Guest NUMA cells. In a demand, `node` means nothing. */
struct guest_cell {
        int node;             /* index into the topology's nodes; -1: wherever the kernel likes */
        struct cpu_set vcpus; /* by vCPU number */
        uint64_t memory_bytes;
};

struct guest_demand {
        const char *name;
        unsigned vcpus;
        enum vcpu_policy policy;
        struct cpu_set dedicated; /* mixed: which vCPUs are dedicated (by vCPU number) */
        enum sibling_policy siblings;
        enum emulator_policy emulator, iothread_policy;
        unsigned iothreads;
        uint64_t memory_bytes;
        uint64_t page_bytes;             /* 0: normal pages */
        unsigned cells;                  /* guest NUMA cells, a host node each; 0: as many as nodes it has to be on */
        const struct guest_cell *layout; /* these `cells` cells, as the guest has them; NULL: vCPUs and memory evenly */
        int near_node;                   /* node of its VF or port, index; -1: none */
        bool near_dataplane;             /* a node with workers of socle-dataplane; when near_node is -1 */
        bool near_required;              /* not just preferred: one of its cells at least */
};

/* Of one guest, wherever it comes from: ours, or what another manager (Nova) pinned. */
struct guest_placement {
        unsigned vcpus;
        struct cpu_set *vcpu_cpus; /* a vCPU: one CPU when dedicated, the shared class of its node when not */
        struct cpu_set emulator;   /* EMULATOR_OWN: one CPU */
        struct cpu_set iothreads;  /* EMULATOR_OWN: a CPU each, in their order; else all of them on all of these */
        struct cpu_set taken;      /* CPUs that are nobody else's (isolate, require: the siblings too) */
        struct guest_cell *cells;
        unsigned cell_count;
        uint64_t page_bytes;
};

/* What is used of a host: kept up by adding and removing placements. Topology and plan must outlive it. */
struct placement_state;
int placement_state_new(struct placement_state **ret, const struct topology *topology, const struct plan *plan);
struct placement_state *placement_state_free(struct placement_state *state);
const struct topology *placement_topology(const struct placement_state *state);
const struct plan *placement_plan(const struct placement_state *state);
/* The placement of a name that is there already is replaced. -EEXIST: a CPU that is dedicated to another (its name in
 * `errors`); foreign ones are added all the same. */
int placement_add(struct placement_state *state, const char *name, const struct guest_placement *placement,
                  bool foreign, struct errors *errors);
void placement_remove(struct placement_state *state, const char *name);

/* Does not change the state. -ENOSPC: it does not fit, and `errors` says what there is and what would do ("node 1 has 3
 * free dedicated CPUs, …", "at most 3 vCPUs"); -EINVAL: it could fit nowhere. The guest itself must not be in the
 * state. The result is the caller's: guest_placement_free(). */
int placement_find(const struct placement_state *state, const struct guest_demand *demand, struct guest_placement **ret,
                   struct errors *errors);
/* Is a guest that is placed like this placed as demanded, with what is free (itself not being in the state)? Then it
 * stays where it is, though another place may have become better, so that applying twice changes nothing; and `taken`
 * is completed: pins alone do not tell of idle siblings. */
bool placement_keep(const struct placement_state *state, const struct guest_demand *demand,
                    struct guest_placement *placement);
struct guest_placement *guest_placement_new(unsigned vcpus, unsigned cells);
struct guest_placement *guest_placement_free(struct guest_placement *placement);
/* {vcpus: [{vcpu, cpus}], emulator, iothreads, taken, page_bytes, cells: [{node, vcpus, memory_bytes}], nodes}; CPUs as
 * lists ("4-5"), nodes by the kernel's numbers. */
json_t *guest_placement_to_json(const struct guest_placement *placement, const struct topology *topology);
/* That JSON again; nodes that this topology has not are -1. NULL: it is none, or no memory. */
struct guest_placement *guest_placement_from_json(const json_t *json, const struct topology *topology);
