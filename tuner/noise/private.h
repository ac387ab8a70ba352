/* What start.c, read.c, report.c and names.c share. */
#pragma once

#include <linux/types.h>

#include "noise.h"
#include "shared.h"

struct noise_bpf;

struct noise {
        struct noise_bpf *bpf;
        struct cpu_set cpus, possible;
        char missing[NOISE_MISSING_MAX][NOISE_WHO_SIZE];
        size_t missing_count;
        pid_t *own; /* ascending */
        size_t own_count;
        int cpus_fd, sources_fd; /* the maps */
        uint32_t sources_max;
        uint64_t started_ns;
};

/* Of /sys/devices/system/cpu: "online", "possible". */
int noise_system_cpus(const char *which, struct cpu_set *ret);
uint64_t noise_now_ns(void); /* the clock of the BPF program's times */
/* Names a source whose name the kernel side leaves to us: softirqs and vectors. */
void noise_name(const struct noise_key *key, char who[NOISE_WHO_SIZE]);
