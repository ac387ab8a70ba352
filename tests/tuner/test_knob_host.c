/* A host's files under an injected root: what is read and written, links that would lead out, files of ours. */
#include <errno.h>
#include <string.h>

#include "knob_fixture.h"
#include <fcntl.h>
#include <sys/stat.h>

static void test_read(void **state)
{
        struct tree *tree = *state;
        cleanup_free char *text = NULL, *large = NULL, *nothing = NULL;

        tree_put(tree, "/proc/a", "first\nsecond\n\n");
        assert_int_equal(host_read(&tree->host, &text, "/proc/%c", 'a'), 0);
        assert_string_equal(text, "first\nsecond");
        tree_put(tree, "/proc/large", "%0100000d", 7);
        assert_int_equal(host_read(&tree->host, &large, "/proc/large"), 0);
        assert_int_equal(strlen(large), 100000);
        assert_int_equal(host_read(&tree->host, &nothing, "/proc/b"), -ENOENT);
        assert_int_equal(host_read(&tree->host, &nothing, "/proc"), -EISDIR);
        assert_int_equal(host_read(&tree->host, &nothing, "proc/a"), -EINVAL);
        assert_null(nothing);
}

/* What is between NUL bytes is not lost. */
static void test_nul(void **state)
{
        struct tree *tree = *state;
        cleanup_free char *text = NULL;
        char path[128];

        snprintf(path, sizeof(path), "%s/environ", tree->root);
        cleanup_close int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
        assert_int_equal(write(fd, "A=1\0B=2\0", 8), 8);
        assert_int_equal(host_read(&tree->host, &text, "/environ"), 0);
        assert_string_equal(text, "A=1\nB=2");
}

static void test_write(void **state)
{
        struct tree *tree = *state;

        tree_put(tree, "/sys/knob", "a long old value");
        assert_int_equal(host_write(&tree->host, "new", "/sys/knob"), 0);
        tree_assert(tree, "/sys/knob", "new");
        assert_int_equal(host_write(&tree->host, "", "/sys/knob"), 0);
        tree_assert(tree, "/sys/knob", "");
        assert_int_equal(host_write(&tree->host, "x", "/sys/none"), -ENOENT); /* never created */
        tree_assert_absent(tree, "/sys/none");
}

/* Absolute links, and those that climb, end inside the tree. */
static void test_links(void **state)
{
        struct tree *tree = *state;
        cleanup_free char *text = NULL, *outside = NULL;
        char path[160];

        tree_put(tree, "/sys/devices/node0/x", "inside");
        snprintf(path, sizeof(path), "%s/sys/bus", tree->root);
        assert_int_equal(symlink("/sys/devices", path), 0);
        assert_int_equal(host_read(&tree->host, &text, "/sys/bus/node0/x"), 0);
        assert_string_equal(text, "inside");

        snprintf(path, sizeof(path), "%s/secret", tree->directory);
        cleanup_close int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
        snprintf(path, sizeof(path), "%s/sys/up", tree->root);
        assert_int_equal(symlink("../../../../../secret", path), 0);
        assert_int_equal(host_read(&tree->host, &outside, "/sys/up"), -ENOENT);
        assert_int_equal(host_write(&tree->host, "x", "/sys/../../secret"), -ENOENT);
        assert_false(host_exists(&tree->host, "/../secret"));
}

static void test_replace(void **state)
{
        struct tree *tree = *state;

        assert_int_equal(host_replace(&tree->host, "one", "/etc/a/b/c.conf"), 0);
        tree_assert(tree, "/etc/a/b/c.conf", "one");
        assert_int_equal(host_replace(&tree->host, "two\n", "/etc/a/b/c.conf"), 0);
        tree_assert(tree, "/etc/a/b/c.conf", "two");
        assert_int_equal(host_replace(&tree->host, NULL, "/etc/a/b/c.conf"), 0);
        tree_assert_absent(tree, "/etc/a/b/c.conf");
        assert_int_equal(host_replace(&tree->host, NULL, "/etc/a/b/c.conf"), 0);
        assert_int_equal(host_replace(&tree->host, NULL, "/no/such/directory"), 0);

        /* Whatever fails, the old text is there, and nothing beside it. */
        assert_int_equal(host_replace(&tree->host, "old", "/etc/d"), 0);
        for (int at = 1; at < 5; at++) {
                tree->steps = 0;
                tree->fail_at = at;
                tree->fail_with = -ENOSPC;
                assert_int_equal(host_replace(&tree->host, "new", "/etc/d"), -ENOSPC);
                tree_assert(tree, "/etc/d", "old");
                tree_assert_absent(tree, "/etc/.d.socle-new");
        }
}

static void test_list(void **state)
{
        struct tree *tree = *state;
        char **names;

        for (int i = 120; i >= 0; i--) {
                char path[32];
                snprintf(path, sizeof(path), "/cpu/cpu%d", i);
                tree_put(tree, path, "x");
        }
        assert_int_equal(host_list(&tree->host, &names, "/cpu"), 0);
        for (int i = 0; i <= 120; i++) {
                char name[16];
                snprintf(name, sizeof(name), "cpu%d", i);
                assert_string_equal(names[i], name);
        }
        assert_null(names[121]);
        strings_free(names);
        assert_int_equal(host_list(&tree->host, &names, "/none"), -ENOENT);
        assert_int_equal(host_list(&tree->host, &names, "/cpu/cpu1"), -ENOTDIR);
}

static void test_directories(void **state)
{
        struct tree *tree = *state;

        assert_int_equal(host_make_directory(&tree->host, "/group"), 0);
        assert_int_equal(host_make_directory(&tree->host, "/group"), 0);
        assert_int_equal(host_make_directory(&tree->host, "/no/group"), -ENOENT);
        tree_put(tree, "/group/file", "x");
        assert_int_equal(host_remove_directory(&tree->host, "/group"), -ENOTEMPTY);
        tree_remove(tree, "/group/file");
        assert_int_equal(host_remove_directory(&tree->host, "/group"), 0);
        assert_int_equal(host_remove_directory(&tree->host, "/group"), 0);
}

/* The running kernel, read only. */
static void test_real_host(void **state)
{
        const struct host host = {.root = "/", .state = "/nonexistent"};
        cleanup_free char *online = NULL;
        mode_t mode;
        struct cpu_set set;

        assert_int_equal(host_read(&host, &online, "/sys/devices/system/cpu/online"), 0);
        assert_int_equal(cpu_set_from_list(online, &set), 0);
        assert_false(cpu_set_empty(&set));
        assert_int_equal(host_mode(&host, &mode, "/sys/devices/system/cpu/online"), 0);
        assert_false(mode & S_IWUSR);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_read, tree_setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_nul, tree_setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_write, tree_setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_links, tree_setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_replace, tree_setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_list, tree_setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_directories, tree_setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_real_host, tree_setup, tree_teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
