/* The thread's side of the host's reconciler, without a thread: how objects stand from pass to pass, and what the audit
 * is given. What it does to hosts and guests is in tests/functional/test_socled_host.py and test_socled_guests.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/machine.h"

static unsigned noted;

static void on_note(void *user, int priority, const char *format, ...)
{
        noted++;
}

static struct wants *wants_of(unsigned count, const char *const *names, uint64_t revision)
{
        struct wants *wants = calloc(1, sizeof(*wants));

        wants->devices.list = calloc(count, sizeof(*wants->devices.list));
        wants->devices.count = count;
        for (unsigned i = 0; i < count; i++)
                wants->devices.list[i] = (struct want){
                        .id = i + 1,
                        .revision = revision,
                        .name = strdup(names[i]),
                        .spec = json_object(),
                        .interfaces = json_array(),
                };
        return wants;
}

static void test_the_audit_knows_the_devices(void **state)
{
        static const char *const names[] = {"nic"};
        struct machine machine = {.host = {.root = "/nowhere", .state = "/nowhere"}, .note = on_note};
        struct errors errors = {};

        machine_init(&machine);
        machine.wants = wants_of(1, names, 1);
        machine.wants->devices.list[0].standing.status =
                json_pack("{s[{s[{s:s, s:i, s:s}]}]}", "devices", "vfs", "address", "0000:01:10.0", "node", 1, "user",
                          "guest db");
        machine.guest_list = json_pack("[{s:s, s:s, s[i]}]", "name", "db", "uuid", "u", "nodes", 0);
        json_t *answer = machine_audit(&machine, &errors), *finding, *found = NULL;
        size_t i;
        assert_non_null(answer);
        json_array_foreach (json_object_get(answer, "findings"), i, finding)
                if (strcmp(json_string_value(json_object_get(finding, "rule")), "vf-node") == 0)
                        found = finding;
        assert_non_null(found);
        assert_string_equal(json_string_value(json_object_get(found, "subject")), "Guest db");
        json_decref(answer);
        machine_clear(&machine);
}

static void test_isolation_that_is_not_is_found(void **state)
{
        struct machine machine = {.host = {.root = "/nowhere", .state = "/nowhere"}, .note = on_note};
        struct errors errors = {};

        machine_init(&machine);
        for (int proven = 0; proven < 3; proven++) {
                json_decref(machine.proof);
                machine.proof = proven == 2 ? json_null()
                                            : json_pack("{s:s, s:b, s:s}", "cpus", "2-5", "proven", proven, "verdict",
                                                        "CPU 2: task kworker");
                json_t *answer = machine_audit(&machine, &errors), *first;
                first = json_array_get(json_object_get(answer, "findings"), 0);
                if (proven == 0)
                        assert_string_equal(json_string_value(json_object_get(first, "rule")), "isolation-noise");
                else
                        assert_null(first);
                json_decref(answer);
        }
        machine_clear(&machine);
}

static void test_patience_doubles_and_ends(void **state)
{
        static const char *const names[] = {"nic"};
        struct machine machine = {.note = on_note};
        struct wants *wants = wants_of(1, names, 1);
        struct want *want = &wants->devices.list[0];
        int64_t expected = RETRY_MS;

        standing_applied(&want->standing);
        noted = 0;
        for (int i = 0; i < 10; i++) {
                int64_t before = machine_now_ms();
                standing_not_put_back(&machine, want, "SriovDevice", "no");
                assert_true(want->standing.applied);
                assert_false(standing_is_due(&want->standing));
                assert_in_range(want->standing.next_try_ms - before, expected, expected + 1000);
                expected = expected * 2 < RETRY_LAST_MS ? expected * 2 : RETRY_LAST_MS;
        }
        assert_int_equal(noted, 1); /* once, not at each attempt */
        standing_applied(&want->standing);
        assert_true(standing_is_due(&want->standing));
        assert_null(want->standing.error);
        wants_free(wants);
}

static void test_what_is_wanted_as_before_stands_as_before(void **state)
{
        static const char *const before[] = {"a", "b", "c"}, *const after[] = {"a", "b"};
        struct wants *old = wants_of(3, before, 1), *new = wants_of(2, after, 1);

        for (int i = 0; i < 3; i++)
                standing_applied(&old->devices.list[i].standing);
        new->devices.list[1].revision = 2;
        wants_take_standings(new, old);
        assert_true(new->devices.list[0].standing.applied);
        assert_false(new->devices.list[1].standing.applied);
        wants_take_standings(new, NULL);
        assert_true(new->devices.list[0].standing.applied);
        wants_free(old);
        wants_free(new);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_audit_knows_the_devices),
                cmocka_unit_test(test_isolation_that_is_not_is_found),
                cmocka_unit_test(test_patience_doubles_and_ends),
                cmocka_unit_test(test_what_is_wanted_as_before_stands_as_before),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
