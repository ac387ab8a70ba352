/* The last step of what a session allows: from its way to the node that takes the packet there. */
#pragma once

#include "headers.h"
#include "node.h"
#include "track.h"

/* The first edges of the nodes that end sessions' packets' way, in this order. */
enum dp_way_edge {
        DP_WAY_TX,
        DP_WAY_ENCAP,
        DP_WAY_WIRE,
        DP_WAY_GSO,
        DP_WAY_TOO_BIG,
        DP_WAY_BRIDGE,
        DP_WAY_DROP,
        DP_WAY_EDGES
};

#define DP_WAY_NEXT_NODES                                                                                              \
        [DP_WAY_TX] = "tx", [DP_WAY_ENCAP] = "encap", [DP_WAY_WIRE] = "wire", [DP_WAY_GSO] = "gso",                    \
        [DP_WAY_TOO_BIG] = "too_big", [DP_WAY_BRIDGE] = "bridge", [DP_WAY_DROP] = "drop"

/* Over the underlay. */
static inline rte_edge_t dp_way_remote(struct rte_mbuf *m, struct dp_meta *meta, const struct dp_session_way *way,
                                       uint16_t ether_len)
{
        const struct dp_network *network = dp_network_get(meta->network);
        bool tunnel = way->out_place == DP_SESSION_TUNNEL;

        if (unlikely(!network))
                return dp_drop(m, SOCLE_DROP_NO_NETWORK, DP_WAY_DROP);
        if (unlikely(meta->flags & DP_META_FROM_WIRE))
                return dp_drop(m, SOCLE_DROP_SPLIT_HORIZON, DP_WAY_DROP);
        if (unlikely(dp_carried_size(m, ether_len) > network->mtu))
                return DP_WAY_TOO_BIG;
        if (tunnel) {
                meta->out = way->out;
                meta->flags |= DP_META_ENCAP;
        }
        if (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG)
                return DP_WAY_GSO;
        return tunnel ? DP_WAY_ENCAP : DP_WAY_WIRE;
}

static __rte_always_inline rte_edge_t dp_way_take(struct rte_mbuf *m, struct dp_session_way way, uint16_t ether_len)
{
        struct dp_meta *meta = dp_meta(m);

        if (unlikely(way.out_place != DP_SESSION_PORT)) {
                if (way.out_place != DP_SESSION_BRIDGE)
                        return dp_way_remote(m, meta, &way, ether_len);
                meta->flags |= DP_META_ADMITTED;
                return DP_WAY_BRIDGE;
        }

        const struct dp_port *port = dp_port_get(way.out);
        meta->out = way.out;
        if (unlikely(!port))
                return dp_drop(m, SOCLE_DROP_PORT_GONE, DP_WAY_DROP);
        if (unlikely(way.out == m->port))
                return dp_drop(m, SOCLE_DROP_SAME_PORT, DP_WAY_DROP);
        if (unlikely(dp_l3_size(m, ether_len) > port->mtu))
                return DP_WAY_TOO_BIG;
        if (unlikely(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG)) {
                uint32_t need = m->ol_flags & RTE_MBUF_F_TX_IPV6 ? DP_TX_TSO6 : DP_TX_TSO4;
                return port->tx_caps & need ? DP_WAY_TX : DP_WAY_GSO;
        }
        return DP_WAY_TX;
}

/* Is the packet, in direction d, just what the session was judged by: policy, where it comes from, MACs, not expired?
 */
static __rte_always_inline bool dp_session_fits(const struct dp_session *session, unsigned int d,
                                                struct dp_session_way way, const struct rte_mbuf *m,
                                                const struct dp_meta *meta, uint32_t generation, uint32_t now_ms)
{
        const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *), *macs = session->macs[d];
        uint16_t in = m->port;
        uint8_t place = DP_SESSION_PORT;
        uint64_t a, b;
        uint32_t c, e;

        if (unlikely(meta->flags & DP_META_FROM_WIRE)) {
                place = meta->tunnel != DP_INDEX_NONE ? DP_SESSION_TUNNEL : DP_SESSION_WIRE;
                if (place == DP_SESSION_TUNNEL)
                        in = meta->tunnel;
        }
        memcpy(&a, frame, sizeof(a));
        memcpy(&b, macs, sizeof(b));
        memcpy(&c, frame + sizeof(a), sizeof(c));
        memcpy(&e, macs + sizeof(b), sizeof(e));
        return (a == b) & (c == e) & (way.in == in) & (way.in_place == place) & way.allowed &
               (session->generation == generation) & !dp_session_expired(session, now_ms);
}
