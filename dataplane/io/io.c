/* The registry of port types, and how they reach the control thread. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_lcore.h>

#include "io.h"

const char *dp_io_state_dir = "/run/socle";

static const struct dp_io_ops *registry[8];

void dp_io_register(struct dp_io_ops *ops)
{
        if (ops->device < RTE_DIM(registry))
                registry[ops->device] = ops;
}

const struct dp_io_ops *dp_io_find(uint32_t device)
{
        return device < RTE_DIM(registry) ? registry[device] : NULL;
}

void dp_io_sweep(void)
{
        for (unsigned int i = 0; i < RTE_DIM(registry); i++)
                if (registry[i] && registry[i]->sweep)
                        registry[i]->sweep();
}

int dp_io_notify_fd(void)
{
        static int fd = -1;

        if (fd < 0)
                fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        return fd;
}

void dp_io_notify(struct dp_io *io)
{
        __atomic_store_n(&io->changed, true, __ATOMIC_RELEASE);
        eventfd_write(dp_io_notify_fd(), 1);
}

void dp_io_refuse(struct dp_port *port, uint32_t bytes)
{
        struct dp_worker *worker = &dp.workers[rte_lcore_id() - 1]; /* worker N is lcore N + 1, see eal.c */
        struct dp_port_counters *counters = &port->counters[worker->index];

        counters->rx_packets++;
        counters->rx_bytes += bytes;
        counters->drops[SOCLE_DROP_RX_OFFLOAD]++;
        worker->packets++;
        worker->drops[SOCLE_DROP_RX_OFFLOAD]++;
}

void dp_rxq_unwatch(struct dp_rxq *rxq)
{
        if (rxq->wait_fd >= 0 && rxq->worker != DP_INDEX_NONE)
                epoll_ctl(dp.workers[rxq->worker].epoll_fd, EPOLL_CTL_DEL, rxq->wait_fd, NULL);
}

int dp_io_fail(struct dp_io_error *error, int error_number, const char *format, ...)
{
        va_list args;

        error->error = error_number;
        va_start(args, format);
        vsnprintf(error->text, sizeof(error->text), format, args);
        va_end(args);
        return -error_number;
}
