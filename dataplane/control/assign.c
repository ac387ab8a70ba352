/* See assign.h. */
#include <string.h>
#include <sys/epoll.h>

#include <rte_cycles.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include "assign.h"
#include "balance.h"
#include "rcu.h"
#include "socle/log.h"
#include "worker.h"

/* All queues that are served or wait to be. */
static struct dp_rxq **queues;
static size_t queue_count, queue_room;
static bool *dirty; /* by worker */
struct load {
        uint64_t busy, total;
        unsigned int load; /* percent since the last look */
};
static struct load *loads;

static void mark(uint16_t worker)
{
        if (!dirty)
                dirty = calloc(dp.worker_count, sizeof(*dirty));
        if (dirty && worker != DP_INDEX_NONE)
                dirty[worker] = true;
}

unsigned int assign_count(unsigned int worker)
{
        return dp.workers[worker].rxqs->count;
}

/* Better is smaller: another NUMA node weighs more than any number of queues. */
static uint64_t cost(const struct dp_rxq *rxq, unsigned int worker)
{
        uint64_t count = 0;
        bool remote = rxq->numa_node != DP_INDEX_NONE && rxq->numa_node != dp.workers[worker].numa_node;

        for (size_t i = 0; i < queue_count; i++)
                count += queues[i]->worker == worker && queues[i]->active;
        return ((uint64_t)remote << 32) + (loads ? loads[worker].load * 16 : 0) + count;
}

static bool allowed(const struct dp_rxq *rxq, unsigned int worker)
{
        return balance_allowed(rxq->worker_mask, worker, dp.worker_count);
}

static uint16_t choose(const struct dp_rxq *rxq)
{
        uint16_t best = DP_INDEX_NONE;
        uint64_t best_cost = UINT64_MAX;

        for (unsigned int i = 0; i < dp.worker_count; i++)
                if (allowed(rxq, i) && cost(rxq, i) < best_cost) {
                        best_cost = cost(rxq, i);
                        best = i;
                }
        return best;
}

static void watch(struct dp_rxq *rxq)
{
        struct epoll_event event = {.events = EPOLLIN | (rxq->edge ? EPOLLET : 0), .data.ptr = rxq};

        if (rxq->wait_fd >= 0 && rxq->worker != DP_INDEX_NONE &&
            epoll_ctl(dp.workers[rxq->worker].epoll_fd, EPOLL_CTL_ADD, rxq->wait_fd, &event) < 0)
                epoll_ctl(dp.workers[rxq->worker].epoll_fd, EPOLL_CTL_MOD, rxq->wait_fd, &event);
}

static bool enlist(struct dp_rxq *rxq)
{
        for (size_t i = 0; i < queue_count; i++)
                if (queues[i] == rxq)
                        return true;
        if (queue_count == queue_room) {
                size_t room = queue_room ? queue_room * 2 : 256;
                struct dp_rxq **grown = reallocarray(queues, room, sizeof(*grown));
                if (!grown)
                        return false;
                queues = grown;
                queue_room = room;
        }
        queues[queue_count++] = rxq;
        return true;
}

void assign_add(struct dp_io *io, uint64_t worker_mask)
{
        for (uint16_t i = 0; i < io->rxq_count; i++) {
                struct dp_rxq *rxq = &io->rxqs[i];
                rxq->worker_mask = worker_mask;
                if (!enlist(rxq))
                        continue;
                if (rxq->worker == DP_INDEX_NONE && rxq->active)
                        rxq->worker = choose(rxq);
                watch(rxq);
                mark(rxq->worker);
        }
}

void assign_drop(struct dp_io *io)
{
        for (uint16_t i = 0; i < io->rxq_count; i++) {
                struct dp_rxq *rxq = &io->rxqs[i];
                dp_rxq_unwatch(rxq);
                mark(rxq->worker);
                for (size_t j = 0; j < queue_count; j++)
                        if (queues[j] == rxq) {
                                queues[j] = queues[--queue_count];
                                break;
                        }
        }
        assign_settle();
}

/* Takes the queue from its worker for good before another may have it. */
static void move(struct dp_rxq *rxq, uint16_t to)
{
        uint16_t from = rxq->worker;

        if (from == to)
                return;
        dp_rxq_unwatch(rxq);
        rxq->worker = DP_INDEX_NONE;
        mark(from);
        assign_settle();
        dp_rcu_synchronize();
        rxq->worker = to;
        watch(rxq);
        mark(to);
        assign_settle();
}

void assign_restrict(struct dp_io *io, uint64_t worker_mask)
{
        for (uint16_t i = 0; i < io->rxq_count; i++) {
                struct dp_rxq *rxq = &io->rxqs[i];
                rxq->worker_mask = worker_mask;
                if (rxq->worker != DP_INDEX_NONE && !allowed(rxq, rxq->worker))
                        move(rxq, choose(rxq));
        }
}

static void publish(unsigned int index)
{
        struct dp_worker *worker = &dp.workers[index];
        struct dp_rxq_list *old = worker->rxqs;
        struct dp_rxq_list *list =
                rte_zmalloc("rxqs", sizeof(*list) + queue_count * sizeof(list->rxqs[0]), RTE_CACHE_LINE_SIZE);

        if (!list) { /* stays dirty; meanwhile nothing is polled that may be about to go */
                old->count = 0;
                return;
        }
        for (size_t i = 0; i < queue_count; i++)
                if (queues[i]->worker == index && queues[i]->active) {
                        list->rxqs[list->count++] = queues[i];
                        list->poll_only |= queues[i]->poll_only;
                        list->costly |= queues[i]->costly;
                }
        dp_store(worker->rxqs, list);
        dirty[index] = false;
        dp_rcu_defer(old, rte_free);
        /* Asleep it would not see packets from before a queue's notifications were on. */
        dp_worker_wake(worker);
}

void assign_settle(void)
{
        for (unsigned int i = 0; dirty && i < dp.worker_count; i++)
                if (dirty[i])
                        publish(i);
}

/* ---- load ---- */

static void measure(void)
{
        if (!loads)
                loads = calloc(dp.worker_count, sizeof(*loads));
        for (unsigned int i = 0; loads && i < dp.worker_count; i++) {
                const struct dp_worker *worker = &dp.workers[i];
                uint64_t busy = worker->busy_tsc, total = busy + worker->poll_tsc + worker->sleep_tsc;
                uint64_t spent = total - loads[i].total;
                loads[i].load = spent ? (busy - loads[i].busy) * 100 / spent : 0;
                loads[i].busy = busy;
                loads[i].total = total;
        }
}

void assign_balance(void)
{
        struct balance_queue *view = calloc(queue_count + 1, sizeof(*view));
        struct balance_worker *workers = calloc(dp.worker_count, sizeof(*workers));

        measure();
        for (size_t i = 0; view && i < queue_count; i++) {
                view[i] = (struct balance_queue){queues[i]->worker, queues[i]->numa_node, queues[i]->worker_mask,
                                                 queues[i]->packets - queues[i]->seen_packets};
                queues[i]->seen_packets = queues[i]->packets;
        }
        for (unsigned int i = 0; workers && loads && i < dp.worker_count; i++)
                workers[i] = (struct balance_worker){loads[i].load, dp.workers[i].numa_node};

        if (view && workers && loads) {
                struct balance_move plan = balance_plan(view, queue_count, workers, dp.worker_count);
                if (plan.to != UINT16_MAX) {
                        struct dp_rxq *rxq = queues[plan.queue];
                        log_info("moving queue %u of a port from worker %u (%u %% busy) to worker %u (%u %%)",
                                 rxq->queue, rxq->worker, loads[rxq->worker].load, plan.to, loads[plan.to].load);
                        move(rxq, plan.to);
                }
        }
        free(view);
        free(workers);
}
