/* Applying as a transaction: journal, read back, undo, put back, restore; and that a second time changes nothing. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "knob_fixture.h"

#define SWAPPINESS "/proc/sys/vm/swappiness"
#define STAT       "/proc/sys/vm/stat_interval"
#define KSM        "/sys/kernel/mm/ksm/run"

static int setup(void **state)
{
        tree_setup(state);
        struct tree *tree = *state;

        tree_put(tree, SWAPPINESS, "60");
        tree_put(tree, STAT, "1");
        tree_put(tree, KSM, "1");
        tree_put(tree, "/proc/sys/kernel/random/boot_id", "boot-1");
        return 0;
}

static void want(struct wishes *wishes, const char *swappiness, const char *stat, const char *ksm)
{
        if (swappiness)
                wish_for(wishes, "swappiness", "", swappiness);
        if (stat)
                wish_for(wishes, "stat_interval", "", stat);
        if (ksm)
                wish_for(wishes, "ksm", "", ksm);
}

static bool has_journal(struct tree *tree)
{
        char path[128];

        snprintf(path, sizeof(path), "%s/journal.json", tree->state);
        return access(path, F_OK) == 0;
}

static bool has_change(struct tree *tree)
{
        char path[128];

        snprintf(path, sizeof(path), "%s/change.json", tree->state);
        return access(path, F_OK) == 0;
}

static void test_there_and_back(void **state)
{
        struct tree *tree = *state;
        cleanup_wishes struct wishes wishes = {}, fewer = {};

        want(&wishes, "0", "10", "1");
        apply_changes(tree, &wishes, 2); /* ksm was so already */
        tree_assert(tree, SWAPPINESS, "0");
        tree_assert(tree, STAT, "10");
        apply_changes(tree, &wishes, 0);

        want(&fewer, "5", NULL, NULL); /* the other one is put back */
        apply_changes(tree, &fewer, 2);
        tree_assert(tree, SWAPPINESS, "5");
        tree_assert(tree, STAT, "1");
        assert_true(has_journal(tree) && !has_change(tree));

        restore_ok(tree); /* to what was there before the first apply */
        tree_assert(tree, SWAPPINESS, "60");
        tree_assert(tree, KSM, "1");
        assert_false(has_journal(tree) || has_change(tree));
        restore_ok(tree);
}

static void test_dry_run(void **state)
{
        struct tree *tree = *state;
        cleanup_free char *before = tree_image(tree);
        cleanup_wishes struct wishes wishes = {}, none = {};
        cleanup_results struct knob_results results = {}, leftovers = {}, drift = {};

        want(&wishes, "0", "1", NULL);
        assert_int_equal(knobs_compare(&tree->host, &wishes, &results), 0);
        const struct knob_result *result = find_result(&results, "swappiness", "");
        assert_int_equal(result->state, KNOB_WOULD_CHANGE);
        assert_string_equal(result->found, "60");
        assert_string_equal(result->wanted, "0");
        assert_string_equal(result->why, "a test wants it");
        assert_int_equal(find_result(&results, "stat_interval", "")->state, KNOB_SATISFIED);
        cleanup_free char *after = tree_image(tree);
        assert_string_equal(before, after);
        assert_false(has_journal(tree));

        apply_changes(tree, &wishes, 1);
        assert_int_equal(knobs_compare(&tree->host, &none, &leftovers), 0);
        assert_int_equal(leftovers.count, 1);
        assert_true(leftovers.list[0].put_back);
        assert_string_equal(leftovers.list[0].wanted, "60");

        assert_int_equal(knobs_drift(&tree->host, &wishes, &drift), 0);
        assert_int_equal(drift.count, 0);
        tree_put(tree, SWAPPINESS, "33");
        assert_int_equal(knobs_drift(&tree->host, &wishes, &drift), 0);
        assert_int_equal(drift.count, 1);
        assert_string_equal(drift.list[0].found, "33");
}

static void test_json(void **state)
{
        struct tree *tree = *state;
        cleanup_wishes struct wishes wishes = {};
        cleanup_results struct knob_results results = {};

        want(&wishes, "0", NULL, NULL);
        assert_int_equal(knobs_compare(&tree->host, &wishes, &results), 0);
        json_t *json = knob_results_to_json(&results);
        cleanup_free char *text = json_dumps(json, JSON_SORT_KEYS);
        json_decref(json);
        assert_string_equal(
                text, "[{\"found\": \"60\", \"knob\": \"swappiness\", \"state\": \"would_change\", \"target\": \"\", "
                      "\"wanted\": \"0\", \"why\": \"a test wants it\"}]");
}

/* The kernel takes a value and shows another. */
static void clamp(struct tree *tree, enum host_step step, const char *path)
{
        if (step == HOST_WRITE && strcmp(path, STAT) == 0)
                tree_put(tree, STAT, "7");
}

static void test_not_as_written(void **state)
{
        struct tree *tree = *state;
        cleanup_wishes struct wishes wishes = {};

        want(&wishes, "0", "10", "0");
        tree_put(tree, STAT, "7");
        tree->answer = clamp;
        apply_fails(tree, &wishes, -EIO, "stat_interval: asked '10', found '7'");
        assert_false(has_journal(tree) || has_change(tree));
}

static int refuse_ksm(struct tree *tree, enum host_step step, const char *path)
{
        return step == HOST_WRITE && strcmp(path, KSM) == 0 ? -EROFS : 0;
}

static void test_refused(void **state)
{
        struct tree *tree = *state;
        cleanup_wishes struct wishes wishes = {}, first = {};

        want(&first, "30", NULL, NULL);
        apply_changes(tree, &first, 1);
        want(&wishes, "0", "10", "0");
        tree->refuse = refuse_ksm;
        apply_fails(tree, &wishes, -EROFS, "ksm: asked '0', found '1': Read-only file system");
        tree->refuse = NULL;
        tree_assert(tree, SWAPPINESS, "30"); /* the profile before is in force again … */
        restore_ok(tree);
        tree_assert(tree, SWAPPINESS, "60"); /* … and its journal too */
}

static int refuse_to_go_back(struct tree *tree, enum host_step step, const char *path)
{
        cleanup_free char *now = NULL;

        if (step != HOST_WRITE)
                return 0;
        if (strcmp(path, KSM) == 0)
                return -EPERM;
        now = tree_get(tree, STAT);
        return strcmp(path, STAT) == 0 && strcmp(now, "10") == 0 ? -EBUSY : 0;
}

/* What cannot be undone is said, and stays in the journal until it can. */
static void test_undo_fails(void **state)
{
        struct tree *tree = *state;
        cleanup_wishes struct wishes wishes = {};
        cleanup_results struct knob_results results = {}, back = {};
        struct errors errors = {}, later = {};

        want(&wishes, "0", "10", "0");
        tree->refuse = refuse_to_go_back;
        assert_int_equal(knobs_apply(&tree->host, &wishes, &results, &errors), -EPERM);
        assert_true(has_words(&errors, "ksm: asked '0', found '1': Operation not permitted"));
        assert_true(has_words(&errors, "could not be put back: stat_interval: asked '1', found '10': Device or"));
        assert_int_equal(find_result(&results, "swappiness", "")->state, KNOB_UNDONE);
        tree_assert(tree, SWAPPINESS, "60");
        assert_true(has_journal(tree) && !has_change(tree));

        assert_int_equal(knobs_restore(&tree->host, &back, &later), -EBUSY);
        assert_int_equal(find_result(&back, "stat_interval", "")->state, KNOB_FAILED);
        assert_true(has_journal(tree));
        tree->refuse = NULL;
        restore_ok(tree);
        tree_assert(tree, STAT, "1");
        assert_false(has_journal(tree));
}

static void vanish(struct tree *tree, enum host_step step, const char *path)
{
        if (step == HOST_WRITE && strcmp(path, SWAPPINESS) == 0 && tree_has(tree, STAT))
                tree_remove(tree, STAT);
}

/* A file that goes between reading and writing is no failure. */
static void test_gone(void **state)
{
        struct tree *tree = *state;
        cleanup_wishes struct wishes wishes = {};
        cleanup_results struct knob_results results = {};
        struct errors errors = {};

        want(&wishes, "0", "10", "0");
        tree->answer = vanish;
        assert_int_equal(knobs_apply(&tree->host, &wishes, &results, &errors), 0);
        assert_int_equal(find_result(&results, "stat_interval", "")->state, KNOB_GONE);
        assert_int_equal(find_result(&results, "swappiness", "")->state, KNOB_CHANGED);
        restore_ok(tree);
        tree_assert(tree, SWAPPINESS, "60");
}

/* A boot sets all but files anew: what was there before it is nothing to go back to. */
static void test_boot(void **state)
{
        struct tree *tree = *state;
        cleanup_wishes struct wishes wishes = {};

        want(&wishes, "0", NULL, NULL);
        apply_changes(tree, &wishes, 1);
        tree_put(tree, "/proc/sys/kernel/random/boot_id", "boot-2");
        tree_put(tree, SWAPPINESS, "40");
        apply_changes(tree, &wishes, 1);
        restore_ok(tree);
        tree_assert(tree, SWAPPINESS, "40");
}

static void damage(struct tree *tree, const char *name, const char *text)
{
        char path[128];

        snprintf(path, sizeof(path), "%s/%s", tree->state, name);
        cleanup_fclose FILE *file = fopen(path, "we");
        assert_non_null(file);
        fputs(text, file);
}

static void test_damaged_journal(void **state)
{
        static const char *const wrong[] = {"", "{", "[]", "{\"version\": 2}", "{\"version\": 1}"};
        struct tree *tree = *state;
        cleanup_wishes struct wishes wishes = {};

        want(&wishes, "0", NULL, NULL);
        apply_changes(tree, &wishes, 1);
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                damage(tree, "journal.json", wrong[i]);
                apply_fails(tree, &wishes, -EBADMSG, "/journal.json is damaged");
                struct errors errors = {};
                cleanup_results struct knob_results results = {};
                assert_int_equal(knobs_restore(&tree->host, &results, &errors), -EBADMSG);
                damage(tree, "change.json", wrong[i]);
                apply_fails(tree, &wishes, -EBADMSG, "/change.json is damaged");
                damage(tree, "change.json", "{\"version\": 1, \"restore\": true}");
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_there_and_back, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_dry_run, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_json, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_not_as_written, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_refused, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_undo_fails, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_gone, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_boot, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_damaged_journal, setup, tree_teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
