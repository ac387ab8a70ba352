/* Which queue moves to which worker, and that it settles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "balance.h"

#define ANY  UINT16_MAX
#define NONE UINT16_MAX

static void an_overloaded_worker_gives_a_queue_to_an_idle_one(void **state)
{
        const struct balance_queue queues[] = {{0, ANY, 0, 500}, {0, ANY, 0, 450}, {1, ANY, 0, 10}};
        const struct balance_worker workers[] = {{95, 0}, {1, 0}};
        struct balance_move move = balance_plan(queues, 3, workers, 2);

        assert_int_equal(move.to, 1);
        assert_int_equal(move.queue, 1); /* 45 %: nearest to half of the difference */
}

static void who_is_not_busy_needs_no_help(void **state)
{
        const struct balance_queue queues[] = {{0, ANY, 0, 500}, {0, ANY, 0, 450}};
        const struct balance_worker calm[] = {{59, 0}, {0, 0}}, even[] = {{95, 0}, {80, 0}};

        assert_int_equal(balance_plan(queues, 2, calm, 2).to, NONE);
        assert_int_equal(balance_plan(queues, 2, even, 2).to, NONE);
}

static void the_only_busy_queue_stays(void **state)
{
        const struct balance_queue queues[] = {{0, ANY, 0, 1000}, {0, ANY, 0, 0}};
        const struct balance_worker workers[] = {{100, 0}, {0, 0}};

        assert_int_equal(balance_plan(queues, 2, workers, 2).to, NONE);
}

static void masks_and_nodes_are_kept(void **state)
{
        const struct balance_queue pinned[] = {{0, ANY, 1, 500}, {0, ANY, 1, 500}},
                                   near[] = {{0, 0, 0, 500}, {0, 0, 0, 500}};
        const struct balance_worker workers[] = {{100, 0}, {0, 1}};

        assert_int_equal(balance_plan(pinned, 2, workers, 2).to, NONE);
        assert_int_equal(balance_plan(near, 2, workers, 2).to, NONE);
        assert_true(balance_allowed(1ULL << 9, 0, 2)); /* no such worker: any serves */
}

/* Moves until nothing moves: it must come to rest, with no worker far above the others unless one queue alone is. */
static void it_settles(void **state)
{
        srand(7);
        for (int round = 0; round < 500; round++) {
                struct balance_queue queues[40];
                struct balance_worker workers[8];
                unsigned int worker_count = 2 + rand() % 7, moves = 0;
                size_t count = 1 + rand() % 40;
                uint64_t total = 0;

                for (size_t i = 0; i < count; i++) {
                        queues[i] = (struct balance_queue){rand() % worker_count, ANY, 0, rand() % 1000};
                        total += queues[i].packets;
                }
                for (;; moves++) {
                        for (unsigned int w = 0; w < worker_count; w++) {
                                uint64_t sum = 0;
                                for (size_t i = 0; i < count; i++)
                                        sum += queues[i].worker == w ? queues[i].packets : 0;
                                workers[w] = (struct balance_worker){total ? sum * 100 / total : 0, 0};
                        }
                        struct balance_move move = balance_plan(queues, count, workers, worker_count);
                        if (move.to == NONE)
                                break;
                        assert_int_not_equal(queues[move.queue].worker, move.to);
                        queues[move.queue].worker = move.to;
                        assert_true(moves < 100);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_overloaded_worker_gives_a_queue_to_an_idle_one),
                cmocka_unit_test(who_is_not_busy_needs_no_help),
                cmocka_unit_test(the_only_busy_queue_stays),
                cmocka_unit_test(masks_and_nodes_are_kept),
                cmocka_unit_test(it_settles),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
