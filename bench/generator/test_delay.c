/* Delays: only what was stamped and is not taken yet counts, and quantiles are as exact as promised. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "delay.h"

static struct delay *fresh(void)
{
        struct delay *delay = calloc(1, sizeof(*delay));

        assert_non_null(delay);
        return delay;
}

static void test_samples(void **state)
{
        struct delay *delay = fresh();

        for (uint32_t sequence = 0; sequence < 64; sequence++)
                delay_stamp(delay, sequence, 1000 + sequence);
        for (uint32_t sequence = 0; sequence < 64; sequence++)
                delay_take(delay, sequence, 2000 + sequence, 0);
        assert_int_equal(delay->count, 64 / DELAY_SAMPLE);
        assert_int_equal(delay->least, 1000);
        assert_int_equal(delay->most, 1000);
        delay_take(delay, 16, 9000, 0); /* twice */
        delay_stamp(delay, 16 + DELAY_SAMPLE * DELAY_STAMPS, 5000);
        delay_take(delay, 16, 9000, 0); /* its place has gone to a later one */
        assert_int_equal(delay->count, 64 / DELAY_SAMPLE);
        delay_take(delay, 16 + DELAY_SAMPLE * DELAY_STAMPS, 5100, 5001); /* sent before we paused */
        assert_int_equal(delay->count, 64 / DELAY_SAMPLE);
        free(delay);
}

static void test_wrap(void **state)
{
        struct delay *delay = fresh();
        uint32_t sequence = UINT32_MAX - 3 * DELAY_SAMPLE + 1;

        for (unsigned i = 0; i < 6 * DELAY_SAMPLE; i++)
                delay_stamp(delay, sequence + i, 1 + i);
        for (unsigned i = 0; i < 6 * DELAY_SAMPLE; i++)
                delay_take(delay, sequence + i, 11 + i, 0);
        assert_int_equal(delay->count, 6);
        assert_int_equal(delay->most, 10);
        free(delay);
}

/* 1, 2, 3 … 100,000 clocks, half of them seen by either port. */
static void test_quantiles(void **state)
{
        const double quantiles[] = {0.001, 0.1, 0.5, 0.9, 0.99, 0.999};
        struct delay *ports[2] = {fresh(), fresh()};

        assert_true(delay_quantile(ports[0], ports[1], 0.5) == 0);
        for (uint64_t clocks = 1; clocks <= 100000; clocks++) {
                delay_stamp(ports[clocks % 2], 0, 7);
                delay_take(ports[clocks % 2], 0, 7 + clocks, 0);
        }
        for (unsigned i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
                double expected = quantiles[i] * 100000;
                double found = delay_quantile(ports[0], ports[1], quantiles[i]);
                assert_true(found >= expected * (1 - 0.016) && found <= expected * (1 + 0.016));
        }
        delay_reset(ports[0]);
        delay_reset(ports[1]);
        assert_true(delay_quantile(ports[0], ports[1], 0.5) == 0);
        free(ports[0]);
        free(ports[1]);
}

/* Values that no bucket is for end in the last one, and nothing is written behind it. */
static void test_huge(void **state)
{
        struct delay *delay = fresh(), *none = fresh();

        delay_stamp(delay, 0, 1);
        delay_take(delay, 0, UINT64_MAX, 0);
        assert_int_equal(delay->buckets[DELAY_BUCKETS - 1], 1);
        assert_true(delay_quantile(delay, none, 0.5) > 0);
        free(delay);
        free(none);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_samples),
                cmocka_unit_test(test_wrap),
                cmocka_unit_test(test_quantiles),
                cmocka_unit_test(test_huge),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
