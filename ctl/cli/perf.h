/* Where the workers' clocks went between two answers of `stats`; no input or output. */
#pragma once

#include <jansson.h>
#include <stddef.h>

struct node_use {
        const char *name;                         /* borrowed from the later stats */
        double calls, packets, cycles, io_cycles; /* io: of the cycles, inside devices' receive and transmit */
};

struct perf {
        long worker;            /* -1: all together */
        double seconds;         /* between the two */
        double packets;         /* received */
        struct node_use *nodes; /* the costliest first; those that were not called are left out */
        size_t count;
        struct node_use total; /* cycles and io_cycles of all nodes; calls and packets of none */
};

/* 0, -EAGAIN when no time has passed between the two, or -ENOMEM. `worker` -1: the sum over all. */
int perf_between(struct perf *ret, const json_t *before, const json_t *after, long worker);
void perf_done(struct perf *perf);

/* {"worker", "seconds", "packets_per_second", "cycles_per_packet", "io_cycles_per_packet",
 * "outside_io_cycles_per_packet", "nodes": [{"name", "calls_per_second", …}]}; null where no packet was to divide by. A
 * new object. */
json_t *perf_to_json(const struct perf *perf);
