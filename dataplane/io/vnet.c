/* See vnet.h. Formats: virtio 1.2, 5.1.6; the kernel's include/linux/virtio_net.h. */
#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include "meta.h"
#include "vnet.h"

#define L3_LEN_MAX      511 /* mbuf's l3_len has 9 bits */
#define TCP_CSUM_OFFSET 16
#define UDP_CSUM_OFFSET 6
#define TUNNEL_HEADERS  (sizeof(struct rte_udp_hdr) + sizeof(struct rte_vxlan_hdr))

struct layers {
        uint16_t l2;      /* length of Ethernet with tags */
        uint16_t type;    /* EtherType behind them */
        uint16_t l3;      /* length of IP, without IPv6 extension headers */
        uint8_t protocol; /* behind the IP header */
};

static bool parse_at(const struct rte_mbuf *m, uint16_t at, struct layers *ret)
{
        const uint8_t *frame = rte_pktmbuf_mtod_offset(m, const uint8_t *, at);
        uint16_t left = m->data_len - at;

        *ret = (struct layers){.l2 = sizeof(struct rte_ether_hdr)};
        if (m->data_len < at + sizeof(struct rte_ether_hdr))
                return false;
        memcpy(&ret->type, frame + 12, 2);
        if (ret->type == RTE_BE16(RTE_ETHER_TYPE_VLAN)) {
                ret->l2 += sizeof(struct rte_vlan_hdr);
                if (left < ret->l2)
                        return false;
                memcpy(&ret->type, frame + 16, 2);
        }
        if (ret->type == RTE_BE16(RTE_ETHER_TYPE_IPV4) && left >= ret->l2 + sizeof(struct rte_ipv4_hdr)) {
                ret->l3 = (frame[ret->l2] & 0xf) * 4;
                ret->protocol = frame[ret->l2 + offsetof(struct rte_ipv4_hdr, next_proto_id)];
                return ret->l3 >= sizeof(struct rte_ipv4_hdr);
        }
        if (ret->type == RTE_BE16(RTE_ETHER_TYPE_IPV6) && left >= ret->l2 + sizeof(struct rte_ipv6_hdr)) {
                ret->l3 = sizeof(struct rte_ipv6_hdr);
                ret->protocol = frame[ret->l2 + offsetof(struct rte_ipv6_hdr, proto)];
                return true;
        }
        return false;
}

/* Completes a one's complement checksum that no mbuf flag can name. */
static bool finish_now(struct rte_mbuf *m, uint16_t start, uint16_t offset)
{
        uint16_t sum;

        if (start + offset + 2 > m->data_len || rte_raw_cksum_mbuf(m, start, m->pkt_len - start, &sum) < 0)
                return false;
        sum = ~sum;
        memcpy(rte_pktmbuf_mtod_offset(m, void *, start + offset), &sum, sizeof(sum));
        return true;
}

static bool segmentation(const struct virtio_net_hdr *vnet, struct rte_mbuf *m, uint16_t start)
{
        uint8_t type = vnet->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;

        if (type != VIRTIO_NET_HDR_GSO_TCPV4 && type != VIRTIO_NET_HDR_GSO_TCPV6)
                return false;
        if (vnet->csum_offset != TCP_CSUM_OFFSET || vnet->gso_size < DP_SEGMENT_MIN ||
            start + sizeof(struct rte_tcp_hdr) > m->data_len)
                return false;
        m->l4_len = (rte_pktmbuf_mtod_offset(m, const struct rte_tcp_hdr *, start)->data_off >> 4) * 4;
        m->tso_segsz = vnet->gso_size;
        m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
        return m->l4_len >= sizeof(struct rte_tcp_hdr);
}

bool vnet_to_mbuf(const struct virtio_net_hdr *vnet, struct rte_mbuf *m, bool underlay)
{
        uint16_t start = vnet->csum_start, at = 0;
        struct layers layers;

        if (vnet->flags & VIRTIO_NET_HDR_F_DATA_VALID)
                m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
        if (!(vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
                return vnet->gso_type == VIRTIO_NET_HDR_GSO_NONE;
        if (start >= m->data_len)
                return false;
        if ((vnet->csum_offset != TCP_CSUM_OFFSET && vnet->csum_offset != UDP_CSUM_OFFSET) || !parse_at(m, 0, &layers))
                return vnet->gso_type == VIRTIO_NET_HDR_GSO_NONE && finish_now(m, start, vnet->csum_offset);

        uint16_t l4 = layers.l2 + layers.l3;
        struct layers outer = layers;
        bool tunnel = layers.protocol == IPPROTO_UDP && start >= l4 + TUNNEL_HEADERS;
        if (tunnel)
                at = l4 + TUNNEL_HEADERS;
        if (tunnel && (!underlay || !parse_at(m, at, &layers)))
                return vnet->gso_type == VIRTIO_NET_HDR_GSO_NONE && finish_now(m, start, vnet->csum_offset);

        /* IPv6 extension headers count; IPv4 has none. */
        uint16_t l3 = start - at - layers.l2;
        bool v4 = layers.type == RTE_BE16(RTE_ETHER_TYPE_IPV4);
        if (start < at + layers.l2 + layers.l3 || (v4 ? l3 != layers.l3 : l3 > L3_LEN_MAX))
                return vnet->gso_type == VIRTIO_NET_HDR_GSO_NONE && finish_now(m, start, vnet->csum_offset);
        if (tunnel) {
                m->outer_l2_len = outer.l2;
                m->outer_l3_len = outer.l3;
                m->ol_flags |= RTE_MBUF_F_TX_TUNNEL_VXLAN;
        }
        m->l2_len = (tunnel ? TUNNEL_HEADERS : 0) + layers.l2;
        m->l3_len = l3;
        m->ol_flags |= v4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
        m->ol_flags |= vnet->csum_offset == TCP_CSUM_OFFSET ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
        return vnet->gso_type == VIRTIO_NET_HDR_GSO_NONE || segmentation(vnet, m, start);
}

void vnet_from_mbuf(struct virtio_net_hdr *vnet, const struct rte_mbuf *m)
{
        uint64_t l4 = m->ol_flags & RTE_MBUF_F_TX_L4_MASK;

        memset(vnet, 0, sizeof(*vnet));
        if (!l4)
                return;
        vnet->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        vnet->csum_start = m->l2_len + m->l3_len;
        if (m->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK)
                vnet->csum_start += m->outer_l2_len + m->outer_l3_len;
        vnet->csum_offset = l4 == RTE_MBUF_F_TX_UDP_CKSUM ? UDP_CSUM_OFFSET : TCP_CSUM_OFFSET;
        if (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) {
                vnet->gso_type = m->ol_flags & RTE_MBUF_F_TX_IPV6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
                vnet->gso_size = m->tso_segsz;
                vnet->hdr_len = vnet->csum_start + m->l4_len;
        }
}
