/* Reclamation of what control unpublished: rte_rcu_qsbr, with one list of things to free after the next grace period.
 * Workers report a quiescent state once a round and go offline while they sleep, so that nothing here ever waits for
 * a sleeping worker, and no worker ever waits at all. Control thread only, but for dp_rcu_synchronize(). */
#pragma once

#include <rte_rcu_qsbr.h>

extern struct rte_rcu_qsbr *dp_rcu;

int dp_rcu_init(unsigned int workers); /* 0 or -ENOMEM */

/* Between these two control reads, as a worker does, what workers retire themselves: the session table's entries are
 * not used anew meanwhile. Short, and nothing in between may wait for a grace period. */
void dp_rcu_enter(void);
void dp_rcu_leave(void);

/* Calls f(pointer) after the next dp_rcu_reclaim(). NULL pointers are passed over. */
void dp_rcu_defer(void *pointer, void (*f)(void *));

/* Waits until no worker can hold anything unpublished before the call. Any thread that is not a worker. */
void dp_rcu_synchronize(void);

/* Waits for a grace period, if anything was deferred, and frees it. */
void dp_rcu_reclaim(void);
