/* Which queue should move to which worker: a pure function of what was measured, tested without threads. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define BALANCE_BUSY 60 /* percent: a worker below this needs no help */
#define BALANCE_GAIN 20 /* percent of a worker that two must differ by */

struct balance_queue {
        uint16_t worker;      /* that serves it; UINT16_MAX: none */
        uint16_t numa_node;   /* UINT16_MAX: any */
        uint64_t worker_mask; /* allowed; 0: all */
        uint64_t packets;     /* since the last look */
};

struct balance_worker {
        unsigned int load; /* percent busy since the last look */
        uint16_t numa_node;
};

struct balance_move {
        size_t queue;
        uint16_t to; /* UINT16_MAX: all may stay as it is */
};

/* Is the worker one that the mask allows? A mask without any worker that exists is no reason to starve a queue. */
int balance_allowed(uint64_t worker_mask, unsigned int worker, unsigned int worker_count);

/* At most one move at a time, from the busiest worker to the least busy one: the queue whose share of the load comes
 * nearest to half of the difference, and never one whose move would only swap the two. */
struct balance_move balance_plan(const struct balance_queue *queues, size_t queue_count,
                                 const struct balance_worker *workers, unsigned int worker_count);
