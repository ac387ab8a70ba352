/* A builder of machines for tests of what is pure: any shape, also those that no platform here has. Begin with
 * machine_new(), add nodes, then cores and devices, then machine_done(), which fills in what follows from these. */
#pragma once

#include "topology/topology.h"

struct topology *machine_new(const char *name);

/* Each answers the index. Numbers must ascend. Huge pages of 2 MiB and 1 GiB; none where there is no memory. */
int machine_add_package(struct topology *t, const char *model);
int machine_add_node(struct topology *t, int number, uint64_t memory_bytes);
/* A core with CPUs first, first + stride, … (`count` of them). Any order. */
int machine_add_core(struct topology *t, int package, int node, int kind, int first, int count, int stride);
void machine_add_offline(struct topology *t, int cpu);
int machine_add_nic(struct topology *t, int node, int sriov_total);
int machine_add_disk(struct topology *t, enum topology_disk_type type, int node);
void machine_set_distance(struct topology *t, int from, int to, int distance);
void machine_forbid(struct topology *t, int cpu); /* not ours by the cgroup; after machine_done() */

/* Sorts, numbers and sums up; the same topology, for nesting. */
struct topology *machine_done(struct topology *t);

/* `packages` of `nodes` each with `cores` of `threads` CPUs, numbered as Linux does (siblings half the machine apart),
 * `gib` of memory and a NIC with 8 VFs on each of the first `nics` nodes. */
struct topology *machine_regular(int packages, int nodes, int cores, int threads, int gib, int nics);
