/* Units of memory, and sets of CPUs as they are told to a person. */
#pragma once

#include <stdint.h>

#include "topology/cpu_set.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* "CPU 3", "CPUs 0-3,8"; a long list ends with "…" after a whole number. */
#define CPUS_WORDS 112
const char *cpus_words(const struct cpu_set *set, char buffer[CPUS_WORDS]);
