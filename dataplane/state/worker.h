/* A worker, as the path and control see it: what it polls, the rings between it and control, its load. */
#pragma once

#include <rte_graph.h>
#include <rte_ring.h>

#include "state.h"

struct dp_rxq;

/* A receive queue of a port: served by one worker at a time. The struct belongs to the port type. */
struct dp_rxq {
        /* Takes up to n waiting packets. Called by the serving worker only. */
        uint16_t (*burst)(struct dp_rxq *rxq, struct rte_mbuf **packets, uint16_t n);
        /* Before sleep: asks the far end to raise wait_fd from now on. true: packets are waiting already. NULL: wait_fd
         * needs no asking. */
        bool (*arm)(struct dp_rxq *rxq);
        /* After sleep: no need to raise it any more. NULL: nothing to do. */
        void (*disarm)(struct dp_rxq *rxq);
        struct dp_port *port;
        void *io;
        uint16_t queue;
        uint16_t numa_node; /* of its device or guest memory; DP_INDEX_NONE: any */
        /* Control's: which worker serves it, the fd that says "packets wait" (-1: none yet; it may change), and
         * whether it tells of each new packet but is never read empty (a guest's kick). */
        uint16_t worker; /* DP_INDEX_NONE: not served */
        bool active;     /* someone is at the other end: worth polling */
        bool poll_only;  /* nothing to wait on: the worker naps instead of sleeping */
        bool edge;
        int wait_fd;
        uint64_t worker_mask;  /* allowed; 0: all */
        uint64_t seen_packets; /* at control's last look */
        bool costly;           /* a poll is a system call: only made when epoll says that packets wait */
        bool cold;             /* the device wrote the packets, not this CPU: their headers are worth a prefetch */
        /* The serving worker's */
        bool ready; /* costly queues: packets wait, or did at the last poll */
        uint64_t packets;
};

/* What a worker polls. Immutable. */
struct dp_rxq_list {
        uint16_t count;
        bool poll_only; /* holds a queue without a wait_fd */
        bool costly;    /* holds a queue that is polled by system calls */
        struct dp_rxq *rxqs[];
};

/* A source seen by a worker in a learning network, for control to put into the table. */
struct dp_learn {
        uint64_t key;      /* dp_fdb_key() */
        uint64_t location; /* dp_location() */
};

/* Where the clocks go that rte_graph's counters of the nodes cannot tell apart: rounds of rx that found packets from
 * those that polled in vain, and the devices' functions from our own. TSC. */
struct dp_worker_perf {
        uint64_t rx_rounds, rx_packets; /* rounds that found packets, or injections; and these */
        uint64_t rx_tsc;                /* spent in such rounds */
        uint64_t rx_io_tsc;             /* of it, inside the devices' burst functions, empty polls of such rounds too */
        uint64_t tx_io_tsc;             /* inside the devices' transmit functions */
};

struct dp_worker {
        /* control's, read by the worker */
        struct dp_rxq_list *rxqs;
        struct rte_ring *inject; /* control → worker: packets ready for tx (mbuf*) */
        struct rte_ring *punt;   /* worker → control: packets for the VTEP itself (mbuf*) */
        struct rte_ring *learn;  /* worker → control: struct dp_learn */
        unsigned int index;
        unsigned int lcore;
        int wake_fd;  /* eventfd: ends its sleep */
        int epoll_fd; /* its rxqs' wait_fds and wake_fd */
        struct rte_graph *graph;
        rte_graph_t graph_id;
        uint32_t numa_node;

        /* the worker's own; control reads */
        uint64_t packets __rte_cache_aligned; /* received */
        uint64_t busy_tsc, poll_tsc, sleep_tsc;
        struct dp_worker_perf perf;
        uint64_t wakeups;
        uint64_t drops[SOCLE_DROP_COUNT];
        uint32_t budget; /* copies and segments that this round may still make */
        uint32_t cpu;
        uint32_t now_ms; /* since start, from the TSC; once a round */
        uint32_t reserved;
        struct dp_fragments *fragments; /* held; path's */
        bool notify;                    /* something is in a ring for control: told once a round, outside the graph */
};
