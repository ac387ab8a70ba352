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

static struct stream stream_of(unsigned index, uint16_t length, bool conversation)
{
        return stream_make(index, &mac[index], &mac[!index], FLOWS, length, conversation);
}

static void test_headers(void **state)
{
        const uint16_t lengths[] = {FRAME_MIN, 508, FRAME_MAX};

        for (unsigned l = 0; l < 3; l++) {
                struct stream stream = stream_of(1, lengths[l], true);
                uint8_t buffer[FRAME_MAX] __rte_aligned(2) = {};
                struct frame *frame = (struct frame *)buffer;

                frame_prepare(&stream, buffer);
                for (uint32_t flow = 0; flow < FLOWS; flow++) {
                        frame_set_flow(&stream, frame, flow);
                        assert_int_equal(rte_raw_cksum(&frame->ip, sizeof(frame->ip)), 0xffff);
                        assert_int_equal(frame_check(&stream, frame, lengths[l]), FRAME_RIGHT);
                }
                assert_int_equal(rte_be_to_cpu_16(frame->ip.total_length), lengths[l] - 14);
                assert_int_equal(rte_be_to_cpu_16(frame->udp.dgram_len), lengths[l] - 34);
        }
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
                frame_set_flow(stream, frame, flow);
                memcpy(ret[flow], &frame->ip.src_addr, 12);
        }
}

static void test_flows_differ(void **state)
{
        uint8_t(*all)[12] = calloc(3 * FLOWS, sizeof(*all));
        struct stream streams[] = {stream_of(0, FRAME_MIN, false), stream_of(1, FRAME_MIN, false)};

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
        struct stream there = stream_of(0, FRAME_MIN, true), back = stream_of(1, FRAME_MIN, true);
        uint8_t one[FRAME_MIN] __rte_aligned(2), two[FRAME_MIN] __rte_aligned(2);
        struct frame *question = (struct frame *)one, *answer = (struct frame *)two;

        frame_prepare(&there, one);
        frame_prepare(&back, two);
        for (uint32_t flow = 0; flow < FLOWS; flow++) {
                frame_set_flow(&there, question, flow);
                frame_set_flow(&back, answer, flow);
                assert_int_equal(question->ip.src_addr, answer->ip.dst_addr);
                assert_int_equal(question->ip.dst_addr, answer->ip.src_addr);
                assert_int_equal(question->udp.src_port, answer->udp.dst_port);
                assert_int_equal(question->udp.dst_port, answer->udp.src_port);
        }
}

static void test_damage(void **state)
{
        struct stream stream = stream_of(0, 124, false), other = stream_of(1, 124, false);
        uint8_t buffer[124] __rte_aligned(2), scratch[124] __rte_aligned(2);
        struct frame *frame = (struct frame *)buffer;

        frame_prepare(&stream, buffer);
        frame_prepare(&stream, scratch);
        frame_set_flow(&stream, frame, 777);
        assert_true(frame_same(&stream, buffer, (struct frame *)scratch));
        assert_int_equal(frame_check(&stream, frame, 123), FRAME_WRONG_LENGTH);
        assert_int_equal(frame_check(&other, frame, 124), FRAME_WRONG_MAC);
        for (unsigned i = 0; i < sizeof(buffer); i++) {
                buffer[i] ^= 0x80;
                assert_true(frame_check(&stream, frame, 124) != FRAME_RIGHT ||
                            !frame_same(&stream, buffer, (struct frame *)scratch));
                buffer[i] ^= 0x80;
        }
        frame->flow = rte_cpu_to_be_32(FLOWS);
        assert_int_equal(frame_check(&stream, frame, 124), FRAME_WRONG_CONTENT);
        frame_prepare(&other, buffer);
        frame->ether.dst_addr = stream.dst; /* sent back to where it came from */
        assert_int_equal(frame_check(&stream, frame, 124), FRAME_WRONG_CONTENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_headers),
                cmocka_unit_test(test_flows_differ),
                cmocka_unit_test(test_conversation),
                cmocka_unit_test(test_damage),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
