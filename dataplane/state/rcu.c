/* See rcu.h. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_malloc.h>

#include "rcu.h"

#define GRACE_POLL_US 20

struct deferred {
        void *pointer;
        void (*f)(void *);
};

struct rte_rcu_qsbr *dp_rcu;

static struct deferred *deferred;
static size_t deferred_count, deferred_room;

static unsigned int control_id; /* the workers' are below it */

int dp_rcu_init(unsigned int workers)
{
        dp_rcu = rte_zmalloc("rcu", rte_rcu_qsbr_get_memsize(workers + 1), RTE_CACHE_LINE_SIZE);
        if (!dp_rcu)
                return -ENOMEM;
        control_id = workers;
        if (rte_rcu_qsbr_init(dp_rcu, workers + 1) != 0 || rte_rcu_qsbr_thread_register(dp_rcu, control_id) != 0)
                return -EINVAL;
        return 0;
}

void dp_rcu_enter(void)
{
        rte_rcu_qsbr_thread_online(dp_rcu, control_id);
}

void dp_rcu_leave(void)
{
        rte_rcu_qsbr_thread_offline(dp_rcu, control_id);
}

void dp_rcu_synchronize(void)
{
        uint64_t token = rte_rcu_qsbr_start(dp_rcu);

        /* Not spinning, as rte_rcu_qsbr_synchronize() does: the worker may be waiting for this very CPU. */
        while (rte_rcu_qsbr_check(dp_rcu, token, false) == 0)
                usleep(GRACE_POLL_US);
}

void dp_rcu_reclaim(void)
{
        if (deferred_count == 0)
                return;
        dp_rcu_synchronize();
        /* A destructor may defer more: that waits for the next time. */
        size_t count = deferred_count;
        struct deferred *list = deferred;
        deferred = NULL;
        deferred_count = deferred_room = 0;
        for (size_t i = 0; i < count; i++)
                list[i].f(list[i].pointer);
        free(list);
}

void dp_rcu_defer(void *pointer, void (*f)(void *))
{
        if (!pointer)
                return;
        if (deferred_count == deferred_room) {
                size_t room = deferred_room ? deferred_room * 2 : 64;
                struct deferred *grown = reallocarray(deferred, room, sizeof(*grown));
                if (!grown) { /* out of memory: wait now, free now */
                        dp_rcu_synchronize();
                        f(pointer);
                        return;
                }
                deferred = grown;
                deferred_room = room;
        }
        deferred[deferred_count++] = (struct deferred){pointer, f};
}
