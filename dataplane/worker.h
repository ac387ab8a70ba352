/* The worker threads: made once at start, each walking its graph, asleep when there is nothing to do. */
#pragma once

#include "state/worker.h"

struct dp_worker_options {
        unsigned int count;
        unsigned int idle_us; /* polls in vain this long before it sleeps */
};

/* Makes dp.workers with their rings and graphs. 0 or -errno, logged. */
int dp_workers_init(const struct dp_worker_options *options);
int dp_workers_launch(void);
void dp_workers_stop(void);

/* Ends a worker's sleep: something was injected. */
void dp_worker_wake(struct dp_worker *worker);

/* Readable when a worker has put something into a ring for control. */
int dp_workers_notify_fd(void);
