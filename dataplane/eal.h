/* DPDK's environment from our own options. */
#pragma once

#include <stdbool.h>

struct dp_eal_options {
        unsigned int workers;
        const char *cpus;    /* "2,4-6": a worker's CPU each, in order; NULL: unpinned */
        unsigned int memory; /* MB of packet memory */
        bool no_huge;
        const char *file_prefix;
};

/* Starts DPDK; falls back to ordinary pages, aloud, when there are too few huge ones. 0 or -errno, logged. */
int dp_eal_init(const char *program, const struct dp_eal_options *options);
