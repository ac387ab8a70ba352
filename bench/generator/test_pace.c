/* The pace: as many as are due, none before, and no burst after a pause. The clock is given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pace.h"

static uint64_t run(struct pace *pace, uint64_t from, uint64_t to, uint64_t step)
{
        uint64_t sent = 0;

        for (uint64_t now = from; now <= to; now += step) {
                uint32_t allowed = pace_allows(pace, now, 32);
                pace->sent += allowed;
                sent += allowed;
        }
        return sent;
}

static void test_unlimited(void **state)
{
        struct pace pace = pace_of(0, 5);

        assert_int_equal(pace_allows(&pace, 5, 32), 32);
        assert_int_equal(pace_allows(&pace, 6, 7), 7);
}

static void test_exact(void **state)
{
        struct pace pace = pace_of(0.01, 1000000);

        assert_int_equal(pace_allows(&pace, 1000000, 32), 0);
        assert_int_equal(pace_allows(&pace, 1000000 + 99, 32), 0);
        assert_int_equal(pace_allows(&pace, 1000000 + 100, 32), 1);
        assert_int_equal(run(&pace, 1000000, 1000000 + 100000000, 777), 1000000 - 1);
}

static void test_pause(void **state)
{
        struct pace pace = pace_of(0.01, 0);

        run(&pace, 0, 100000, 50);
        assert_int_equal(run(&pace, 90000000, 90000000, 1), 32);
        assert_int_equal(run(&pace, 90000001, 90000001, 1), 32);
        assert_int_equal(run(&pace, 90000002, 90000002, 1), 0);
        assert_in_range(run(&pace, 90000003, 90000003 + 10000000, 50), 99999, 100001);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_unlimited),
                cmocka_unit_test(test_exact),
                cmocka_unit_test(test_pause),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
