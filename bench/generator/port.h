/* A port of the generator: a virtio-user device, the frames it sends, and what it counts. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "delay.h"
#include "frame.h"
#include "pace.h"
#include "talk.h"

#define BURST      32
#define QUEUE_SIZE 1024
#define MARKED_MAX 0xf0000000U /* frames that one measurement may send: numbers have 32 bits */

/* All since the start. The timed ones are for what a packet costs the generator itself: turns whose whole burst was
 * taken (or received), in clocks of the TSC. */
#define COUNTERS(x)                                                                                                    \
        x(TX, tx) x(TX_REFUSED, tx_refused) /* offered, and the queue had no room; offered again in the next turn */   \
                x(RX, rx)                   /* right or wrong */                                                       \
                x(RX_BYTES, rx_bytes)       /* without FCS */                                                          \
                x(WRONG_MAC, wrong_mac) x(WRONG_LENGTH, wrong_length) x(WRONG_CONTENT, wrong_content)                  \
                        x(REORDERED, reordered) /* came behind a later frame of the same flow, or twice */             \
                x(RX_MARKED, rx_marked)         /* sent within the measured time; see port_mark() */                   \
                x(TX_CLOCKS, tx_clocks) x(TX_TIMED, tx_timed) x(RX_CLOCKS, rx_clocks) x(RX_TIMED, rx_timed)

#define COUNTER_ID(id, name) COUNT_##id,
enum { COUNTERS(COUNTER_ID) COUNTER_COUNT };

struct counters {
        uint64_t value[COUNTER_COUNT];
};

struct port {
        uint16_t id;                   /* ethdev, and which of the two we are */
        uint16_t filled;               /* of `burst` */
        uint8_t turn;                  /* of the stream's pattern */
        struct rte_mbuf *burst[BURST]; /* to be sent next, written */
        struct rte_mempool *pool;      /* of frames prepared for `sends` */
        struct stream sends, expects;  /* the other port's */
        struct sequence {
                uint32_t number, flow; /* of the frame; flows take turns */
        } next, expected;
        uint32_t mark, marked; /* of what comes in: `marked` numbers from `mark` on are of the measured time */
        struct pace pace;
        struct talk *talks;        /* by flow, of both ports; NULL: UDP */
        struct delay *delay;       /* of what this port sends; NULL: not measured */
        struct delay *arrivals;    /* the other port's `delay` */
        uint64_t not_before;       /* TSC: frames that were under way in a pause of ours tell no delay */
        uint64_t last_rx, silence; /* TSC; longest time between two arrivals */
        struct counters counters;
        struct frame *scratch; /* a frame of `expects`, to compare with */
};

/* Sets up the two ethdevs 0 and 1, which EAL has made. 0 or -errno, after saying what failed. `ports` is zeroed but for
 * the streams. */
int ports_start(struct port ports[2]);

/* A device without frames of its own, for relay.h: configured with one pair of queues, and started. 0 or -errno. */
int port_start_device(uint16_t id, struct rte_mempool *rx_pool);

void ports_stop(struct port ports[2]);

/* From now on until port_mark_end(), what this port sends is counted at the other one as RX_MARKED. */
void port_mark(const struct port *sender, struct port *receiver);
/* How many frames were sent in between. */
uint32_t port_mark_end(const struct port *sender, struct port *receiver);

/* Offers a burst as far as the pace allows, then takes what has come. The per-packet code; it neither blocks nor
 * allocates but from the pool. True when it sent or received something. */
bool port_turn(struct port *port, bool send);

/* The generator itself was not running until now: what it would measure of that time is not the switch's. */
void port_paused(struct port *port, uint64_t now);

static inline void port_set_length(struct rte_mbuf *mbuf, uint16_t length)
{
        mbuf->data_len = length;
        mbuf->pkt_len = length;
}
