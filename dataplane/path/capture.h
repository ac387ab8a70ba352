/* Captures, as workers see them: a set of at most eight behind one pointer that is NULL nearly always, looked at once a
 * burst. What a capture wants is copied into its own buffers and its own ring of the worker: neither can take anything
 * from forwarding, and what does not fit is counted as missed. Control (observe/captures.c) publishes sets, drains the
 * rings, and frees a capture after a grace period. */
#pragma once

#include "node.h"

#define DP_CAPTURE_MAX 8

enum dp_capture_mode {
        DP_CAPTURE_PORT,  /* what is received from and sent to a port */
        DP_CAPTURE_DROPS, /* what is dropped */
        DP_CAPTURE_TRACE, /* what is received from a port, and what becomes of just that */
};

/* In the private area of a copy. */
struct dp_captured {
        uint64_t tsc;
        uint32_t now_ms; /* the worker's clock then, by which it also dates sessions: it stands still for a round */
        uint32_t length; /* of the frame; the copy may be shorter */
        uint32_t packet; /* TRACE: which one */
        uint16_t port;   /* index */
        uint8_t how;     /* enum wire_captured_how */
        uint8_t drop;    /* enum socle_drop */
};

/* Packets of one flow, in either direction. */
struct dp_capture_filter {
        uint8_t family;    /* 4, 6; 0: all packets */
        uint8_t protocol;  /* 0: any */
        uint16_t port[2];  /* 0: any */
        uint8_t ip[2][16]; /* all zero: any */
};

struct dp_capture {
        /* Immutable once published. */
        enum dp_capture_mode mode;
        uint16_t port; /* index; DP_INDEX_NONE: any */
        uint8_t slot;
        uint32_t snap; /* bytes copied at most */
        uint32_t max_packets;
        struct dp_capture_filter filter;
        struct rte_mempool *pool; /* single buffers' worth of dp_captured in front */

        bool closed;    /* control's: takes nothing new */
        uint32_t taken; /* workers', atomic: copies; TRACE: packets received */
        struct dp_capture_worker {
                struct rte_ring *ring; /* copies for control */
                uint64_t missed;       /* the worker's */
        } __rte_cache_aligned workers[];
};

/* Immutable. */
struct dp_capture_set {
        uint16_t count;
        struct dp_capture *captures[DP_CAPTURE_MAX];
};

extern const struct dp_capture_set *dp_captures; /* NULL: none */

static __rte_always_inline struct dp_captured *dp_captured(struct rte_mbuf *copy)
{
        return rte_mbuf_to_priv(copy);
}

/* Just received from `port`; marks those that a TRACE follows. */
void dp_capture_received(const struct dp_capture_set *set, struct dp_worker *worker, const struct dp_port *port,
                         struct rte_mbuf **packets, uint16_t n);

/* As port->tx(), and captures what was really sent. */
uint16_t dp_capture_transmit(const struct dp_capture_set *set, struct dp_worker *worker, struct dp_port *port,
                             struct rte_mbuf **packets, uint16_t n, enum socle_drop *ret_reason);

/* Dropped on account of the port with this index. */
void dp_capture_dropped(const struct dp_capture_set *set, struct dp_worker *worker, struct rte_mbuf *m, uint16_t port,
                        enum socle_drop reason);
