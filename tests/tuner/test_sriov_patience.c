/* Waiting with an end: a write that does not return is left behind, and what does not come is not waited for for ever.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "socle/cleanup.h"
#include "sriov/patience.h"
#include "tree.h"

static int gate[2]; /* the made-up kernel answers a write when there is something to read */

static void test_write(void **state)
{
        struct patience patience = patience_of(10000);
        struct tree *tree = *state;

        tree_put(tree, "/sys/file", "0");
        assert_int_equal(patience_write(&patience, &tree->host, "7", "/sys/%s", "file"), 0);
        tree_assert(tree, "/sys/file", "7");
        assert_int_equal(patience_write(&patience, &tree->host, "7", "/sys/none"), -ENOENT);
}

static void answer_and_end(struct tree *tree, enum host_step step, const char *path)
{
        char byte;

        assert_int_equal(read(gate[0], &byte, 1), 1);
        tree->answer = NULL;
}

static int nothing_pending(void *user, uint64_t *progress)
{
        return !patience_pending("0000:01:00.0", NULL);
}

static void test_stuck_write(void **state)
{
        struct patience none = patience_owned(patience_of(0), "0000:01:00.0"), long_one = patience_of(60000);
        struct patience look = patience_to_look(none.owner);
        char words[PATIENCE_WORDS_SIZE];
        struct tree *tree = *state;
        struct host quiet = {.root = tree->root, .state = tree->state};
        cleanup_free char *text = NULL;

        assert_int_equal(pipe(gate), 0);
        tree_put(tree, "/sys/file", "0");
        tree_put(tree, "/sys/other", "1");
        tree->answer = answer_and_end;
        none.last_ms = none.end_ms;
        assert_int_equal(patience_write(&none, &tree->host, "7", "/sys/file"), -ETIMEDOUT);
        assert_true(patience_pending("0000:01:00.0", words));
        assert_non_null(strstr(words, "writing '7' to /sys/file, begun at 2"));
        assert_false(patience_pending("0000:01:00.1", NULL));
        /* Nothing is piled on it, but one may look, and others are not concerned. */
        assert_int_equal(patience_write(&none, &tree->host, "8", "/sys/other"), -EBUSY);
        assert_int_equal(patience_read(&look, &quiet, &text, "/sys/other"), 0);
        assert_string_equal(text, "1");
        assert_int_equal(patience_write(&long_one, &quiet, "2", "/sys/other"), 0);
        assert_int_equal(write(gate[1], "", 1), 1);
        assert_int_equal(patience_wait(&long_one, 0, nothing_pending, NULL), 1);
        assert_null(tree->answer); /* it has got to its end */
        close(gate[0]);
        close(gate[1]);
}

static int never(void *user, uint64_t *progress)
{
        return 0;
}

static int some_progress(void *user, uint64_t *progress)
{
        unsigned *polls = user;

        *progress = ++*polls < 5 ? *polls : 5;
        return 0;
}

static int third_time(void *user, uint64_t *progress)
{
        unsigned *polls = user;

        return ++*polls == 3 ? -EIO : 0;
}

static void test_wait(void **state)
{
        struct patience none = patience_of(0), some = patience_of(60000);
        unsigned polls = 0;

        assert_int_equal(patience_wait(&none, 0, never, NULL), -ETIMEDOUT);
        assert_true(patience_over(&none));
        assert_int_equal(patience_wait(&some, 0, third_time, &polls), -EIO);
        assert_int_equal(polls, 3);
        polls = 0;
        assert_int_equal(patience_wait(&some, 20, some_progress, &polls), -ETIMEDOUT);
        assert_true(polls > 5);
        assert_false(patience_over(&some));
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_write, tree_setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_stuck_write, tree_setup, tree_teardown),
                cmocka_unit_test(test_wait),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
