/* Machines and profiles by a seed, odd ones among them: the same seed, the same machine. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "topology/topology.h"

uint64_t random_next(uint64_t *seed);
unsigned random_below(uint64_t *seed, unsigned bound); /* 0 … bound − 1 */

/* 1 to 1,024 CPUs on 1 to 32 nodes: holes in the numbering, offline CPUs, cores with one sibling, hybrid kinds, nodes
 * without memory, without CPUs, without NIC, CPUs that are not ours. */
struct topology *random_machine(uint64_t seed);
/* A spec as a person might write it, not always one that can be; lists of CPUs are made for the machine. */
json_t *random_profile(uint64_t seed, const struct topology *t);
