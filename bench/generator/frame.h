/* The frames of the generator: UDP over IPv4, one 5-tuple a flow, the flow's number in the payload.
 *
 * All frames of a stream (what one port sends) are alike but for the few fields that a flow sets. So each buffer is
 * written whole once, by frame_prepare(), and by frame_set_flow() whenever it is sent: 18 bytes in one cache line.
 * The inline functions here run for every packet. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#define FRAME_FCS   4U
#define FRAME_MIN   (64U - FRAME_FCS)
#define FRAME_MAX   (1518U - FRAME_FCS)
#define FLOWS_MAX   (1U << 24)
#define FRAME_MAGIC 0x50c1e000U

struct frame {
        struct rte_ether_hdr ether;
        struct rte_ipv4_hdr ip;
        struct rte_udp_hdr udp;
        rte_be32_t magic;
        rte_be32_t flow;
} __rte_packed __rte_aligned(2);

/* What one port sends. */
struct stream {
        struct rte_ether_addr src, dst;
        uint32_t src_network, dst_network; /* IPv4, of 16 bits; in host order, as all but `struct frame` is */
        uint32_t magic;                    /* tells the stream as well */
        uint32_t flows;
        uint32_t checksum_base; /* sum of the IPv4 header's words that no flow changes */
        uint16_t length;        /* of a frame, bytes without FCS */
        bool mirrored;          /* its flows are the answers to those of the stream that isn't */
};

/* Host parts and ports of a flow. */
struct flow {
        uint16_t src_host, dst_host, src_port, dst_port;
};

/* Stream of port `index` (0 or 1) to the port with MAC `dst`. `conversation`: the second one mirrors the first. */
struct stream stream_make(unsigned index, const struct rte_ether_addr *src, const struct rte_ether_addr *dst,
                          uint32_t flows, uint16_t length, bool conversation);

/* Writes all `stream->length` bytes of a frame: its flow 0. */
void frame_prepare(const struct stream *stream, void *buffer);

/* Multiplying by an odd number permutes the residues of a power of two: no two flows below FLOWS_MAX share both source
 * address and source port, and neighbours are far apart. A source port never is a destination port, so that flows of
 * the two directions meet in no 5-tuple unless they are mirrored. */
static inline struct flow flow_tuple(uint32_t number, bool mirrored)
{
        uint32_t mixed = number * 0x9e3779b1U & (FLOWS_MAX - 1);
        uint16_t one = 1 + (mixed & 0xfff), other = 1 + (mixed >> 6 & 0xfff);
        uint16_t client = 1024 + (mixed >> 12), server = 8000 + (number & 0xff);

        return mirrored ? (struct flow){other, one, server, client} : (struct flow){one, other, client, server};
}

static inline void frame_set_flow(const struct stream *stream, struct frame *frame, uint32_t number)
{
        struct flow flow = flow_tuple(number, stream->mirrored);
        uint32_t sum = stream->checksum_base + flow.src_host + flow.dst_host;

        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        frame->ip.hdr_checksum = rte_cpu_to_be_16(~sum);
        frame->ip.src_addr = rte_cpu_to_be_32(stream->src_network | flow.src_host);
        frame->ip.dst_addr = rte_cpu_to_be_32(stream->dst_network | flow.dst_host);
        frame->udp.src_port = rte_cpu_to_be_16(flow.src_port);
        frame->udp.dst_port = rte_cpu_to_be_16(flow.dst_port);
        frame->flow = rte_cpu_to_be_32(number);
}

enum frame_verdict { FRAME_RIGHT, FRAME_WRONG_MAC, FRAME_WRONG_LENGTH, FRAME_WRONG_CONTENT };

/* Is it a frame of `stream`? Looks at length, destination, magic and flow number only: cheap enough for every one. */
static inline enum frame_verdict frame_check(const struct stream *stream, const struct frame *frame, uint32_t length)
{
        if (unlikely(length != stream->length))
                return FRAME_WRONG_LENGTH;
        if (unlikely(!rte_is_same_ether_addr(&frame->ether.dst_addr, &stream->dst)))
                return FRAME_WRONG_MAC;
        if (unlikely(frame->magic != rte_cpu_to_be_32(stream->magic) || rte_be_to_cpu_32(frame->flow) >= stream->flows))
                return FRAME_WRONG_CONTENT;
        return FRAME_RIGHT;
}

/* Is every byte as it was sent? `scratch` is a frame of the stream, that frame_prepare() wrote. For samples, of frames
 * that frame_check() finds right. */
bool frame_same(const struct stream *stream, const void *frame, struct frame *scratch);
