/* Sets up the ports of the generator: ethdevs, and pools whose every buffer already holds a frame. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ethdev.h>

#include "port.h"

#define CACHE 256

/* A full queue, what a mempool's cache may hold back, bursts at hand. */
#define TX_BUFFERS 4095
#define RX_BUFFERS 8191

/* Freeing a buffer leaves its bytes as they are: this lasts. */
static void prepare(struct rte_mempool *pool, void *stream, void *object, unsigned index)
{
        frame_prepare(stream, rte_pktmbuf_mtod((struct rte_mbuf *)object, void *));
}

static int failed(uint16_t port, const char *what, int error)
{
        fprintf(stderr, "socle-generator: port %u: %s: %s\n", port, what, strerror(-error));
        return error;
}

static int make_pool(struct port *port)
{
        char name[RTE_MEMPOOL_NAMESIZE];
        uint16_t room = RTE_PKTMBUF_HEADROOM + RTE_ALIGN(port->sends.longest, RTE_CACHE_LINE_SIZE);

        snprintf(name, sizeof(name), "tx%u", port->id);
        port->pool = rte_pktmbuf_pool_create(name, TX_BUFFERS, CACHE, 0, room, SOCKET_ID_ANY);
        port->scratch = calloc(1, port->expects.longest);
        if (!port->pool || !port->scratch)
                return failed(port->id, "memory for frames to send", -ENOMEM);
        rte_mempool_obj_iter(port->pool, prepare, &port->sends);
        frame_prepare(&port->expects, port->scratch);
        return 0;
}

int port_start_device(uint16_t id, struct rte_mempool *rx_pool)
{
        struct rte_eth_conf conf = {};
        int r;

        r = rte_eth_dev_configure(id, 1, 1, &conf);
        if (r < 0)
                return failed(id, "configuring the device", r);
        r = rte_eth_rx_queue_setup(id, 0, QUEUE_SIZE, SOCKET_ID_ANY, NULL, rx_pool);
        if (r < 0)
                return failed(id, "receive queue", r);
        r = rte_eth_tx_queue_setup(id, 0, QUEUE_SIZE, SOCKET_ID_ANY, NULL);
        if (r < 0)
                return failed(id, "transmit queue", r);
        r = rte_eth_dev_start(id);
        if (r < 0)
                return failed(id, "starting the device", r);
        return 0;
}

int ports_start(struct port ports[2])
{
        struct rte_mempool *rx_pool;
        int r;

        rx_pool = rte_pktmbuf_pool_create("rx", RX_BUFFERS, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
        if (!rx_pool)
                return failed(0, "memory to receive", -rte_errno);
        for (unsigned i = 0; i < 2; i++) {
                ports[i].id = i;
                r = make_pool(&ports[i]);
                if (r < 0)
                        return r;
        }
        for (unsigned i = 0; i < 2; i++) {
                r = port_start_device(i, rx_pool);
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

/* What is at hand was not sent yet. */
static uint32_t first_unsent(const struct port *port)
{
        return port->next.number - port->filled;
}

void port_mark(const struct port *sender, struct port *receiver)
{
        receiver->mark = first_unsent(sender);
        receiver->marked = MARKED_MAX;
}

uint32_t port_mark_end(const struct port *sender, struct port *receiver)
{
        receiver->marked = first_unsent(sender) - receiver->mark;
        return receiver->marked;
}
