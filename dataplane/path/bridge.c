/* The switching decision: one look-up of (network, destination MAC) a packet, a burst at a time. Learns sources where
 * the network floods; answers nothing itself. What goes to a port with security groups, and comes from one without,
 * is sent to its session. */
#include "decide.h"
#include "guard.h"
#include "headers.h"
#include "node.h"

enum {
        EDGE_TX,
        EDGE_ENCAP,
        EDGE_WIRE,
        EDGE_GSO,
        EDGE_FLOOD,
        EDGE_NEIGH,
        EDGE_TOO_BIG,
        EDGE_SESSION,
        EDGE_DROP,
        EDGE_COUNT
};

/* 01:80:c2:00:00:00 … 0f: never forwarded by a bridge (IEEE 802.1Q table 8-1). */
static bool is_reserved(const struct rte_ether_addr *mac)
{
        return (dp_mac_u64(mac) & 0xf0ffffffffffULL) == 0x0000c28001ULL;
}

/* Tells control where a source is, unless the table says so already; keeps an entry in use from ageing. */
static void learn(struct dp_worker *worker, const struct dp_network *network, const struct rte_mbuf *m,
                  const struct dp_meta *meta, const struct rte_ether_addr *source)
{
        uint64_t key = dp_fdb_key(network->index, source);
        const struct dp_map_table *table = dp_map_table(&dp.fdb);
        uint64_t *slot = dp_map_find(table, &key, dp_map_hash(&key, 1), 1);
        uint64_t known = slot ? __atomic_load_n(slot, __ATOMIC_RELAXED) : 0;
        uint64_t seen;

        if (meta->tunnel != DP_INDEX_NONE)
                seen = dp_location(DP_PLACE_TUNNEL, meta->tunnel, true, dp.now_s);
        else if (meta->flags & DP_META_FROM_WIRE)
                seen = dp_location(DP_PLACE_WIRE, 0, true, dp.now_s);
        else
                seen = dp_location(DP_PLACE_PORT, m->port, true, dp.now_s);

        if (known == seen || (known & 1 && !(known & DP_LOCATION_LEARNED)))
                return; /* fresh, or declared: intent wins */
        if (known & 1 && (uint32_t)known == (uint32_t)seen) {
                __atomic_compare_exchange_n(slot, &known, seen, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
                return;
        }
        struct dp_learn event = {.key = key, .location = seen};
        rte_ring_sp_enqueue_elem(worker->learn, &event, sizeof(event)); /* full: the next packet tries again */
        worker->notify = true;
}

/* Broadcast and multicast. */
static rte_edge_t group(struct rte_mbuf *m, const struct dp_meta *meta, const struct rte_ether_hdr *ether)
{
        if (is_reserved(&ether->dst_addr))
                return dp_drop(m, SOCLE_DROP_RESERVED_MAC, EDGE_DROP);
        if (!(meta->flags & DP_META_FROM_WIRE) &&
            (ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_ARP) || ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV6)))
                return EDGE_NEIGH;
        return EDGE_FLOOD;
}

static rte_edge_t to_port(struct rte_mbuf *m, struct dp_meta *meta, uint16_t index, uint16_t ether_len)
{
        const struct dp_port *port = dp_port_get(index);

        meta->out = index;
        if (unlikely(index == m->port))
                return dp_drop(m, SOCLE_DROP_SAME_PORT, EDGE_DROP);
        if (unlikely(!port))
                return dp_drop(m, SOCLE_DROP_PORT_GONE, EDGE_DROP);
        if (unlikely(__atomic_load_n(&port->secured, __ATOMIC_RELAXED) &
                     !__atomic_load_n(&port->guarded, __ATOMIC_RELAXED)) &&
            !(meta->flags & DP_META_ADMITTED))
                return EDGE_SESSION;
        if (unlikely(dp_l3_size(m, ether_len) > port->mtu))
                return EDGE_TOO_BIG;
        if (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) {
                uint32_t need = m->ol_flags & RTE_MBUF_F_TX_IPV6 ? DP_TX_TSO6 : DP_TX_TSO4;
                return port->tx_caps & need ? EDGE_TX : EDGE_GSO;
        }
        return EDGE_TX;
}

static rte_edge_t unknown(struct rte_mbuf *m, const struct dp_meta *meta, const struct dp_network *network,
                          uint16_t ether_len)
{
        if (network->flood)
                return unlikely(dp_carried_size(m, ether_len) > network->mtu) ? EDGE_TOO_BIG : EDGE_FLOOD;
        /* A VLAN network's wire leads to everything that is not here. */
        if (network->vlan && !(meta->flags & DP_META_FROM_WIRE)) {
                if (unlikely(dp_carried_size(m, ether_len) > network->mtu))
                        return EDGE_TOO_BIG;
                return m->ol_flags & RTE_MBUF_F_TX_TCP_SEG ? EDGE_GSO : EDGE_WIRE;
        }
        return dp_drop(m, SOCLE_DROP_UNKNOWN_MAC, EDGE_DROP);
}

/* Port security of a port whose groups allow everything. */
static __rte_always_inline enum socle_drop guard(const struct rte_mbuf *m)
{
        const struct dp_port_policy *port = dp_load(dp.policy)->ports[m->port];
        bool trusted;

        if (unlikely(!port))
                return SOCLE_DROP_SG_EGRESS; /* its policy is not here yet */
        if (likely(m->data_len >= DP_GUARD_QUICK_MIN && dp_guard_quick(port, rte_pktmbuf_mtod(m, const uint8_t *))))
                return SOCLE_DROP_COUNT;
        return dp_guard_check(port, m, &trusted);
}

/* `dry`, a constant at every call: nothing is learned. */
static __rte_always_inline rte_edge_t decide(struct dp_worker *worker, struct rte_mbuf *m, uint64_t location, bool dry)
{
        struct dp_meta *meta = dp_meta(m);
        const struct dp_network *network = dp_network_get(meta->network);
        const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
        uint16_t type, ether_len = dp_ether_len(m, &type);

        if (unlikely(!network))
                return dp_drop(m, SOCLE_DROP_NO_NETWORK, EDGE_DROP);
        if (unlikely(ether_len == 0))
                return dp_drop(m, SOCLE_DROP_MALFORMED, EDGE_DROP);
        if (meta->flags & DP_META_GUARD) {
                enum socle_drop refused = guard(m);
                if (unlikely(refused != SOCLE_DROP_COUNT))
                        return dp_drop(m, refused, EDGE_DROP);
        }
        if (!dry && network->flood && rte_is_unicast_ether_addr(&ether->src_addr))
                learn(worker, network, m, meta, &ether->src_addr);
        if (unlikely(rte_is_multicast_ether_addr(&ether->dst_addr)))
                return group(m, meta, ether);
        if (unlikely(!(location & 1)))
                return unknown(m, meta, network, ether_len);
        if (likely(dp_location_place(location) == DP_PLACE_PORT))
                return to_port(m, meta, dp_location_index(location), ether_len);

        if (unlikely(meta->flags & DP_META_FROM_WIRE))
                return dp_drop(m, SOCLE_DROP_SPLIT_HORIZON, EDGE_DROP);
        if (unlikely(dp_carried_size(m, ether_len) > network->mtu))
                return EDGE_TOO_BIG;

        bool tunnel = dp_location_place(location) == DP_PLACE_TUNNEL;
        if (tunnel) {
                meta->out = dp_location_index(location);
                meta->flags |= DP_META_ENCAP;
        }
        if (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG)
                return EDGE_GSO;
        return tunnel ? EDGE_ENCAP : EDGE_WIRE;
}

#define BATCH 16

/* Look-ups of a batch in three passes, so that their cache misses overlap: keys, slots, decisions. */
static uint16_t bridge_process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
        struct dp_worker *worker = dp_node_worker(node);
        const struct dp_map_table *table = dp_map_table(&dp.fdb);
        struct dp_run run = {0};
        uint64_t keys[BATCH];
        uint32_t hashes[BATCH];

        for (uint16_t base = 0; base < n; base += BATCH) {
                uint16_t count = RTE_MIN(n - base, BATCH);
                for (uint16_t i = 0; i < count; i++) {
                        struct rte_mbuf *m = objs[base + i];
                        keys[i] = 0; /* a runt's: it is dropped before its location matters */
                        if (likely(m->data_len >= sizeof(struct rte_ether_hdr)))
                                keys[i] = dp_fdb_key(dp_meta(m)->network,
                                                     rte_pktmbuf_mtod(m, const struct rte_ether_addr *));
                        hashes[i] = dp_map_hash(&keys[i], 1);
                        rte_prefetch0(dp_map_slot(table, hashes[i], 1));
                }
                for (uint16_t i = 0; i < count; i++) {
                        const uint64_t *slot = dp_map_find(table, &keys[i], hashes[i], 1);
                        uint64_t location = slot ? __atomic_load_n(slot, __ATOMIC_RELAXED) : 0;
                        dp_run_add(graph, node, &run, objs, base + i, decide(worker, objs[base + i], location, false));
                }
        }
        dp_run_flush(graph, node, &run, objs, n);
        return n;
}

static struct rte_node_register bridge_node = {
        .name = "bridge",
        .init = dp_node_init,
        .process = bridge_process,
        .nb_edges = EDGE_COUNT,
        .next_nodes = {[EDGE_TX] = "tx",
                       [EDGE_ENCAP] = "encap",
                       [EDGE_WIRE] = "wire",
                       [EDGE_GSO] = "gso",
                       [EDGE_FLOOD] = "flood",
                       [EDGE_NEIGH] = "neigh",
                       [EDGE_TOO_BIG] = "too_big",
                       [EDGE_SESSION] = "session",
                       [EDGE_DROP] = "drop"},
};
RTE_NODE_REGISTER(bridge_node);

const char *dp_bridge_next(struct rte_mbuf *m)
{
        uint64_t key = 0, location;

        if (m->data_len >= sizeof(struct rte_ether_hdr))
                key = dp_fdb_key(dp_meta(m)->network, rte_pktmbuf_mtod(m, const struct rte_ether_addr *));
        location = dp_map_get(&dp.fdb, &key, 1);
        return bridge_node.next_nodes[decide(NULL, m, location, true)];
}
