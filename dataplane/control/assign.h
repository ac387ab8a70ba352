/* Which worker serves which receive queue: by NUMA node, by what the object allows, and by load. A move takes the queue
 * from one worker's list, waits until that worker has seen it, and only then puts it into another's: no worker stops.
 * Lists are made by assign_settle(), so that many changes make one new list a worker. */
#pragma once

#include "io.h"

/* Takes on the device's queues, or takes note that some became active or have another fd. */
void assign_add(struct dp_io *io, uint64_t worker_mask);
/* No worker may serve the device any more (in force after the next grace period). */
void assign_drop(struct dp_io *io);
/* Another set of allowed workers. */
void assign_restrict(struct dp_io *io, uint64_t worker_mask);
/* Publishes what changed. */
void assign_settle(void);
/* Once in a while: moves a queue from an overloaded worker to an idle one. */
void assign_balance(void);
/* How many queues the worker serves. */
unsigned int assign_count(unsigned int worker);
