/* Workers that look while control changes: each of them loads a snapshot and finds the rules before a transaction or
 * those behind it, never a mix and never less than both allow. Run it under the thread sanitizer too. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "control_fixture.h"
#include "rcu.h"

#define READERS      2
#define TRANSACTIONS 1500
#define GROUP        10
#define SET          20
#define PORT         1

static bool done;

static bool allowed(const struct dp_policy *policy, const struct dp_port_policy *port, uint16_t l4_port, uint8_t last)
{
        const uint8_t ip[16] = {[10] = 0xff, 0xff, 10, 0, 0, last};
        struct dp_subject subject = {.protocol = IPPROTO_TCP, .port = l4_port, .remote = ip};

        return dp_policy_check(policy, port, DP_INGRESS, &subject).allowed;
}

/* Of the odd transactions: port 1, member 1 and the prefix that ends in .3; of the even ones: port 2, member 2, not the
 * prefix. Both allow port 9 by rules that are other records. */
static bool is_whole(uint16_t index)
{
        const struct dp_policy *policy = dp_load(dp.policy);
        const struct dp_port_policy *port = policy->ports[index];
        bool one = allowed(policy, port, 1, 99), two = allowed(policy, port, 2, 99);
        bool first = allowed(policy, port, 5, 1), second = allowed(policy, port, 5, 2),
             prefix = allowed(policy, port, 6, 3);

        return one != two && one == first && two == second && prefix == one && allowed(policy, port, 9, 99);
}

static void *reader(void *argument)
{
        unsigned int thread = (uintptr_t)argument;
        uint16_t index = fixture_index(PORT);
        uintptr_t wrong = 0;

        rte_rcu_qsbr_thread_register(dp_rcu, thread);
        rte_rcu_qsbr_thread_online(dp_rcu, thread);
        while (!__atomic_load_n(&done, __ATOMIC_RELAXED)) {
                for (unsigned int i = 0; i < 16; i++)
                        wrong += !is_whole(index);
                rte_rcu_qsbr_quiescent(dp_rcu, thread);
        }
        rte_rcu_qsbr_thread_offline(dp_rcu, thread);
        rte_rcu_qsbr_thread_unregister(dp_rcu, thread);
        return (void *)wrong;
}

#define PUT(make)    fixture_put(&(typeof(make)[]){make}[0])
#define DELETE(make) fixture_delete(&(typeof(make)[]){make}[0])

static void change(unsigned int n)
{
        bool odd = n % 2;
        const char *members[] = {"10.0.0.2", "10.0.0.1"};

        fixture_begin(false);
        /* Ever other records, so that all of the old ones are taken away before the new ones come. */
        DELETE(fixture_rule(GROUP, 2 * (n - 1), "ingress 4 any"));
        DELETE(fixture_rule(GROUP, 2 * (n - 1) + 1, "ingress 4 any"));
        PUT(fixture_rule(GROUP, 2 * n, "ingress 4 tcp 9"));
        PUT(fixture_rule(GROUP, 2 * n + 1, odd ? "ingress 4 tcp 1" : "ingress 4 tcp 2"));
        DELETE(fixture_member(SET, SET, members[!odd]));
        PUT(fixture_member(SET, SET, members[odd]));
        if (odd)
                PUT(fixture_rule(GROUP, 1000000, "ingress 4 tcp 6 from 10.0.0.0/30"));
        else
                DELETE(fixture_rule(GROUP, 1000000, "ingress 4 any"));
        assert_int_equal(fixture_commit().failed, 0);
}

static void prepare(void)
{
        fixture_begin(false);
        PUT(fixture_group(GROUP, true));
        PUT(fixture_address_group(SET));
        PUT(fixture_port(PORT, true));
        PUT(fixture_port_group(PORT, GROUP));
        PUT(fixture_rule(GROUP, 999999, "ingress 4 tcp 5 set 20"));
        assert_int_equal(fixture_commit().failed, 0);
        change(1);
}

static void a_snapshot_is_whole(void **state)
{
        pthread_t threads[READERS];
        void *wrong;

        prepare();
        assert_true(is_whole(fixture_index(PORT)));
        for (uintptr_t i = 0; i < READERS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, reader, (void *)i), 0);
        for (unsigned int n = 2; n < TRANSACTIONS; n++)
                change(n);
        __atomic_store_n(&done, true, __ATOMIC_RELAXED);
        for (unsigned int i = 0; i < READERS; i++) {
                pthread_join(threads[i], &wrong);
                assert_int_equal((uintptr_t)wrong, 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(a_snapshot_is_whole)};

        fixture_init();
        return cmocka_run_group_tests(tests, NULL, fixture_clear);
}
