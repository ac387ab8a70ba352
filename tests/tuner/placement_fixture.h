/* Machines and plans made up for tests of placement: plain structs, filled in as topology_read() and plan_make() would.
 */
#pragma once

#include "guest/placement.h"

#define GIB (1ULL << 30)
#define MIB (1ULL << 20)

struct machine {
        struct topology topology;
        struct plan plan;
        unsigned threads; /* of a core */
};

struct machine_shape {
        unsigned nodes, cores, threads; /* cores of a node, threads of a core */
        unsigned caches;                /* L3 groups of a node; 0: one */
        uint64_t node_bytes;
        /* CPU 0 of core c is c as on real machines, its siblings are above all first threads. Cores of each node, from
         * the first on: */
        unsigned housekeeping, dataplane, shared; /* the rest is dedicated */
        uint64_t huge_bytes, huge_count;          /* a node; of them one is the dataplane's when it has cores there */
};

struct machine *machine_new(const struct machine_shape *shape);
struct machine *machine_free(struct machine *machine);
/* Moves a whole core to a class (CLASS_COUNT: offline). */
void machine_set_core(struct machine *machine, unsigned core, enum cpu_class class);
