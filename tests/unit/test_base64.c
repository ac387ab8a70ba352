/* base64: RFC 4648's own examples, every length there and back, and what is none. */
#include "support.h"

#include <errno.h>
#include <string.h>

#include "base64.h"

static void test_examples(void **state)
{
        static const char *const examples[][2] = {{"", ""},
                                                  {"f", "Zg=="},
                                                  {"fo", "Zm8="},
                                                  {"foo", "Zm9v"},
                                                  {"foob", "Zm9vYg=="},
                                                  {"fooba", "Zm9vYmE="},
                                                  {"foobar", "Zm9vYmFy"},
                                                  {"\xfb\xff", "+/8="}};
        char text[BASE64_SIZE(6)];
        uint8_t bytes[6];

        for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
                size_t size = strlen(examples[i][0]);

                base64_encode((const uint8_t *)examples[i][0], size, text);
                assert_string_equal(text, examples[i][1]);
                assert_int_equal(base64_decode(text, bytes, sizeof(bytes)), size);
                assert_memory_equal(bytes, examples[i][0], size);
        }
}

static void test_every_byte_at_every_length(void **state)
{
        uint8_t bytes[256], again[256];
        char text[BASE64_SIZE(256)];

        for (size_t i = 0; i < 256; i++)
                bytes[i] = (uint8_t)(255 - i);
        for (size_t size = 0; size <= 256; size++) {
                base64_encode(bytes, size, text);
                assert_int_equal(strlen(text) + 1, BASE64_SIZE(size));
                assert_int_equal(base64_decode(text, again, size), size);
                assert_memory_equal(bytes, again, size);
                if (size > 0)
                        assert_int_equal(base64_decode(text, again, size - 1), -EINVAL);
        }
}

static void test_what_is_none(void **state)
{
        static const char *const none[] = {
                "Z", "Zg", "Zg=", "Zg==Zg==", "Z===", "====", "Zm9-", "Zm 9", "=m9v", "Z=9v"};
        uint8_t bytes[8];

        for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
                if (base64_decode(none[i], bytes, sizeof(bytes)) != -EINVAL)
                        fail_msg("\"%s\" is taken", none[i]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_examples),
                cmocka_unit_test(test_every_byte_at_every_length),
                cmocka_unit_test(test_what_is_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
