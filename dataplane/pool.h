/* Packet buffers: one pool a NUMA node, made when first asked for. (Ports all use that of the main thread's node so
 * far.) */
#pragma once

#include <rte_mbuf.h>

void dp_pool_configure(unsigned int mbufs); /* per node; before the first dp_pool_get() */

/* The pool of the node (SOCKET_ID_ANY: of the caller), or NULL: out of memory. Control only. */
struct rte_mempool *dp_pool_get(int node);
