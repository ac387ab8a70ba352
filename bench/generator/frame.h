/* The frames of the generator: UDP or TCP over IPv4, one 5-tuple a flow, a tag behind the headers that says which port
 * sent the frame, and as its how many-th.
 *
 * All frames of a stream (what one port sends) are alike but for a few fields. So each buffer is written whole once, by
 * frame_prepare(), and by one of the frame_set_…() whenever it is sent: some bytes in one cache line. The inline
 * functions here run for every packet. Sums are of 16-bit words as they lie in memory (RFC 1071 2 (B)). */
#pragma once

#include <netinet/in.h>
#include <stddef.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "flow.h"

#define FRAME_FCS    4U
#define FRAME_MIN    (64U - FRAME_FCS)
#define FRAME_MAX    (1518U - FRAME_FCS)
#define FRAME_MAGIC  0x50c0U
#define FRAME_WINDOW 0xffffU /* with the scale below: a window of 1 GiB, which no load fills */
#define FRAME_SHAPES 3U
#define IMIX_TURNS   12U

struct tag {
        rte_be16_t magic;
        rte_be32_t sequence;
} __rte_packed;

struct frame {
        struct rte_ether_hdr ether;
        struct rte_ipv4_hdr ip;
        union {
                struct {
                        struct rte_udp_hdr udp;
                        struct tag udp_tag;
                } __rte_packed;
                struct {
                        struct rte_tcp_hdr tcp;
                        union {
                                struct tag tcp_tag;
                                uint8_t tcp_options[sizeof(struct tag)]; /* of a SYN */
                        } __rte_packed;
                } __rte_packed;
        } __rte_packed;
} __rte_packed __rte_aligned(2);

/* A length of frame, and what of the checksums follows from it. */
struct shape {
        uint16_t length;      /* bytes without FCS */
        uint16_t payload;     /* bytes behind the transport header, the tag included */
        rte_be16_t ip_length; /* as in the header */
        rte_be16_t l4_length; /* UDP */
        uint32_t ip_sum;      /* of the IPv4 header, without addresses */
        uint32_t tcp_sum;     /* of pseudo header, TCP header and payload, without addresses, ports, numbers and tag */
};

/* What one port sends. */
struct stream {
        struct rte_ether_addr src, dst;
        uint32_t src_network, dst_network; /* IPv4, of 16 bits; in host order, as all but `struct frame` is */
        uint32_t flows;
        uint16_t magic; /* tells the stream as well */
        uint8_t protocol;
        bool mirrored; /* its flows are the answers to those of the stream that isn't */
        uint16_t longest;
        uint8_t turns;               /* of `pattern` */
        uint8_t pattern[IMIX_TURNS]; /* the shapes of consecutive frames */
        uint8_t shape_count;
        struct shape shapes[FRAME_SHAPES];
        uint32_t control_ip_sum, control_tcp_sum; /* of a segment without payload or options */
};

struct stream_options {
        uint32_t flows;
        uint16_t length; /* of a frame, bytes without FCS; 0: IMIX, 7:4:1 of 64, 570 and 1518 bytes with FCS */
        uint8_t protocol;
        bool conversation; /* the second port's stream mirrors the first's */
};

/* Stream of port `index` (0 or 1) to the port with MAC `dst`. */
struct stream stream_make(unsigned index, const struct rte_ether_addr *src, const struct rte_ether_addr *dst,
                          const struct stream_options *options);

/* Writes all `stream->longest` bytes of a frame: flow 0, the first shape. */
void frame_prepare(const struct stream *stream, void *buffer);

static inline uint32_t frame_sum32(rte_be32_t value)
{
        return (value & 0xffff) + (value >> 16);
}

static inline uint16_t frame_fold(uint32_t sum)
{
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        return ~sum;
}

/* IP header and ports; returns the sum of addresses and ports, for TCP. */
static inline uint32_t frame_set_flow(const struct stream *stream, struct frame *frame, rte_be16_t ip_length,
                                      uint32_t ip_sum, uint32_t number)
{
        struct flow flow = flow_tuple(number, stream->mirrored);
        rte_be32_t src = rte_cpu_to_be_32(stream->src_network | flow.src_host);
        rte_be32_t dst = rte_cpu_to_be_32(stream->dst_network | flow.dst_host);
        uint32_t sum = frame_sum32(src) + frame_sum32(dst);

        frame->ip.total_length = ip_length;
        frame->ip.hdr_checksum = frame_fold(ip_sum + sum);
        frame->ip.src_addr = src;
        frame->ip.dst_addr = dst;
        frame->udp.src_port = rte_cpu_to_be_16(flow.src_port);
        frame->udp.dst_port = rte_cpu_to_be_16(flow.dst_port);
        return sum + frame->udp.src_port + frame->udp.dst_port;
}

static inline void frame_set_udp(const struct stream *stream, struct frame *frame, const struct shape *shape,
                                 uint32_t flow, uint32_t sequence)
{
        frame_set_flow(stream, frame, shape->ip_length, shape->ip_sum, flow);
        frame->udp.dgram_len = shape->l4_length;
        frame->udp_tag.sequence = rte_cpu_to_be_32(sequence);
}

static inline uint32_t frame_set_numbers(struct frame *frame, uint8_t header_words, uint8_t flags, uint32_t seq,
                                         uint32_t ack)
{
        frame->tcp.sent_seq = rte_cpu_to_be_32(seq);
        frame->tcp.recv_ack = rte_cpu_to_be_32(ack);
        frame->tcp.data_off = header_words << 4;
        frame->tcp.tcp_flags = flags;
        frame->tcp.rx_win = rte_cpu_to_be_16(FRAME_WINDOW);
        return frame_sum32(frame->tcp.sent_seq) + frame_sum32(frame->tcp.recv_ack) +
               rte_cpu_to_be_16(header_words << 12 | flags) + frame->tcp.rx_win;
}

/* A segment with data. */
static inline void frame_set_tcp(const struct stream *stream, struct frame *frame, const struct shape *shape,
                                 uint32_t flow, uint32_t sequence, uint32_t seq, uint32_t ack)
{
        uint32_t sum = shape->tcp_sum + frame_set_flow(stream, frame, shape->ip_length, shape->ip_sum, flow);

        sum += frame_set_numbers(frame, 5, RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG, seq, ack);
        frame->tcp_tag.magic = rte_cpu_to_be_16(stream->magic);
        frame->tcp_tag.sequence = rte_cpu_to_be_32(sequence);
        frame->tcp.cksum = frame_fold(sum + frame->tcp_tag.magic + frame_sum32(frame->tcp_tag.sequence));
}

/* A segment without data, of FRAME_MIN bytes with padding; a SYN offers window scaling. */
void frame_set_control(const struct stream *stream, struct frame *frame, uint32_t flow, uint8_t flags, uint32_t seq,
                       uint32_t ack);

static inline const struct tag *frame_tag(const struct stream *stream, const struct frame *frame)
{
        return stream->protocol == IPPROTO_UDP ? &frame->udp_tag : &frame->tcp_tag;
}

/* The flow of a frame of `stream`, by its addresses and ports; FLOW_NONE: of none. */
static inline uint32_t frame_flow(const struct stream *stream, const struct frame *frame)
{
        uint32_t src = rte_be_to_cpu_32(frame->ip.src_addr) ^ stream->src_network,
                 dst = rte_be_to_cpu_32(frame->ip.dst_addr) ^ stream->dst_network;
        struct flow flow = {src, dst, rte_be_to_cpu_16(frame->udp.src_port), rte_be_to_cpu_16(frame->udp.dst_port)};
        uint32_t number = flow_number(flow, stream->mirrored);

        return (src | dst) > UINT16_MAX || number >= stream->flows ? FLOW_NONE : number;
}

enum frame_verdict { FRAME_RIGHT, FRAME_WRONG_MAC, FRAME_WRONG_LENGTH, FRAME_WRONG_CONTENT };

/* Is it a frame of `stream` with data? Looks at lengths, destination and tag only: cheap enough for every one. */
static inline enum frame_verdict frame_check(const struct stream *stream, const struct frame *frame, uint32_t length)
{
        if (unlikely(length < FRAME_MIN || length != rte_be_to_cpu_16(frame->ip.total_length) + sizeof(frame->ether)))
                return FRAME_WRONG_LENGTH;
        if (unlikely(!rte_is_same_ether_addr(&frame->ether.dst_addr, &stream->dst)))
                return FRAME_WRONG_MAC;
        if (unlikely(frame_tag(stream, frame)->magic != rte_cpu_to_be_16(stream->magic)))
                return FRAME_WRONG_CONTENT;
        return FRAME_RIGHT;
}

/* Is every byte as it was sent, `length` of them? `flow` is the flow that frames of this sequence number have;
 * `scratch` a frame of the stream, that frame_prepare() wrote. For samples, of frames that frame_check() finds right.
 */
bool frame_same(const struct stream *stream, const struct frame *frame, uint32_t length, uint32_t flow,
                struct frame *scratch);
