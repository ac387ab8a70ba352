/* Rates from two answers of `stats`, one after the other; no input or output. */
#pragma once

#include <jansson.h>
#include <stddef.h>

struct port_rate {
        const char *kind, *name, *network; /* borrowed from the later stats */
        double rx_pps, rx_bps, tx_pps, tx_bps, drop_pps;
        const char *reason; /* that dropped most; NULL: nothing was dropped */
};

struct worker_rate {
        long index, cpu, queues;
        double load; /* 0…1: of the time, that it had packets to work on */
        double pps, wakeups;
};

struct rates {
        struct port_rate *ports; /* the busiest first */
        size_t port_count;
        struct worker_rate *workers;
        size_t worker_count;
        double seconds; /* between the two */
};

/* 0, -EAGAIN when no time has passed between the two, or -ENOMEM. Counters that went back count from zero: their owner
 * was restarted. */
int rates_between(struct rates *ret, const json_t *before, const json_t *after);
void rates_done(struct rates *rates);
