/* The generator against a switch that the test plays: two ports over rings, between which frames pass, are lost,
 * overtaken, changed. What it counts is what was done to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include "dial.h"
#include "port.h"

#define FLOWS 64U

static const struct rte_ether_addr mac[2] = {{{0xfa, 0x16, 0x3e, 0, 0, 1}}, {{0xfa, 0x16, 0x3e, 0, 0, 2}}};
static struct rte_ring *to_switch[2], *from_switch[2];
static struct rte_mempool *spare;
static struct port ports[2];
static struct talk talks[FLOWS];
static unsigned passed[2]; /* frames that the switch has seen, by sender */

static int start_eal(void **state)
{
        char *arguments[] = {"test",           "--no-huge",   "-m",       "128", "--no-pci",
                             "--no-telemetry", "--no-shconf", "--lcores", "0",   NULL};

        if (rte_eal_init(RTE_DIM(arguments) - 1, arguments) < 0)
                return -1;
        for (unsigned i = 0; i < 2; i++) {
                char name[2][16];
                snprintf(name[0], sizeof(name[0]), "to%u", i);
                snprintf(name[1], sizeof(name[1]), "from%u", i);
                to_switch[i] = rte_ring_create(name[0], 1024, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
                from_switch[i] = rte_ring_create(name[1], 1024, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
                if (rte_eth_from_rings(name[0], &from_switch[i], 1, &to_switch[i], 1, SOCKET_ID_ANY) < 0)
                        return -1;
        }
        spare = rte_pktmbuf_pool_create("spare", 1023, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
        return spare ? ports_start(ports) : -1;
}

/* What a test begins with: all as new but for devices and pools, which stay. Frames in the pools are written again. */
static void rewrite(struct rte_mempool *pool, void *stream, void *object, unsigned index)
{
        frame_prepare(stream, rte_pktmbuf_mtod((struct rte_mbuf *)object, void *));
}

static void begin(uint32_t flows, uint8_t protocol, bool conversation)
{
        const struct stream_options options = {
                .flows = flows, .length = FRAME_MIN, .protocol = protocol, .conversation = conversation};

        for (unsigned i = 0; i < 2; i++) {
                struct port fresh = {.id = i, .pool = ports[i].pool, .scratch = ports[i].scratch};
                fresh.sends = stream_make(i, &mac[i], &mac[!i], &options);
                fresh.expects = stream_make(!i, &mac[!i], &mac[i], &options);
                if (protocol == IPPROTO_TCP)
                        fresh.talks = talks;
                ports[i] = fresh;
                if (!fresh.pool) /* ports_start() makes it */
                        continue;
                frame_prepare(&ports[i].expects, ports[i].scratch);
                rte_mempool_obj_iter(ports[i].pool, rewrite, &ports[i].sends);
        }
        passed[0] = passed[1] = 0;
        for (uint32_t flow = 0; flow < FLOWS; flow++)
                for (unsigned i = 0; i < 2; i++)
                        talks[flow].next[i] = talks[flow].seen[i] = talk_begin(flow, i) + 1;
}

/* Nothing is left that the next test could meet. */
static void end(void)
{
        struct rte_mbuf *mbuf;

        for (unsigned i = 0; i < 2; i++) {
                while (rte_ring_dequeue(to_switch[i], (void **)&mbuf) == 0 ||
                       rte_ring_dequeue(from_switch[i], (void **)&mbuf) == 0)
                        rte_pktmbuf_free(mbuf);
                rte_pktmbuf_free_bulk(ports[i].burst, ports[i].filled);
        }
}

/* What the switch does with frame `number` of those that port `from` has sent: the frame, or NULL when it is lost. */
typedef struct rte_mbuf *(*switching)(struct rte_mbuf *mbuf, unsigned from, unsigned number);

static void pass(switching one)
{
        struct rte_mbuf *mbuf;

        for (unsigned i = 0; i < 2; i++) {
                while (rte_ring_dequeue(to_switch[i], (void **)&mbuf) == 0) {
                        struct rte_mbuf *result = one ? one(mbuf, i, passed[i]) : mbuf;
                        passed[i]++;
                        if (!result)
                                rte_pktmbuf_free(mbuf);
                        else
                                assert_int_equal(rte_ring_enqueue(from_switch[!i], result), 0);
                }
        }
}

static void turns(unsigned count, switching one)
{
        while (count-- > 0) {
                port_turn(&ports[0], true);
                port_turn(&ports[1], true);
                pass(one);
        }
        port_turn(&ports[0], false);
        port_turn(&ports[1], false);
}

static uint64_t counted(unsigned port, unsigned counter)
{
        return ports[port].counters.value[counter];
}

static void assert_nothing_wrong(void)
{
        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(counted(i, COUNT_WRONG_CONTENT), 0);
                assert_int_equal(counted(i, COUNT_WRONG_LENGTH), 0);
                assert_int_equal(counted(i, COUNT_WRONG_MAC), 0);
                assert_int_equal(counted(i, COUNT_REORDERED), 0);
        }
}

static void test_all_come_back(void **state)
{
        begin(FLOWS, IPPROTO_UDP, true);
        turns(10, NULL);
        assert_nothing_wrong();
        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(counted(i, COUNT_TX), 10 * BURST);
                assert_int_equal(counted(i, COUNT_RX), 10 * BURST);
                assert_int_equal(counted(i, COUNT_RX_BYTES), 10 * BURST * FRAME_MIN);
        }
        end();
}

static struct rte_mbuf *lose_some(struct rte_mbuf *mbuf, unsigned from, unsigned number)
{
        return number % 10 == from ? NULL : mbuf;
}

/* Only what was sent between the marks counts. */
static void test_lost(void **state)
{
        begin(FLOWS, IPPROTO_UDP, false);
        ports[0].next = ports[1].expected = (struct sequence){UINT32_MAX - 99, 5}; /* numbers wrap in between */
        turns(1, NULL);
        for (unsigned i = 0; i < 2; i++)
                port_mark(&ports[i], &ports[!i]);
        turns(10, lose_some);
        for (unsigned i = 0; i < 2; i++)
                assert_int_equal(port_mark_end(&ports[i], &ports[!i]), 10 * BURST);
        turns(1, NULL);
        for (unsigned i = 0; i < 2; i++)
                assert_int_equal(counted(i, COUNT_RX_MARKED), 10 * BURST - 10 * BURST / 10);
        assert_nothing_wrong();
        end();
}

static struct rte_mbuf *held;

/* Every 100th frame comes 70 frames late: behind one of its own flow, if there are few. */
static struct rte_mbuf *delay_some(struct rte_mbuf *mbuf, unsigned from, unsigned number)
{
        if (from == 1)
                return mbuf;
        if (number % 100 == 10) {
                held = rte_pktmbuf_copy(mbuf, mbuf->pool, 0, UINT32_MAX);
                return NULL;
        }
        if (number % 100 == 80)
                assert_int_equal(rte_ring_enqueue(from_switch[1], held), 0);
        return mbuf;
}

static void test_reordered(void **state)
{
        begin(FLOWS, IPPROTO_UDP, false);
        turns(19, delay_some);
        assert_int_equal(counted(1, COUNT_REORDERED), 6);
        assert_int_equal(counted(0, COUNT_REORDERED), 0);
        end();
        begin(71, IPPROTO_UDP, false); /* of another flow: no matter */
        turns(19, delay_some);
        assert_nothing_wrong();
        assert_int_equal(counted(1, COUNT_RX), 19 * BURST);
        end();
}

/* In a copy: the generator's buffers last. */
static struct rte_mbuf *damage_first(struct rte_mbuf *original, unsigned from, unsigned number)
{
        struct rte_mbuf *mbuf = rte_pktmbuf_copy(original, spare, 0, UINT32_MAX);
        uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);

        rte_pktmbuf_free(original);
        if (number % BURST == 0)
                frame[30] ^= 1; /* destination address: only the samples show it */
        if (number % BURST == 1)
                frame[0] ^= 2;
        if (number % BURST == 2)
                frame[offsetof(struct frame, udp_tag)] ^= 4;
        if (number % BURST == 3)
                mbuf->data_len = mbuf->pkt_len = FRAME_MIN - 1;
        return mbuf;
}

static void test_damaged(void **state)
{
        begin(FLOWS, IPPROTO_UDP, false);
        turns(5, damage_first);
        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(counted(i, COUNT_WRONG_CONTENT), 10);
                assert_int_equal(counted(i, COUNT_WRONG_MAC), 5);
                assert_int_equal(counted(i, COUNT_WRONG_LENGTH), 5);
        }
        end();
}

/* By flow and sender: what a tracker would have seen. */
static uint32_t data_end[FLOWS][2];

static struct rte_mbuf *track(struct rte_mbuf *mbuf, unsigned from, unsigned number)
{
        const struct frame *frame = rte_pktmbuf_mtod(mbuf, struct frame *);
        uint32_t flow = frame_flow(&ports[from].sends, frame);
        uint32_t seq = rte_be_to_cpu_32(frame->tcp.sent_seq), ack = rte_be_to_cpu_32(frame->tcp.recv_ack);

        assert_true(flow < FLOWS);
        assert_int_equal(rte_ipv4_udptcp_cksum_verify(&frame->ip, &frame->tcp), 0);
        assert_int_equal(seq, data_end[flow][from]);
        assert_true((int32_t)(data_end[flow][!from] - ack) >= 0);
        data_end[flow][from] = seq + rte_be_to_cpu_16(frame->ip.total_length) - 40;
        return number % 7 == 3 ? NULL : mbuf;
}

/* Each byte once, in order; acknowledged is only what was sent, and in the end the last that came. */
static void test_tcp(void **state)
{
        begin(FLOWS, IPPROTO_TCP, true);
        for (uint32_t flow = 0; flow < FLOWS; flow++)
                for (unsigned i = 0; i < 2; i++)
                        data_end[flow][i] = talk_begin(flow, i) + 1;
        turns(20, track);
        assert_nothing_wrong();
        for (unsigned i = 0; i < 2; i++)
                assert_int_equal(counted(i, COUNT_RX), 20 * BURST - 20 * BURST / 7 - (20 * BURST % 7 > 3));
        end();
}

static struct rte_mbuf *pass_some(struct rte_mbuf *mbuf, unsigned from, unsigned number)
{
        return number % 13 == 5 ? NULL : mbuf;
}

/* Dials until it says it is done. Time flies. */
static void dial(struct dialer *dialer, const struct dial_options *options, switching one)
{
        uint64_t now = 1;

        assert_int_equal(dial_start(dialer, ports, options), 0);
        for (unsigned i = 0; dial_turn(dialer, now); i++) {
                pass(one);
                now += rte_get_tsc_hz() / 1000;
                assert_true(i < 100000);
        }
}

static void end_dial(struct dialer *dialer)
{
        for (unsigned i = 0; i < 10; i++) {
                dial_turn(dialer, UINT64_MAX);
                pass(NULL);
        }
        dial_stop(dialer);
        end();
}

static void check_dial(uint8_t protocol, enum dial_close close, unsigned segments)
{
        const struct dial_options options = {.first = 3, .conversations = 500, .window = 100, .close = close};
        struct dialer dialer;

        begin(503, protocol, true);
        ports[0].talks = ports[1].talks = NULL;
        dial(&dialer, &options, NULL);
        assert_int_equal(dialer.opened, 500);
        assert_int_equal(dialer.done, 500);
        assert_int_equal(dialer.failed, 0);
        end_dial(&dialer);
        assert_int_equal(dialer.foreign, 0);
        assert_int_equal(counted(0, COUNT_TX) + counted(1, COUNT_TX), 500 * segments);
}

static void test_dial(void **state)
{
        check_dial(IPPROTO_UDP, DIAL_OPEN, 2);
        check_dial(IPPROTO_TCP, DIAL_OPEN, 3);
        check_dial(IPPROTO_TCP, DIAL_RST, 4);
        check_dial(IPPROTO_TCP, DIAL_FIN, 6);
}

/* Over a switch that loses frames: each conversation is complete or failed; who insists gets all. */
static void check_lossy_dial(uint8_t protocol, bool insist)
{
        const struct dial_options options = {.conversations = 500, .window = 100, .insist = insist};
        struct dialer dialer;

        begin(500, protocol, true);
        ports[0].talks = ports[1].talks = NULL;
        dial(&dialer, &options, pass_some);
        assert_int_equal(dialer.opened, 500);
        assert_true(dialer.failed > 0);
        assert_int_equal(dialer.done, insist ? 500 : 500 - dialer.failed);
        end_dial(&dialer);
}

static void test_lossy_dial(void **state)
{
        for (unsigned insist = 0; insist < 2; insist++) {
                check_lossy_dial(IPPROTO_UDP, insist);
                check_lossy_dial(IPPROTO_TCP, insist);
        }
}

static void test_foreign(void **state)
{
        const struct dial_options options = {.conversations = 10, .window = 10};
        struct dialer dialer;

        begin(10, IPPROTO_UDP, true);
        assert_int_equal(dial_start(&dialer, ports, &options), 0);
        dial_turn(&dialer, 1);
        pass(damage_first);
        dial_turn(&dialer, 1);
        assert_int_equal(dialer.foreign, 2); /* another address, and a short frame; MACs and tags do not matter here */
        end_dial(&dialer);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_come_back), cmocka_unit_test(test_lost),    cmocka_unit_test(test_reordered),
                cmocka_unit_test(test_damaged),       cmocka_unit_test(test_tcp),     cmocka_unit_test(test_dial),
                cmocka_unit_test(test_lossy_dial),    cmocka_unit_test(test_foreign),
        };

        begin(FLOWS, IPPROTO_UDP, true);
        return cmocka_run_group_tests(tests, start_eal, NULL);
}
