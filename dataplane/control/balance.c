/* See balance.h. */
#include "balance.h"

int balance_allowed(uint64_t worker_mask, unsigned int worker, unsigned int worker_count)
{
        uint64_t all = worker_count >= 64 ? UINT64_MAX : (1ULL << worker_count) - 1;

        return !(worker_mask & all) || (worker < 64 && worker_mask >> worker & 1);
}

struct balance_move balance_plan(const struct balance_queue *queues, size_t queue_count,
                                 const struct balance_worker *workers, unsigned int worker_count)
{
        struct balance_move move = {.to = UINT16_MAX};
        unsigned int high = 0, low = 0;
        uint64_t packets = 0, best_gap;

        for (unsigned int i = 1; i < worker_count; i++) {
                if (workers[i].load > workers[high].load)
                        high = i;
                if (workers[i].load < workers[low].load)
                        low = i;
        }
        unsigned int difference = workers[high].load - workers[low].load;
        for (size_t i = 0; i < queue_count; i++)
                if (queues[i].worker == high)
                        packets += queues[i].packets;
        if (packets == 0 || workers[high].load < BALANCE_BUSY || difference < BALANCE_GAIN)
                return move;

        best_gap = difference / 2;
        for (size_t i = 0; i < queue_count; i++) {
                uint64_t share = queues[i].packets * workers[high].load / packets;
                uint64_t gap = share > difference / 2 ? share - difference / 2 : difference / 2 - share;
                int remote = queues[i].numa_node != UINT16_MAX && queues[i].numa_node != workers[low].numa_node;
                if (queues[i].worker != high || remote || gap >= best_gap ||
                    !balance_allowed(queues[i].worker_mask, low, worker_count))
                        continue;
                best_gap = gap;
                move = (struct balance_move){.queue = i, .to = low};
        }
        return move;
}
