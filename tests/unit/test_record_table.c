/* The table of records, against a plain array that does the same slowly. */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "socle/record_table.h"

static struct wire_fdb fdb(uint32_t network, uint8_t mac, uint32_t peer)
{
        struct wire_fdb record;

        wire_init(&record, WIRE_FDB);
        record.network = network;
        record.mac[5] = mac;
        record.peer = peer;
        return record;
}

static void test_put_get_remove(void **state)
{
        struct record_table *table = record_table_new();
        struct wire_fdb first = fdb(1, 1, 10), changed = fdb(1, 1, 11);
        const struct wire_header *old = NULL;
        struct wire_network network;

        assert_int_equal(record_table_count(table), 0);
        assert_null(record_table_get(table, WIRE_FDB, wire_key(&first.header)));
        assert_int_equal(record_table_put(table, &first.header, 1, &old), RECORD_ADDED);
        assert_int_equal(record_table_put(table, &first.header, 2, &old), RECORD_EQUAL);
        assert_null(old);
        assert_int_equal(record_table_put(table, &changed.header, 3, &old), RECORD_CHANGED);
        assert_memory_equal(old, &first, sizeof(first));
        assert_memory_equal(record_table_get(table, WIRE_FDB, wire_key(&first.header)), &changed, sizeof(changed));
        assert_int_equal(record_table_count(table), 1);

        /* Another type with the same key bytes is another record. */
        wire_init(&network, WIRE_NETWORK);
        network.id = 1;
        assert_int_equal(record_table_put(table, &network.header, 1, NULL), RECORD_ADDED);
        assert_null(record_table_get(table, WIRE_PORT, wire_key(&network.header)));
        assert_int_equal(record_table_count(table), 2);

        assert_true(record_table_remove(table, WIRE_FDB, wire_key(&first.header)));
        assert_false(record_table_remove(table, WIRE_FDB, wire_key(&first.header)));
        assert_null(record_table_get(table, WIRE_FDB, wire_key(&first.header)));
        assert_int_equal(record_table_count(table), 1);
        assert_int_equal(record_table_put(table, &first.header, 4, NULL), RECORD_ADDED);
        assert_null(record_table_free(table));
        assert_null(record_table_free(NULL));
}

static void test_marks_and_sweep(void **state)
{
        struct record_table *table = record_table_new();
        const struct wire_header *record;
        size_t i = 0, seen = 0;
        uint64_t mark;

        for (int n = 0; n < 1000; n++) {
                struct wire_fdb r = fdb(n, n, 1);
                assert_int_equal(record_table_put(table, &r.header, 1, NULL), RECORD_ADDED);
        }
        for (int n = 0; n < 1000; n += 3) {
                struct wire_fdb r = fdb(n, n, 1);
                assert_int_equal(record_table_put(table, &r.header, 2, NULL), RECORD_EQUAL);
        }
        while ((record = record_table_next(table, &i, &mark))) {
                const struct wire_fdb *r = (const void *)record;
                seen++;
                assert_int_equal(mark, r->network % 3 == 0 ? 2 : 1);
                if (mark == 1)
                        assert_true(record_table_remove(table, record->type, wire_key(record)));
        }
        assert_int_equal(seen, 1000);
        assert_int_equal(record_table_count(table), 334);
        for (i = seen = 0; record_table_next(table, &i, NULL);)
                seen++;
        assert_int_equal(seen, 334);
        record_table_free(table);
}

/* 200,000 random operations on 4,000 keys; every answer is compared, and in between the whole content. */
static void test_against_an_array(void **state)
{
        enum { KEYS = 4000 };
        static struct wire_fdb model[KEYS];
        static bool there[KEYS];
        struct record_table *table = record_table_new();
        const struct wire_header *old;
        size_t count = 0;

        srand(11);
        for (int round = 0; round < 200000; round++) {
                int k = rand() % KEYS;
                struct wire_fdb record = fdb(k, k, rand() % 3);

                if (rand() % 3 == 0) {
                        assert_int_equal(record_table_remove(table, WIRE_FDB, wire_key(&record.header)), there[k]);
                        count -= there[k];
                        there[k] = false;
                } else {
                        int expected = !there[k]                                    ? RECORD_ADDED
                                       : memcmp(&record, &model[k], sizeof(record)) ? RECORD_CHANGED
                                                                                    : RECORD_EQUAL;
                        assert_int_equal(record_table_put(table, &record.header, round, &old), expected);
                        if (expected == RECORD_CHANGED)
                                assert_memory_equal(old, &model[k], sizeof(record));
                        count += !there[k];
                        there[k] = true;
                        model[k] = record;
                }
                assert_int_equal(record_table_count(table), count);
                if (round % 20000 != 0)
                        continue;
                for (k = 0; k < KEYS; k++) {
                        struct wire_fdb wanted = fdb(k, k, 0);
                        const struct wire_header *found = record_table_get(table, WIRE_FDB, wire_key(&wanted.header));
                        assert_int_equal(found != NULL, there[k]);
                        if (found)
                                assert_memory_equal(found, &model[k], sizeof(model[k]));
                }
        }
        record_table_free(table);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_put_get_remove),
                cmocka_unit_test(test_marks_and_sweep),
                cmocka_unit_test(test_against_an_array),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
