/* A port of the generator: a virtio-user device, the frames it sends, and what it counts. */
#pragma once

#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "frame.h"

#define BURST      32
#define QUEUE_SIZE 1024

/* All since the start. The timed ones are for what a packet costs the generator itself: turns whose whole burst was
 * taken (or received), in clocks of the TSC. */
#define COUNTERS(x)                                                                                                    \
        x(TX, tx) x(TX_REFUSED, tx_refused) /* offered, and the queue had no room; offered again in the next turn */   \
                x(RX, rx)                   /* right or wrong */                                                       \
                x(RX_BYTES, rx_bytes)       /* without FCS */                                                          \
                x(WRONG_MAC, wrong_mac) x(WRONG_LENGTH, wrong_length) x(WRONG_CONTENT, wrong_content)                  \
                        x(TX_CLOCKS, tx_clocks) x(TX_TIMED, tx_timed) x(RX_CLOCKS, rx_clocks) x(RX_TIMED, rx_timed)

#define COUNTER_ID(id, name) COUNT_##id,
enum { COUNTERS(COUNTER_ID) COUNTER_COUNT };

struct counters {
        uint64_t value[COUNTER_COUNT];
};

struct port {
        uint16_t id;     /* ethdev */
        uint16_t filled; /* of `burst` */
        uint32_t next_flow;
        struct rte_mbuf *burst[BURST]; /* to be sent next; their flows are set */
        struct rte_mempool *pool;      /* of frames prepared for `sends` */
        struct stream sends, expects;  /* the other port's */
        struct counters counters;
        struct frame *scratch; /* a frame of `expects`, to compare with */
};

/* Sets up the two ethdevs 0 and 1, which EAL has made. 0 or -errno, after saying what failed. `ports` is zeroed. The
 * streams are set. */
int ports_start(struct port ports[2]);

void ports_stop(struct port ports[2]);

/* Offers a burst, then takes what has come. The per-packet code; it neither blocks nor allocates but from the pool. */
void port_turn(struct port *port);
