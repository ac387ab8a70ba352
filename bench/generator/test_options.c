/* The command line: what it means, and that each mistake is refused with words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <getopt.h>
#include <string.h>

#include <cmocka.h>

#include "frame.h"
#include "options.h"

/* Two ports, then the words of `text`, which spaces separate. */
static int parse(const char *text, struct options *ret)
{
        static char copy[1024];
        char *argv[32] = {"socle-generator"}, *rest = copy;
        int argc = 1;

        snprintf(copy, sizeof(copy), "--port /a,fa:16:3e:00:00:01 --port /b,fa:16:3e:00:00:02%s%s", *text ? " " : "",
                 text);
        while (rest)
                argv[argc++] = strsep(&rest, " ");
        optind = 0; /* glibc: begin anew */
        return options_parse(argc, argv, ret);
}

static void test_meaning(void **state)
{
        struct options options;

        assert_int_equal(parse("", &options), 0);
        assert_int_equal(options.length, FRAME_MIN);
        assert_int_equal(options.load_count, 1);
        assert_int_equal(options.loads[0].kind, LOAD_MAX);
        assert_string_equal(options.socket[1], "/b");
        assert_int_equal(options.mac[1].addr_bytes[5], 2);
        assert_null(options.wire[0]);
        assert_int_equal(
                parse("--frame imix --protocol tcp --mode conversation --loads max,10%,2e6 --wire /c --wire /d",
                      &options),
                0);
        assert_int_equal(options.length, 0);
        assert_int_equal(options.protocol, IPPROTO_TCP);
        assert_true(options.conversation && !options.dial);
        assert_int_equal(options.load_count, 3);
        assert_true(options.loads[1].kind == LOAD_SHARE && options.loads[1].value == 0.1);
        assert_true(options.loads[2].kind == LOAD_PPS && options.loads[2].value == 2e6);
        assert_string_equal(options.wire[1], "/d");
        assert_int_equal(parse("--mode dial --protocol tcp --close rst --window 7 --seconds 0.5", &options), 0);
        assert_true(options.dial && options.conversation && options.close == DIAL_RST);
        assert_int_equal(options.window, 7);
}

static void test_mistakes(void **state)
{
        static const char *const wrong[] = {
                "--flows 0",
                "--flows 16777216",
                "--flows -1",
                "--frame 63",
                "--frame 1519",
                "--frame mix",
                "--mode both",
                "--protocol sctp",
                "--protocol tcp",
                "--close rst",
                "--mode dial --close fin",
                "--loads 10%",
                "--loads max,",
                "--loads max,0",
                "--loads max,10%%",
                "--seconds 601",
                "--seconds x",
                "--window 1025",
                "--wire /c",
                "--wire /c,d --wire /e",
                "--port /c,fa:16:3e:00:00:03",
                "word",
                "--no-such-option",
        };
        struct options options = {.flows = 12345};

        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                assert_true(parse(wrong[i], &options) < 0);
                assert_int_equal(options.flows, 12345);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_meaning),
                cmocka_unit_test(test_mistakes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
