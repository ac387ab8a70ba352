/* What Ironic, Keystone and whoever stands before them say when they say no: in which words, and as what. */
#include "support.h"

#include <string.h>

#include "fault.h"
#include "identity.h"
#include "ironic.h"

struct said {
        int status;
        const char *body; /* ' for " */
        enum fault fault;
        const char *words;
};

static void check(const struct said *said)
{
        char words[FAULT_WORDS], body[1024];

        snprintf(body, sizeof(body), "%s", said->body);
        for (char *at = body; *at; at++)
                if (*at == '\'')
                        *at = '"';
        enum fault fault = fault_decode(said->status, body, strlen(body), words);
        if (fault != said->fault || !strstr(words, said->words))
                print_error("%d %s: %d \"%s\"\n", said->status, said->body, fault, words);
        assert_int_equal(fault, said->fault);
        assert_non_null(strstr(words, said->words));
}

/* As Ironic 21.4 and Keystone 22 have answered. */
static void test_shapes(void **state)
{
        static const struct said all[] = {
                {400, "{'error_message': '{\\'faultcode\\': \\'Client\\', \\'faultstring\\': \\'No valid host\\'}'}",
                 FAULT_REFUSED, "No valid host"},
                {400, "{'error_message': {'faultstring': 'once'}}", FAULT_REFUSED, "once"},
                {404,
                 "{'error_message': '{\\'code\\': 404, \\'title\\': \\'Not Found\\', \\'description\\': \\'gone\\'}'}",
                 FAULT_NOT_FOUND, "gone"},
                {401, "{'error': {'message': 'Authorization required', 'code': 401}}", FAULT_DENIED, "required"},
                {401, "{'error': {'code': 401, 'title': 'Unauthorized', 'message': 'The request you have made'}}",
                 FAULT_DENIED, "The request"},
                {403, "{'error_message': 'plain words'}", FAULT_FORBIDDEN, "plain words"},
                {503, "<html>no</html>", FAULT_BUSY, "503"},
                {500, "", FAULT_BUSY, "500"},
                {429, "{}", FAULT_BUSY, "429"},
                {406, "{'error_message': '{}'}", FAULT_VERSION, ""},
                {400, "{'error_message': '{\\'faultstring\\': 7}'}", FAULT_REFUSED, ""},
                {418, "[1, 2]", FAULT_REFUSED, "418"},
        };

        for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
                check(&all[i]);
}

#define FAULTSTRING(text) "{'error_message': '{\\'faultstring\\': \\'" text "\\'}'}"

static void test_the_three_conflicts(void **state)
{
        static const struct said all[] = {
                {409, FAULTSTRING("Node 1be is locked by host lab, please retry after"), FAULT_LOCKED, "locked"},
                {409, FAULTSTRING("A port with MAC address 52:54:00:00:00:01 already exists."), FAULT_DUPLICATE, "52"},
                {409, FAULTSTRING("A node with name n1 already exists."), FAULT_DUPLICATE, "n1"},
                {409, FAULTSTRING("Can not delete node while it is in state active; can only be"), FAULT_WRONG_STATE,
                 ""},
                {400, FAULTSTRING("The requested action \\\\\\'manage\\\\\\' can not be performed on node"),
                 FAULT_WRONG_STATE, "manage"},
        };

        for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
                check(&all[i]);
        assert_true(fault_is_passing(FAULT_LOCKED) && fault_is_passing(FAULT_BUSY) &&
                    fault_is_passing(FAULT_UNREACHABLE));
        assert_false(fault_is_passing(FAULT_DUPLICATE) || fault_is_passing(FAULT_WRONG_STATE) ||
                     fault_is_passing(FAULT_DENIED));
}

/* The same of a driver that there is none of and of a conductor that is being restarted: who knows the node can tell.
 */
static void test_nobody_serves_it(void **state)
{
        static const struct said all[] = {
                {400,
                 FAULTSTRING("No valid host was found. Reason: No conductor service registered which supports driver "
                             "ipmi for conductor group "),
                 FAULT_UNSERVED, "ipmi"},
                {404, FAULTSTRING("No valid host was found. Reason: No conductor service registered"), FAULT_UNSERVED,
                 ""},
                {400, FAULTSTRING("No valid host"), FAULT_REFUSED, ""},
        };

        for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
                check(&all[i]);
}

static void test_whose_404_it_is(void **state)
{
        static const char ironics[] = "{\"error_message\": \"{}\"}", proxys[] = "<html>404</html>",
                          others[] = "{\"error\": {\"code\": 404}}";

        assert_true(fault_is_ironics(ironics, strlen(ironics)));
        assert_false(fault_is_ironics(proxys, strlen(proxys)));
        assert_false(fault_is_ironics(others, strlen(others)));
        assert_false(fault_is_ironics("", 0));
}

static void test_words_are_one_line_and_short(void **state)
{
        char body[4096] = "{\"error\": {\"message\": \"", words[FAULT_WORDS];
        size_t at = strlen(body);

        for (; at + 16 < sizeof(body); at += 2)
                memcpy(body + at, "\xc3\xa4", 2); /* ä */
        memcpy(body + at, "\"}}", 4);
        assert_int_equal(fault_decode(400, body, strlen(body), words), FAULT_REFUSED);
        json_t *valid = json_string(words); /* UTF-8, cut between characters */
        assert_non_null(valid);
        assert_true(strlen(words) > FAULT_WORDS - 4);
        json_decref(valid);

        const char *lines = "{\"error\": {\"message\": \"one\\n  two\\ttwo\"}}";
        fault_decode(400, lines, strlen(lines), words);
        assert_string_equal(words, "one two two");
}

static int negotiate(const char *least, const char *most)
{
        json_t *versions = json_pack("{s{ss, ss}}", "default_version", "min_version", least, "version", most);
        char words[FAULT_WORDS] = "";
        int version = api_negotiate(versions, words);

        assert_true(version > 0 || words[0]);
        json_decref(versions);
        return version;
}

static void test_microversions(void **state)
{
        assert_int_equal(negotiate("1.1", "1.82"), 82);
        assert_int_equal(negotiate("1.1", "1.11"), 11);
        assert_int_equal(negotiate("1.1", "1.10"), 0);
        assert_int_equal(negotiate("1.1", "1.400"), API_MOST);
        assert_int_equal(negotiate("1.300", "1.400"), 0);
        assert_int_equal(negotiate("1.1", "2.82"), 0);
        assert_int_equal(negotiate("1.1", "1.82x"), 0);
        assert_int_equal(negotiate("1.1", "1."), 0);
}

static void test_the_catalogue(void **state)
{
        json_t *token = parse("{'token': {'catalog': [{'type': 'identity', 'endpoints': [{'interface': 'public', "
                              "'url': 'wrong'}]}, {'type': 'baremetal', 'endpoints': ["
                              "{'interface': 'internal', 'region': 'a', 'url': 'internal-a'},"
                              "{'interface': 'public', 'region': 'a', 'url': 'public-a'},"
                              "{'interface': 'public', 'region': 'b', 'url': 'public-b'}]}]}}");

        assert_string_equal(catalogue_find(token, "public", NULL), "public-a");
        assert_string_equal(catalogue_find(token, "public", "b"), "public-b");
        assert_string_equal(catalogue_find(token, "internal", "a"), "internal-a");
        assert_null(catalogue_find(token, "internal", "b"));
        assert_null(catalogue_find(token, "admin", NULL));
        assert_null(catalogue_find(NULL, "public", NULL));
        json_decref(token);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_shapes),          cmocka_unit_test(test_the_three_conflicts),
                cmocka_unit_test(test_microversions),   cmocka_unit_test(test_words_are_one_line_and_short),
                cmocka_unit_test(test_the_catalogue),   cmocka_unit_test(test_nobody_serves_it),
                cmocka_unit_test(test_whose_404_it_is),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
