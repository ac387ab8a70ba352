/* See resolver.h. ARP by RFC 826, ND by RFC 4861 (an address that is probed while in use: 7.3.3). */
#include <string.h>

#include <rte_arp.h>
#include <rte_icmp.h>
#include <rte_ip.h>

#include "objects.h"
#include "meta.h"
#include "nd.h"
#include "pool.h"
#include "resolver.h"
#include "worker.h"

#define RETRY_MS   500   /* between questions while unresolved or overdue */
#define REFRESH_MS 30000 /* between checks of a neighbour that answered */
#define PROBES_MAX 3     /* unanswered: not resolved any more */

static const struct rte_ether_addr broadcast = {.addr_bytes = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

struct nd_packet {
        struct rte_ether_hdr ether;
        struct rte_ipv6_hdr ip;
        struct nd_message nd;
} __rte_packed __rte_aligned(2);

struct arp_packet {
        struct rte_ether_hdr ether;
        struct rte_arp_hdr arp;
} __rte_packed __rte_aligned(2);

/* Sends a frame out of a port, by the worker that serves it least: any will do. */
static void inject(uint16_t out, const void *frame, uint16_t size)
{
        struct rte_mempool *pool = dp_pool_get(SOCKET_ID_ANY);
        struct rte_mbuf *m = pool ? rte_pktmbuf_alloc(pool) : NULL;
        struct dp_worker *worker = &dp.workers[out % dp.worker_count];

        if (!m)
                return;
        memcpy(rte_pktmbuf_append(m, size), frame, size);
        m->port = out;
        *dp_meta(m) = (struct dp_meta){.out = out, .network = DP_INDEX_NONE, .tunnel = DP_INDEX_NONE};
        if (rte_ring_sp_enqueue(worker->inject, m) < 0)
                rte_pktmbuf_free(m);
        dp_worker_wake(worker);
}

/* ---- asking ---- */

static void ask_arp(const struct port_object *port, const uint8_t ip[16], const struct rte_ether_addr *to)
{
        struct arp_packet packet = {
                .ether = {.dst_addr = *to, .src_addr = port->port->mac, .ether_type = RTE_BE16(RTE_ETHER_TYPE_ARP)},
                .arp = {.arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER),
                        .arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4),
                        .arp_hlen = RTE_ETHER_ADDR_LEN,
                        .arp_plen = 4,
                        .arp_opcode = RTE_BE16(RTE_ARP_OP_REQUEST),
                        .arp_data = {.arp_sha = port->port->mac}},
        };

        memcpy(&packet.arp.arp_data.arp_sip, port->port->underlay->vtep4, 4);
        memcpy(&packet.arp.arp_data.arp_tip, ip + 12, 4);
        inject(port->index, &packet, sizeof(packet));
}

static void nd_finish(struct nd_packet *packet)
{
        packet->ether.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV6);
        packet->ip.vtc_flow = RTE_BE32(6u << 28);
        packet->ip.proto = IPPROTO_ICMPV6;
        packet->ip.hop_limits = 255;
        packet->ip.payload_len = rte_cpu_to_be_16(sizeof(*packet) - offsetof(struct nd_packet, nd));
        packet->nd.option_length = 1;
        packet->nd.checksum = 0;
        packet->nd.checksum = rte_ipv6_udptcp_cksum(&packet->ip, &packet->nd);
}

static void ask_nd(const struct port_object *port, const uint8_t ip[16], const struct rte_ether_addr *to)
{
        struct nd_packet packet = {
                .ether = {.dst_addr = *to, .src_addr = port->port->mac},
                .nd = {.type = ND_SOLICITATION, .option_type = ND_OPTION_SOURCE, .option_mac = port->port->mac},
        };

        memcpy(packet.ip.src_addr, port->port->underlay->vtep6, 16);
        memcpy(packet.ip.dst_addr, ip, 16);
        memcpy(packet.nd.target, ip, 16);
        if (rte_is_broadcast_ether_addr(to)) { /* the solicited-node group, RFC 4291 2.7.1 */
                const uint8_t group[13] = {0xff, 0x02, [11] = 1, 0xff};
                memcpy(packet.ip.dst_addr, group, sizeof(group));
                packet.ether.dst_addr =
                        (struct rte_ether_addr){.addr_bytes = {0x33, 0x33, 0xff, ip[13], ip[14], ip[15]}};
        }
        nd_finish(&packet);
        inject(port->index, &packet, sizeof(packet));
}

static void ask(struct tunnel_object *tunnel)
{
        uint16_t index = indices_find(&port_indices, port_key(true, tunnel->record.underlay));
        const struct port_object *port = index == DP_INDEX_NONE ? NULL : port_objects[index];
        const struct rte_ether_addr *to = tunnel->resolved && tunnel->probes < 2 ? &tunnel->mac : &broadcast;
        bool v4 = wire_ip_is_v4(tunnel->next_hop);

        if (!port || !port->open || !port->port->underlay || wire_ip_is_unset(tunnel->next_hop))
                return;
        if (v4 && port->port->underlay->has_vtep4)
                ask_arp(port, tunnel->next_hop, to);
        else if (!v4 && port->port->underlay->has_vtep6)
                ask_nd(port, tunnel->next_hop, to);
}

void resolver_tick(uint64_t now_ms)
{
        for (uint16_t i = 0; i < tunnel_indices.next; i++) {
                struct tunnel_object *tunnel = tunnel_objects[i];
                if (!tunnel || now_ms < tunnel->next_probe_ms)
                        continue;
                if (tunnel->resolved && tunnel->probes >= PROBES_MAX) {
                        tunnel->resolved = false;
                        tunnel_publish(tunnel);
                }
                ask(tunnel);
                tunnel->probes += tunnel->probes < UINT8_MAX;
                tunnel->next_probe_ms = now_ms + RETRY_MS;
        }
}

/* Somebody says where an address is: every peer that is reached through it learns. */
static void heard(const struct port_object *port, const uint8_t ip[16], const struct rte_ether_addr *mac,
                  bool solicited)
{
        for (uint16_t i = 0; i < tunnel_indices.next; i++) {
                struct tunnel_object *tunnel = tunnel_objects[i];
                if (!tunnel || tunnel->record.underlay != port->id || memcmp(tunnel->next_hop, ip, 16) != 0)
                        continue;
                bool same = tunnel->resolved && rte_is_same_ether_addr(&tunnel->mac, mac);
                if (same && !solicited)
                        continue;
                tunnel->probes = 0;
                tunnel->next_probe_ms = (uint64_t)dp.now_s * 1000 + REFRESH_MS;
                if (same)
                        continue;
                tunnel->mac = *mac;
                tunnel->resolved = true;
                tunnel_publish(tunnel);
        }
}

/* ---- answering ---- */

static void take_arp(const struct port_object *port, const struct rte_mbuf *m)
{
        const struct arp_packet *in = rte_pktmbuf_mtod(m, const struct arp_packet *);
        uint8_t sender[16];

        if (m->data_len < sizeof(*in) || in->arp.arp_hlen != RTE_ETHER_ADDR_LEN || in->arp.arp_plen != 4)
                return;
        dp_ip_mapped(sender, &in->arp.arp_data.arp_sip);
        heard(port, sender, &in->arp.arp_data.arp_sha, in->arp.arp_opcode == RTE_BE16(RTE_ARP_OP_REPLY));
        if (in->arp.arp_opcode != RTE_BE16(RTE_ARP_OP_REQUEST))
                return;

        struct arp_packet out = *in;
        out.ether.dst_addr = in->arp.arp_data.arp_sha;
        out.ether.src_addr = port->port->mac;
        out.arp.arp_opcode = RTE_BE16(RTE_ARP_OP_REPLY);
        out.arp.arp_data.arp_tha = in->arp.arp_data.arp_sha;
        out.arp.arp_data.arp_tip = in->arp.arp_data.arp_sip;
        out.arp.arp_data.arp_sha = port->port->mac;
        out.arp.arp_data.arp_sip = in->arp.arp_data.arp_tip;
        inject(port->index, &out, sizeof(out));
}

static void take_nd(const struct port_object *port, const struct nd_packet *in, uint16_t size)
{
        static const uint8_t unspecified[16];

        if (size < offsetof(struct nd_packet, nd.option_type) || in->ip.hop_limits != 255)
                return;
        if (in->nd.type == ND_ADVERTISEMENT) {
                bool has_option = size >= sizeof(*in) && in->nd.option_type == 2;
                heard(port, in->nd.target, has_option ? &in->nd.option_mac : &in->ether.src_addr, true);
                return;
        }
        if (memcmp(in->nd.target, port->port->underlay->vtep6, 16) != 0)
                return;
        if (memcmp(in->ip.src_addr, unspecified, 16) == 0)
                return; /* somebody else's duplicate address detection of our address: we keep it silently */
        heard(port, in->ip.src_addr, &in->ether.src_addr, false);

        struct nd_packet out = {
                .ether = {.dst_addr = in->ether.src_addr, .src_addr = port->port->mac},
                .nd = {.type = ND_ADVERTISEMENT,
                       .flags = RTE_BE32(ND_SOLICITED | ND_OVERRIDE),
                       .option_type = ND_OPTION_TARGET,
                       .option_mac = port->port->mac},
        };
        memcpy(out.ip.src_addr, in->nd.target, 16);
        memcpy(out.ip.dst_addr, in->ip.src_addr, 16);
        memcpy(out.nd.target, in->nd.target, 16);
        nd_finish(&out);
        inject(port->index, &out, sizeof(out));
}

/* Answers a ping to the VTEP, so that operators can tell whether it is there. */
static void take_echo4(const struct port_object *port, struct rte_mbuf *m)
{
        struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
        struct rte_ipv4_hdr *ip = (void *)(ether + 1);
        struct rte_icmp_hdr *icmp = RTE_PTR_ADD(ip, rte_ipv4_hdr_len(ip));

        if (m->nb_segs != 1 || m->data_len < sizeof(*ether) + rte_ipv4_hdr_len(ip) + sizeof(*icmp) ||
            icmp->icmp_type != RTE_IP_ICMP_ECHO_REQUEST)
                return;
        ether->dst_addr = ether->src_addr;
        ether->src_addr = port->port->mac;
        ip->dst_addr = ip->src_addr;
        memcpy(&ip->src_addr, port->port->underlay->vtep4, 4);
        ip->time_to_live = 64;
        ip->hdr_checksum = 0;
        ip->hdr_checksum = ~rte_raw_cksum(ip, rte_ipv4_hdr_len(ip));
        icmp->icmp_type = RTE_IP_ICMP_ECHO_REPLY;
        /* Type 8 became 0: RFC 1624, equation 3. */
        uint32_t sum = (uint16_t)~icmp->icmp_cksum + (uint16_t)~RTE_BE16(0x0800);
        icmp->icmp_cksum = ~((sum & 0xffff) + (sum >> 16));
        inject(port->index, ether, m->data_len);
}

static void take_icmp6(const struct port_object *port, struct rte_mbuf *m)
{
        struct nd_packet *in = rte_pktmbuf_mtod(m, struct nd_packet *);

        if (in->nd.type == ND_SOLICITATION || in->nd.type == ND_ADVERTISEMENT) {
                take_nd(port, in, m->data_len);
                return;
        }
        uint16_t size = sizeof(in->ether) + sizeof(in->ip) + rte_be_to_cpu_16(in->ip.payload_len);
        if (in->nd.type != 128 || m->nb_segs != 1 || m->data_len < size)
                return;
        in->ether.dst_addr = in->ether.src_addr;
        in->ether.src_addr = port->port->mac;
        memcpy(in->ip.dst_addr, in->ip.src_addr, 16);
        memcpy(in->ip.src_addr, port->port->underlay->vtep6, 16);
        in->ip.hop_limits = 64;
        in->nd.type = 129;
        in->nd.checksum = 0;
        in->nd.checksum = rte_ipv6_udptcp_cksum(&in->ip, &in->nd);
        inject(port->index, in, size);
}

static void take(struct rte_mbuf *m)
{
        const struct port_object *port = m->port < DP_PORT_MAX ? port_objects[m->port] : NULL;
        rte_be16_t type = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *)->ether_type;

        if (!port || !port->is_underlay || !port->port->underlay)
                return;
        if (type == RTE_BE16(RTE_ETHER_TYPE_ARP))
                take_arp(port, m);
        else if (type == RTE_BE16(RTE_ETHER_TYPE_IPV4))
                take_echo4(port, m);
        else if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6) && m->data_len > offsetof(struct nd_packet, nd.checksum))
                take_icmp6(port, m);
}

void resolver_drain(void)
{
        struct rte_mbuf *packets[64];

        for (unsigned int i = 0; i < dp.worker_count; i++) {
                unsigned int n;
                while ((n = rte_ring_sc_dequeue_burst(dp.workers[i].punt, (void **)packets, RTE_DIM(packets), NULL)) >
                       0) {
                        for (unsigned int j = 0; j < n; j++)
                                take(packets[j]);
                        rte_pktmbuf_free_bulk(packets, n);
                }
        }
}
