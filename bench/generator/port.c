/* Sets up the ports of the generator: ethdevs, and pools whose every buffer already holds a frame. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ethdev.h>

#include "port.h"

#define CACHE 256

/* A full queue, what a mempool's cache may hold back, a burst at hand. */
#define TX_BUFFERS 4095
#define RX_BUFFERS 8191

/* Freeing a buffer leaves its bytes and lengths as they are: this lasts. */
static void prepare(struct rte_mempool *pool, void *stream, void *object, unsigned index)
{
        const struct stream *sends = stream;
        struct rte_mbuf *mbuf = object;

        mbuf->data_len = mbuf->pkt_len = sends->length;
        frame_prepare(sends, rte_pktmbuf_mtod(mbuf, void *));
}

static int failed(const struct port *port, const char *what, int error)
{
        fprintf(stderr, "socle-generator: port %u: %s: %s\n", port->id, what, strerror(-error));
        return error;
}

static int make_pool(struct port *port)
{
        char name[RTE_MEMPOOL_NAMESIZE];

        snprintf(name, sizeof(name), "tx%u", port->id);
        port->pool = rte_pktmbuf_pool_create(name, TX_BUFFERS, CACHE, 0,
                                             RTE_PKTMBUF_HEADROOM + RTE_ALIGN(port->sends.length, RTE_CACHE_LINE_SIZE),
                                             SOCKET_ID_ANY);
        port->scratch = calloc(1, port->expects.length);
        if (!port->pool || !port->scratch)
                return failed(port, "memory for frames to send", -ENOMEM);
        rte_mempool_obj_iter(port->pool, prepare, &port->sends);
        frame_prepare(&port->expects, port->scratch);
        return 0;
}

static int start_device(struct port *port, struct rte_mempool *rx_pool)
{
        struct rte_eth_conf conf = {};
        int r;

        r = rte_eth_dev_configure(port->id, 1, 1, &conf);
        if (r < 0)
                return failed(port, "configuring the device", r);
        r = rte_eth_rx_queue_setup(port->id, 0, QUEUE_SIZE, SOCKET_ID_ANY, NULL, rx_pool);
        if (r < 0)
                return failed(port, "receive queue", r);
        r = rte_eth_tx_queue_setup(port->id, 0, QUEUE_SIZE, SOCKET_ID_ANY, NULL);
        if (r < 0)
                return failed(port, "transmit queue", r);
        r = rte_eth_dev_start(port->id);
        if (r < 0)
                return failed(port, "starting the device", r);
        return 0;
}

int ports_start(struct port ports[2])
{
        struct rte_mempool *rx_pool;
        int r;

        rx_pool = rte_pktmbuf_pool_create("rx", RX_BUFFERS, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
        if (!rx_pool)
                return failed(&ports[0], "memory to receive", -rte_errno);
        for (unsigned i = 0; i < 2; i++) {
                ports[i].id = i;
                r = make_pool(&ports[i]);
                if (r < 0)
                        return r;
        }
        for (unsigned i = 0; i < 2; i++) {
                r = start_device(&ports[i], rx_pool);
                if (r < 0)
                        return r;
        }
        return 0;
}

void ports_stop(struct port ports[2])
{
        for (unsigned i = 0; i < 2; i++) {
                rte_eth_dev_stop(i);
                rte_eth_dev_close(i);
                free(ports[i].scratch);
                ports[i].scratch = NULL;
        }
}
