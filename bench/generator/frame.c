/* The frames of the generator: what is done once a buffer or for samples; see frame.h. */
#include <netinet/in.h>
#include <string.h>

#include "frame.h"

#define NETWORK(index) RTE_IPV4(10, 1 + (index), 0, 0)

static void write_ip(const struct stream *stream, struct rte_ipv4_hdr *ip)
{
        *ip = (struct rte_ipv4_hdr){
                .version_ihl = RTE_IPV4_VHL_DEF,
                .total_length = rte_cpu_to_be_16(stream->length - sizeof(struct rte_ether_hdr)),
                .time_to_live = 64,
                .next_proto_id = IPPROTO_UDP,
                .src_addr = rte_cpu_to_be_32(stream->src_network),
                .dst_addr = rte_cpu_to_be_32(stream->dst_network),
        };
}

struct stream stream_make(unsigned index, const struct rte_ether_addr *src, const struct rte_ether_addr *dst,
                          uint32_t flows, uint16_t length, bool conversation)
{
        struct stream stream = {
                .src = *src,
                .dst = *dst,
                .src_network = NETWORK(index),
                .dst_network = NETWORK(!index),
                .magic = FRAME_MAGIC | index,
                .flows = flows,
                .length = length,
                .mirrored = conversation && index == 1,
        };
        struct rte_ipv4_hdr ip;

        write_ip(&stream, &ip);
        for (size_t i = 0; i < sizeof(ip); i += 2)
                stream.checksum_base += ((const uint8_t *)&ip)[i] << 8 | ((const uint8_t *)&ip)[i + 1];
        return stream;
}

void frame_prepare(const struct stream *stream, void *buffer)
{
        struct frame *frame = buffer;
        uint8_t *bytes = buffer;

        frame->ether.src_addr = stream->src;
        frame->ether.dst_addr = stream->dst;
        frame->ether.ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
        write_ip(stream, &frame->ip);
        frame->udp.dgram_len = rte_cpu_to_be_16(stream->length - offsetof(struct frame, udp));
        frame->udp.dgram_cksum = 0; /* none, as IPv4 allows */
        frame->magic = rte_cpu_to_be_32(stream->magic);
        for (unsigned i = sizeof(*frame); i < stream->length; i++)
                bytes[i] = i;
        frame_set_flow(stream, frame, 0);
}

bool frame_same(const struct stream *stream, const void *frame, struct frame *scratch)
{
        frame_set_flow(stream, scratch, rte_be_to_cpu_32(((const struct frame *)frame)->flow));
        return memcmp(frame, scratch, stream->length) == 0;
}
