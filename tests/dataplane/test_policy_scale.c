/* A node's worth of policy through control: 1,000 groups, 10,000 rules, 10,000 members, 500 ports. Prints what a change
 * and a first packet cost; holds the memory to its bound. */
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>
#include <rte_cycles.h>
#include <rte_malloc.h>

#include <netinet/in.h>

#include "control_fixture.h"
#include "rcu.h"

#define GROUPS       1000
#define RULES        10 /* a group */
#define MEMBERS      10000
#define PORTS        500
#define CHANGES      200
#define CHECKS       1000000
#define MEMORY_BOUND (64UL << 20)

#define PUT(make)    fixture_put(&(typeof(make)[]){make}[0])
#define DELETE(make) fixture_delete(&(typeof(make)[]){make}[0])

static bool done;

static double now_us(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

/* Of malloc and of DPDK's heaps. */
static size_t in_use(void)
{
        struct rte_malloc_socket_stats stats = {0};
        struct mallinfo2 info = mallinfo2();

        rte_malloc_get_socket_stats(0, &stats);
        return info.uordblks + info.hblkhd + stats.heap_allocsz_bytes;
}

static uint32_t group_id(unsigned int n)
{
        return 10000 + n % GROUPS;
}

static const char *address(unsigned int n)
{
        static char text[64];

        snprintf(text, sizeof(text), n % 4 ? "10.%u.%u.%u" : "fd00::%x:%x:%x", n >> 16 & 255, n >> 8 & 255, n & 255);
        return text;
}

/* A tenth each: any, a prefix of its own; the rest by group. */
static struct wire_rule rule(unsigned int group, unsigned int number, unsigned int shift)
{
        char text[128];
        unsigned int port = 1000 + number + shift;

        if (number == 0)
                snprintf(text, sizeof(text), "egress 4 any");
        else if (number == 1)
                snprintf(text, sizeof(text), "ingress 4 tcp %u from 10.%u.%u.0/24", port, group >> 8, group & 255);
        else
                snprintf(text, sizeof(text), "ingress %u tcp %u-%u set %u", number % 3 ? 4 : 6, port, port + 5,
                         group_id(group * 7 + number));
        return fixture_rule(group_id(group), number, text);
}

static struct wire_member member(unsigned int n, unsigned int shift)
{
        return fixture_member(group_id(n), 100000 + n, address(n + shift));
}

static void put_port(unsigned int n, bool port_security)
{
        struct wire_port port = fixture_port(n, port_security);

        port.mac[4] = n >> 8;
        fixture_put(&port);
}

static void put_all(void)
{
        for (unsigned int g = 0; g < GROUPS; g++) {
                PUT(fixture_group(group_id(g), true));
                for (unsigned int n = 0; n < RULES; n++)
                        PUT(rule(g, n, 0));
        }
        for (unsigned int n = 0; n < MEMBERS; n++)
                PUT(member(n, 0));
        for (unsigned int p = 1; p <= PORTS; p++) {
                put_port(p, true);
                PUT(fixture_port_group(p, group_id(p)));
                PUT(fixture_port_group(p, group_id(p * 3 + 1)));
                PUT(fixture_allowed(p, p, address(p)));
        }
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

/* One change a generation, from COMMIT until it is in force. */
static void time_changes(const char *what, void (*change)(unsigned int n))
{
        double times[CHANGES];

        for (unsigned int n = 0; n < CHANGES; n++) {
                fixture_begin(false);
                change(n);
                double start = now_us();
                assert_int_equal(fixture_commit().failed, 0);
                times[n] = now_us() - start;
        }
        qsort(times, CHANGES, sizeof(times[0]), compare);
        printf("%-32s %8.0f us median, %8.0f us worst\n", what, times[CHANGES / 2], times[CHANGES - 1]);
}

/* A busy worker, for whose next round a change has to wait. */
static void *worker(void *unused)
{
        rte_rcu_qsbr_thread_register(dp_rcu, 0);
        rte_rcu_qsbr_thread_online(dp_rcu, 0);
        while (!__atomic_load_n(&done, __ATOMIC_RELAXED)) {
                rte_delay_us_block(20);
                rte_rcu_qsbr_quiescent(dp_rcu, 0);
        }
        rte_rcu_qsbr_thread_offline(dp_rcu, 0);
        rte_rcu_qsbr_thread_unregister(dp_rcu, 0);
        return NULL;
}

static void change_rule(unsigned int n)
{
        PUT(rule(n, 2, 7));
}

static void change_prefix(unsigned int n)
{
        PUT(fixture_rule(group_id(n), 1,
                         n % 2 ? "ingress 4 tcp 22 from 10.0.0.0/30" : "ingress 4 tcp 22 from 10.9.0.0/30"));
}

static void join(unsigned int n)
{
        PUT(fixture_member(group_id(1), 500000 + n, address(MEMBERS + 50 + n)));
}

static void leave(unsigned int n)
{
        DELETE(fixture_member(group_id(1), 500000 + n, address(MEMBERS + 50 + n)));
}

static void join_10000(void)
{
        fixture_begin(false);
        for (unsigned int n = 0; n < MEMBERS; n++)
                PUT(fixture_member(group_id(2), 700000 + n, address(100000 + n)));
        double start = now_us();
        assert_int_equal(fixture_commit().failed, 0);
        printf("%-32s %8.0f us\n", "10,000 members join one group", now_us() - start);
}

/* Who asks: somebody, or a member of the group that a rule of the port's group names. */
static void time_checks(const char *what, bool members)
{
        static uint8_t ips[5000][16];
        unsigned int allowed = 0;

        for (unsigned int i = 0; i < RTE_DIM(ips); i++)
                fixture_address(address(members ? ((1 + i % PORTS) * 7 + 2) % GROUPS + i % 10 * GROUPS
                                                : (unsigned int)rand() % (2 * MEMBERS)),
                                ips[i]);
        double start = now_us();
        for (unsigned int i = 0; i < CHECKS; i++) {
                const uint8_t *ip = ips[i % RTE_DIM(ips)];
                const struct dp_port_policy *port = fixture_policy(1 + i % RTE_DIM(ips) % PORTS);
                struct dp_subject subject = {
                        .v6 = !wire_ip_is_v4(ip), .protocol = IPPROTO_TCP, .port = 1002 + i % 4, .remote = ip};
                allowed += dp_policy_check(dp.policy, port, DP_INGRESS, &subject).allowed;
        }
        printf("%-32s %8.0f ns (%.0f %% allowed)\n", what, (now_us() - start) * 1e3 / CHECKS, allowed * 100. / CHECKS);
        if (members)
                assert_true(allowed > CHECKS / 4);
}

static void a_nodes_worth(void **state)
{
        pthread_t thread;
        double start;

        assert_int_equal(pthread_create(&thread, NULL, worker, NULL), 0);
        fixture_begin(false);
        for (unsigned int p = 1; p <= PORTS; p++)
                put_port(p, false); /* the ports themselves, and packet buffers, are no matter of policy */
        assert_int_equal(fixture_commit().failed, 0);
        size_t before = in_use();

        fixture_begin(false);
        put_all();
        start = now_us();
        struct wire_committed committed = fixture_commit();
        assert_int_equal(committed.failed, 0);
        assert_int_equal(committed.added, GROUPS + GROUPS * RULES + MEMBERS + PORTS * 3);
        printf("%-32s %8.0f us\n", "all of it", now_us() - start);
        time_changes("a rule changes", change_rule);
        time_changes("a rule with a new prefix", change_prefix);
        time_changes("a member joins", join);
        time_changes("a member leaves", leave);
        time_checks("a check, of a stranger", false);
        time_checks("a check, of a remote group's", true);
        size_t used = in_use() - before;
        printf("%-32s %8.1f MiB, records of the wire with it\n", "memory", used / 1048576.);
        /* The sanitizers' malloc does not tell. */
        if (mallinfo2().uordblks > 0)
                assert_in_range(used, 1, MEMORY_BOUND);
        join_10000();
        __atomic_store_n(&done, true, __ATOMIC_RELAXED);
        pthread_join(thread, NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(a_nodes_worth)};

        fixture_init();
        return cmocka_run_group_tests(tests, NULL, fixture_clear);
}
