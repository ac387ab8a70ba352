/* The generator's frames: headers as others would compute them, flows that differ, answers that match, and that every
 * kind of damage is noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frame.h"

#define FLOWS 65536U

static const struct rte_ether_addr mac[2] = {{{0xfa, 0x16, 0x3e, 0, 0, 1}}, {{0xfa, 0x16, 0x3e, 0, 0, 2}}};
static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP};

/* length 0: IMIX. */
static struct stream stream_of(unsigned index, uint16_t length, uint8_t protocol, bool conversation)
{
        const struct stream_options options = {
                .flows = FLOWS, .length = length, .protocol = protocol, .conversation = conversation};

        return stream_make(index, &mac[index], &mac[!index], &options);
}

static void set_frame(const struct stream *stream, struct frame *frame, unsigned shape, uint32_t flow,
                      uint32_t sequence)
{
        if (stream->protocol == IPPROTO_UDP)
                frame_set_udp(stream, frame, &stream->shapes[shape], flow, sequence);
        else
                frame_set_tcp(stream, frame, &stream->shapes[shape], flow, sequence, flow * 77777U, ~flow);
}

/* By DPDK, not by our sums. */
static void check_headers(const struct frame *frame, unsigned length)
{
        assert_int_equal(rte_raw_cksum(&frame->ip, sizeof(frame->ip)), 0xffff);
        assert_true(rte_be_to_cpu_16(frame->ip.total_length) + sizeof(frame->ether) <= length);
        if (frame->ip.next_proto_id == IPPROTO_TCP)
                assert_int_equal(rte_ipv4_udptcp_cksum_verify(&frame->ip, &frame->tcp), 0);
        else
                assert_int_equal(rte_be_to_cpu_16(frame->udp.dgram_len),
                                 rte_be_to_cpu_16(frame->ip.total_length) - sizeof(frame->ip));
}

static void check_shape(const struct stream *stream, unsigned shape)
{
        uint8_t buffer[FRAME_MAX] __rte_aligned(2) = {}, scratch[FRAME_MAX] __rte_aligned(2) = {};
        struct frame *frame = (struct frame *)buffer;
        uint16_t length = stream->shapes[shape].length;

        frame_prepare(stream, buffer);
        frame_prepare(stream, scratch);
        for (uint32_t flow = 0; flow < FLOWS; flow += 13) {
                set_frame(stream, frame, shape, flow, flow + 3 * FLOWS);
                check_headers(frame, length);
                assert_int_equal(frame_check(stream, frame, length), FRAME_RIGHT);
                assert_int_equal(frame_flow(stream, frame), flow);
                assert_int_equal(rte_be_to_cpu_32(frame_tag(stream, frame)->sequence), flow + 3 * FLOWS);
                assert_true(frame_same(stream, frame, length, flow, (struct frame *)scratch));
        }
}

static void test_headers(void **state)
{
        const uint16_t lengths[] = {FRAME_MIN, 123, 508, FRAME_MAX, 0};

        for (unsigned p = 0; p < 2; p++) {
                for (unsigned l = 0; l < RTE_DIM(lengths); l++) {
                        struct stream stream = stream_of(1, lengths[l], protocols[p], true);
                        for (unsigned shape = 0; shape < stream.shape_count; shape++)
                                check_shape(&stream, shape);
                }
        }
}

/* 7:4:1 of 64, 570 and 1518 bytes with FCS. */
static void test_imix(void **state)
{
        struct stream stream = stream_of(0, 0, IPPROTO_UDP, false);
        unsigned count[FRAME_SHAPES] = {};

        assert_int_equal(stream.turns, 12);
        for (unsigned i = 0; i < stream.turns; i++)
                count[stream.pattern[i]]++;
        assert_int_equal(count[0], 7);
        assert_int_equal(count[1], 4);
        assert_int_equal(count[2], 1);
        assert_int_equal(stream.shapes[0].length, 60);
        assert_int_equal(stream.shapes[1].length, 566);
        assert_int_equal(stream.shapes[2].length, 1514);
        assert_int_equal(stream.longest, 1514);
}

/* Segments without data, in a buffer that held data before, and data again after them. */
static void test_control(void **state)
{
        struct stream stream = stream_of(0, FRAME_MIN, IPPROTO_TCP, true);
        uint8_t buffer[FRAME_MIN] __rte_aligned(2), scratch[FRAME_MIN] __rte_aligned(2);
        struct frame *frame = (struct frame *)buffer;

        frame_prepare(&stream, buffer);
        frame_prepare(&stream, scratch);
        frame_set_tcp(&stream, frame, &stream.shapes[0], 4, 0xffffffff, 0xfffffffe, 0xfffffffd);
        frame_set_control(&stream, frame, 5, RTE_TCP_SYN_FLAG, 1000, 0);
        check_headers(frame, FRAME_MIN);
        assert_int_equal(rte_be_to_cpu_16(frame->ip.total_length), 44);
        assert_int_equal(frame->tcp.data_off, 6 << 4);
        assert_memory_equal(frame->tcp_options, ((uint8_t[]){1, 3, 3, 14}), 4);
        assert_int_equal(frame_flow(&stream, frame), 5);
        assert_int_not_equal(frame_check(&stream, frame, FRAME_MIN), FRAME_RIGHT);

        frame_set_control(&stream, frame, 6, RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG, 0xffffffff, 0x80000000);
        check_headers(frame, FRAME_MIN);
        assert_int_equal(rte_be_to_cpu_16(frame->ip.total_length), 40);
        assert_int_equal(frame->tcp.data_off, 5 << 4);

        frame_set_tcp(&stream, frame, &stream.shapes[0], 7, 8, 9, 10);
        assert_true(frame_same(&stream, frame, FRAME_MIN, 7, (struct frame *)scratch));
}

static int compare(const void *one, const void *two)
{
        return memcmp(one, two, 12);
}

/* Source and destination address, and the ports: as in the frame, 12 bytes. */
static void tuples(const struct stream *stream, uint8_t (*ret)[12])
{
        uint8_t buffer[FRAME_MIN] __rte_aligned(2);
        struct frame *frame = (struct frame *)buffer;

        frame_prepare(stream, buffer);
        for (uint32_t flow = 0; flow < FLOWS; flow++) {
                set_frame(stream, frame, 0, flow, 0);
                memcpy(ret[flow], &frame->ip.src_addr, 12);
        }
}

static void test_flows_differ(void **state)
{
        uint8_t(*all)[12] = calloc(3 * FLOWS, sizeof(*all));
        struct stream streams[] = {stream_of(0, FRAME_MIN, IPPROTO_UDP, false),
                                   stream_of(1, FRAME_MIN, IPPROTO_UDP, false)};

        assert_non_null(all);
        tuples(&streams[0], all);
        tuples(&streams[1], all + FLOWS);
        for (uint32_t i = 0; i < FLOWS; i++) { /* the answers to the first: nobody sends them */
                memcpy(all[2 * FLOWS + i], all[i] + 4, 4);
                memcpy(all[2 * FLOWS + i] + 4, all[i], 4);
                memcpy(all[2 * FLOWS + i] + 8, all[i] + 10, 2);
                memcpy(all[2 * FLOWS + i] + 10, all[i] + 8, 2);
        }
        qsort(all, 3 * FLOWS, sizeof(*all), compare);
        for (uint32_t i = 1; i < 3 * FLOWS; i++)
                assert_memory_not_equal(all[i - 1], all[i], 12);
        free(all);
}

static void test_conversation(void **state)
{
        for (unsigned p = 0; p < 2; p++) {
                struct stream there = stream_of(0, FRAME_MIN, protocols[p], true),
                              back = stream_of(1, FRAME_MIN, protocols[p], true);
                uint8_t one[FRAME_MIN] __rte_aligned(2), two[FRAME_MIN] __rte_aligned(2);
                struct frame *question = (struct frame *)one, *answer = (struct frame *)two;

                frame_prepare(&there, one);
                frame_prepare(&back, two);
                for (uint32_t flow = 0; flow < FLOWS; flow++) {
                        set_frame(&there, question, 0, flow, 0);
                        set_frame(&back, answer, 0, flow, 0);
                        assert_int_equal(question->ip.src_addr, answer->ip.dst_addr);
                        assert_int_equal(question->ip.dst_addr, answer->ip.src_addr);
                        assert_int_equal(question->udp.src_port, answer->udp.dst_port);
                        assert_int_equal(question->udp.dst_port, answer->udp.src_port);
                        assert_int_equal(frame_flow(&there, question), flow);
                        assert_int_equal(frame_flow(&back, answer), flow);
                }
        }
}

/* Every number, there and back; and what is next to a flow is none. */
static void test_numbers(void **state)
{
        for (uint32_t number = 0; number < FLOWS_MAX; number += 7) {
                struct flow flow = flow_tuple(number, number & 1), other = flow;
                assert_int_equal(flow_number(flow, number & 1), number);
                other.dst_port ^= 1 << number % 16;
                assert_int_not_equal(flow_number(other, number & 1), number);
                other = flow;
                other.dst_host ^= 1 << number % 16;
                assert_int_not_equal(flow_number(other, number & 1), number);
        }
        assert_int_equal(flow_number((struct flow){0, 1, FLOW_CLIENTS, FLOW_SERVERS}, false), FLOW_NONE);
        assert_int_equal(flow_number((struct flow){1, 1, 1023, FLOW_SERVERS}, false), FLOW_NONE);
}

/* Each bit of a frame: one of the checks notices. TCP's numbers are not among what a sample is compared with, but its
 * checksum is over them. */
static void check_damage(uint8_t protocol)
{
        struct stream stream = stream_of(0, 124, protocol, false), other = stream_of(1, 124, protocol, false);
        uint8_t buffer[124] __rte_aligned(2), scratch[124] __rte_aligned(2);
        struct frame *frame = (struct frame *)buffer, *same = (struct frame *)scratch;

        frame_prepare(&stream, buffer);
        frame_prepare(&stream, scratch);
        set_frame(&stream, frame, 0, 777, 778);
        assert_true(frame_same(&stream, frame, 124, 777, same));
        assert_false(frame_same(&stream, frame, 124, 776, same));
        assert_int_equal(frame_check(&stream, frame, 123), FRAME_WRONG_LENGTH);
        assert_int_equal(frame_check(&other, frame, 124), FRAME_WRONG_MAC);
        for (unsigned bit = 0; bit < 8 * sizeof(buffer); bit++) {
                if (bit / 8 >= 42 && bit / 8 < 48 && protocol == IPPROTO_UDP && bit / 8 >= 44)
                        continue; /* the sequence number: it may be any */
                buffer[bit / 8] ^= 1 << bit % 8;
                assert_true(frame_check(&stream, frame, 124) != FRAME_RIGHT ||
                            !frame_same(&stream, frame, 124, 777, same));
                buffer[bit / 8] ^= 1 << bit % 8;
        }
        frame_prepare(&other, buffer);
        frame->ether.dst_addr = stream.dst; /* sent back to where it came from */
        assert_int_equal(frame_check(&stream, frame, 124), FRAME_WRONG_CONTENT);
}

static void test_damage(void **state)
{
        check_damage(IPPROTO_UDP);
        check_damage(IPPROTO_TCP);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_headers),      cmocka_unit_test(test_imix),
                cmocka_unit_test(test_control),      cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_flows_differ), cmocka_unit_test(test_conversation),
                cmocka_unit_test(test_damage),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
