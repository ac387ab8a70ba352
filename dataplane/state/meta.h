/* What travels with a packet through the graph beside its mbuf: 8 bytes in a dynamic field of the mbuf's second line
 * (which receive writes anyway). mbuf->port is the index of the port it came from. */
#pragma once

#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

struct dp_meta {
        uint16_t network; /* index; valid behind bridge and underlay_in */
        uint16_t out;     /* port index for tx, tunnel index for encap; DP_INDEX_NONE: the VLAN's wire */
        uint16_t tunnel;  /* it came from; DP_INDEX_NONE: from a local port or a VLAN */
        uint8_t drop;     /* enum socle_drop, on the way to the drop node */
        uint8_t flags;    /* DP_META_… */
};

#define DP_META_FROM_WIRE (1 << 0) /* came over an underlay: never goes back there (split horizon) */
#define DP_META_ENCAP     (1 << 1) /* gso: `out` is a tunnel */
#define DP_META_COUNT_OUT (1 << 2) /* drop: count at port `out`, which refused it */
#define DP_META_GUARD     (1 << 3) /* bridge: port security looks at it there, no session is needed */
#define DP_META_ADMITTED  (1 << 4) /* its session, or admit, lets it pass */
#define DP_META_CAPTURED  (1 << 6) /* a live trace follows it; mbuf->hash.fdir.hi: dp_capture_mark() */
#define DP_META_HELD      (1 << 5) /* a fragment that has waited; mbuf->hash.usr: until when, on dp_worker.now_ms */

/* Bytes of payload: a sender that asks for smaller TCP segments wants to make us work (536 is the least that every host
 * must take, RFC 9293 3.7.1). */
#define DP_SEGMENT_MIN 256

extern int dp_meta_offset;

int dp_meta_register(void); /* 0 or -errno */

static __rte_always_inline struct dp_meta *dp_meta(struct rte_mbuf *m)
{
        return RTE_MBUF_DYNFIELD(m, dp_meta_offset, struct dp_meta *);
}

static __rte_always_inline const struct dp_meta *dp_meta_const(const struct rte_mbuf *m)
{
        return RTE_MBUF_DYNFIELD(m, dp_meta_offset, const struct dp_meta *);
}

/* A copy of the packet in new buffers, with its metadata. NULL: out of buffers. */
static inline struct rte_mbuf *dp_packet_copy(struct rte_mbuf *m)
{
        struct rte_mbuf *copy = rte_pktmbuf_copy(m, m->pool, 0, UINT32_MAX);

        if (copy)
                *dp_meta(copy) = *dp_meta(m);
        return copy;
}
