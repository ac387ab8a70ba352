/* What our own isolated partition has taken. */
#pragma once

#include "host.h"
#include "topology/cpu_set.h"

/* Its CPUs, which the kernel counts no more as those of the cgroup that socled is in; empty: there is none. */
void partition_cpus(const struct host *host, struct cpu_set *ret);
