/* What placement's files share: what is used of the host (placement_state.c), which CPUs of a node a guest gets
 * (placement_pick.c), which nodes its cells get (placement.c), and why it cannot be (placement_explain.c). */
#pragma once

#include "placement.h"

/* Memory of one page size on a node that guests may have. */
struct memory_pool {
        uint64_t page_bytes; /* 0: normal pages */
        uint64_t capacity_bytes, used_bytes;
};

/* A core as far as its CPUs are of the class guests_dedicated. */
struct pick_core {
        int group;        /* cores of one cache and one kind have the same number, ascending */
        int kind;         /* as topology_cpu: higher is more powerful */
        unsigned threads; /* of the class */
        unsigned free;    /* of them, taken by nobody */
        int node;
        const int *cpus; /* `threads` numbers, in state->core_cpus */
        bool whole;      /* all online CPUs of the core are of the class */
};

struct node_use {
        struct pick_core *cores; /* by group (the most powerful kind first), then as the topology has them */
        size_t core_count;
        struct cpu_set shared, housekeeping; /* of the state's `shared` and of that class, on this node */
        unsigned shared_count;
        struct cpu_set dedicated; /* of that class, on this node: taken or not */
        unsigned dedicated_count, free_count;
        unsigned untouched_cores;   /* whole ones that nobody is on: what `isolate` may have */
        unsigned untouched_threads; /* of those with siblings: what `require` may have */
        unsigned shared_vcpus;      /* floating on `shared` now */
        struct memory_pool *pools;
        size_t pool_count;
        bool has_cpus, has_dataplane;
        unsigned nics; /* PCI functions that are not VFs */
};

/* What one guest uses; kept to take it back. */
struct occupant {
        char *name;
        struct cpu_set taken;
        uint64_t page_bytes;
        struct occupant_cell {
                int node; /* -1: spread over all */
                unsigned shared_vcpus;
                uint64_t memory_bytes;
        } * cells;
        unsigned cell_count;
};

struct placement_state {
        const struct topology *topology;
        const struct plan *plan;
        struct node_use *nodes; /* as the topology's */
        struct pick_core *cores;
        int *core_cpus;
        struct pick_core **core_of; /* by CPU number; NULL: it is not of the class */
        struct cpu_set shared;      /* where vCPUs float: guests_shared, or housekeeping if there is no such class */
        struct cpu_set free;        /* of guests_dedicated, taken by nobody */
        uint16_t *taken;            /* by CPU number: how many guests think that it is theirs */
        struct occupant *list;      /* by name, ascending */
        size_t count, room;
};

/* placement_state.c */
struct memory_pool *node_pool(const struct node_use *node, uint64_t page_bytes);
/* Free for guests in that pool of the node; no such pool: 0. */
uint64_t node_free_bytes(const struct placement_state *state, int node, uint64_t page_bytes);
/* The node of a CPU, index; -1: unknown. */
int cpu_node(const struct topology *topology, int cpu);

/* placement_count.c */
int placement_count_cores(struct placement_state *state);
int placement_count_node(struct placement_state *state, int node);

/* placement_pick.c */
struct pick {
        unsigned vcpus, extra; /* wanted: dedicated vCPUs; CPUs for the emulator and I/O threads, placed after them */
        enum sibling_policy siblings;
};
/* Chooses CPUs of a node out of `free`: cpus[0 … vcpus + extra) and all that they take (idle siblings too), which are
 * written only when it succeeds. False: there are not enough. */
/* Could there be, by mere numbers? For `prefer`, and with no
 * `extra`, that is all there is to it. */
bool pick_may_fit(const struct node_use *node, const struct pick *pick);
bool pick_cpus(const struct node_use *node, const struct pick *pick, const struct cpu_set *free, int *cpus,
               struct cpu_set *ret_taken);

/* placement_split.c */
/* What one guest cell wants of one node. */
struct cell_need {
        struct cpu_set vcpus;
        unsigned dedicated, shared; /* vCPUs */
        unsigned extra;             /* CPUs for the emulator and I/O threads */
        uint64_t memory_bytes;
};
/* The guest in `cells` cells (as its layout says, or evenly). */
void split_demand(const struct guest_demand *demand, unsigned cells, struct cell_need *ret);
/* How many CPUs the emulator and the I/O threads want for themselves. */
unsigned demand_extra(const struct guest_demand *demand);
bool demand_is_dedicated(const struct guest_demand *demand, unsigned vcpu);

/* The most that any number of vCPUs, or of memory, can be by mere numbers: what is free on all nodes together. */
unsigned placement_free_cpus(const struct placement_state *state, enum sibling_policy siblings);
uint64_t placement_free_bytes(const struct placement_state *state, uint64_t page_bytes);

/* placement.c */
/* Is there a way? As placement_find(), without words. `ret` may be NULL. 0, -ENOSPC, -ENOMEM. */
int placement_try(const struct placement_state *state, const struct guest_demand *demand, struct guest_placement **ret);

/* placement_near.c: which nodes are better, and where what is not a vCPU goes. */
/* Distance of a node from what the guest is to be near, 10: there; 0: near nothing. */
unsigned near_distance(const struct placement_state *state, const struct guest_demand *demand, int node);
/* Is no node that has CPUs nearer? */
bool is_near(const struct placement_state *state, const struct guest_demand *demand, int node);
/* How full the node would be with that cell, in millionths of its CPUs or memory. */
uint64_t node_load(const struct placement_state *state, const struct guest_demand *demand, const struct cell_need *need,
                   int node);
/* CPUs of the emulator or the I/O threads of a guest on these cells' nodes; none of EMULATOR_OWN. */
struct cpu_set service_cpus(const struct placement_state *state, enum emulator_policy policy,
                            const struct guest_cell *cells, unsigned count);

/* placement_explain.c */
int placement_explain(const struct placement_state *state, const struct guest_demand *demand, struct errors *errors);
