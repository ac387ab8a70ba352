/* The exact-match table: against a plain model of it, and under readers while it changes (run it under the thread
 * sanitizer too: meson setup -Db_sanitize=thread). */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness.h"
#include "rcu.h"

#define KEYS   4096
#define ROUNDS 200000

/* A value that tells which key it belongs to; bit 0 as the table demands. */
static uint64_t value_of(uint64_t key, uint64_t version)
{
        return key << 32 | (version & 0x7fffffff) << 1 | 1;
}

static void agrees_with_a_model(void **state)
{
        static uint64_t expected[KEYS];
        struct dp_map map;
        uint32_t live = 0;

        srand(1);
        assert_int_equal(dp_map_init(&map, 1, 16), 0);
        for (uint64_t i = 0; i < ROUNDS; i++) {
                uint64_t key = rand() % KEYS;
                live -= expected[key] != 0;
                if (rand() % 3) {
                        expected[key] = value_of(key, i);
                        assert_int_equal(dp_map_set(&map, &key, expected[key]), 0);
                } else {
                        expected[key] = 0;
                        dp_map_remove(&map, &key);
                }
                live += expected[key] != 0;
                assert_int_equal(map.live, live);
                key = rand() % KEYS;
                assert_int_equal(dp_map_get(&map, &key, 1), expected[key]);
        }
        for (uint64_t key = 0; key < KEYS; key++)
                assert_int_equal(dp_map_get(&map, &key, 1), expected[key]);
        dp_rcu_reclaim();
        dp_map_destroy(&map);
}

static struct dp_map shared;
static bool done;

/* A worker: every value it finds must be of the key it asked for; what is never removed must always be there. */
static void *reader(void *argument)
{
        unsigned int thread = (uintptr_t)argument, seed = thread;
        uintptr_t wrong = 0;

        rte_rcu_qsbr_thread_register(dp_rcu, thread);
        rte_rcu_qsbr_thread_online(dp_rcu, thread);
        while (!__atomic_load_n(&done, __ATOMIC_RELAXED)) {
                for (int i = 0; i < 64; i++) {
                        uint64_t words[3] = {rand_r(&seed) % KEYS, 5, 6};
                        uint64_t value = dp_map_get(&shared, words, 3);
                        wrong += value && value >> 32 != words[0];
                        wrong += !value && words[0] < 16;
                }
                rte_rcu_qsbr_quiescent(dp_rcu, thread);
        }
        rte_rcu_qsbr_thread_offline(dp_rcu, thread);
        rte_rcu_qsbr_thread_unregister(dp_rcu, thread);
        return (void *)wrong;
}

static void readers_never_see_another_keys_value(void **state)
{
        pthread_t threads[2];
        void *wrong;

        assert_int_equal(dp_map_init(&shared, 3, 16), 0);
        for (uint64_t key = 0; key < 16; key++)
                assert_int_equal(dp_map_set(&shared, (uint64_t[]){key, 5, 6}, value_of(key, 0)), 0);
        for (uintptr_t i = 0; i < 2; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, reader, (void *)i), 0);
        for (uint64_t i = 0; i < ROUNDS; i++) {
                uint64_t key[] = {rand() % KEYS, 5, 6};
                if (key[0] < 16 || rand() % 2)
                        assert_int_equal(dp_map_set(&shared, key, value_of(key[0], i)), 0);
                else
                        dp_map_remove(&shared, key);
                if (i % 64 == 0)
                        dp_rcu_reclaim();
        }
        __atomic_store_n(&done, true, __ATOMIC_RELAXED);
        for (int i = 0; i < 2; i++) {
                pthread_join(threads[i], &wrong);
                assert_int_equal((uintptr_t)wrong, 0);
        }
        dp_rcu_reclaim();
        dp_map_destroy(&shared);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(agrees_with_a_model),
                cmocka_unit_test(readers_never_see_another_keys_value),
        };

        harness_init();
        /* Two readers: the harness has made room for one worker only. */
        dp_rcu_init(2);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
