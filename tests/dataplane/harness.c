/* See harness.h. */
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_graph_worker.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include "clock.h"
#include "fragments.h"
#include "harness.h"
#include "meta.h"
#include "policy.h"
#include "rcu.h"
#include "table.h"
#include "worker.h"

#define MUST(x) \
        do { \
                if (!(x)) { \
                        fprintf(stderr, "harness: %s failed\n", #x); \
                        abort(); \
                } \
        } while (0)

static struct rte_mempool *pool;
static struct dp_rxq rxqs[HARNESS_PORTS];
static struct rte_mbuf *waiting[HARNESS_PORTS][HARNESS_BURST_MAX];
static unsigned int waiting_count[HARNESS_PORTS];
static struct rte_mbuf *sent[HARNESS_PORTS][HARNESS_SENT_MAX];
static unsigned int sent_count[HARNESS_PORTS];

static uint16_t receive(struct dp_rxq *rxq, struct rte_mbuf **packets, uint16_t n)
{
        unsigned int port = rxq->port->index;

        n = RTE_MIN(n, waiting_count[port]);
        waiting_count[port] -= n;
        memcpy(packets, waiting[port], n * sizeof(packets[0]));
        memmove(waiting[port], waiting[port] + n, waiting_count[port] * sizeof(packets[0]));
        return n;
}

static uint16_t transmit(struct dp_port *port, unsigned int worker, struct rte_mbuf **packets, uint16_t n,
                         enum socle_drop *ret_reason)
{
        uint16_t i;

        for (i = 0; i < n && sent_count[port->index] < HARNESS_SENT_MAX; i++)
                sent[port->index][sent_count[port->index]++] = packets[i];
        return i;
}

struct rte_ether_addr harness_mac(uint8_t n)
{
        return (struct rte_ether_addr){.addr_bytes = {0xfa, 0x16, 0x3e, 0, 0, n}};
}

static void make_port(unsigned int index, uint32_t caps)
{
        struct dp_port *port = rte_zmalloc(NULL, sizeof(*port), 64);

        *port = (struct dp_port){.tx = transmit, .tx_caps = caps, .index = index, .network = 0, .mtu = 1450, .admin_up = 1,
                                 .mac = harness_mac(index + 1)};
        port->counters = rte_zmalloc(NULL, sizeof(*port->counters), 64);
        dp.ports[index] = port;
        rxqs[index] = (struct dp_rxq){.burst = receive, .port = port, .wait_fd = -1, .active = true};
        if (index == HARNESS_UNDERLAY)
                return;

        uint64_t key = dp_fdb_key(0, &port->mac);
        MUST(dp_map_set(&dp.fdb, &key, dp_location(DP_PLACE_PORT, index, false, 0)) == 0);
}

static void make_underlay(void)
{
        struct dp_port *port = dp.ports[HARNESS_UNDERLAY];

        port->role = DP_ROLE_UNDERLAY;
        port->mtu = 1520;
        port->network = DP_INDEX_NONE;
        port->underlay = rte_zmalloc(NULL, sizeof(*port->underlay), 64);
        *port->underlay = (struct dp_underlay){.udp_port = RTE_BE16(4789), .has_vtep4 = 1, .has_vtep6 = 1,
                                               .vtep4 = {192, 0, 2, 1}, .vtep6 = {0xfd, 0, 0, 2, [15] = 1}, .ttl = 64,
                                               .dscp = 255, .mac = port->mac};
}

static void make_tunnel(uint16_t index, bool v6)
{
        struct dp_tunnel *tunnel = rte_zmalloc(NULL, sizeof(*tunnel), 64);
        struct rte_ether_hdr *ether = (void *) tunnel->outer;
        const struct dp_underlay *underlay = dp.ports[HARNESS_UNDERLAY]->underlay;
        struct rte_udp_hdr *udp;
        uint8_t ip[16] = {0xfd, 0, 0, 2, [15] = 2};
        const uint8_t far4[4] = {192, 0, 2, 2};
        uint64_t key[DP_VTEP_WORDS];

        *ether = (struct rte_ether_hdr){.dst_addr = harness_mac(0x80), .src_addr = underlay->mac,
                                        .ether_type = v6 ? RTE_BE16(RTE_ETHER_TYPE_IPV6) : RTE_BE16(RTE_ETHER_TYPE_IPV4)};
        if (v6) {
                struct rte_ipv6_hdr *ip6 = (void *) (ether + 1);
                *ip6 = (struct rte_ipv6_hdr){.vtc_flow = RTE_BE32(6u << 28), .hop_limits = 64, .proto = 17};
                memcpy(ip6->src_addr, underlay->vtep6, 16);
                memcpy(ip6->dst_addr, ip, 16);
                udp = (void *) (ip6 + 1);
        } else {
                struct rte_ipv4_hdr *ip4 = (void *) (ether + 1);
                *ip4 = (struct rte_ipv4_hdr){.version_ihl = 0x45, .time_to_live = 64, .next_proto_id = 17};
                memcpy(&ip4->src_addr, underlay->vtep4, 4);
                memcpy(&ip4->dst_addr, far4, 4);
                udp = (void *) (ip4 + 1);
                dp_ip_mapped(ip, far4);
        }
        udp->dst_port = RTE_BE16(4789);
        ((struct rte_vxlan_hdr *) (udp + 1))->vx_flags = RTE_BE32(0x08000000);
        tunnel->index = index;
        tunnel->underlay = HARNESS_UNDERLAY;
        tunnel->outer_len = v6 ? 70 : 50;
        tunnel->outer_l3_len = v6 ? 40 : 20;
        tunnel->resolved = 1;
        tunnel->dscp = 255;
        dp.tunnels[index] = tunnel;

        dp_vtep_key(key, HARNESS_UNDERLAY, ip);
        MUST(dp_map_set(&dp.vteps, key, (uint64_t) index << 1 | 1) == 0);
        struct rte_ether_addr mac = harness_mac(9 + index);
        uint64_t fdb = dp_fdb_key(0, &mac);
        MUST(dp_map_set(&dp.fdb, &fdb, dp_location(DP_PLACE_TUNNEL, index, false, 0)) == 0);
}

static void make_network(uint16_t index, bool vlan, uint32_t tag, bool with_members)
{
        struct dp_network *network = rte_zmalloc(NULL, sizeof(*network), 64);
        struct dp_flood *list = rte_zmalloc(NULL, sizeof(*list) + 16, 64);

        if (with_members) {
                const uint16_t members[] = {HARNESS_PORT_A, HARNESS_PORT_B, HARNESS_PORT_PLAIN, 0, 1};
                *list = (struct dp_flood){.port_count = 3, .tunnel_count = 2};
                memcpy(list->targets, members, sizeof(members));
        }
        *network = (struct dp_network){.index = index, .underlay = HARNESS_UNDERLAY, .mtu = 1450, .vlan = vlan, .flood = vlan,
                                       .tag = tag, .list = list};
        dp.networks[index] = network;
        uint64_t key = dp_segment_key(HARNESS_UNDERLAY, vlan, tag);
        MUST(dp_map_set(&dp.segments, &key, (uint64_t) index << 1 | 1) == 0);
}

static void make_neighbours(void)
{
        for (uint8_t n = 1; n <= 3; n++) {
                uint8_t ip[16] = {0xfd, [15] = n};
                const uint8_t ip4[4] = {10, 0, 0, n};
                struct rte_ether_addr mac = harness_mac(n);
                uint64_t key[DP_NEIGH_WORDS];
                dp_neigh_key(key, 0, ip);
                MUST(dp_map_set(&dp.neigh, key, dp_neigh_value(mac.addr_bytes)) == 0);
                dp_ip_mapped(ip, ip4);
                dp_neigh_key(key, 0, ip);
                MUST(dp_map_set(&dp.neigh, key, dp_neigh_value(mac.addr_bytes)) == 0);
        }
}

static void make_worker(void)
{
        static const char *patterns[] = {"rx"};
        struct rte_graph_param parameters = {.socket_id = SOCKET_ID_ANY, .nb_node_patterns = 1, .node_patterns = patterns};
        struct dp_worker *worker = rte_zmalloc(NULL, sizeof(*worker), 64);
        struct dp_rxq_list *list = rte_zmalloc(NULL, sizeof(*list) + sizeof(void *) * HARNESS_PORTS, 64);

        worker->fragments = rte_zmalloc(NULL, sizeof(*worker->fragments), 64);
        dp.workers = worker;
        dp.worker_count = 1;
        for (unsigned int i = 0; i < HARNESS_PORTS; i++)
                list->rxqs[list->count++] = &rxqs[i];
        worker->rxqs = list;
        worker->inject = rte_ring_create("inject", 64, SOCKET_ID_ANY, 0);
        worker->punt = rte_ring_create("punt", 64, SOCKET_ID_ANY, 0);
        worker->learn = rte_ring_create_elem("learn", sizeof(struct dp_learn), 64, SOCKET_ID_ANY, 0);
        worker->graph_id = rte_graph_create("worker-0", &parameters);
        worker->graph = rte_graph_lookup("worker-0");
        MUST(worker->inject && worker->punt && worker->learn && worker->graph);
}

void harness_init(void)
{
        const char *arguments[] = {"harness", "--no-huge", "-m", "96", "--no-pci", "--no-shconf", "--no-telemetry", "-l", "0",
                                   "--log-level", "error", "--iova-mode=va", NULL};
        const uint32_t all = DP_TX_L4_CSUM | DP_TX_TSO4 | DP_TX_TSO6 | DP_TX_TUNNEL_CSUM;

        MUST(rte_eal_init(RTE_DIM(arguments) - 1, (char **) arguments) >= 0);
        MUST(dp_meta_register() == 0 && dp_rcu_init(8) == 0);
        pool = rte_pktmbuf_pool_create("packets", 16383, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
        MUST(pool && dp_map_init(&dp.fdb, 1, 64) == 0 && dp_map_init(&dp.neigh, DP_NEIGH_WORDS, 64) == 0);
        dp.policy = rte_zmalloc(NULL, sizeof(struct dp_policy) + sizeof(void *) * DP_PORT_MAX, 64);
        dp_clock_start();
        MUST(dp.policy && dp_session_table_init(HARNESS_SESSIONS, 1) == 0);
        MUST(dp_map_init(&dp.segments, 1, 64) == 0 && dp_map_init(&dp.vteps, DP_VTEP_WORDS, 64) == 0);

        for (unsigned int i = 0; i < HARNESS_PORTS; i++)
                make_port(i, i == HARNESS_PORT_PLAIN ? 0 : all);
        make_underlay();
        make_network(0, false, 100, true);
        make_network(1, true, 7, false);
        make_tunnel(0, false);
        make_tunnel(1, true);
        make_neighbours();
        make_worker();
}

static void release(void *block, void *info)
{
        free(block);
        free(info);
}

struct rte_mbuf *harness_packet(const void *frame, size_t size)
{
        /* The bookkeeping of the attached block is a block of its own, so that nothing lies behind the frame. */
        struct rte_mbuf_ext_shared_info *info = malloc(sizeof(*info));
        struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
        char *block = malloc(RTE_PKTMBUF_HEADROOM + size);

        MUST(m && block && info && size <= UINT16_MAX - RTE_PKTMBUF_HEADROOM);
        memcpy(block + RTE_PKTMBUF_HEADROOM, frame, size);
        *info = (struct rte_mbuf_ext_shared_info){.free_cb = release, .fcb_opaque = info};
        rte_mbuf_ext_refcnt_set(info, 1);
        rte_pktmbuf_attach_extbuf(m, block, 0, RTE_PKTMBUF_HEADROOM + size, info);
        m->data_off = RTE_PKTMBUF_HEADROOM;
        m->data_len = m->pkt_len = size;
        return m;
}

void harness_offer(unsigned int port, struct rte_mbuf **packets, unsigned int n)
{
        MUST(n <= HARNESS_BURST_MAX);
        memcpy(waiting[port], packets, n * sizeof(packets[0]));
        waiting_count[port] = n;
}

void harness_receive_burst(unsigned int port, struct rte_mbuf **packets, unsigned int n)
{
        harness_offer(port, packets, n);
        for (int i = 0; i < 2; i++)
                harness_walk();
}

void harness_walk(void)
{
        rte_graph_walk(dp.workers->graph);
        rte_rcu_qsbr_quiescent(dp_rcu, 0);
        dp_session_reclaim(0);
}

void harness_receive(unsigned int port, struct rte_mbuf *packet)
{
        harness_receive_burst(port, &packet, 1);
}

unsigned int harness_sent_count(unsigned int port)
{
        return sent_count[port];
}

struct rte_mbuf *harness_sent(unsigned int port, unsigned int i)
{
        return sent[port][i];
}

void harness_clear(void)
{
        struct rte_mbuf *m;
        struct dp_learn event;

        for (unsigned int p = 0; p < HARNESS_PORTS; p++) {
                rte_pktmbuf_free_bulk(sent[p], sent_count[p]);
                sent_count[p] = 0;
                memset(dp.ports[p]->counters, 0, sizeof(*dp.ports[p]->counters));
        }
        while (rte_ring_dequeue(dp.workers->punt, (void **) &m) == 0)
                rte_pktmbuf_free(m);
        while (rte_ring_dequeue_elem(dp.workers->learn, &event, sizeof(event)) == 0)
                ;
}

uint64_t harness_drops(unsigned int port, enum socle_drop reason)
{
        return dp.ports[port]->counters->drops[reason];
}

uint64_t harness_all_drops(void)
{
        uint64_t total = 0;

        for (unsigned int p = 0; p < HARNESS_PORTS; p++)
                for (unsigned int d = 0; d < SOCLE_DROP_COUNT; d++)
                        total += harness_drops(p, d);
        return total;
}

uint64_t harness_punted(void)
{
        return rte_ring_count(dp.workers->punt);
}

unsigned int harness_leaked(void)
{
        return rte_mempool_in_use_count(pool);
}

struct rte_mempool *harness_pool(void)
{
        return pool;
}
