/* Every invariant on every machine: generated machines and profiles. A plan that is made keeps all of them; one that is
 * refused says why, and where it names a number, that number does. */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "generator.h"
#include "planning.h"
#include "pointer.h"
#include "socle/cleanup.h"
#include "topology_support.h"
#include "validate.h"

#define MACHINES 400
#define PROFILES 6 /* of each machine */
#define REPAIRS  40

/* What an `expected` says that begins with "at most N" or "at least N"; −1: it names no number. */
static long long number_that_would_do(const struct complaint *complaint)
{
        long long number;

        return sscanf(complaint->expected, "at most %lld", &number) == 1 ||
                               sscanf(complaint->expected, "at least %lld", &number) == 1
                       ? number
                       : -1;
}

/* The member that a pointer names becomes this number. */
static void repair(json_t *spec, const char *pointer, long long number)
{
        char path[256], *state, *name, *last;
        json_t *at = spec;

        snprintf(path, sizeof(path), "%s", pointer + strlen("/spec/"));
        last = strtok_r(path, "/", &state);
        while ((name = strtok_r(NULL, "/", &state))) {
                at = json_is_array(at) ? json_array_get(at, strtoul(last, NULL, 10)) : json_object_get(at, last);
                last = name;
        }
        assert_non_null(at);
        json_object_set_new(at, last, json_integer(number));
}

struct tally {
        unsigned made, refused, repaired;
};

/* Plans; where a number is named, asks for that instead, and the same complaint must not come again. NULL: refused for
 * something that no number mends. */
static struct plan *plan_repaired(const struct topology *t, json_t *spec, struct host_profile **ret_profile,
                                  struct tally *tally)
{
        char seen[256] = "";

        for (int i = 0; i < REPAIRS; i++) {
                cleanup_(json_decrefp) json_t *valid = NULL;
                cleanup_(host_profile_free_p) struct host_profile *profile = NULL;
                struct errors errors = {0};
                struct plan *plan = NULL;
                long long number;

                if (validate_spec(kind_find("HostProfile"), spec, &valid, &errors) == 0 &&
                    host_profile_from_json(&profile, valid, &errors) == 0 &&
                    plan_make(&plan, t, profile, &errors) == 0) {
                        *ret_profile = TAKE_PTR(profile);
                        return plan;
                }
                assert_null(plan);
                assert_true(errors.count > 0 && errors.code == -EINVAL);
                for (size_t e = 0; e < errors.count && e < ERRORS_MAX; e++)
                        assert_true(errors.list[e].message[0] && errors.list[e].expected[0]);
                number = number_that_would_do(&errors.list[0]);
                if (number < 0)
                        return NULL;
                if (strcmp(seen, errors.list[0].pointer) == 0 && strstr(errors.list[0].expected, "at most")) {
                        cleanup_free char *text = json_dumps(spec, 0);
                        print_errors(&errors);
                        fail_msg("%s: the number that would do does not, %s", t->source, text);
                }
                snprintf(seen, sizeof(seen), "%s", errors.list[0].pointer);
                if (strcmp(seen, "/spec/classes/housekeeping/cores") == 0 && number == 0)
                        return NULL;
                repair(spec, seen, number);
                tally->repaired++;
        }
        return NULL;
}

/* What a plan changes on a host makes no other plan of it. */
static void check_again(const struct topology *t, const struct host_profile *profile, const struct plan *plan)
{
        struct topology *changed = (struct topology *)t;
        cleanup_(json_decrefp) json_t *before = plan_to_json(plan, t), *after = NULL;
        cleanup_(plan_free_p) struct plan *again = NULL;
        struct errors errors = {0};

        for (size_t i = 0; i < t->node_count; i++) {
                changed->nodes[i].free_bytes /= 2;
                for (size_t p = 0; p < t->nodes[i].page_count; p++)
                        changed->nodes[i].pages[p].count += 77;
        }
        changed->iommu = !t->iommu;
        assert_int_equal(plan_make(&again, t, profile, &errors), 0);
        after = plan_to_json(again, t);
        assert_true(json_equal(before, after));
}

static void check_seed(const struct topology *t, uint64_t seed, struct tally *tally)
{
        cleanup_(json_decrefp) json_t *spec = random_profile(seed, t);
        cleanup_free char *text = json_dumps(spec, 0);
        cleanup_(host_profile_free_p) struct host_profile *profile = NULL;
        cleanup_(plan_free_p) struct plan *plan = plan_repaired(t, spec, &profile, tally);

        if (!plan) {
                tally->refused++;
                return;
        }
        tally->made++;
        check_plan(t, profile, plan, text);
        check_again(t, profile, plan);
}

static void test_random(void **state)
{
        const char *only = getenv("SEED");
        struct tally tally = {0};

        for (uint64_t seed = only ? strtoul(only, NULL, 10) : 1; seed <= MACHINES; seed++) {
                cleanup_(topology_free_p) struct topology *t = random_machine(seed);

                check_consistent(t);
                for (uint64_t i = 0; i < PROFILES; i++)
                        check_seed(t, seed * 1000 + i, &tally);
                if (only)
                        break;
        }
        print_message("%u plans made, %u refused, %u numbers taken from complaints\n", tally.made, tally.refused,
                      tally.repaired);
        /* The generator is no use if it makes mostly what cannot be. */
        assert_true(only || tally.made > MACHINES * PROFILES / 2);
        assert_true(only || (tally.refused > MACHINES / 10 && tally.repaired > MACHINES / 10));
}

/* Nothing is asked: there is a plan for every machine. */
static void test_empty_profile(void **state)
{
        for (uint64_t seed = 1; seed <= MACHINES * 4; seed++) {
                cleanup_(topology_free_p) struct topology *t = random_machine(seed);
                cleanup_(plan_free_p) struct plan *plan = plan_ok(t, "{}");

                assert_non_null(plan);
        }
}

/* Regular machines from 1 CPU to 1,024 and from 1 node to 32. */
static void test_regular(void **state)
{
        static const char *const profiles[] = {
                "{}",
                "{'classes':{'dataplane':{'cores_per_node':1,'nodes':'all'}}}",
                "{'guests':{'memory':512,'page_size':'2MiB'}}",
        };

        for (int nodes = 1; nodes <= 32; nodes *= 2)
                for (int cores = 2; cores * nodes <= 512; cores *= 2)
                        for (int threads = 1; threads <= 2; threads++) {
                                cleanup_(topology_free_p) struct topology *t =
                                        machine_regular(1, nodes, cores, threads, 16, (nodes + 1) / 2);

                                check_consistent(t);
                                for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
                                        cleanup_(plan_free_p) struct plan *plan = plan_ok(t, profiles[i]);

                                        assert_non_null(plan);
                                }
                        }
}

/* Machines as hwloc tells them: its synthetic ones, and those that somebody wrote down. */
static void test_read_machines(void **state)
{
        static const char *const synthetic[] = {
                "pu:1",
                "core:1 pu:2",
                "pack:2 numa:4 l3:2 core:4 pu:2",
                "pack:2 [numa(memory=64GiB)] l3:2 core:2 pu:2(indexes=core,pu)",
                "pack:8 numa:4 l3:4 core:4 pu:2",
                "pack:4 core:64 pu:4",
        };
        const char *directory = getenv("SOCLE_MACHINES");
        cleanup_free char *pattern = NULL;
        glob_t found;

        for (size_t i = 0; i < ARRAY_LEN(synthetic); i++) {
                cleanup_(topology_free_p) struct topology *t = read_synthetic(synthetic[i]);
                cleanup_(plan_free_p) struct plan *plan = plan_ok(t, "{}");

                assert_non_null(plan);
        }
        if (!directory)
                skip();
        assert_true(asprintf(&pattern, "%s/*.xml", directory) > 0);
        assert_int_equal(glob(pattern, 0, NULL, &found), 0);
        for (size_t i = 0; i < found.gl_pathc; i++) {
                cleanup_(topology_free_p) struct topology *t = read_file(found.gl_pathv[i]);
                cleanup_(plan_free_p) struct plan *plan = plan_ok(t, "{}");

                assert_non_null(plan);
        }
        globfree(&found);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_empty_profile),
                cmocka_unit_test(test_regular),
                cmocka_unit_test(test_read_machines),
                cmocka_unit_test(test_random),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
