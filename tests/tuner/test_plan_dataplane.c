/* What the planner says of socle-dataplane's memory against the dataplane's own structures and DPDK's own arithmetic:
 * whoever changes them there is told here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "table.h"
#include "plan/formula_dataplane.h"

#define PER_BUCKET 4 /* dataplane/session/setup.c */

/* rte_pktmbuf_pool_create() with dataplane/pool.c's arguments, as rte_mempool lays it out without a bus's spreading. */
static void test_mbuf(void **state)
{
        struct rte_mempool_objsz size;
        uint32_t bytes = rte_mempool_calc_obj_size(sizeof(struct rte_mbuf) + RTE_MBUF_DEFAULT_BUF_SIZE, 0, &size);

        assert_int_equal(bytes, SOCLE_MBUF_BYTES);
}

static void test_session(void **state)
{
        size_t entry = sizeof(struct dp_session) + sizeof(union dp_session_protocol) + 2 * sizeof(uint32_t) +
                       sizeof(struct dp_session_birth);

        assert_int_equal(entry + sizeof(struct dp_session_bucket) / PER_BUCKET, SOCLE_SESSION_BYTES);
        assert_int_equal(sizeof(struct dp_session_bucket) << DP_SESSION_HOME_BITS, SOCLE_SESSION_HOME);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_mbuf),
                cmocka_unit_test(test_session),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
