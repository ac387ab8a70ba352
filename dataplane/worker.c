/* See worker.h. The loop: walk the graph, report a quiescent state, and after `idle_us` of empty polls arm the queues'
 * notifications, go offline for RCU and sleep in epoll until a packet, an injection or the end. */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_graph_worker.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include "socle/log.h"
#include "session/fragments.h"
#include "session/table.h"
#include "state/clock.h"
#include "state/rcu.h"
#include "worker.h"

#define RING_SIZE     2048
#define LEARN_RING    8192
#define SLEEP_MAX_MS  1000  /* only so that counters stay fresh */
#define NAP_NS        70000 /* between polls of a device that cannot wake us: under the 100 µs that a packet may wait */
#define LOOK_US       20    /* how long a busy worker leaves taps and sockets unasked that have had packets */
#define LOOK_MOST_US  80    /* … and that have not: a packet may wait 100 µs */
#define CPU_LOOK_MASK 0xfff

static bool stopping;
static uint64_t idle_tsc, look_tsc, look_most_tsc;
static int notify_fd = -1;

int dp_workers_notify_fd(void)
{
        return notify_fd;
}

void dp_worker_wake(struct dp_worker *worker)
{
        eventfd_write(worker->wake_fd, 1);
}

/* Asks every queue to wake us. false: one has packets already. */
static bool arm_all(const struct dp_rxq_list *list)
{
        for (uint16_t i = 0; i < list->count; i++)
                if (list->rxqs[i]->arm && list->rxqs[i]->arm(list->rxqs[i]))
                        return false;
        return true;
}

static void disarm_all(const struct dp_rxq_list *list)
{
        for (uint16_t i = 0; i < list->count; i++)
                if (list->rxqs[i]->disarm)
                        list->rxqs[i]->disarm(list->rxqs[i]);
}

/* Finds out by one system call which of the queues that cost one each have packets. Only while online: what epoll
 * points to lives at least until our next quiescent state, since control takes a queue out of epoll first. Returns
 * whether any has. */
static bool look(struct dp_worker *worker)
{
        struct epoll_event events[64];
        int n = epoll_wait(worker->epoll_fd, events, RTE_DIM(events), 0);

        for (int i = 0; i < n; i++)
                if (events[i].data.ptr)
                        ((struct dp_rxq *)events[i].data.ptr)->ready = true;
        return n > 0;
}

static void worker_sleep(struct dp_worker *worker)
{
        const struct dp_rxq_list *list = dp_load(worker->rxqs);
        struct epoll_event events[1]; /* whose it is, is not looked at: it may be gone by the time we are online */
        struct timespec timeout = {.tv_sec = SLEEP_MAX_MS / 1000};
        eventfd_t value;

        if (list->poll_only)
                timeout = (struct timespec){.tv_nsec = NAP_NS};
        if (arm_all(list) && rte_ring_empty(worker->inject) && !__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
                uint64_t start = rte_rdtsc();
                rte_rcu_qsbr_thread_offline(dp_rcu, worker->index);
                epoll_pwait2(worker->epoll_fd, events, RTE_DIM(events), &timeout, NULL);
                rte_rcu_qsbr_thread_online(dp_rcu, worker->index);
                eventfd_read(worker->wake_fd, &value);
                worker->sleep_tsc += rte_rdtsc() - start;
                worker->wakeups++;
        }
        /* Control may have changed the list while we slept. */
        disarm_all(dp_load(worker->rxqs));
}

static int worker_main(void *argument)
{
        struct dp_worker *worker = argument;
        uint64_t now = rte_rdtsc(), idle_since = now, next_look = now, pause = look_tsc, rounds = 0;

        prctl(PR_SET_TIMERSLACK, 1000UL);
        rte_rcu_qsbr_thread_register(dp_rcu, worker->index);
        rte_rcu_qsbr_thread_online(dp_rcu, worker->index);

        while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
                uint64_t packets = worker->packets, before = now;
                worker->now_ms = dp_clock_ms(now);

                if (now >= next_look && dp_load(worker->rxqs)->costly) {
                        pause = look(worker) ? look_tsc : RTE_MIN(pause * 2, look_most_tsc);
                        next_look = now + pause;
                }
                rte_graph_walk(worker->graph);
                rte_rcu_qsbr_quiescent(dp_rcu, worker->index);
                dp_session_reclaim(worker->index);
                now = rte_rdtsc();
                if (unlikely(worker->notify)) {
                        worker->notify = false;
                        eventfd_write(notify_fd, 1);
                }
                if ((rounds++ & CPU_LOOK_MASK) == 0)
                        worker->cpu = sched_getcpu();
                if (worker->packets != packets) {
                        worker->busy_tsc += now - before;
                        idle_since = now;
                        continue;
                }
                worker->poll_tsc += now - before;
                if (now - idle_since >= idle_tsc) {
                        worker_sleep(worker);
                        now = next_look = rte_rdtsc();
                        idle_since = now - idle_tsc; /* woken for nothing: back to sleep after one look round */
                        worker->cpu = sched_getcpu();
                }
        }
        rte_rcu_qsbr_thread_offline(dp_rcu, worker->index);
        rte_rcu_qsbr_thread_unregister(dp_rcu, worker->index);
        return 0;
}

static int worker_init(struct dp_worker *worker)
{
        static const char *patterns[] = {"rx"}; /* the source; the rest of the graph hangs on its edges */
        struct rte_graph_param parameters = {.nb_node_patterns = 1, .node_patterns = patterns};
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
        int socket = rte_lcore_to_socket_id(worker->lcore);
        char name[RTE_GRAPH_NAMESIZE];

        worker->numa_node = socket;
        worker->fragments = rte_zmalloc("fragments", sizeof(*worker->fragments), RTE_CACHE_LINE_SIZE);
        if (!worker->fragments)
                return -ENOMEM;
        worker->rxqs = rte_zmalloc("rxqs", sizeof(*worker->rxqs), RTE_CACHE_LINE_SIZE);
        if (!worker->rxqs)
                return -ENOMEM;
        snprintf(name, sizeof(name), "inject-%u", worker->index);
        worker->inject = rte_ring_create(name, RING_SIZE, socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
        snprintf(name, sizeof(name), "punt-%u", worker->index);
        worker->punt = rte_ring_create(name, RING_SIZE, socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
        snprintf(name, sizeof(name), "learn-%u", worker->index);
        worker->learn =
                rte_ring_create_elem(name, sizeof(struct dp_learn), LEARN_RING, socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
        if (!worker->inject || !worker->punt || !worker->learn)
                return -ENOMEM;

        worker->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (worker->wake_fd < 0 || worker->epoll_fd < 0 ||
            epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, worker->wake_fd, &event) < 0)
                return -errno;

        snprintf(name, sizeof(name), "worker-%u", worker->index);
        parameters.socket_id = socket;
        worker->graph_id = rte_graph_create(name, &parameters);
        if (worker->graph_id == RTE_GRAPH_ID_INVALID)
                return -rte_errno;
        worker->graph = rte_graph_lookup(name);
        return 0;
}

int dp_workers_init(const struct dp_worker_options *options)
{
        unsigned int lcore, index = 0;

        idle_tsc = rte_get_tsc_hz() / 1000000 * options->idle_us;
        look_tsc = rte_get_tsc_hz() / 1000000 * LOOK_US;
        look_most_tsc = rte_get_tsc_hz() / 1000000 * LOOK_MOST_US;
        notify_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        dp.worker_count = options->count;
        dp.workers = rte_zmalloc("workers", sizeof(*dp.workers) * options->count, RTE_CACHE_LINE_SIZE);
        if (!dp.workers || notify_fd < 0)
                return -ENOMEM;

        RTE_LCORE_FOREACH_WORKER (lcore) {
                struct dp_worker *worker = &dp.workers[index];
                worker->index = index++;
                worker->lcore = lcore;
                int r = worker_init(worker);
                if (r < 0) {
                        log_error("cannot make worker %u: %s", worker->index, strerror(-r));
                        return r;
                }
        }
        return 0;
}

int dp_workers_launch(void)
{
        for (unsigned int i = 0; i < dp.worker_count; i++)
                if (rte_eal_remote_launch(worker_main, &dp.workers[i], dp.workers[i].lcore) < 0)
                        return -EIO;
        return 0;
}

void dp_workers_stop(void)
{
        __atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
        for (unsigned int i = 0; i < dp.worker_count; i++)
                dp_worker_wake(&dp.workers[i]);
        rte_eal_mp_wait_lcore();
}
