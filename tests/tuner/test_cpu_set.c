/* Sets of CPUs in the kernel's notations: there and back, and what is none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "socle/cleanup.h"
#include "topology/cpu_set.h"

static void test_lists(void **state)
{
        static const struct {
                const char *in, *out;
        } cases[] = {
                {"", ""},
                {"\n", ""},
                {"0", "0"},
                {"0-3,8,10-11\n", "0-3,8,10-11"},
                {"3,2,1,0", "0-3"},
                {"0-10:2/4", "0-1,4-5,8-9"},
                {"63-64,8191", "63-64,8191"},
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct cpu_set set;
                assert_int_equal(cpu_set_from_list(cases[i].in, &set), 0);
                cleanup_free char *text = cpu_set_to_list(&set);
                assert_string_equal(text, cases[i].out);
        }
}

static void test_no_lists(void **state)
{
        static const char *const wrong[] = {"a",    "1-",      "-1",      "3-1", "1,",  ",1",
                                            "1,,2", "0-3:0/2", "0-3:3/2", "1 2", "0x3", "0-3:1"};
        struct cpu_set set = {{7}};

        for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
                assert_int_equal(cpu_set_from_list(wrong[i], &set), -EINVAL);
        assert_int_equal(cpu_set_from_list("8192", &set), -ERANGE);
        assert_int_equal(cpu_set_from_list("0-99999999999999999999", &set), -ERANGE);
        assert_int_equal(set.words[0], 7);
}

static void test_masks(void **state)
{
        struct cpu_set set;

        assert_int_equal(cpu_set_from_list("0-3,32,95", &set), 0);
        cleanup_free char *wide = cpu_set_to_mask(&set, 96);
        assert_string_equal(wide, "80000000,00000001,0000000f");
        cleanup_free char *narrow = cpu_set_to_mask(&set, 34);
        assert_string_equal(narrow, "1,0000000f");

        struct cpu_set back;
        assert_int_equal(cpu_set_from_mask("80000000,00000001,0000000f\n", &back), 0);
        assert_true(cpu_set_equal(&set, &back));
        assert_int_equal(cpu_set_from_mask("1,f", &back), 0); /* a short group still ends at a word */
        assert_true(cpu_set_has(&back, 32) && cpu_set_has(&back, 3) && cpu_set_count(&back) == 5);
        assert_int_equal(cpu_set_from_mask("", &back), -EINVAL);
        assert_int_equal(cpu_set_from_mask("g", &back), -EINVAL);
}

static void test_algebra(void **state)
{
        struct cpu_set a, b, both;

        assert_int_equal(cpu_set_from_list("0-7,100", &a), 0);
        assert_int_equal(cpu_set_from_list("4-11", &b), 0);
        both = a;
        cpu_set_and(&both, &b);
        assert_int_equal(cpu_set_count(&both), 4);
        assert_true(cpu_set_within(&both, &a) && cpu_set_within(&both, &b) && !cpu_set_within(&a, &b));
        assert_true(cpu_set_intersects(&a, &b));
        cpu_set_and_not(&a, &b);
        assert_false(cpu_set_intersects(&a, &b));
        cpu_set_or(&a, &b);
        assert_int_equal(cpu_set_count(&a), 13);
        assert_int_equal(cpu_set_next(&a, 11), 100);
        assert_int_equal(cpu_set_next(&a, 100), -1);
        assert_int_equal(cpu_set_next(&a, CPU_MAX), -1);
        cpu_set_add(&a, CPU_MAX); /* beyond the end is nowhere */
        assert_false(cpu_set_has(&a, CPU_MAX));
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lists),
                cmocka_unit_test(test_no_lists),
                cmocka_unit_test(test_masks),
                cmocka_unit_test(test_algebra),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
