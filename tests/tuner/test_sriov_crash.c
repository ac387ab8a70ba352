/* SriovDevice: kill -9 before each single step of making, changing and restoring, and again in the middle of undoing:
 * then all is as it was or all is as wanted, and going on leads to the end. And each step that fails instead of dying
 * undoes everything, or did not matter. */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sriov_fixture.h"

#ifdef __SANITIZE_ADDRESS__
#define STRIDE 5 /* to fork is slow there; the plain build tries them all */
#else
#define STRIDE 1
#endif

#define DEVICE "'device':{'pattern':{'driver':'igb'}}"

enum scene { SCENE_FIRST, SCENE_CHANGE, SCENE_RESTORE, SCENE_COUNT };

/* Each VF has a driver that is asked for: one that merely comes may stay away without harm. */
static const char *const specs[] = {
        [SCENE_FIRST] = "{" DEVICE ",'numvfs':2,'vfs':[{'first':0,'vlan':5,'trust':true,'driver':'vfio-pci'},"
                        "{'first':1,'driver':'kernel'}]}",
        [SCENE_CHANGE] =
                "{" DEVICE ",'numvfs':3,'vfs':[{'first':0,'trust':true},{'first':2,'vlan':6,'driver':'kernel'}]}",
};

static int act(struct kernel *kernel, enum scene scene)
{
        struct errors errors = {};

        return scene == SCENE_RESTORE ? sriov_restore(&kernel->tree->host, "x", NULL, &errors)
                                      : apply(kernel, "x", specs[scene], NULL, &errors);
}

static void calm(struct kernel *kernel)
{
        kernel->tree->fail_at = kernel->tree->die_at = kernel->tree->steps = 0;
}

/* To where the scene begins: the second device has a VF of somebody's, and its interface is down. */
static void prepare(struct kernel *kernel, enum scene scene)
{
        calm(kernel);
        tree_put(kernel->tree, "/sys/class/net/eth1/flags", "0x1002");
        assert_int_equal(host_write(&kernel->tree->host, "1", PCI PF1 "/sriov_numvfs"), 0);
        kernel->values[1][0].value[VF_VLAN] = 44;
        for (enum scene i = SCENE_FIRST; i < scene; i++)
                assert_int_equal(act(kernel, i), 0);
        calm(kernel);
}

/* In a process that may die. */
static int act_elsewhere(struct kernel *kernel, enum scene scene, bool recovers, int die_at)
{
        int status;
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
                struct errors errors = {};

                kernel->tree->steps = 0;
                kernel->tree->die_at = die_at;
                int r = recovers ? sriov_recover(&kernel->tree->host, "x", NULL, &errors) : act(kernel, scene);
                _exit(r == 0 ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

/* What the scene leads to, and where it began. */
static void look(enum scene scene, char **ret_before, char **ret_wanted, char **ret_original, int *ret_steps)
{
        void *state;

        kernel_setup(&state);
        struct kernel *kernel = state;
        prepare(kernel, SCENE_FIRST);
        *ret_original = kernel_image(kernel);
        kernel_teardown(&state);

        kernel_setup(&state);
        kernel = state;
        prepare(kernel, scene);
        *ret_before = kernel_image(kernel);
        assert_int_equal(act(kernel, scene), 0);
        *ret_steps = kernel->tree->steps;
        *ret_wanted = kernel_image(kernel);
        kernel_teardown(&state);
}

static void go_on(struct kernel *kernel, enum scene scene, const char *wanted, const char *original)
{
        struct errors errors = {};

        assert_int_equal(act(kernel, scene), 0);
        assert_same(wanted, kernel);
        assert_int_equal(sriov_restore(&kernel->tree->host, "x", NULL, &errors), 0);
        assert_same(original, kernel);
        assert_false(has_journal(kernel));
}

static void die_at_each_step(enum scene scene)
{
        cleanup_free char *before = NULL, *wanted = NULL, *original = NULL;
        int steps, undone = 0, done = 0;

        look(scene, &before, &wanted, &original, &steps);
        for (int step = 1; step <= steps; step += STRIDE) {
                struct errors errors = {};
                void *state;

                kernel_setup(&state);
                struct kernel *kernel = state;
                prepare(kernel, scene);
                assert_int_equal(act_elsewhere(kernel, scene, false, step), 42);
                (void)act_elsewhere(kernel, scene, true, 1 + step * 7 % steps);
                assert_int_equal(sriov_recover(&kernel->tree->host, "x", NULL, &errors), 0);
                cleanup_free char *after = kernel_image(kernel);
                bool is_done = strcmp(after, wanted) == 0;
                if (!is_done)
                        assert_string_equal(after, before);
                done += is_done;
                undone += !is_done;
                go_on(kernel, scene, wanted, original);
                kernel_teardown(&state);
        }
        print_message("scene %d: %d steps, %d undone, %d done\n", scene, steps, undone, done);
        assert_true(undone > 0);
}

static void fail_at_each_step(enum scene scene)
{
        cleanup_free char *before = NULL, *wanted = NULL, *original = NULL;
        int steps, failed = 0;

        look(scene, &before, &wanted, &original, &steps);
        for (int step = 1; step <= steps; step++) {
                void *state;

                kernel_setup(&state);
                struct kernel *kernel = state;
                prepare(kernel, scene);
                kernel->tree->fail_at = step;
                kernel->tree->fail_with = -EIO;
                int r = act(kernel, scene);
                assert_same(r == 0 ? wanted : before, kernel);
                failed += r < 0;
                calm(kernel);
                go_on(kernel, scene, wanted, original);
                kernel_teardown(&state);
        }
        print_message("scene %d: %d of %d steps are necessary\n", scene, failed, steps);
        assert_true(failed > 0);
}

static void test_die_making(void **state)
{
        die_at_each_step(SCENE_FIRST);
}

static void test_die_changing(void **state)
{
        die_at_each_step(SCENE_CHANGE);
}

static void test_die_restoring(void **state)
{
        die_at_each_step(SCENE_RESTORE);
}

static void test_fail(void **state)
{
        for (enum scene scene = SCENE_FIRST; scene < SCENE_COUNT; scene++)
                fail_at_each_step(scene);
}

static const char *guest_on_first(void *user, const char *address)
{
        return strcmp(address, KVF(0)) == 0 ? "guest db1" : NULL;
}

/* Cut off just before its end, and somebody uses by now what it has made: it cannot be undone, and is ended. */
static void test_used_meanwhile(void **state)
{
        static const struct sriov_users users = {.of = guest_on_first};
        cleanup_free char *before = NULL, *wanted = NULL, *original = NULL;
        struct errors errors = {};
        void *made;
        int steps;

        look(SCENE_FIRST, &before, &wanted, &original, &steps);
        kernel_setup(&made);
        struct kernel *kernel = made;
        prepare(kernel, SCENE_FIRST);
        int cut = steps;
        for (; cut > 0; cut--) { /* the last step before which it is not committed */
                assert_int_equal(act_elsewhere(kernel, SCENE_FIRST, false, cut), 42);
                struct errors in_use = {};
                if (sriov_recover(&kernel->tree->host, "x", &users, &in_use) == -EBUSY)
                        break;
                kernel_teardown(&made);
                kernel_setup(&made);
                kernel = made;
                prepare(kernel, SCENE_FIRST);
        }
        assert_true(cut > 0);
        assert_int_equal(apply(kernel, "x", specs[SCENE_FIRST], &users, &errors), 0);
        assert_int_equal(errors.count, 0);
        assert_same(wanted, kernel);
        go_on(kernel, SCENE_FIRST, wanted, original);
        kernel_teardown(&made);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_die_making),     cmocka_unit_test(test_die_changing),
                cmocka_unit_test(test_die_restoring),  cmocka_unit_test(test_fail),
                cmocka_unit_test(test_used_meanwhile),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
