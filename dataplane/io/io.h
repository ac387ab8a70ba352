/* Port types behind one small struct of functions. Only this folder knows vhost, tap, packet sockets and PMDs; the rest
 * of the dataplane sees receive queues (dp_rxq) and a transmit function (dp_tx_burst).
 *
 * All functions run on the control thread, but for rxq->burst/arm/disarm and port->tx, which run on workers. */
#pragma once

#include "socle/wire.h"
#include "worker.h"

#define DP_IO_QUEUES_MAX 16

struct dp_io_error {
        int error; /* errno; 0: none */
        char text[WIRE_TEXT_SIZE];
};

struct dp_io;

struct dp_io_ops {
        uint32_t device; /* enum wire_device */
        const char *name;
        /* Opens the device and fills io->tx, port->tx_caps, io->rxqs. 0, or -errno with words. */
        int (*open)(struct dp_io *io, const struct wire_attachment *attachment, struct dp_io_error *error);
        /* The workers let go of it one grace period ago. Frees all. NULL-safe fields of a failed open included. */
        void (*close)(struct dp_io *io);
        /* After a notification, and once a second: updates io->connected, link, features, error, rxqs[].active and
         * wait_fd. true: something changed. */
        bool (*refresh)(struct dp_io *io);
        /* The object was deleted for good, not only closed: takes away what outlives the process. NULL: nothing. */
        void (*remove)(const struct wire_attachment *attachment);
        /* All objects are known for the first time in this life of the process: takes away what an earlier one left and
         * nobody wants any more. NULL: nothing. */
        void (*sweep)(void);
};

struct dp_io {
        const struct dp_io_ops *ops;
        struct dp_port *port;
        struct rte_mempool *pool;
        dp_tx_burst *tx; /* published in port->tx when the device is open */
        void *priv;      /* of the port type */
        struct dp_rxq rxqs[DP_IO_QUEUES_MAX];
        uint16_t rxq_count;
        uint16_t mtu;              /* wanted, of IP packets */
        struct rte_ether_addr mac; /* tenant: wanted; underlay: found */
        bool link, connected;
        bool broken;     /* set by workers or callbacks: the device is gone; closed and opened again */
        bool changed;    /* set by workers or callbacks: refresh is due */
        uint16_t queues; /* queue pairs in use */
        uint64_t features;
};

/* The provider of a device type, or NULL. */
const struct dp_io_ops *dp_io_find(uint32_t device);
void dp_io_register(struct dp_io_ops *ops);

#define DP_IO_REGISTER(variable)                                                                                       \
        __attribute__((constructor)) static void register_##variable(void)                                             \
        {                                                                                                              \
                dp_io_register(&variable);                                                                             \
        }

/* Every port type's sweep. */
void dp_io_sweep(void);

/* Tells the control thread that io->changed or io->broken was set; callable from any thread but a busy worker's path
 * more than once an incident. */
void dp_io_notify(struct dp_io *io);

/* An eventfd that becomes readable by dp_io_notify(). */
int dp_io_notify_fd(void);

/* Counts a frame that was received and cannot be used, since what it asks for does not fit it. On workers. */
void dp_io_refuse(struct dp_port *port, uint32_t bytes);

/* Takes rxq->wait_fd out of its worker's sleep; before the fd is closed. */
void dp_rxq_unwatch(struct dp_rxq *rxq);

/* Fills *error and returns -error_number. */
int dp_io_fail(struct dp_io_error *error, int error_number, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Where the port types keep what must outlive the process (--state-dir). */
extern const char *dp_io_state_dir;
