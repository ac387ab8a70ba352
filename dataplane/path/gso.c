/* Generic segmentation: cuts a guest's large TCP segment into ones that fit, where the way out cannot take it whole (an
 * overlay, a guest without TSO). Our own and not rte_gso, which in DPDK 22.11 knows no IPv6. Each piece leaves its L4
 * checksum to whoever sends it. */
#include "decide.h"
#include "headers.h"

enum { EDGE_TX, EDGE_ENCAP, EDGE_WIRE, EDGE_DROP, EDGE_COUNT };

struct gso {
        struct rte_mbuf *m;  /* the large segment */
        uint16_t l2, l3, l4; /* header lengths */
        uint16_t headers;    /* their sum */
        bool v6;
        uint32_t payload;        /* bytes behind the headers */
        struct rte_mbuf *source; /* cursor into the payload */
        uint32_t source_at;
};

/* Checks what the sender claims against the packet. */
static bool gso_parse(struct gso *gso, struct rte_mbuf *m)
{
        const struct rte_tcp_hdr *tcp;

        *gso = (struct gso){.m = m, .l2 = m->l2_len, .l3 = m->l3_len, .v6 = m->ol_flags & RTE_MBUF_F_TX_IPV6};
        if (m->data_len < gso->l2 + gso->l3 + sizeof(*tcp) || gso->l2 < sizeof(struct rte_ether_hdr))
                return false;
        if (gso->v6 ? gso->l3 < sizeof(struct rte_ipv6_hdr) || !dp_ipv6(m, gso->l2)
                    : !dp_ipv4(m, gso->l2) || rte_ipv4_hdr_len(dp_ipv4(m, gso->l2)) != gso->l3)
                return false;
        tcp = rte_pktmbuf_mtod_offset(m, const struct rte_tcp_hdr *, gso->l2 + gso->l3);
        gso->l4 = (tcp->data_off >> 4) * 4;
        gso->headers = gso->l2 + gso->l3 + gso->l4;
        if (gso->l4 < sizeof(*tcp) || gso->headers > m->data_len || m->tso_segsz < DP_SEGMENT_MIN)
                return false;
        gso->payload = m->pkt_len - gso->headers;
        gso->source = m;
        gso->source_at = gso->headers;
        return true;
}

/* Appends n bytes of the payload to the piece. false: out of buffers. */
static bool append_payload(struct gso *gso, struct rte_mbuf *piece, uint32_t n)
{
        struct rte_mbuf *tail = piece;

        while (n > 0) {
                while (gso->source_at == gso->source->data_len) {
                        gso->source = gso->source->next;
                        gso->source_at = 0;
                }
                if (rte_pktmbuf_tailroom(tail) == 0) {
                        struct rte_mbuf *more = rte_pktmbuf_alloc(piece->pool);
                        if (!more)
                                return false;
                        tail->next = more;
                        tail = more;
                        piece->nb_segs++;
                }
                uint32_t chunk = RTE_MIN(n, gso->source->data_len - gso->source_at);
                chunk = RTE_MIN(chunk, rte_pktmbuf_tailroom(tail));
                rte_memcpy(rte_pktmbuf_mtod_offset(tail, char *, tail->data_len),
                           rte_pktmbuf_mtod_offset(gso->source, char *, gso->source_at), chunk);
                tail->data_len += chunk;
                piece->pkt_len += chunk;
                gso->source_at += chunk;
                n -= chunk;
        }
        return true;
}

/* Makes the headers those of piece number `index`, `offset` bytes into the payload. */
static void fix_headers(const struct gso *gso, struct rte_mbuf *piece, uint16_t index, uint32_t offset, bool last)
{
        struct rte_tcp_hdr *tcp = rte_pktmbuf_mtod_offset(piece, struct rte_tcp_hdr *, gso->l2 + gso->l3);
        void *l3 = rte_pktmbuf_mtod_offset(piece, void *, gso->l2);

        tcp->sent_seq = rte_cpu_to_be_32(rte_be_to_cpu_32(tcp->sent_seq) + offset);
        if (!last)
                tcp->tcp_flags &= ~(RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG);
        if (index > 0)
                tcp->tcp_flags &= ~RTE_TCP_CWR_FLAG; /* RFC 3168 6.1.2: once */

        if (gso->v6) {
                struct rte_ipv6_hdr *ip = l3;
                ip->payload_len = rte_cpu_to_be_16(piece->pkt_len - gso->l2 - sizeof(*ip));
                /* With extension headers the upper layer's length is not the payload's. */
                struct rte_ipv6_hdr pseudo = *ip;
                pseudo.payload_len = rte_cpu_to_be_16(piece->pkt_len - gso->l2 - gso->l3);
                pseudo.proto = IPPROTO_TCP;
                tcp->cksum = rte_ipv6_phdr_cksum(&pseudo, 0);
                piece->ol_flags = RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_TCP_CKSUM;
        } else {
                struct rte_ipv4_hdr *ip = l3;
                ip->total_length = rte_cpu_to_be_16(piece->pkt_len - gso->l2);
                ip->packet_id = rte_cpu_to_be_16(rte_be_to_cpu_16(ip->packet_id) + index);
                ip->hdr_checksum = 0;
                ip->hdr_checksum = rte_ipv4_cksum(ip);
                tcp->cksum = rte_ipv4_phdr_cksum(ip, 0);
                piece->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM;
        }
        piece->l2_len = gso->l2;
        piece->l3_len = gso->l3;
        piece->l4_len = gso->l4;
}

static struct rte_mbuf *cut(struct gso *gso, uint16_t index, uint32_t offset)
{
        uint32_t size = gso->m->tso_segsz, n = RTE_MIN(gso->payload - offset, size);
        struct rte_mbuf *piece = rte_pktmbuf_alloc(gso->m->pool);

        if (!piece)
                return NULL;
        piece->port = gso->m->port;
        *dp_meta(piece) = *dp_meta(gso->m);
        piece->hash = gso->m->hash; /* a live trace's mark */
        memcpy(rte_pktmbuf_append(piece, gso->headers), rte_pktmbuf_mtod(gso->m, void *), gso->headers);
        if (!append_payload(gso, piece, n)) {
                rte_pktmbuf_free(piece);
                return NULL;
        }
        fix_headers(gso, piece, index, offset, offset + n == gso->payload);
        return piece;
}

static rte_edge_t way_of(const struct dp_meta *meta)
{
        if (meta->flags & DP_META_ENCAP)
                return EDGE_ENCAP;
        return meta->out == DP_INDEX_NONE ? EDGE_WIRE : EDGE_TX;
}

static uint16_t gso_process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
        struct dp_worker *worker = dp_node_worker(node);

        for (uint16_t i = 0; i < n; i++) {
                struct rte_mbuf *m = objs[i], *piece;
                rte_edge_t edge = way_of(dp_meta(m));
                struct gso gso;
                uint16_t index = 0;

                if (!gso_parse(&gso, m)) {
                        rte_node_enqueue_x1(graph, node, dp_drop(m, SOCLE_DROP_RX_OFFLOAD, EDGE_DROP), m);
                        continue;
                }
                if (!dp_budget_take(worker, gso.payload / m->tso_segsz + 1)) {
                        rte_node_enqueue_x1(graph, node, dp_drop(m, SOCLE_DROP_ROUND_LIMIT, EDGE_DROP), m);
                        continue;
                }
                uint32_t offset = 0;
                do { /* at least one, even of nothing */
                        piece = cut(&gso, index++, offset);
                        if (piece)
                                rte_node_enqueue_x1(graph, node, edge, piece);
                        offset += m->tso_segsz;
                } while (piece && offset < gso.payload);
                if (!piece)
                        rte_node_enqueue_x1(graph, node, dp_drop(m, SOCLE_DROP_SEGMENTATION, EDGE_DROP), m);
                else
                        rte_pktmbuf_free(m);
        }
        return n;
}

static struct rte_node_register gso_node = {
        .name = "gso",
        .init = dp_node_init,
        .process = gso_process,
        .nb_edges = EDGE_COUNT,
        .next_nodes = {[EDGE_TX] = "tx", [EDGE_ENCAP] = "encap", [EDGE_WIRE] = "wire", [EDGE_DROP] = "drop"},
};
RTE_NODE_REGISTER(gso_node);

const char *dp_gso_next(struct rte_mbuf *m, uint32_t *ret_pieces)
{
        struct gso gso;

        *ret_pieces = 0;
        if (!gso_parse(&gso, m))
                return gso_node.next_nodes[dp_drop(m, SOCLE_DROP_RX_OFFLOAD, EDGE_DROP)];
        *ret_pieces = RTE_MAX((gso.payload + m->tso_segsz - 1) / m->tso_segsz, 1u);
        if (gso.payload / m->tso_segsz + 1 > DP_ROUND_BUDGET)
                return gso_node.next_nodes[dp_drop(m, SOCLE_DROP_ROUND_LIMIT, EDGE_DROP)];
        return gso_node.next_nodes[way_of(dp_meta(m))];
}
