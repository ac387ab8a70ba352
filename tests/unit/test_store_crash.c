/* A crash at every write: for every operation of the disk at which the power may go, or which may fail, the store holds
 * after a restart what was acknowledged, and of what was not, all or nothing. */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory_vfs.h"
#include "socle/cleanup.h"

#define STORE  "/memory/intent.db"
#define ROUNDS 6
#define CUTS   6 /* ways in which unsynced sectors survive */

/* Opening, then six transactions that add, change and delete; one is large enough to spill over many pages. */
static const char *const script[ROUNDS] = {
        "[{'kind':'Underlay','name':'u','spec':{'device':{'af_packet':{'interface':'eth1'}}}},"
        " {'kind':'Network','name':'a','spec':{'underlay':'u','vni':1}},"
        " {'kind':'Network','name':'b','spec':{'underlay':'u','vni':2}}]",
        "[{'kind':'Network','name':'a','spec':{'underlay':'u','vni':2}},"
        " {'kind':'Network','name':'b','spec':{'underlay':'u','vni':1}}]",
        NULL, /* many objects */
        "[{'kind':'Network','name':'c','spec':{'underlay':'u','vlan':7}}]",
        NULL, /* replaced by few */
        "[{'kind':'Network','name':'d','spec':{'underlay':'u','vlan':8}}]",
};

static json_t *script_objects(size_t round)
{
        if (script[round])
                return parse(script[round]);
        json_t *objects = json_array();
        for (int i = 0; i < (round == 2 ? 60 : 3); i++)
                json_array_append_new(objects, parse_format("{'kind':'Network','name':'n%d','spec':{'underlay':'u',"
                                                            "'vni':%d}}",
                                                            i, 1000 + i));
        return objects;
}

struct world {
        struct store *store;
        struct model *model;
};

static int world_open(struct world *world, struct errors *errors)
{
        int r = store_open(&world->store, STORE, errors);

        if (r == 0)
                r = model_new(&world->model, world->store, errors);
        return r;
}

static void world_close(struct world *world)
{
        world->model = model_free(world->model);
        world->store = store_close(world->store);
}

static int world_apply(struct world *world, size_t round, struct errors *errors)
{
        cleanup_(json_decrefp) json_t *objects = script_objects(round);
        struct apply_request request = {.objects = objects, .replace = round == 4, .role = ROLE_ADMIN};
        struct transaction *transaction;

        int r = model_plan_apply(world->model, &request, &transaction, errors);
        return r < 0 ? r : model_commit(world->model, transaction, NULL, errors);
}

static char *images[ROUNDS + 1]; /* of the model after each round, without any fault */
static size_t all_operations;

static void test_without_fault(void **state)
{
        struct world world = {0};
        struct errors errors = {0};

        disk_format();
        disk_arm(DISK_FINE, 0);
        assert_int_equal(world_open(&world, &errors), 0);
        images[0] = model_image(world.model);
        for (size_t round = 0; round < ROUNDS; round++) {
                assert_int_equal(world_apply(&world, round, &errors), 0);
                images[round + 1] = model_image(world.model);
        }
        all_operations = disk_operations();
        world_close(&world);
        assert_true(all_operations > 50);
        for (size_t i = 0; i < ROUNDS; i++)
                assert_string_not_equal(images[i], images[i + 1]);
}

/* Runs the script until something fails. Returns how many rounds were acknowledged. */
static size_t run_until_fault(struct world *world)
{
        struct errors errors = {0};
        size_t done = 0;

        if (world_open(world, &errors) < 0)
                return 0;
        while (done < ROUNDS && world_apply(world, done, &errors) == 0)
                done++;
        return done;
}

static void assert_old_or_new(struct world *world, size_t done, size_t at, unsigned seed)
{
        struct errors errors = {0};

        if (world_open(world, &errors) < 0) {
                print_errors(&errors);
                fail_msg("does not open after a cut at operation %zu (seed %u)", at, seed);
        }
        cleanup_free char *image = model_image(world->model);
        bool old = strcmp(image, images[done]) == 0, new = done < ROUNDS &&strcmp(image, images[done + 1]) == 0;
        if (!old && !new)
                fail_msg("cut at operation %zu (seed %u): neither round %zu nor %zu:\n%s", at, seed, done, done + 1,
                         image);
        assert_int_equal(store_revision(world->store), old ? done : done + 1);
        /* And it goes on working from there. */
        for (size_t round = old ? done : done + 1; round < ROUNDS; round++)
                assert_int_equal(world_apply(world, round, &errors), 0);
        world_close(world);
}

static void test_power_cut_at_every_operation(void **state)
{
        size_t before = 0, after = 0;

        for (unsigned seed = 0; seed < CUTS; seed++)
                for (size_t at = 0; at < all_operations; at++) {
                        struct world world = {0};

                        disk_format();
                        disk_arm(DISK_POWER_CUT, at);
                        size_t done = run_until_fault(&world);
                        world_close(&world); /* like a process that dies: no operation works any more */
                        disk_power_cut(seed + at * 4 * (seed > 3));
                        before += done == 0;
                        after += done > 0;
                        assert_old_or_new(&world, done, at, seed);
                }
        assert_true(before > 0 && after > 0);
}

/* Without a crash: what was refused is not there, in memory, on disk, or after a later crash. */
static void assert_exactly(struct world *world, size_t done, size_t at, bool cut)
{
        struct errors errors = {0};

        if (world->model) {
                cleanup_free char *memory = model_image(world->model);
                assert_string_equal(memory, images[done]);
        }
        if (cut)
                disk_arm(DISK_POWER_CUT, 0);
        world_close(world);
        if (cut)
                disk_power_cut(1); /* everything unsynced has arrived */
        assert_int_equal(world_open(world, &errors), 0);
        cleanup_free char *disk = model_image(world->model);
        if (strcmp(disk, images[done]) != 0)
                fail_msg("fault at operation %zu: round %zu was refused, and is there", at, done + 1);
}

static void fault_once(enum disk_fault fault, size_t at, bool cut)
{
        struct world world = {0};
        struct errors errors = {0};

        disk_format();
        disk_arm(fault, at);
        size_t done = run_until_fault(&world);
        if (done < ROUNDS) {
                if (!world.model) {
                        world_close(&world);
                        disk_arm(DISK_FINE, 0);
                }
                assert_exactly(&world, done, at, cut);
                for (size_t round = done; round < ROUNDS; round++)
                        assert_int_equal(world_apply(&world, round, &errors), 0);
                cleanup_free char *image = model_image(world.model);
                assert_string_equal(image, images[ROUNDS]);
        }
        world_close(&world);
}

static void test_error_at_every_operation(void **state)
{
        for (size_t at = 0; at < all_operations; at++)
                fault_once(DISK_ERROR_ONCE, at, false);
}

/* The commit's frames are on disk, but the sync failed and so did the commit: they must not come back to life. */
static void test_failed_sync_then_power_cut(void **state)
{
        for (size_t at = 0; at < 40; at++)
                fault_once(DISK_SYNC_ERROR_ONCE, at, true);
}

static void test_full_disk_at_every_operation(void **state)
{
        size_t full = 0;

        for (size_t at = 0; at < all_operations; at++) {
                struct world world = {0};
                struct errors errors = {0};
                size_t done = 0;
                int r;

                disk_format();
                disk_arm(DISK_FULL, at);
                r = world_open(&world, &errors);
                while (r == 0 && done < ROUNDS) {
                        r = world_apply(&world, done, &errors);
                        done += r == 0;
                }
                if (r < 0) {
                        assert_int_equal(r, -ENOSPC);
                        assert_complaint(&errors, "", errors.list[0].name, "", "free space");
                        full++;
                }
                if (!world.model)
                        world_close(&world);
                disk_arm(DISK_FINE, 0); /* there is room again */
                errors = (struct errors){0};
                assert_exactly(&world, done, at, false);
                for (size_t round = done; round < ROUNDS; round++)
                        assert_int_equal(world_apply(&world, round, &errors), 0);
                world_close(&world);
        }
        assert_true(full > 20);
}

static int setup(void **state)
{
        disk_install();
        return 0;
}

static int teardown(void **state)
{
        disk_remove();
        for (size_t i = 0; i <= ROUNDS; i++)
                free(images[i]);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_without_fault), /* first: the others compare with it */
                cmocka_unit_test(test_power_cut_at_every_operation),
                cmocka_unit_test(test_error_at_every_operation),
                cmocka_unit_test(test_failed_sync_then_power_cut),
                cmocka_unit_test(test_full_disk_at_every_operation),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
