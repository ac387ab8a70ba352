/* The frames of the generator: what is done once a buffer, once a conversation, or for samples; see frame.h. */
#include <string.h>

#include "frame.h"

#define NETWORK(index) RTE_IPV4(10, 1 + (index), 0, 0)

static const uint16_t imix_lengths[FRAME_SHAPES] = {64 - FRAME_FCS, 570 - FRAME_FCS, 1518 - FRAME_FCS};
static const uint8_t imix_pattern[IMIX_TURNS] = {0, 1, 0, 0, 1, 0, 2, 0, 1, 0, 0, 1};

/* NOP; window scale 14, the largest (RFC 7323 2.3). */
static const uint8_t syn_options[4] = {1, 3, 3, 14};

static size_t header_length(uint8_t protocol)
{
        return protocol == IPPROTO_UDP ? sizeof(struct rte_udp_hdr) : sizeof(struct rte_tcp_hdr);
}

static void write_ip(const struct stream *stream, uint16_t ip_length, struct rte_ipv4_hdr *ip)
{
        *ip = (struct rte_ipv4_hdr){
                .version_ihl = RTE_IPV4_VHL_DEF,
                .total_length = rte_cpu_to_be_16(ip_length),
                .time_to_live = 64,
                .next_proto_id = stream->protocol,
        };
}

static uint32_t ip_sum(const struct stream *stream, uint16_t ip_length)
{
        struct rte_ipv4_hdr ip;

        write_ip(stream, ip_length, &ip);
        return rte_raw_cksum(&ip, sizeof(ip));
}

/* What is behind the tag: the same in all frames. */
static void write_payload(uint8_t *buffer, size_t from, size_t to)
{
        for (size_t i = from; i < to; i++)
                buffer[i] = i;
}

static struct shape shape_make(const struct stream *stream, uint16_t length)
{
        uint16_t l4_length = length - offsetof(struct frame, udp), ip_length = length - offsetof(struct frame, ip);
        uint8_t payload[FRAME_MAX];

        write_payload(payload, sizeof(struct frame), length);
        return (struct shape){
                .length = length,
                .payload = l4_length - header_length(stream->protocol),
                .ip_length = rte_cpu_to_be_16(ip_length),
                .l4_length = rte_cpu_to_be_16(l4_length),
                .ip_sum = ip_sum(stream, ip_length),
                .tcp_sum = rte_raw_cksum(payload + sizeof(struct frame), length - sizeof(struct frame)) +
                           rte_cpu_to_be_16(IPPROTO_TCP) + rte_cpu_to_be_16(l4_length),
        };
}

struct stream stream_make(unsigned index, const struct rte_ether_addr *src, const struct rte_ether_addr *dst,
                          const struct stream_options *options)
{
        const uint16_t bare = sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_tcp_hdr);
        struct stream stream = {
                .src = *src,
                .dst = *dst,
                .src_network = NETWORK(index),
                .dst_network = NETWORK(!index),
                .flows = options->flows,
                .magic = FRAME_MAGIC | index,
                .protocol = options->protocol,
                .mirrored = options->conversation && index == 1,
                .longest = options->length,
                .turns = 1,
                .shape_count = 1,
        };

        stream.shapes[0] = shape_make(&stream, options->length ?: imix_lengths[0]);
        if (options->length == 0) {
                stream.turns = IMIX_TURNS;
                memcpy(stream.pattern, imix_pattern, sizeof(imix_pattern));
                stream.shape_count = FRAME_SHAPES;
                for (unsigned i = 1; i < FRAME_SHAPES; i++)
                        stream.shapes[i] = shape_make(&stream, imix_lengths[i]);
                stream.longest = imix_lengths[FRAME_SHAPES - 1];
        }
        stream.control_ip_sum = ip_sum(&stream, bare);
        stream.control_tcp_sum = rte_cpu_to_be_16(IPPROTO_TCP) + rte_cpu_to_be_16(sizeof(struct rte_tcp_hdr));
        return stream;
}

void frame_prepare(const struct stream *stream, void *buffer)
{
        struct frame *frame = buffer;

        memset(buffer, 0, stream->longest);
        frame->ether.src_addr = stream->src;
        frame->ether.dst_addr = stream->dst;
        frame->ether.ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
        write_ip(stream, 0, &frame->ip);
        write_payload(buffer, sizeof(*frame), stream->longest);
        if (stream->protocol == IPPROTO_TCP) {
                frame_set_tcp(stream, frame, &stream->shapes[0], 0, 0, 0, 0);
                return;
        }
        /* UDP's checksum: none, as IPv4 allows. Between tag and payload of UDP there is room: it counts on from the
         * tag, too. */
        write_payload(buffer, offsetof(struct frame, udp_tag) + sizeof(struct tag), sizeof(*frame));
        frame->udp_tag.magic = rte_cpu_to_be_16(stream->magic);
        frame_set_udp(stream, frame, &stream->shapes[0], 0, 0);
}

void frame_set_control(const struct stream *stream, struct frame *frame, uint32_t flow, uint8_t flags, uint32_t seq,
                       uint32_t ack)
{
        const uint16_t bare = sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_tcp_hdr);
        uint16_t options = flags & RTE_TCP_SYN_FLAG ? sizeof(syn_options) : 0;
        uint32_t longer = rte_cpu_to_be_16(options), sum;

        sum = frame_set_flow(stream, frame, rte_cpu_to_be_16(bare + options), stream->control_ip_sum + longer, flow);
        sum += frame_set_numbers(frame, 5 + options / 4, flags, seq, ack) + stream->control_tcp_sum + longer;
        memset(frame->tcp_options, 0, sizeof(frame->tcp_options));
        memcpy(frame->tcp_options, syn_options, options);
        frame->tcp.cksum = frame_fold(sum + rte_raw_cksum(frame->tcp_options, sizeof(frame->tcp_options)));
}

static const struct shape *shape_of(const struct stream *stream, uint32_t length)
{
        for (unsigned i = 0; i < stream->shape_count; i++)
                if (stream->shapes[i].length == length)
                        return &stream->shapes[i];
        return NULL;
}

bool frame_same(const struct stream *stream, const struct frame *frame, uint32_t length, uint32_t flow,
                struct frame *scratch)
{
        uint32_t sequence = rte_be_to_cpu_32(frame_tag(stream, frame)->sequence);
        const struct shape *shape = shape_of(stream, length);

        if (!shape)
                return false;
        if (stream->protocol == IPPROTO_UDP)
                frame_set_udp(stream, scratch, shape, flow, sequence);
        else
                frame_set_tcp(stream, scratch, shape, flow, sequence, rte_be_to_cpu_32(frame->tcp.sent_seq),
                              rte_be_to_cpu_32(frame->tcp.recv_ack));
        return memcmp(frame, scratch, length) == 0;
}
