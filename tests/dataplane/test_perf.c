/* The clocks a node takes: that rounds which polled in vain do not count, and that devices are told from our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "harness.h"
#include "worker.h"

static struct rte_mbuf *frame_to(uint8_t n)
{
        uint8_t frame[60] = {0};
        struct rte_ether_hdr *ether = (void *)frame;

        *ether = (struct rte_ether_hdr){.dst_addr = harness_mac(n),
                                        .src_addr = harness_mac(1),
                                        .ether_type = RTE_BE16(0x88b5)}; /* IEEE 802 local experimental */
        return harness_packet(frame, sizeof(frame));
}

static void only_rounds_that_found_packets_count(void **state)
{
        const struct dp_worker_perf *perf = &dp.workers[0].perf;
        struct rte_mbuf *packets[5];

        for (unsigned int i = 0; i < RTE_DIM(packets); i++)
                packets[i] = frame_to(2);
        harness_receive_burst(HARNESS_PORT_A, packets, RTE_DIM(packets)); /* walks the graph twice */
        assert_int_equal(perf->rx_rounds, 1);
        assert_int_equal(perf->rx_packets, RTE_DIM(packets));
        assert_in_range(perf->rx_io_tsc, 1, perf->rx_tsc);

        uint64_t before = perf->rx_tsc;
        harness_receive_burst(HARNESS_PORT_A, packets, 0);
        assert_int_equal(perf->rx_rounds, 1);
        assert_int_equal(perf->rx_tsc, before);
        harness_clear();
}

static void transmit_is_told_from_what_a_device_does(void **state)
{
        const struct dp_worker_perf *perf = &dp.workers[0].perf;
        uint64_t before = perf->tx_io_tsc;

        harness_receive(HARNESS_PORT_A, frame_to(99)); /* nobody's: never comes to tx */
        assert_int_equal(perf->tx_io_tsc, before);
        harness_receive(HARNESS_PORT_A, frame_to(2));
        assert_int_equal(harness_sent_count(HARNESS_PORT_B), 1);
        assert_true(perf->tx_io_tsc > before);
        harness_clear();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_rounds_that_found_packets_count),
                cmocka_unit_test(transmit_is_told_from_what_a_device_does),
        };

        harness_init();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
