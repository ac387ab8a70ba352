/* kill -9 before each single step of applying, changing and restoring, and again before each step of the recovery:
 * afterwards either all is as it was or all is as wanted, and going on leads to the end. Steps that fail instead of
 * dying (a full disk, a read-only one, an error of the device) undo everything. */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "knob_fixture.h"

static int setup(void **state)
{
        tree_setup(state);
        struct tree *tree = *state;

        tree_put(tree, "/proc/sys/vm/swappiness", "60");
        tree_put(tree, "/proc/sys/vm/stat_interval", "1");
        tree_put(tree, "/sys/kernel/mm/ksm/run", "1");
        tree_put(tree, "/proc/irq/default_smp_affinity", "f");
        tree_put(tree, "/proc/irq/24/smp_affinity_list", "0-3");
        tree_put(tree, "/proc/sys/kernel/random/boot_id", "boot-1");
        return 0;
}

enum scene { SCENE_FIRST, SCENE_CHANGE, SCENE_LESS, SCENE_RESTORE, SCENE_COUNT };

static void wish_first(struct wishes *wishes)
{
        wish_for(wishes, "swappiness", "", "0");
        wish_for(wishes, "irq_affinity", "default", "0-1");
        wish_for(wishes, "irq_affinity", "irq 24", "0-1");
}

/* One kept, one changed, one new, one put back. */
static void wish_second(struct wishes *wishes)
{
        wish_for(wishes, "swappiness", "", "0");
        wish_for(wishes, "irq_affinity", "default", "0");
        wish_for(wishes, "stat_interval", "", "10");
        wish_for(wishes, "ksm", "", "0");
}

static int act(struct tree *tree, enum scene scene)
{
        cleanup_wishes struct wishes wishes = {};
        cleanup_results struct knob_results results = {};
        struct errors errors = {};

        if (scene == SCENE_RESTORE)
                return knobs_restore(&tree->host, &results, &errors);
        if (scene == SCENE_FIRST)
                wish_first(&wishes);
        if (scene == SCENE_CHANGE)
                wish_second(&wishes);
        return knobs_apply(&tree->host, &wishes, &results, &errors); /* SCENE_LESS: none are wanted any more */
}

/* To where the scene begins. */
static void prepare(struct tree *tree, enum scene scene)
{
        tree->die_at = tree->fail_at = 0;
        restore_ok(tree);
        if (scene != SCENE_FIRST)
                assert_int_equal(act(tree, SCENE_FIRST), 0);
}

static int recover(struct tree *tree)
{
        struct errors errors = {};
        bool undone;
        int r = knobs_recover(&tree->host, &undone, &errors);

        if (r < 0)
                print_errors(&errors);
        return r;
}

/* In a process of its own, that ends before step `at`. Did it? */
static bool dies(struct tree *tree, int (*what)(struct tree *tree, enum scene scene), enum scene scene, int at)
{
        int status;
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
                tree->steps = 0;
                tree->die_at = at;
                _exit(what(tree, scene) == 0 ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_in_range(WEXITSTATUS(status), 0, 42);
        assert_int_not_equal(WEXITSTATUS(status), 1);
        return WEXITSTATUS(status) == 42;
}

static int recover_scene(struct tree *tree, enum scene scene)
{
        return recover(tree);
}

static void images_of(struct tree *tree, enum scene scene, char **ret_before, char **ret_after)
{
        prepare(tree, scene);
        *ret_before = tree_image(tree);
        assert_int_equal(act(tree, scene), 0);
        *ret_after = tree_image(tree);
        assert_string_not_equal(*ret_before, *ret_after);
}

/* After a crash at `at` and one in the recovery at `again` (0: none). False: the scene has no such step. */
static bool crash(struct tree *tree, enum scene scene, int at, int again, const char *before, const char *after)
{
        prepare(tree, scene);
        if (!dies(tree, act, scene, at))
                return false;
        if (again && !dies(tree, recover_scene, scene, again))
                return false;
        assert_int_equal(recover(tree), 0);
        cleanup_free char *image = tree_image(tree);
        if (strcmp(image, before) != 0 && strcmp(image, after) != 0)
                fail_msg("scene %d, dead at %d, then at %d: neither before nor after:\n%s", scene, at, again, image);
        assert_int_equal(act(tree, scene), 0);
        cleanup_free char *done = tree_image(tree);
        assert_string_equal(done, after);
        return true;
}

#ifdef __SANITIZE_ADDRESS__
#define STRIDE 7 /* to fork is slow there; the plain build tries them all */
#else
#define STRIDE 1
#endif

static void test_crash(void **state)
{
        struct tree *tree = *state;
        cleanup_free char *original = tree_image(tree);
        int crashes = 0;

        for (enum scene scene = 0; scene < SCENE_COUNT; scene++) {
                cleanup_free char *before = NULL, *after = NULL;
                images_of(tree, scene, &before, &after);
                for (int at = 1; crash(tree, scene, at, 0, before, after); at++)
                        for (int again = 1 + at % STRIDE; crash(tree, scene, at, again, before, after); again += STRIDE)
                                crashes++;
                restore_ok(tree);
                cleanup_free char *end = tree_image(tree);
                assert_string_equal(end, original);
        }
        print_message("%d crashes\n", crashes);
        assert_true(crashes > 500 / STRIDE);
}

/* Step `at` fails, and with `on` all writing to disk from then on: nothing has changed, or all has. */
static bool failing(struct tree *tree, enum scene scene, int at, int error, bool on, const char *before,
                    const char *after)
{
        prepare(tree, scene);
        tree->steps = 0;
        tree->fail_at = at;
        tree->fail_with = error;
        tree->fail_on = on;
        int r = act(tree, scene);
        bool failed = tree->steps >= at;
        tree->fail_at = 0;
        assert_int_equal(recover(tree), 0);
        cleanup_free char *image = tree_image(tree);
        /* A restore goes as far as it can; what failed is done by the next. */
        if (strcmp(image, r < 0 ? before : after) != 0 && scene != SCENE_RESTORE)
                fail_msg("scene %d, step %d fails: returned %d, and now there is\n%s", scene, at, r, image);
        assert_int_equal(act(tree, scene), 0);
        cleanup_free char *done = tree_image(tree);
        assert_string_equal(done, after);
        return failed;
}

static void test_failing(void **state)
{
        static const int errors[] = {-ENOSPC, -EROFS, -EIO};
        struct tree *tree = *state;

        for (enum scene scene = 0; scene < SCENE_COUNT; scene++) {
                cleanup_free char *before = NULL, *after = NULL;
                images_of(tree, scene, &before, &after);
                for (size_t e = 0; e < ARRAY_LEN(errors); e++)
                        for (int at = 1; failing(tree, scene, at, errors[e], errors[e] == -ENOSPC, before, after);)
                                at++;
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_crash, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_failing, setup, tree_teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
