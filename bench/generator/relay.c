/* See relay.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_ethdev.h>

#include "relay.h"

#define BUFFERS 8191
#define CACHE   256

int relay_start(struct relay *relay)
{
        struct rte_mempool *pool =
                rte_pktmbuf_pool_create("relay", BUFFERS, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
        int r = 0;

        if (!pool) {
                fprintf(stderr, "socle-generator: no memory for the wire\n");
                return -ENOMEM;
        }
        relay->first = 2;
        for (unsigned i = 0; i < 2 && r == 0; i++)
                r = port_start_device(relay->first + i, pool);
        return r;
}

void relay_stop(struct relay *relay)
{
        for (unsigned i = 0; i < 2; i++) {
                rte_eth_dev_stop(relay->first + i);
                rte_eth_dev_close(relay->first + i);
        }
}

bool relay_turn(struct relay *relay)
{
        uint64_t before = relay->passed;

        for (unsigned i = 0; i < 2; i++) {
                struct rte_mbuf **packets = relay->held[i].packets;
                unsigned count = relay->held[i].count, sent;

                if (count == 0)
                        count = rte_eth_rx_burst(relay->first + i, 0, packets, BURST);
                if (count == 0)
                        continue;
                sent = rte_eth_tx_burst(relay->first + !i, 0, packets, count);
                relay->held[i].count = count - sent;
                relay->passed += sent;
                if (sent > 0 && sent < count)
                        memmove(packets, packets + sent, (count - sent) * sizeof(*packets));
        }
        return relay->passed > before;
}
