/* Drift as it happens: who writes into a watched directory is seen at once; what came or went is noticed. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "knob_fixture.h"

#define SWAPPINESS "/proc/sys/vm/swappiness"
#define DROP_IN    "/etc/default/grub.d/50-socle.cfg"

DEFINE_CLEANUP(struct drift_watch *, drift_watch_free)

static int setup(void **state)
{
        tree_setup(state);
        struct tree *tree = *state;

        tree_put(tree, SWAPPINESS, "60");
        tree_put(tree, "/proc/sys/vm/other", "1");
        tree_put(tree, "/proc/irq/24/smp_affinity", "f");
        tree_put(tree, "/proc/irq/24/smp_affinity_list", "0-3");
        tree_put(tree, DROP_IN, "x");
        tree_put(tree, "/sys/devices/system/cpu/online", "0-3");
        tree_put(tree, "/sys/elsewhere", "1");
        return 0;
}

static struct drift_watch *watch_all(struct tree *tree)
{
        cleanup_wishes struct wishes wishes = {};
        struct drift_watch *watch = NULL;

        wish_for(&wishes, "swappiness", "", "60");
        wish_for(&wishes, "stat_interval", "", "60"); /* in the same directory */
        wish_for(&wishes, "irq_affinity", "irq 24", "0-3");
        wish_for(&wishes, "irq_affinity", "irq 99", "0-3"); /* is not there */
        wish_for(&wishes, "kernel_command_line", "", "");
        assert_int_equal(drift_watch_new(&watch, &tree->host, &wishes), 0);
        return watch;
}

static bool is_readable(const struct drift_watch *watch)
{
        struct pollfd poll_fd = {.fd = drift_watch_fd(watch), .events = POLLIN};

        return poll(&poll_fd, 1, 0) == 1;
}

static void test_events(void **state)
{
        static const char *const watched[] = {SWAPPINESS, "/proc/irq/24/smp_affinity_list", "/proc/irq/24/smp_affinity",
                                              DROP_IN};
        struct tree *tree = *state;
        cleanup_(drift_watch_free_p) struct drift_watch *watch = watch_all(tree);

        assert_false(is_readable(watch));
        assert_false(drift_watch_drain(watch));
        for (size_t i = 0; i < ARRAY_LEN(watched); i++) {
                tree_put(tree, watched[i], "2");
                assert_true(is_readable(watch));
                assert_true(drift_watch_drain(watch));
                assert_false(is_readable(watch));
        }
        tree_remove(tree, DROP_IN);
        assert_true(drift_watch_drain(watch));
        tree_put(tree, "/sys/elsewhere", "2");
        assert_false(is_readable(watch));
}

static void test_targets(void **state)
{
        struct tree *tree = *state;
        cleanup_(drift_watch_free_p) struct drift_watch *watch = watch_all(tree);

        assert_false(drift_watch_targets_changed(watch));
        tree_put(tree, "/proc/irq/25/smp_affinity_list", "0-3");
        assert_true(drift_watch_targets_changed(watch));
        assert_false(drift_watch_targets_changed(watch));
        tree_put(tree, "/sys/devices/system/cpu/online", "0-2");
        assert_true(drift_watch_targets_changed(watch));
        assert_false(drift_watch_targets_changed(watch));
}

/* On the kernel's own files: writing what is there already is seen too, and changes nothing. */
static void test_real_proc(void **state)
{
        const struct host host = {.root = "/", .state = "/nonexistent"};
        cleanup_(drift_watch_free_p) struct drift_watch *watch = NULL;
        cleanup_wishes struct wishes wishes = {};
        cleanup_free char *now = NULL;

        if (geteuid() != 0 || host_read(&host, &now, SWAPPINESS) < 0) {
                print_message("skipped: root, and a kernel that can swap, are needed\n");
                skip();
        }
        wish_for(&wishes, "swappiness", "", now);
        assert_int_equal(drift_watch_new(&watch, &host, &wishes), 0);
        drift_watch_drain(watch);
        assert_int_equal(host_write(&host, now, SWAPPINESS), 0);
        assert_true(is_readable(watch));
        assert_true(drift_watch_drain(watch));
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_events, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_targets, setup, tree_teardown),
                cmocka_unit_test(test_real_proc),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
