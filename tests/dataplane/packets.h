/* Packets between the harness's ends, for tests that care who talks to whom: end n has MAC fa:16:3e:00:00:n, 10.0.0.n
 * and fd00::n. */
#pragma once

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "harness.h"

struct packet {
        uint8_t from, to;
        uint8_t protocol; /* TCP, UDP */
        uint16_t source, destination;
        uint8_t flags; /* TCP */
        uint32_t seq, ack;
        uint16_t payload; /* bytes */
        uint8_t to_mac;   /* of that end; 0: of `to`; 0xff: broadcast */
};

static inline struct rte_mbuf *packet_make(struct packet p)
{
        struct {
                struct rte_ether_hdr ether;
                struct rte_ipv4_hdr ip;
                union {
                        struct rte_tcp_hdr tcp;
                        struct rte_udp_hdr udp;
                };
                uint8_t payload[2000];
        } __rte_packed __rte_aligned(2) frame = {0};
        uint16_t l4 = p.protocol == IPPROTO_TCP ? sizeof(frame.tcp) : sizeof(frame.udp);

        frame.ether.src_addr = harness_mac(p.from);
        frame.ether.dst_addr = harness_mac(p.to_mac ? p.to_mac : p.to);
        if (p.to_mac == 0xff)
                memset(&frame.ether.dst_addr, 0xff, sizeof(frame.ether.dst_addr));
        frame.ether.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
        frame.ip = (struct rte_ipv4_hdr){.version_ihl = 0x45,
                                         .total_length = rte_cpu_to_be_16(sizeof(frame.ip) + l4 + p.payload),
                                         .fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
                                         .time_to_live = 64,
                                         .next_proto_id = p.protocol,
                                         .src_addr = rte_cpu_to_be_32(0x0a000000 | p.from),
                                         .dst_addr = rte_cpu_to_be_32(0x0a000000 | p.to)};
        frame.ip.hdr_checksum = rte_ipv4_cksum(&frame.ip);
        if (p.protocol == IPPROTO_TCP)
                frame.tcp = (struct rte_tcp_hdr){.src_port = rte_cpu_to_be_16(p.source),
                                                 .dst_port = rte_cpu_to_be_16(p.destination),
                                                 .sent_seq = rte_cpu_to_be_32(p.seq),
                                                 .recv_ack = rte_cpu_to_be_32(p.ack),
                                                 .data_off = 0x50,
                                                 .tcp_flags = p.flags,
                                                 .rx_win = RTE_BE16(1000)};
        else
                frame.udp = (struct rte_udp_hdr){.src_port = rte_cpu_to_be_16(p.source),
                                                 .dst_port = rte_cpu_to_be_16(p.destination),
                                                 .dgram_len = rte_cpu_to_be_16(sizeof(frame.udp) + p.payload)};
        return harness_packet(&frame, 14 + sizeof(frame.ip) + l4 + p.payload);
}

static inline struct rte_mbuf *packet_udp(uint8_t from, uint8_t to, uint16_t source, uint16_t destination)
{
        return packet_make((struct packet){
                .from = from, .to = to, .protocol = IPPROTO_UDP, .source = source, .destination = destination});
}
