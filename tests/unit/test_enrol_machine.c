/* What is read of a machine: LLDP's TLVs, SMBIOS type 42, a BMC's words, who has the same BMC, traits and capabilities.
 */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bmc.h"
#include "desired.h"
#include "inventory.h"
#include "values.h"
#include "wording.h"

static void check_link(const char *tlvs, const char *expected)
{
        json_t *json = parse(tlvs), *link = lldp_link(json), *right = expected ? parse(expected) : NULL;

        if (!expected)
                assert_null(link);
        else
                assert_true(json_equal(link, right));
        json_decref(json);
        json_decref(link);
        json_decref(right);
}

static void test_lldp(void **state)
{
        check_link("[[1, '04001122334455'], [2, '0545746831'], [3, '0078'], [5, '737731']]",
                   "{'switch_id': '00:11:22:33:44:55', 'port_id': 'Eth1', 'switch_info': 'sw1'}");
        check_link("[[1, '04001122334455'], [2, '03aabbccddeeff']]",
                   "{'switch_id': '00:11:22:33:44:55', 'port_id': 'aa:bb:cc:dd:ee:ff'}");
        check_link("[[1, '07737731'], [2, '0545746831']]", NULL); /* a chassis by a name of its own */
        check_link("[[1, '04001122334455']]", NULL);
        check_link("[[1, '040011223344'], [2, '0545']]", NULL);
        check_link("[[1, '0400112233445'], [2, '0545']]", NULL);
        check_link("[[1, 'zz001122334455'], [2, '0545']]", NULL);
        check_link("[[1, '04001122334455'], [2, '05ff']]", NULL); /* no text */
        check_link("[7, {}, [], ['1', 2]]", NULL);
        assert_null(lldp_link(NULL));
}

/* A record as DSP0270 has it, with one Redfish-over-IP protocol record. */
static size_t make_record(unsigned char *record, unsigned char format, const unsigned char *ip, size_t ip_size,
                          unsigned port)
{
        const size_t data = 91;

        memset(record, 0, 256);
        record[0] = 42;
        record[4] = 0x40; /* network host interface */
        record[5] = 3;    /* of its data */
        record[9] = 1;    /* protocol records */
        record[10] = 4;
        record[11] = (unsigned char)data;
        record[12 + 50] = 1; /* how the service is found: a fixed address */
        record[12 + 51] = format;
        memcpy(record + 12 + 52, ip, ip_size);
        memset(record + 12 + 68, 0xff, ip_size); /* its mask */
        record[12 + 84] = (unsigned char)port;
        record[12 + 85] = (unsigned char)(port >> 8);
        record[1] = (unsigned char)(12 + data);
        return record[1];
}

static void test_smbios_host_interface(void **state)
{
        static const unsigned char v4[] = {169, 254, 1, 1}, v6[16] = {0xfe, 0x80, [15] = 1}, none[16];
        unsigned char record[256];
        size_t size = make_record(record, 1, v4, 4, 8443);
        json_t *found = smbios_host_interface(record, size);

        assert_string_equal(spec_string(found, "redfish"), "https://169.254.1.1:8443");
        json_decref(found);
        for (size_t cut = 0; cut < size; cut++)
                assert_null(smbios_host_interface(record, cut));
        size = make_record(record, 2, v6, 16, 0);
        found = smbios_host_interface(record, size);
        assert_string_equal(spec_string(found, "redfish"), "https://[fe80::1]:443");
        json_decref(found);
        size = make_record(record, 1, none, 4, 443); /* not set up */
        assert_null(smbios_host_interface(record, size));
        size = make_record(record, 1, v4, 4, 443);
        record[10] = 2; /* IPMI */
        assert_null(smbios_host_interface(record, size));
        record[10] = 4;
        record[5] = 250; /* beyond its end */
        assert_null(smbios_host_interface(record, size));
}

static void test_ipmitool(void **state)
{
        assert_int_equal(bmc_ipmi_words("Error: Unable to establish IPMI v2 / RMCP+ session\n"), BMC_UNREACHABLE);
        assert_int_equal(
                bmc_ipmi_words("> RAKP 2 HMAC is invalid\nError: Unable to establish IPMI v2 / RMCP+ session\n"),
                BMC_PASSWORD);
        assert_int_equal(bmc_ipmi_words("RAKP 2 message indicates an error : unauthorized name\n"), BMC_PASSWORD);
        assert_int_equal(bmc_ipmi_words("Address lookup for nowhere failed\n"), BMC_UNREACHABLE);
        assert_int_equal(bmc_ipmi_words("what is this"), BMC_ODD);
}

static bool same(const char *info, const char *other)
{
        json_t *a = parse(info), *b = parse(other);
        bool is_same = bmc_same(a, b);

        assert_true(bmc_same(b, a) == is_same);
        json_decref(a);
        json_decref(b);
        return is_same;
}

static void test_the_same_bmc(void **state)
{
        assert_true(same("{'redfish_address': 'https://10.0.0.5'}",
                         "{'redfish_address': 'https://10.0.0.5:443/', 'redfish_system_id': '/a'}"));
        assert_true(same("{'redfish_address': 'https://[fd00::5]'}", "{'redfish_address': 'https://[FD00::5]:443'}"));
        assert_true(same("{'redfish_address': 'https://10.0.0.5'}", "{'ipmi_address': '10.0.0.5'}"));
        assert_true(same("{'ipmi_address': 'fd00::5'}", "{'ipmi_address': 'fd00::5', 'ipmi_port': 623}"));
        assert_false(same("{'ipmi_address': '10.0.0.5'}", "{'ipmi_address': '10.0.0.5', 'ipmi_port': 624}"));
        assert_false(same("{'redfish_address': 'https://c', 'redfish_system_id': '/a'}",
                          "{'redfish_address': 'https://c', 'redfish_system_id': '/b'}"));
        assert_false(same("{'redfish_address': 'https://10.0.0.5'}", "{'redfish_address': 'https://10.0.0.50'}"));
        assert_false(same("{}", "{}"));
}

/* Of idrac, ilo and irmc, and what some drivers take beside their own. */
static void test_the_same_bmc_by_any_driver(void **state)
{
        static const char *const others[] = {
                "{'drac_address': '10.0.0.5', 'drac_username': 'root'}",
                "{'ilo_address': '10.0.0.5'}",
                "{'irmc_address': '10.0.0.5', 'irmc_port': 443}",
                "{'ipmi_address': '10.9.9.9', 'redfish_address': 'https://10.0.0.5/'}",
        };
        json_t *nothing = parse("{}");

        for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
                assert_true(same("{'redfish_address': 'https://10.0.0.5'}", others[i]));
        assert_false(bmc_is_known(nothing));
        json_decref(nothing);
}

/* `inner` of the inventory, and the address that Ironic is given; NULL: it is asked for. */
static void check_address(const char *way, const char *inner, const char *expected)
{
        char spec_text[256];
        struct errors errors = {};
        const json_t *secret;
        const char *driver, *key;
        json_t *info = NULL;

        snprintf(spec_text, sizeof(spec_text),
                 "{'bmc': {'%s': {'username': 'root', 'password': {'file': '/x'}, 'verify': true, 'port': 623}}}", way);
        json_t *spec = parse(spec_text), *inventory = json_pack("{so}", "inventory", parse(inner));
        int r = desired_bmc(spec, inventory, &driver, &info, &secret, &key, &errors);
        assert_int_equal(r, expected ? 0 : -EINVAL);
        if (expected)
                assert_string_equal(spec_string(info, strcmp(way, "ipmi") == 0 ? "ipmi_address" : "redfish_address"),
                                    expected);
        else
                assert_non_null(strstr(errors.list[0].pointer, "/address"));
        json_decref(info);
        json_decref(spec);
        json_decref(inventory);
}

static void test_where_ironic_finds_the_bmc(void **state)
{
        check_address("redfish", "{'bmc_address': '10.0.0.5'}", "https://10.0.0.5");
        check_address("redfish", "{'bmc_address': 'fd00::5'}", "https://[fd00::5]");
        check_address("redfish", "{'bmc_address': '10.0.0.5', 'bmc_redfish': 'https://169.254.1.1:443'}",
                      "https://10.0.0.5");
        check_address("redfish", "{'bmc_address': '10.0.0.5', 'bmc_redfish': 'https://10.1.1.1:443'}",
                      "https://10.0.0.5");
        check_address("redfish", "{'bmc_address': '10.1.1.1', 'bmc_redfish': 'https://10.1.1.1:8443'}",
                      "https://10.1.1.1:8443");
        check_address("redfish", "{'bmc_address': '169.254.1.1', 'bmc_redfish': 'https://169.254.1.1:443'}", NULL);
        check_address("redfish", "{'bmc_redfish': 'https://[fe80::1]:443'}", NULL);
        check_address("redfish", "{'bmc_address': null}", NULL);
        check_address("ipmi", "{'bmc_address': '10.0.0.5'}", "10.0.0.5");
        check_address("ipmi", "{'bmc_address': '169.254.3.1'}", NULL);
}

/* ---- others' words ---- */

static void test_words_are_whole_characters(void **state)
{
        char cut[] = "gr\xc3\xbc\xc3",
             broken[] = "a\xff\xc0\x80"
                        "b\xed\xa0\x80"
                        "c\xf0\x9f\x98",
             whole[] = "\xe2\x82\xac";

        assert_false(wording_is_utf8(cut));
        wording_repair(cut);
        assert_string_equal(cut, "gr\xc3\xbc");
        wording_repair(broken);
        assert_string_equal(broken, "abc");
        wording_repair(whole);
        assert_string_equal(whole, "\xe2\x82\xac");
        assert_true(wording_is_utf8(whole));
}

static void test_secrets_are_hidden(void **state)
{
        char twice[] = "not s3cret-1, s3cret-1!", cut[] = "the value s3cre", short_one[] = "abc", none[] = "as it is";

        wording_hide(twice, "s3cret-1");
        assert_string_equal(twice, "not ******, ******!");
        wording_hide(cut, "s3cret-1");
        assert_string_equal(cut, "the value *****");
        wording_hide(short_one, "ab");
        assert_string_equal(short_one, "abc");
        wording_hide(none, NULL);
        assert_string_equal(none, "as it is");
}

static void test_capabilities(void **state)
{
        json_t *some = capabilities_parse("b:2,a:1:1,junk,c:");
        char *text = capabilities_format(some);

        assert_string_equal(text, "a:1:1,b:2,c:");
        free(text);
        json_decref(some);
        some = capabilities_parse(NULL);
        text = capabilities_format(some);
        assert_string_equal(text, "");
        free(text);
        json_decref(some);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lldp),
                cmocka_unit_test(test_smbios_host_interface),
                cmocka_unit_test(test_ipmitool),
                cmocka_unit_test(test_the_same_bmc),
                cmocka_unit_test(test_capabilities),
                cmocka_unit_test(test_the_same_bmc_by_any_driver),
                cmocka_unit_test(test_where_ironic_finds_the_bmc),
                cmocka_unit_test(test_words_are_whole_characters),
                cmocka_unit_test(test_secrets_are_hidden),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
