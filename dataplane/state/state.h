/* All that control publishes and workers read: ports, networks, tunnels, and the tables that find them.
 *
 * Rules: control alone writes; a worker loads a pointer once a packet (or burst) with dp_load() and uses that snapshot;
 * what is unpublished is freed through rcu.h. Networks, tunnels, underlays and flood lists are immutable once
 * published: a change is a new one and a pointer swap, so that a packet sees the old or the new, never a mix.
 * Indices are small dense integers, reused only after a grace period. */
#pragma once

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "counters.h"
#include "map.h"

#define DP_PORT_MAX    4096
#define DP_NETWORK_MAX 16384
#define DP_TUNNEL_MAX  8192
#define DP_INDEX_NONE  UINT16_MAX

struct dp_policy;
struct dp_port;
struct dp_worker;

enum dp_role { DP_ROLE_TENANT, DP_ROLE_UNDERLAY };

/* What a port can take from us as it is; what it cannot is done in software before. */
enum dp_tx_cap {
        DP_TX_L4_CSUM = 1 << 0,
        DP_TX_TSO4 = 1 << 1,
        DP_TX_TSO6 = 1 << 2,
        DP_TX_TUNNEL_CSUM = 1 << 3, /* the L4 checksum inside a VXLAN packet */
};

/* Sends up to n packets from worker `worker`; returns how many (a prefix), which are the callee's then. When it is less
 * than n, *ret_reason may say why the next one was refused (SOCLE_DROP_TX_FULL if untouched); with
 * SOCLE_DROP_TX_ERROR only that one is at fault and the rest may be tried again. */
typedef uint16_t dp_tx_burst(struct dp_port *port, unsigned int worker, struct rte_mbuf **packets, uint16_t n,
                             enum socle_drop *ret_reason);

/* The local end of tunnels on one device. Immutable. */
struct dp_underlay {
        uint16_t udp_port; /* big-endian */
        uint8_t has_vtep4, has_vtep6;
        uint8_t vtep4[4], vtep6[16];
        uint8_t ttl, dscp; /* dscp 255: the inner packet's */
        struct rte_ether_addr mac;
};

struct dp_port {
        /* Read by workers for every burst; written by control, single fields atomically. */
        dp_tx_burst *tx;
        void *io;                     /* of the port type */
        struct dp_underlay *underlay; /* NULL: a tenant's port */
        uint32_t tx_caps;             /* enum dp_tx_cap; written by the port type when the far end changes */
        uint16_t index;
        uint16_t network; /* tenants: index of their network; DP_INDEX_NONE: none */
        uint16_t mtu;
        uint8_t admin_up;
        uint8_t role; /* enum dp_role */
        struct rte_ether_addr mac;
        /* Port security: its packets pass only as dp.policy->ports[index] says; while that is NULL, none does. Set
         * before the device opens. */
        uint8_t secured;
        uint8_t guarded; /* secured, with a group that is `open`: the guard alone decides, no session is needed */
        struct dp_port_counters *counters; /* [worker], written by that worker only */

        /* Read when a session begins. */
        uint32_t session_limit, session_rate_limit; /* 0: none */
};

/* Local ports, tunnels and the wire that broadcast, multicast and flooded frames go to. Immutable. */
struct dp_flood {
        uint16_t port_count, tunnel_count;
        uint16_t targets[]; /* the ports, then the tunnels */
};

/* Immutable but for `secured`. */
struct dp_network {
        uint16_t index;
        uint16_t underlay; /* the port index of its underlay; DP_INDEX_NONE: not there */
        uint16_t mtu;
        uint8_t vlan;    /* 1: a VLAN network, `tag` on the underlay */
        uint8_t flood;   /* 1: learn sources, flood unknown destinations */
        uint8_t secured; /* 1: a port in it is secured and not guarded: what goes to it needs a session; written in
                            place */
        uint32_t tag;    /* VNI or VLAN */
        struct dp_flood *list;
};

#define DP_OUTER_MAX 70 /* Ethernet 14, IPv6 40, UDP 8, VXLAN 8 */

/* The way to a remote VTEP, with the outer headers prebuilt. Immutable: a resolved next hop is a new one. */
struct dp_tunnel {
        uint16_t index;
        uint16_t underlay;    /* port index; DP_INDEX_NONE: not there */
        uint8_t outer_len;    /* 50 or 70; 0: the underlay has no VTEP address of this family */
        uint8_t outer_l3_len; /* 20 or 40 */
        uint8_t resolved;     /* 1: the next hop's MAC is known */
        uint8_t dscp;         /* 255: inherit */
        uint8_t outer[DP_OUTER_MAX];
};

/* What a MAC maps to, packed into a map value. */
enum dp_place { DP_PLACE_PORT = 0, DP_PLACE_TUNNEL = 1, DP_PLACE_WIRE = 2 };

#define DP_LOCATION_LEARNED (1ULL << 3)
/* bit 0: set; 1–2: enum dp_place; 3: learned; 16–31: port or tunnel index; 32–63: last seen, seconds of dp_state.now_s
 */
static inline uint64_t dp_location(enum dp_place place, uint16_t index, bool learned, uint32_t seen_s)
{
        return 1 | (uint64_t)place << 1 | (learned ? DP_LOCATION_LEARNED : 0) | (uint64_t)index << 16 |
               (uint64_t)seen_s << 32;
}

static inline enum dp_place dp_location_place(uint64_t location)
{
        return location >> 1 & 3;
}

static inline uint16_t dp_location_index(uint64_t location)
{
        return location >> 16;
}

struct dp_state {
        struct dp_port *ports[DP_PORT_MAX];
        struct dp_network *networks[DP_NETWORK_MAX];
        struct dp_tunnel *tunnels[DP_TUNNEL_MAX];
        struct dp_map fdb;              /* dp_fdb_key() → dp_location() */
        struct dp_map neigh;            /* dp_neigh_key() → the MAC that answers, dp_neigh_value() */
        struct dp_map segments;         /* dp_segment_key() → network index << 1 | 1 */
        struct dp_map vteps;            /* dp_vtep_key() → tunnel index << 1 | 1 */
        const struct dp_policy *policy; /* policy.h; not NULL once control runs */
        uint32_t now_s;                 /* seconds since start; the control thread's coarse clock */
        unsigned int worker_count;
        struct dp_worker *workers;
};

extern struct dp_state dp;

#define dp_load(p)     __atomic_load_n(&(p), __ATOMIC_ACQUIRE)
#define dp_store(p, v) __atomic_store_n(&(p), (v), __ATOMIC_RELEASE)

static __rte_always_inline uint64_t dp_mac_u64(const struct rte_ether_addr *mac)
{
        uint32_t low;
        uint16_t high;

        /* In two registers: six bytes copied into a 64-bit variable cost a store-forwarding stall a packet. */
        __builtin_memcpy(&low, mac->addr_bytes, sizeof(low));
        __builtin_memcpy(&high, mac->addr_bytes + sizeof(low), sizeof(high));
        return low | (uint64_t)high << 32;
}

static __rte_always_inline uint64_t dp_fdb_key(uint16_t network, const struct rte_ether_addr *mac)
{
        return dp_mac_u64(mac) | (uint64_t)network << 48;
}

#define DP_NEIGH_WORDS 3
static inline void dp_neigh_key(uint64_t key[DP_NEIGH_WORDS], uint16_t network, const uint8_t ip[16])
{
        __builtin_memcpy(key, ip, 16);
        key[2] = network;
}

static inline uint64_t dp_neigh_value(const uint8_t mac[6])
{
        uint64_t value = 0;

        __builtin_memcpy(&value, mac, 6);
        return value << 16 | 1;
}

static inline struct rte_ether_addr dp_neigh_mac(uint64_t value)
{
        struct rte_ether_addr mac;

        value >>= 16;
        __builtin_memcpy(&mac, &value, sizeof(mac));
        return mac;
}

/* An underlay's VNI or VLAN. */
static inline uint64_t dp_segment_key(uint16_t underlay, bool vlan, uint32_t tag)
{
        return (uint64_t)underlay << 48 | (uint64_t)vlan << 32 | tag;
}

#define DP_VTEP_WORDS 3
static inline void dp_vtep_key(uint64_t key[DP_VTEP_WORDS], uint16_t underlay, const uint8_t ip[16])
{
        dp_neigh_key(key, underlay, ip);
}

static inline void dp_ip_mapped(uint8_t ip[16], const void *ipv4)
{
        __builtin_memset(ip, 0, 10);
        ip[10] = ip[11] = 0xff;
        __builtin_memcpy(ip + 12, ipv4, 4);
}
