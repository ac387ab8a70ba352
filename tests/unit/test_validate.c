/* Each type of field: what it takes, what it makes of it, what it refuses and in which words, and where it points. The
 * kind is the test's own, so that every type is there whatever the real kinds use. */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "socle/cleanup.h"
#include "validate.h"
#include "values.h"

static const char *const colours[] = {"red", "green", "5", NULL};
static const struct field number = {.name = "n", .type = FIELD_INT, .min = 0, .max = 9};
static const struct field inner[] = {
        {"deep", FIELD_INT, "…", .min = 0, .max = 9, .required = true},
        {"name", FIELD_STRING, "…", .min = 1, .max = 4},
        {},
};
static const struct field row = {.name = "row", .type = FIELD_OBJECT, .fields = inner};
static const struct field alternatives[] = {
        {"tap", FIELD_OBJECT, "…", .fields = inner},
        {"count", FIELD_INT, "…", .min = 1, .max = 3},
        {},
};
static const struct field all[] = {
        {"bool", FIELD_BOOL, "…"},
        {"int", FIELD_INT, "…", .unit = "bytes", .min = 68, .max = 9216},
        {"string", FIELD_STRING, "…", .min = 2, .max = 5},
        {"colour", FIELD_STRING, "…", .choices = colours},
        {"ref", FIELD_REF, "…", .ref_kind = "Network"},
        {"mac", FIELD_MAC, "…"},
        {"ip", FIELD_IP, "…"},
        {"ip4", FIELD_IP, "…", .family = 4},
        {"ip6", FIELD_IP, "…", .family = 6},
        {"cidr", FIELD_CIDR, "…"},
        {"prefix", FIELD_PREFIX, "…"},
        {"protocol", FIELD_PROTOCOL, "…"},
        {"path", FIELD_PATH, "…", .max = 20},
        {"ifname", FIELD_IFNAME, "…"},
        {"pci", FIELD_PCI, "…"},
        {"cpus", FIELD_CPUS, "…"},
        {"object", FIELD_OBJECT, "…", .fields = inner},
        {"oneof", FIELD_ONEOF, "…", .fields = alternatives},
        {"list", FIELD_LIST, "…", .min = 1, .max = 3, .item = &number},
        {"rows", FIELD_LIST, "…", .item = &row},
        {"fallback", FIELD_INT, "…", .min = 0, .max = 9, .fallback = "7"},
        {},
};
static const struct kind kind = {.name = "Test", .fields = all};

/* The normal form, without "fallback", as JSON text; or NULL. */
static char *normal(const json_t *spec, struct errors *errors)
{
        json_t *json = NULL;

        *errors = (struct errors){.kind = "Test", .name = "t"};
        int r = validate_spec(&kind, spec, &json, errors);
        assert_true(r == 0 ? errors->count == 0 : r == -EINVAL && errors->count > 0);
        if (r < 0)
                return NULL;
        assert_int_equal(json_integer_value(json_object_get(json, "fallback")), 7);
        json_object_del(json, "fallback");
        char *text = json_dumps(json, JSON_COMPACT);
        json_decref(json);
        return text;
}

struct value {
        const char *field, *given;
        const char *normal;  /* NULL: refused … */
        const char *pointer; /* … there (NULL: "/spec/FIELD") */
        const char *words;   /* … in these words */
};

static void check_value(const struct value *v)
{
        cleanup_(json_decrefp) json_t *spec = json_object(), *expected = json_object();
        struct errors errors;
        char pointer[64];

        json_object_set_new(spec, v->field, parse(v->given));
        cleanup_free char *text = normal(spec, &errors);
        if (v->normal) {
                if (v->normal[0])
                        json_object_set_new(expected, v->field, parse(v->normal));
                cleanup_free char *expected_text = json_dumps(expected, JSON_COMPACT);
                if (!text)
                        print_errors(&errors);
                assert_non_null(text);
                assert_string_equal(text, expected_text);
                /* What is normal stays as it is. */
                cleanup_free char *again = normal(expected, &errors);
                assert_string_equal(again, expected_text);
                return;
        }
        if (text)
                fail_msg("%s accepted for %s", v->given, v->field);
        snprintf(pointer, sizeof(pointer), "/spec/%s", v->field);
        assert_only_complaint(&errors, -EINVAL, "Test", "t", v->pointer ? v->pointer : pointer, v->words);
}

static void check_values(const struct value *values, size_t count)
{
        for (size_t i = 0; i < count; i++)
                check_value(&values[i]);
}
#define CHECK(...)                                                                                                     \
        do {                                                                                                           \
                const struct value values[] = {__VA_ARGS__};                                                           \
                check_values(values, sizeof(values) / sizeof(values[0]));                                              \
        } while (0)

static void test_bool(void **state)
{
        CHECK({"bool", "true", "true"}, {"bool", "false", "false"}, {"bool", "null", ""},
              {"bool", "1", NULL, NULL, "true or false"}, {"bool", "'true'", NULL, NULL, "bool is the text \"true\""},
              {"bool", "{}", NULL, NULL, "an object"});
}

static void test_int(void **state)
{
        CHECK({"int", "68", "68"}, {"int", "9216", "9216"}, {"int", "null", ""},
              {"int", "67", NULL, NULL, "an integer from 68 to 9216 bytes"}, {"int", "9217", NULL, NULL, "int is 9217"},
              {"int", "-1", NULL, NULL, "int is -1"}, {"int", "9223372036854775807", NULL, NULL, "9223372036854775807"},
              {"int", "-9223372036854775808", NULL, NULL, "-9223372036854775808"},
              {"int", "100.0", NULL, NULL, "the real number 100"}, {"int", "1e3", NULL, NULL, "the real number 1000"},
              {"int", "'100'", NULL, NULL, "the text \"100\""}, {"int", "true", NULL, NULL, "int is true"},
              {"int", "[100]", NULL, NULL, "int is a list"});
}

static void test_string(void **state)
{
        CHECK({"string", "'ab'", "'ab'"}, {"string", "'üöäßé'", "'üöäßé'"}, {"string", "null", ""},
              {"string", "'a'", NULL, NULL, "too short"}, {"string", "'abcdef'", NULL, NULL, "too long"},
              {"string", "'üöäßéx'", NULL, NULL, "a text of 2 to 5 characters"},
              {"string", "12", NULL, NULL, "string is 12"}, {"string", "'ab\\u0000c'", NULL, NULL, "NUL"},
              {"string", "['ab']", NULL, NULL, "a list"});
        CHECK({"colour", "'red'", "'red'"}, {"colour", "5", "'5'"}, {"colour", "'5'", "'5'"},
              {"colour", "6", NULL, NULL, "one of: red, green, 5"},
              {"colour", "'Red'", NULL, NULL, "colour is the text \"Red\""},
              {"colour", "'red\\u0000'", NULL, NULL, "NUL"}, {"colour", "true", NULL, NULL, "colour is true"},
              {"colour", "''", NULL, NULL, "one of"}, {"colour", "{}", NULL, NULL, "one of"});
}

static void test_long_values_are_cut(void **state)
{
        cleanup_(json_decrefp) json_t *spec = json_object();
        struct errors errors;
        char text[20001];

        /* Two bytes a character, so that a cut may fall into the middle of one. */
        for (size_t i = 0; i < 20000; i += 2)
                memcpy(text + i, "ü", 2);
        for (size_t start = 19900; start < 20000; start++) {
                text[20000] = 0;
                json_object_set_new(spec, "mac", json_pack("s+", "x", text + (start & ~1u)));
                assert_null(normal(spec, &errors));
                json_object_set_new(spec, "mac", json_string(text));
                assert_null(normal(spec, &errors));
                cleanup_(json_decrefp) json_t *json = errors_to_json(&errors);
                assert_int_equal(json_array_size(json_object_get(json, "errors")), 1);
                assert_non_null(json_object_get(json_array_get(json_object_get(json, "errors"), 0), "message"));
        }
}

static void test_ref(void **state)
{
        CHECK({"ref", "'blue'", "'blue'"}, {"ref", "'a.b_c-D9'", "'a.b_c-D9'"},
              {"ref", "'012345678901234567890123456789012345678901234567890123456789012'",
               "'012345678901234567890123456789012345678901234567890123456789012'"},
              {"ref", "'0123456789012345678901234567890123456789012345678901234567890123'", NULL, NULL, "no name"},
              {"ref", "''", NULL, NULL, "object of kind Network"}, {"ref", "'a b'", NULL, NULL, "no name"},
              {"ref", "'a/b'", NULL, NULL, "no name"}, {"ref", "'ü'", NULL, NULL, "no name"},
              {"ref", "'a\\u0000'", NULL, NULL, "NUL"}, {"ref", "7", NULL, NULL, "ref is 7"});
}

static void test_mac(void **state)
{
        CHECK({"mac", "'fa:16:3e:00:00:01'", "'fa:16:3e:00:00:01'"},
              {"mac", "'FA-16-3E-AB-CD-EF'", "'fa:16:3e:ab:cd:ef'"},
              {"mac", "'01:00:5e:00:00:01'", NULL, NULL, "multicast"},
              {"mac", "'ff:ff:ff:ff:ff:ff'", NULL, NULL, "multicast"},
              {"mac", "'00:00:00:00:00:00'", NULL, NULL, "zero"},
              {"mac", "'fa:16:3e:00:00'", NULL, NULL, "unicast MAC"},
              {"mac", "'fa:16:3e:00:00:01:02'", NULL, NULL, "unicast MAC"},
              {"mac", "'fa:16:3e:00:00:0g'", NULL, NULL, "unicast"},
              {"mac", "'fa:16-3e:00:00:01'", NULL, NULL, "unicast MAC"},
              {"mac", "'fa163e000001'", NULL, NULL, "unicast MAC"},
              {"mac", "' fa:16:3e:00:00:1'", NULL, NULL, "unicast MAC"}, {"mac", "''", NULL, NULL, "unicast MAC"},
              {"mac", "275200860160001", NULL, NULL, "unicast MAC"},
              {"mac", "'fa:16:3e:00:00:01\\u0000'", NULL, NULL, "NUL"});
}

static void test_ip(void **state)
{
        CHECK({"ip", "'10.0.0.1'", "'10.0.0.1'"}, {"ip", "'FD00::0:1'", "'fd00::1'"}, {"ip", "'::2'", "'::2'"},
              {"ip", "'2001:db8:0:0:0:0:0:1'", "'2001:db8::1'"}, {"ip", "'fe80::1'", "'fe80::1'"},
              {"ip", "'10.0.0'", NULL, NULL, "an IP address"}, {"ip", "'10.0.0.256'", NULL, NULL, "an IP address"},
              {"ip", "'010.0.0.1'", NULL, NULL, "an IP address"}, {"ip", "'10.0.0.1/24'", NULL, NULL, "an IP address"},
              {"ip", "'::ffff:10.0.0.1'", NULL, NULL, "an IP address"},
              {"ip", "'fe80::1%eth0'", NULL, NULL, "an IP address"}, {"ip", "'0.0.0.0'", NULL, NULL, "unspecified"},
              {"ip", "'::'", NULL, NULL, "unspecified"}, {"ip", "'224.0.0.1'", NULL, NULL, "multicast"},
              {"ip", "'ff02::1'", NULL, NULL, "multicast"}, {"ip", "'255.255.255.255'", NULL, NULL, "broadcast"},
              {"ip", "'127.0.0.1'", NULL, NULL, "loopback"}, {"ip", "'::1'", NULL, NULL, "loopback"},
              {"ip", "''", NULL, NULL, "an IP address"}, {"ip", "167772161", NULL, NULL, "an IP address"});
        CHECK({"ip4", "'10.0.0.1'", "'10.0.0.1'"}, {"ip4", "'fd00::1'", NULL, NULL, "an IPv4 address"},
              {"ip6", "'fd00::1'", "'fd00::1'"},
              {"ip6", "'10.0.0.1'", NULL, NULL, "an IPv6 address such as 2001:db8::1"});
}

static void test_cidr(void **state)
{
        CHECK({"cidr", "'192.0.2.1/24'", "'192.0.2.1/24'"}, {"cidr", "'FD00::1/64'", "'fd00::1/64'"},
              {"cidr", "'192.0.2.1/32'", "'192.0.2.1/32'"}, {"cidr", "'fd00::1/128'", "'fd00::1/128'"},
              {"cidr", "'192.0.2.1/0'", "'192.0.2.1/0'"}, {"cidr", "'192.0.2.1'", NULL, NULL, "with its prefix length"},
              {"cidr", "'192.0.2.1/'", NULL, NULL, "prefix length"}, {"cidr", "'192.0.2.1/33'", NULL, NULL, "prefix"},
              {"cidr", "'fd00::1/129'", NULL, NULL, "prefix"}, {"cidr", "'192.0.2.1/-1'", NULL, NULL, "prefix"},
              {"cidr", "'192.0.2.1/024'", NULL, NULL, "prefix"}, {"cidr", "'192.0.2.1/24 '", NULL, NULL, "prefix"},
              {"cidr", "'192.0.2.1/255.255.255.0'", NULL, NULL, "prefix"}, {"cidr", "'/24'", NULL, NULL, "prefix"},
              {"cidr", "'192.0.2.1/99999999999999999999'", NULL, NULL, "prefix"});
}

static void test_prefix(void **state)
{
        CHECK({"prefix", "'192.0.2.0/24'", "'192.0.2.0/24'"}, {"prefix", "'192.0.2.77/24'", "'192.0.2.0/24'"},
              {"prefix", "'192.0.2.77/31'", "'192.0.2.76/31'"}, {"prefix", "'192.0.2.77'", "'192.0.2.77/32'"},
              {"prefix", "'10.255.0.1/9'", "'10.128.0.0/9'"}, {"prefix", "'192.0.2.1/0'", "'0.0.0.0/0'"},
              {"prefix", "'0.0.0.0/0'", "'0.0.0.0/0'"}, {"prefix", "'::/0'", "'::/0'"},
              {"prefix", "'FD00::1'", "'fd00::1/128'"}, {"prefix", "'fd00:ffff::1/17'", "'fd00:8000::/17'"},
              {"prefix", "'224.0.0.0/4'", "'224.0.0.0/4'"}, {"prefix", "'ff02::1'", "'ff02::1/128'"},
              {"prefix", "'192.0.2.0/33'", NULL, NULL, "an IP prefix such as"},
              {"prefix", "'fd00::/129'", NULL, NULL, "prefix"}, {"prefix", "'192.0.2.0/'", NULL, NULL, "prefix"},
              {"prefix", "'192.0.2/24'", NULL, NULL, "prefix"}, {"prefix", "'/0'", NULL, NULL, "prefix"},
              {"prefix", "'any'", NULL, NULL, "prefix is the text \"any\""}, {"prefix", "''", NULL, NULL, "prefix"},
              {"prefix", "'::ffff:10.0.0.1'", NULL, NULL, "prefix"}, {"prefix", "0", NULL, NULL, "prefix is 0"},
              {"prefix", "'10.0.0.1\\u0000'", NULL, NULL, "NUL"});
}

static void test_protocol(void **state)
{
        CHECK({"protocol", "'tcp'", "'tcp'"}, {"protocol", "'TCP'", "'tcp'"}, {"protocol", "6", "'tcp'"},
              {"protocol", "'6'", "'tcp'"}, {"protocol", "'icmpv6'", "'ipv6-icmp'"}, {"protocol", "58", "'ipv6-icmp'"},
              {"protocol", "'any'", "'any'"}, {"protocol", "'ip'", "'any'"}, {"protocol", "0", "'hopopt'"},
              {"protocol", "132", "'sctp'"}, {"protocol", "255", "'255'"}, {"protocol", "'253'", "'253'"},
              {"protocol", "256", NULL, NULL, "its number, 0 to 255"}, {"protocol", "-1", NULL, NULL, "protocol is -1"},
              {"protocol", "'06'", NULL, NULL, "0 to 255"}, {"protocol", "'1000'", NULL, NULL, "0 to 255"},
              {"protocol", "'tpc'", NULL, NULL, "such as tcp, udp"}, {"protocol", "''", NULL, NULL, "any, the name"},
              {"protocol", "6.0", NULL, NULL, "the real number 6"}, {"protocol", "true", NULL, NULL, "true"},
              {"protocol", "[]", NULL, NULL, "a list"}, {"protocol", "'tcp\\u0000'", NULL, NULL, "NUL"});
}

static void test_names_of_the_host(void **state)
{
        CHECK({"path", "'/run/a.sock'", "'/run/a.sock'"}, {"path", "'/0123456789012345678'", "'/0123456789012345678'"},
              {"path", "'/01234567890123456789'", NULL, NULL, "too long"},
              {"path", "'run/a'", NULL, NULL, "not absolute"}, {"path", "''", NULL, NULL, "an absolute path"},
              {"path", "'/run/'", NULL, NULL, "a directory"}, {"path", "'/'", NULL, NULL, "a directory"},
              {"path", "'/a\\u0000b'", NULL, NULL, "NUL"});
        CHECK({"ifname", "'eth0'", "'eth0'"}, {"ifname", "'eth0.100'", "'eth0.100'"},
              {"ifname", "'abcdefghijklmno'", "'abcdefghijklmno'"},
              {"ifname", "'abcdefghijklmnop'", NULL, NULL, "15 bytes"}, {"ifname", "''", NULL, NULL, "15"},
              {"ifname", "'a b'", NULL, NULL, "15"}, {"ifname", "'a/b'", NULL, NULL, "15"},
              {"ifname", "'a:1'", NULL, NULL, "15"}, {"ifname", "'.'", NULL, NULL, "15"},
              {"ifname", "'..'", NULL, NULL, "15"});
        CHECK({"cpus", "'8,0-2,3'", "'0-3,8'"}, {"cpus", "''", "''"}, {"cpus", "5", "'5'"},
              {"cpus", "'0-6:1/2'", "'0,2,4,6'"}, {"cpus", "'1-'", NULL, NULL, "a list of CPUs"},
              {"cpus", "8192", NULL, NULL, "below 8192"}, {"cpus", "-1", NULL, NULL, "a list of CPUs"},
              {"cpus", "true", NULL, NULL, "a list of CPUs"}, {"cpus", "'1\\u00002'", NULL, NULL, "a list of CPUs"});
        CHECK({"pci", "'0000:3b:00.0'", "'0000:3b:00.0'"}, {"pci", "'3B:1f.7'", "'0000:3b:1f.7'"},
              {"pci", "'10000:e1:00.0'", "'10000:e1:00.0'"}, {"pci", "'0:1:2.3'", "'0000:01:02.3'"},
              {"pci", "'0000:3b:20.0'", NULL, NULL, "a PCI address"},
              {"pci", "'0000:3b:00.8'", NULL, NULL, "a PCI address"},
              {"pci", "'0000:3b:00'", NULL, NULL, "a PCI address"},
              {"pci", "'0000:3b:00.0x'", NULL, NULL, "a PCI address"},
              {"pci", "'0000:3b:00:0'", NULL, NULL, "a PCI address"}, {"pci", "''", NULL, NULL, "a PCI address"});
}

static void test_object(void **state)
{
        CHECK({"object", "{'deep':1}", "{'deep':1}"}, {"object", "{'name':'ab','deep':1}", "{'deep':1,'name':'ab'}"},
              {"object", "{'deep':1,'name':null}", "{'deep':1}"},
              {"object", "{}", NULL, "/spec/object/deep", "deep is missing"},
              {"object", "{'deep':null}", NULL, "/spec/object/deep", "an integer from 0 to 9"},
              {"object", "{'deep':10}", NULL, "/spec/object/deep", "deep is 10"},
              {"object", "{'deep':1,'nmae':'x'}", NULL, "/spec/object/nmae", "did you mean name?"},
              {"object", "{'deep':1,'zzz':'x'}", NULL, "/spec/object/zzz", "an object of: deep, name"},
              {"object", "{'deep':1,'a/b~c':'x'}", NULL, "/spec/object/a~1b~0c", "no field \"a/b~c\""},
              {"object", "[]", NULL, NULL, "object is a list"});
}

static void test_oneof(void **state)
{
        CHECK({"oneof", "{'tap':{'deep':1}}", "{'tap':{'deep':1}}"}, {"oneof", "{'count':2}", "{'count':2}"},
              {"oneof", "{'count':2,'tap':null}", "{'count':2}"},
              {"oneof", "{}", NULL, NULL, "exactly one of: tap, count"},
              {"oneof", "{'tap':null}", NULL, NULL, "names no"},
              {"oneof", "{'count':2,'tap':{'deep':1}}", NULL, NULL, "2 alternatives at once"},
              {"oneof", "{'tpa':{'deep':1}}", NULL, "/spec/oneof/tpa", "did you mean tap?"},
              {"oneof", "{'count':4}", NULL, "/spec/oneof/count", "an integer from 1 to 3"},
              {"oneof", "{'tap':{}}", NULL, "/spec/oneof/tap/deep", "missing"},
              {"oneof", "'tap'", NULL, NULL, "the text"});
}

static void test_list(void **state)
{
        CHECK({"list", "[1]", "[1]"}, {"list", "[1,2,3]", "[1,2,3]"}, {"list", "null", ""},
              {"list", "[]", NULL, NULL, "too short"}, {"list", "[1,2,3,4]", NULL, NULL, "a list of 1 to 3 entries"},
              {"list", "[1,10]", NULL, "/spec/list/1", "the entry is 10"},
              {"list", "[null]", NULL, "/spec/list/0", "null"}, {"list", "{}", NULL, NULL, "an object"},
              {"list", "1", NULL, NULL, "a list"}, {"rows", "[]", "[]"},
              {"rows", "[{'deep':0},{'deep':1,'name':'a'}]", "[{'deep':0},{'deep':1,'name':'a'}]"},
              {"rows", "[{'deep':0},{'deep':1,'name':''}]", NULL, "/spec/rows/1/name", "too short"});
}

static void test_all_complaints_at_once(void **state)
{
        cleanup_(json_decrefp) json_t *spec =
                parse("{'bool':1,'int':1,'mac':'x','rows':[{'deep':99},{},{'deep':1}],'x':0}");
        struct errors errors;

        assert_null(normal(spec, &errors));
        assert_int_equal(errors.count, 6);
        assert_complaint(&errors, "Test", "t", "/spec/bool", "1");
        assert_complaint(&errors, "Test", "t", "/spec/int", "1");
        assert_complaint(&errors, "Test", "t", "/spec/mac", "x");
        assert_complaint(&errors, "Test", "t", "/spec/rows/0/deep", "99");
        assert_complaint(&errors, "Test", "t", "/spec/rows/1/deep", "missing");
        assert_complaint(&errors, "Test", "t", "/spec/x", "no field");
}

static void test_complaints_are_bounded(void **state)
{
        cleanup_(json_decrefp) json_t *spec = json_pack("{s:[]}", "rows");
        struct errors errors;

        for (int i = 0; i < 5000; i++)
                json_array_append_new(json_object_get(spec, "rows"), json_integer(i));
        assert_null(normal(spec, &errors));
        assert_int_equal(errors.count, 5000);
        cleanup_(json_decrefp) json_t *json = errors_to_json(&errors);
        assert_int_equal(json_array_size(json_object_get(json, "errors")), ERRORS_MAX);
        assert_int_equal(json_integer_value(json_object_get(json, "count")), 5000);
}

static void test_spec_is_no_object(void **state)
{
        static const char *const specs[] = {"[]", "'x'", "1", "true", "1.5"};
        struct errors errors;

        for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
                cleanup_(json_decrefp) json_t *spec = parse(specs[i]);
                assert_null(normal(spec, &errors));
                assert_only_complaint(&errors, -EINVAL, "Test", "t", "/spec", "spec is");
        }
        cleanup_free char *text = normal(NULL, &errors);
        assert_string_equal(text, "{}");
}

static void test_worst_code_wins(void **state)
{
        static const int codes[] = {-EINVAL, -EBUSY, -ENOENT, -ESTALE, -EPERM, -ENOSPC};

        for (size_t i = 0; i < 6; i++)
                for (size_t j = 0; j < 6; j++) {
                        struct errors errors = {0};
                        errors_add(&errors, codes[i], "", "", "a");
                        errors_add(&errors, codes[j], "", "", "b");
                        assert_int_equal(errors.code, codes[i > j ? i : j]);
                }
}

static void test_complaints_are_always_json(void **state)
{
        struct errors errors = {.kind = "\xff\xfe", .name = "a\nb\x7f"};

        errors_add(&errors, -EINVAL, "/\xc3", "\xe2\x82", "%s \xed\xa0\x80 \xf5 \xc0\xaf", "\x01");
        cleanup_(json_decrefp) json_t *json = errors_to_json(&errors);
        json_t *entry = json_array_get(json_object_get(json, "errors"), 0);
        assert_string_equal(json_string_value(json_object_get(entry, "kind")), "??");
        assert_string_equal(json_string_value(json_object_get(entry, "name")), "a?b?");
        assert_string_equal(json_string_value(json_object_get(entry, "pointer")), "/?");
        assert_string_equal(json_string_value(json_object_get(entry, "message")), "? ??? ? ??");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bool),
                cmocka_unit_test(test_int),
                cmocka_unit_test(test_string),
                cmocka_unit_test(test_long_values_are_cut),
                cmocka_unit_test(test_ref),
                cmocka_unit_test(test_mac),
                cmocka_unit_test(test_ip),
                cmocka_unit_test(test_cidr),
                cmocka_unit_test(test_prefix),
                cmocka_unit_test(test_protocol),
                cmocka_unit_test(test_names_of_the_host),
                cmocka_unit_test(test_object),
                cmocka_unit_test(test_oneof),
                cmocka_unit_test(test_list),
                cmocka_unit_test(test_all_complaints_at_once),
                cmocka_unit_test(test_complaints_are_bounded),
                cmocka_unit_test(test_spec_is_no_object),
                cmocka_unit_test(test_worst_code_wins),
                cmocka_unit_test(test_complaints_are_always_json),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
