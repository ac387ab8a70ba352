/* Fragments that came before their datagram's first one: held for a moment, since only that one tells which session
 * they belong to. Bounded: so many a worker, of which one port may hold a quarter. What is held goes through the graph
 * again when a first fragment has come, and every few milliseconds, since that may have been another worker's. */
#pragma once

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

#define DP_FRAGMENTS_HELD_MAX 256
#define DP_FRAGMENTS_WAIT_MS  2000

/* Of one worker; its own. */
struct dp_fragments {
        uint16_t count;
        bool first_came;
        uint32_t retry_ms;
        struct rte_mbuf *held[DP_FRAGMENTS_HELD_MAX];
};

enum dp_fragment { DP_FRAGMENT_HELD, DP_FRAGMENT_NO_ROOM, DP_FRAGMENT_TOO_OLD };

/* HELD: it is the holder's now. */
enum dp_fragment dp_fragments_hold(struct dp_fragments *fragments, struct rte_mbuf *m, uint32_t now_ms);

/* Those that are to be tried again now: up to n of them. */
uint16_t dp_fragments_take(struct dp_fragments *fragments, struct rte_mbuf **packets, uint16_t n, uint32_t now_ms);
