/* See pool.h. */
#include <rte_errno.h>
#include <rte_lcore.h>

#include "pool.h"

#define CACHE 256

static unsigned int pool_mbufs = 16384;
static struct rte_mempool *pools[RTE_MAX_NUMA_NODES];

void dp_pool_configure(unsigned int mbufs)
{
        pool_mbufs = mbufs;
}

struct rte_mempool *dp_pool_get(int node)
{
        char name[32];

        if (node < 0 || node >= RTE_MAX_NUMA_NODES)
                node = rte_socket_id();
        if (!pools[node]) {
                snprintf(name, sizeof(name), "packets-%d", node);
                pools[node] = rte_pktmbuf_pool_create(name, pool_mbufs, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, node);
        }
        return pools[node];
}
