/* See node.h. */
#include <errno.h>
#include <stdlib.h>

#include "node.h"

int dp_node_init(const struct rte_graph *graph, struct rte_node *node)
{
        unsigned long index = strtoul(graph->name + sizeof("worker-") - 1, NULL, 10);

        if (index >= dp.worker_count)
                return -EINVAL;
        *(struct dp_worker **)node->ctx = &dp.workers[index];
        return 0;
}
