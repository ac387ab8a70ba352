/* What is read of a machine: LLDP's TLVs, SMBIOS type 42, a BMC's words, who has the same BMC, traits and capabilities. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "bmc.h"
#include "desired.h"
#include "inventory.h"
#include "values.h"

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
static size_t make_record(unsigned char *record, unsigned char format, const unsigned char *ip, size_t ip_size, unsigned port)
{
        const size_t data = 91;

        memset(record, 0, 256);
        record[0] = 42;
        record[4] = 0x40; /* network host interface */
        record[5] = 3;    /* of its data */
        record[9] = 1;    /* protocol records */
        record[10] = 4;
        record[11] = (unsigned char)data;
        record[12 + 52] = format;
        memcpy(record + 12 + 53, ip, ip_size);
        record[12 + 85] = (unsigned char)port;
        record[12 + 86] = (unsigned char)(port >> 8);
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
        assert_int_equal(bmc_ipmi_words("> RAKP 2 HMAC is invalid\nError: Unable to establish IPMI v2 / RMCP+ session\n"),
                         BMC_PASSWORD);
        assert_int_equal(bmc_ipmi_words("RAKP 2 message indicates an error : unauthorized name\n"), BMC_PASSWORD);
        assert_int_equal(bmc_ipmi_words("Address lookup for nowhere failed\n"), BMC_UNREACHABLE);
        assert_int_equal(bmc_ipmi_words("what is this"), BMC_ODD);
}

static bool same(const char *driver, const char *info, const char *other_driver, const char *other)
{
        json_t *a = parse(info), *b = parse(other);
        bool is_same = bmc_same(driver, a, other_driver, b);

        assert_true(bmc_same(other_driver, b, driver, a) == is_same);
        json_decref(a);
        json_decref(b);
        return is_same;
}

static void test_the_same_bmc(void **state)
{
        assert_true(same("redfish", "{'redfish_address': 'https://10.0.0.5'}", "redfish",
                         "{'redfish_address': 'https://10.0.0.5:443/', 'redfish_system_id': '/a'}"));
        assert_true(same("redfish", "{'redfish_address': 'https://[fd00::5]'}", "redfish",
                         "{'redfish_address': 'https://[FD00::5]:443'}"));
        assert_true(same("redfish", "{'redfish_address': 'https://10.0.0.5'}", "ipmi", "{'ipmi_address': '10.0.0.5'}"));
        assert_true(same("ipmi", "{'ipmi_address': 'fd00::5'}", "ipmi", "{'ipmi_address': 'fd00::5', 'ipmi_port': 623}"));
        assert_false(same("ipmi", "{'ipmi_address': '10.0.0.5'}", "ipmi", "{'ipmi_address': '10.0.0.5', 'ipmi_port': 624}"));
        assert_false(same("redfish", "{'redfish_address': 'https://c', 'redfish_system_id': '/a'}", "redfish",
                          "{'redfish_address': 'https://c', 'redfish_system_id': '/b'}"));
        assert_false(same("redfish", "{'redfish_address': 'https://10.0.0.5'}", "redfish",
                          "{'redfish_address': 'https://10.0.0.50'}"));
        assert_false(same("fake-hardware", "{}", "fake-hardware", "{}"));
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
                cmocka_unit_test(test_lldp),          cmocka_unit_test(test_smbios_host_interface),
                cmocka_unit_test(test_ipmitool),      cmocka_unit_test(test_the_same_bmc),
                cmocka_unit_test(test_capabilities),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
