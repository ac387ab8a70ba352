/* Programs in bounded time, and what they said; and the check for pinned threads on the running system. */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>

#include "knob/pinned.h"
#include "knob/program.h"
#include "knob_fixture.h"

static const struct host real = {.root = "/", .state = "/nonexistent"};

#define SHELL(script) PROGRAM("/bin/sh", "-c", script)

static void test_status(void **state)
{
        struct knob_detail detail = {}, quiet = {};

        assert_int_equal(program_run(&real, 10, &quiet, SHELL("exit 0")), 0);
        assert_string_equal(quiet.text, "");
        assert_int_equal(program_run(&real, 10, &detail, SHELL("echo first; echo last words >&2; exit 3")), -EIO);
        assert_string_equal(detail.text, "/bin/sh ended with status 3: last words");
        assert_int_equal(program_run(&real, 10, &detail, SHELL("kill -9 $$")), -EIO);
        assert_string_equal(detail.text, "/bin/sh ended with signal 9: ");
        assert_int_equal(program_run(&real, 10, &detail, PROGRAM("/no/such/program")), -ENOENT);
        assert_non_null(strstr(detail.text, "cannot run /no/such/program"));
}

/* Much output is no trouble, and its end is kept. */
static void test_output(void **state)
{
        struct knob_detail detail = {};

        assert_int_equal(program_run(&real, 30, &detail,
                                     SHELL("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; exit 1")),
                         -EIO);
        assert_string_equal(detail.text, "/bin/sh ended with status 1: line 19999");
}

/* Ended with all that it has started; one that leaves its output open to a child is not waited for. */
static void test_time(void **state)
{
        struct knob_detail detail = {};

        assert_int_equal(program_run(&real, 1, &detail, SHELL("sleep 1000 & sleep 1000; exit 0")), -ETIMEDOUT);
        assert_string_equal(detail.text, "/bin/sh did not end within 1 seconds");
        assert_int_equal(program_run(&real, 10, &detail, SHELL("sleep 5 & exit 0")), 0);
}

static void test_environment(void **state)
{
        struct knob_detail detail = {};

        setenv("SECRET", "1", 1);
        assert_int_equal(
                program_run(&real, 10, &detail, SHELL("test -z \"$SECRET\" && test \"$LC_ALL\" = C && ! read line")),
                0);
}

static void test_tree(void **state)
{
        struct tree *tree = *state;
        struct knob_detail detail = {};

        assert_int_equal(program_run(&tree->host, 10, &detail, SHELL("exit 1")), 0); /* is not run */
        tree->steps = 0;
        tree->fail_at = 1;
        tree->fail_with = -EIO;
        assert_int_equal(program_run(&tree->host, 10, &detail, SHELL("exit 1")), -EIO); /* but is a step */
}

/* A child of ours is pinned to one CPU, and found; who may run elsewhere too is not. */
static void test_pinned(void **state)
{
        struct knob_detail detail = {}, none = {};
        cleanup_free char *list = NULL;
        cpu_set_t mine, one;
        struct cpu_set set = {};
        int gate[2];

        assert_int_equal(sched_getaffinity(0, sizeof(mine), &mine), 0);
        if (CPU_COUNT(&mine) < 2) {
                print_message("skipped: two CPUs are needed\n");
                skip();
        }
        int cpu = CPU_SETSIZE - 1;
        while (!CPU_ISSET(cpu, &mine))
                cpu--;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        cpu_set_add(&set, (unsigned)cpu);
        list = cpu_set_to_list(&set);
        assert_int_equal(pipe(gate), 0);
        pid_t child = fork();
        if (child == 0) {
                char byte;
                close(gate[1]);
                _exit(read(gate[0], &byte, 1) != 0);
        }
        close(gate[0]);
        assert_int_equal(sched_setaffinity(child, sizeof(one), &one), 0);
        int r = pinned_elsewhere(&real, list, "socle.slice", &detail);
        close(gate[1]);
        waitpid(child, NULL, 0);
        assert_int_equal(r, -EBUSY);
        assert_non_null(strstr(detail.text, "is pinned to these CPUs and not in socle.slice"));
        assert_int_equal(pinned_elsewhere(&real, "8191", "socle.slice", &none), 0);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_status),
                cmocka_unit_test(test_output),
                cmocka_unit_test(test_time),
                cmocka_unit_test(test_environment),
                cmocka_unit_test_setup_teardown(test_tree, tree_setup, tree_teardown),
                cmocka_unit_test(test_pinned),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
