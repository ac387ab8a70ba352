/* What the packets' way costs without any device: clocks a packet in each node of the graph, for conversations between
 * two ports, in bursts, each packet of another conversation. Run by `meson benchmark`; the figures are this machine's.
 *
 *      bench-path [udp|tcp|l2] [CONVERSATIONS] [SECONDS]
 *
 * Frames are written into their buffers as a guest's would be copied there, and the time that takes is not counted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_graph_worker.h>

#include "clock.h"
#include "harness_policy.h"
#include "headers.h"
#include "table.h"
#include "worker.h"

#define BURST 64
#define SLICE 256 /* rounds */

struct frame {
        struct rte_ether_hdr ether;
        struct rte_ipv4_hdr ip;
        union {
                struct rte_udp_hdr udp;
                struct rte_tcp_hdr tcp;
        };
} __rte_packed __rte_aligned(2);

static struct rte_mbuf *buffers[2][2 * BURST];
static unsigned int buffer_count[2];
static uint32_t conversations = 65536, next[2];
static bool tcp;
static uint32_t established; /* conversations whose handshake is through: none, then all */
static uint32_t asked;       /* those whose first packet was sent in an earlier round: only they are answered */

/* Segment number `step` of a conversation: SYN, SYN+ACK, ACK, then plain ACKs. */
static void fill_tcp(struct rte_tcp_hdr *header, unsigned int port, bool begin)
{
        *header = (struct rte_tcp_hdr){
                .sent_seq = rte_cpu_to_be_32(port == 0 ? 1000 + !begin : 9000 + !begin),
                .recv_ack = begin && port == 0 ? 0 : rte_cpu_to_be_32(port == 0 ? 9001 : 1001),
                .data_off = 0x50,
                .tcp_flags = begin ? RTE_TCP_SYN_FLAG | (port ? RTE_TCP_ACK_FLAG : 0) : RTE_TCP_ACK_FLAG,
                .rx_win = RTE_BE16(64000),
        };
}

static void fill(struct rte_mbuf *m, unsigned int port, uint32_t number, bool begin)
{
        struct frame *frame = rte_pktmbuf_mtod(m, struct frame *);
        rte_be32_t client = rte_cpu_to_be_32(0x0a000000 | (number >> 12)), server = RTE_BE32(0x0a640001);
        rte_be16_t from = rte_cpu_to_be_16(1024 + (number & 4095)), to = RTE_BE16(80);

        frame->ether = (struct rte_ether_hdr){.dst_addr = harness_mac(port == 0 ? 2 : 1),
                                              .src_addr = harness_mac(port == 0 ? 1 : 2),
                                              .ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4)};
        frame->ip = (struct rte_ipv4_hdr){.version_ihl = 0x45,
                                          .total_length = RTE_BE16(46),
                                          .time_to_live = 64,
                                          .next_proto_id = tcp ? IPPROTO_TCP : IPPROTO_UDP,
                                          .src_addr = port == 0 ? client : server,
                                          .dst_addr = port == 0 ? server : client};
        if (tcp)
                fill_tcp(&frame->tcp, port, begin);
        frame->udp.src_port = port == 0 ? from : to;
        frame->udp.dst_port = port == 0 ? to : from;
        if (!tcp)
                frame->udp.dgram_len = RTE_BE16(26);
        m->data_len = m->pkt_len = 60;
        m->ol_flags = 0;
}

static uint16_t receive(struct dp_rxq *rxq, struct rte_mbuf **packets, uint16_t n)
{
        unsigned int port = rxq->port->index;

        n = RTE_MIN(n, buffer_count[port]);
        if (port == 1 && established == 0)
                n = RTE_MIN(n, asked - next[1]);
        else if (established == 0 && next[0] == 0 && asked == conversations)
                n = 0;
        for (uint16_t i = 0; i < n; i++) {
                packets[i] = buffers[port][--buffer_count[port]];
                fill(packets[i], port, next[port], next[port] >= established);
                if (++next[port] == conversations) {
                        next[port] = 0;
                        n = i + 1;
                }
        }
        return n;
}

static uint16_t transmit(struct dp_port *port, unsigned int worker, struct rte_mbuf **packets, uint16_t n,
                         enum socle_drop *ret_reason)
{
        unsigned int from = !port->index;

        memcpy(&buffers[from][buffer_count[from]], packets, n * sizeof(packets[0]));
        buffer_count[from] += n;
        return n;
}

static uint16_t nothing(struct dp_rxq *rxq, struct rte_mbuf **packets, uint16_t n)
{
        return 0;
}

static void walk(void)
{
        static bool first = true;

        asked = next[0] || first ? next[0] : conversations;
        first = false;
        dp.workers->now_ms = dp_clock_ms(rte_rdtsc());
        harness_walk();
}

static void round_of(unsigned int n)
{
        for (unsigned int i = 0; i < n; i++)
                walk();
}

/* ---- the figures ---- */

#define NODES_MAX 32

/* The least of many short slices: the machine does other things too. */
static double least[NODES_MAX];

static void reset(void)
{
        struct rte_graph *graph = dp.workers->graph;
        struct rte_node *node;
        rte_graph_off_t offset;
        rte_node_t i;

        rte_graph_foreach_node (i, offset, graph, node)
                node->total_calls = node->total_objs = node->total_cycles = 0;
        dp.workers->perf = (struct dp_worker_perf){0};
}

/* Our own clocks a packet in the node, since reset(). */
static double clocks(const struct rte_node *node)
{
        const struct dp_worker_perf *perf = &dp.workers->perf;
        double cycles = node->total_cycles;

        if (strcmp(node->name, "rx") == 0)
                cycles = perf->rx_tsc - perf->rx_io_tsc;
        else if (strcmp(node->name, "tx") == 0)
                cycles -= perf->tx_io_tsc;
        return node->total_objs ? cycles / perf->rx_packets : 0;
}

static void note(bool first)
{
        const struct rte_graph *graph = dp.workers->graph;
        struct rte_node *node;
        rte_graph_off_t offset;
        rte_node_t i;

        rte_graph_foreach_node (i, offset, graph, node)
                if (first || clocks(node) < least[i])
                        least[i] = clocks(node);
}

static void show(void)
{
        const struct rte_graph *graph = dp.workers->graph;
        struct rte_node *node;
        rte_graph_off_t offset;
        rte_node_t i;
        double total = 0;

        rte_graph_foreach_node (i, offset, graph, node) {
                if (least[i] > 0)
                        printf("  %-12s %7.1f clocks a packet\n", node->name, least[i]);
                total += least[i];
        }
        printf("  %-12s %7.1f\n", "all", total);
}

static void secure(void)
{
        static const struct harness_rule out[] = {HARNESS_ANY(DP_EGRESS, false)};
        static const struct harness_rule in[] = {{DP_INGRESS, false, IPPROTO_TCP, 80, 80},
                                                 {DP_INGRESS, false, IPPROTO_UDP, 80, 80}};

        harness_secure(0, true, out, RTE_DIM(out));
        harness_secure(1, true, in, RTE_DIM(in));
}

int main(int argc, char *argv[])
{
        const char *mode = argc > 1 ? argv[1] : "udp";
        double seconds = argc > 3 ? atof(argv[3]) : 2;

        if (argc > 2)
                conversations = strtoul(argv[2], NULL, 0);
        tcp = strcmp(mode, "tcp") == 0;
        harness_init();
        if (dp_session_table_init(RTE_MAX(conversations * 2, 1u << 20), 1) < 0)
                return EXIT_FAILURE;
        dp_session_table_prefault(dp_sessions.capacity);
        for (unsigned int p = 0; p < 2; p++)
                for (unsigned int i = 0; i < BURST; i++)
                        buffers[p][buffer_count[p]++] = rte_pktmbuf_alloc(harness_pool());
        for (uint16_t q = 0; q < dp.workers->rxqs->count; q++)
                dp.workers->rxqs->rxqs[q]->burst = q < 2 ? receive : nothing;
        dp.ports[0]->tx = dp.ports[1]->tx = transmit;
        if (strcmp(mode, "l2") != 0)
                secure();

        reset();
        walk();
        while (next[0] != 0 || next[1] != 0)
                walk();
        note(true);
        printf("%s, %u conversations: the first packets\n", mode, conversations);
        show();
        established = conversations;
        round_of(conversations / BURST);

        uint64_t end = rte_rdtsc() + seconds * rte_get_tsc_hz();
        for (bool first = true; rte_rdtsc() < end; first = false) {
                reset();
                round_of(SLICE);
                note(first);
        }
        printf("%s, %u conversations: established\n", mode, conversations);
        show();
        for (unsigned int d = 0; d < SOCLE_DROP_COUNT; d++)
                if (dp.workers->drops[d])
                        printf("  DROPPED, so that the figures are worth nothing: %lu %s\n", dp.workers->drops[d],
                               socle_drop_info[d].name);
        return 0;
}
