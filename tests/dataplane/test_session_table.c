/* The table of sessions: against a plain model of it, full, and under several workers at once (run it under the thread
 * sanitizer too: meson setup -Db_sanitize=thread). */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ageing.h"
#include "harness.h"
#include "rcu.h"
#include "table.h"

#define KEYS    6000
#define THREADS 3
#define ROUNDS  200000

static void key_of(uint64_t number, uint64_t key[5], unsigned int *ret_words)
{
        bool v6 = number % 3 == 0;

        memset(key, 0, 5 * sizeof(key[0]));
        key[0] = number | (v6 ? 6ULL : 4ULL) << 56;
        key[1] = number * 7;
        if (v6)
                key[4] = number + 1;
        *ret_words = v6 ? 5 : 2;
}

static struct dp_session *find(uint64_t number)
{
        uint64_t key[5];
        unsigned int words;

        key_of(number, key, &words);
        return dp_session_find(key, words, dp_session_hash(key, words));
}

static void fill(struct dp_session *session, uint64_t number)
{
        uint64_t key[5];
        unsigned int words;

        key_of(number, key, &words);
        memset(session, 0, sizeof(*session));
        memcpy(session->key, key, sizeof(session->key));
        memcpy(session->key6, key + 2, sizeof(session->key6));
        session->flags = DP_SESSION_LIVE | DP_SESSION_ASSURED;
        session->ways[0].owner = session->ways[1].owner = DP_INDEX_NONE;
        session->created_ms = number;
}

/* NULL: full; else the session in the table, made by us or not. */
static struct dp_session *add(unsigned int worker, uint64_t number, bool *ret_new)
{
        struct dp_session *session = dp_session_alloc(worker), *found;
        uint64_t key[5];
        unsigned int words;

        if (!session)
                return NULL;
        key_of(number, key, &words);
        fill(session, number);
        found = dp_session_insert(session, dp_session_hash(key, words), words);
        *ret_new = found == session;
        if (found != session)
                dp_session_discard(worker, session);
        return found;
}

static void reclaim_all(void)
{
        for (int i = 0; i < 3; i++)
                dp_session_reclaim(0);
}

static void empty(void)
{
        for (uint32_t i = 0; i < dp_sessions.touched; i++)
                if (dp_sessions.entries[i].flags & DP_SESSION_LIVE)
                        assert_true(dp_session_delete(0, &dp_sessions.entries[i]));
        reclaim_all();
        for (uint64_t b = 0; b <= dp_sessions.home_mask; b++)
                assert_int_equal(dp_sessions.home[b].spilled, 0);
        for (uint64_t b = 0; b <= dp_sessions.overflow_mask; b++)
                assert_int_equal(dp_sessions.overflow[b].spilled, 0);
}

static void agrees_with_a_model(void **state)
{
        static struct dp_session *expected[KEYS];
        unsigned int live = 0;
        bool fresh;

        srand(1);
        for (int i = 0; i < ROUNDS; i++) {
                uint64_t number = rand() % KEYS;
                if (rand() % 2 && live < HARNESS_SESSIONS / 2) {
                        struct dp_session *session = add(0, number, &fresh);
                        assert_non_null(session);
                        assert_int_equal(fresh, expected[number] == NULL);
                        live += fresh;
                        expected[number] = session;
                } else if (expected[number]) {
                        assert_true(dp_session_delete(0, expected[number]));
                        assert_false(dp_session_delete(0, expected[number]));
                        expected[number] = NULL;
                        live--;
                }
                assert_ptr_equal(find(number), expected[number]);
                reclaim_all();
        }
        for (uint64_t number = 0; number < KEYS; number++)
                assert_ptr_equal(find(number), expected[number]);
        empty();
}

/* All that the table promises fits in, in whatever buckets it falls; not one more; and it all comes back. */
static void holds_its_capacity(void **state)
{
        bool fresh;

        for (int turn = 0; turn < 3; turn++) {
                for (uint64_t i = 0; i < HARNESS_SESSIONS; i++) {
                        assert_non_null(add(0, turn * 1000000 + i, &fresh));
                        assert_true(fresh);
                }
                assert_null(add(0, 999999999, &fresh));
                for (uint64_t i = 0; i < HARNESS_SESSIONS; i++)
                        assert_non_null(find(turn * 1000000 + i));
                empty();
        }
}

/* When it fills up, the oldest that are still embryonic go, and no other. */
static void embryonic_sessions_give_way(void **state)
{
        struct dp_session *assured[100], *session;
        bool fresh;

        for (uint64_t i = 0; i < 100; i++)
                assured[i] = add(0, i, &fresh);
        for (uint64_t i = 100; i < 3 * HARNESS_SESSIONS; i++) {
                session = add(0, i, &fresh);
                assert_non_null(session);
                session->flags &= ~DP_SESSION_ASSURED;
                reclaim_all();
        }
        for (uint64_t i = 0; i < 100; i++)
                assert_ptr_equal(find(i), assured[i]);
        for (uint64_t i = 100; i < 200; i++)
                assert_null(find(i));
        for (uint64_t i = 3 * HARNESS_SESSIONS - 1000; i < 3 * HARNESS_SESSIONS; i++)
                assert_non_null(find(i));
        assert_true(dp_sessions.pools[0].evicted > 0);
        empty();
}

static void what_is_idle_goes(void **state)
{
        bool fresh;
        struct dp_session *old = add(0, 1, &fresh), *young = add(0, 2, &fresh);

        old->state = old->timeout_state = young->state = young->timeout_state = SOCLE_SESSION_UDP_STREAM;
        old->seen_ms = 5000;
        young->seen_ms = 100000;
        for (int i = 0; i < 100; i++)
                dp_session_age(1, 5000 + 120000 + 1500);
        assert_null(find(1));
        assert_ptr_equal(find(2), young);
        dp_session_age(1, 5000 + 120000 + 1500);
        assert_int_equal(dp_session_census.live, 1);
        assert_int_equal(dp_session_census.by_state[SOCLE_SESSION_UDP_STREAM], 1);
        empty();
}

/* ---- several workers ---- */

static uint64_t made[THREADS], unmade[THREADS];

static void *work(void *argument)
{
        unsigned int me = (uintptr_t)argument;
        unsigned int seed = me;
        bool fresh;

        rte_rcu_qsbr_thread_register(dp_rcu, me);
        rte_rcu_qsbr_thread_online(dp_rcu, me);
        for (int i = 0; i < ROUNDS; i++) {
                uint64_t number = rand_r(&seed) % 64; /* few, so that they collide */
                struct dp_session *session = find(number);
                if (!session) {
                        if (add(me, number, &fresh))
                                made[me] += fresh;
                } else {
                        assert_true(session->created_ms < 64);
                        unmade[me] += dp_session_delete(me, session);
                }
                rte_rcu_qsbr_quiescent(dp_rcu, me);
                dp_session_reclaim(me);
        }
        rte_rcu_qsbr_thread_offline(dp_rcu, me);
        rte_rcu_qsbr_thread_unregister(dp_rcu, me);
        return NULL;
}

/* No key is ever there twice, nothing is lost, whoever adds and deletes at the same time. */
static void many_workers(void **state)
{
        uint64_t total = 0, live = 0;
        pthread_t threads[THREADS];

        for (uintptr_t i = 0; i < THREADS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)i), 0);
        for (int i = 0; i < THREADS; i++)
                pthread_join(threads[i], NULL);
        for (int i = 0; i < THREADS; i++)
                total += made[i] - unmade[i];
        for (uint64_t b = 0; b <= dp_sessions.home_mask; b++)
                for (int s = 0; s < DP_SESSION_SLOTS; s++)
                        live += dp_sessions.home[b].slots[s] != 0;
        for (uint64_t b = 0; b <= dp_sessions.overflow_mask; b++)
                for (int s = 0; s < DP_SESSION_SLOTS; s++)
                        live += dp_sessions.overflow[b].slots[s] != 0;
        assert_int_equal(live, total);
        for (uint64_t number = 0; number < 64; number++) {
                struct dp_session *session = find(number);
                if (!session)
                        continue;
                assert_true(dp_session_delete(0, session));
                assert_null(find(number));
        }
}

static int setup(void **state)
{
        harness_init();
        return dp_session_table_init(HARNESS_SESSIONS, THREADS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(agrees_with_a_model),
                cmocka_unit_test(holds_its_capacity),
                cmocka_unit_test(embryonic_sessions_give_way),
                cmocka_unit_test(what_is_idle_goes),
                cmocka_unit_test(many_workers),
        };
        return cmocka_run_group_tests(tests, setup, NULL);
}
