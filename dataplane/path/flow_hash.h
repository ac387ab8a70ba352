/* The hash of a packet's flow: addresses, protocol and ports, so that one connection keeps one way through the
 * underlay (RFC 7348 4.1: the outer source port) and through queues. */
#pragma once

#include <rte_hash_crc.h>

#include "headers.h"

static inline uint32_t dp_flow_ports(const struct rte_mbuf *m, uint16_t l4, uint8_t protocol, uint32_t hash)
{
        if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP && protocol != IPPROTO_SCTP)
                return hash;
        if (m->data_len < l4 + sizeof(uint32_t))
                return hash;
        return rte_hash_crc_4byte(*rte_pktmbuf_mtod_offset(m, const uint32_t *, l4), hash);
}

static inline uint32_t dp_flow_hash(const struct rte_mbuf *m, uint16_t l2, uint16_t type)
{
        uint32_t hash = 0;

        if (likely(type == RTE_BE16(RTE_ETHER_TYPE_IPV4))) {
                const struct rte_ipv4_hdr *ip = dp_ipv4(m, l2);
                if (likely(ip != NULL)) {
                        hash = rte_hash_crc_4byte(ip->src_addr, ip->next_proto_id);
                        hash = rte_hash_crc_4byte(ip->dst_addr, hash);
                        /* Fragments have no ports, so none of a datagram's pieces may use them. */
                        if (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK))
                                return hash;
                        return dp_flow_ports(m, l2 + rte_ipv4_hdr_len(ip), ip->next_proto_id, hash);
                }
        } else if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6)) {
                const struct rte_ipv6_hdr *ip = dp_ipv6(m, l2);
                if (likely(ip != NULL)) {
                        hash = rte_hash_crc(ip->src_addr, 32, ip->proto);
                        return dp_flow_ports(m, l2 + sizeof(*ip), ip->proto, hash);
                }
        }
        return rte_hash_crc(rte_pktmbuf_mtod(m, const void *), 2 * RTE_ETHER_ADDR_LEN, type);
}
