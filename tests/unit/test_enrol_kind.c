/* BaremetalNode: what its spec may say, what it claims, and what may not change, for the node in Ironic would be
 * nobody's any more. */
#include "support.h"

#include <errno.h>
#include <stdlib.h>

#define LOWER      "4c4c4544-0051-3610-8056-b4c04f4d3332"
#define UPPER      "4C4C4544-0051-3610-8056-B4C04F4D3332"
#define NODE(rest) "{'ironic':{'endpoint':'http://ironic:6385'},'bmc':{'none':{'driver':'fake-hardware'}}" rest "}"
#define HARDWARE(uuid)                                                                                                 \
        ",'hardware':{'uuid':'" uuid "','cpus':1,'memory':1024,'disk':10,'interfaces':[{'name':'a','mac_address':"     \
        "'52:54:00:00:00:01'}]}"
#define APPLY(name, spec)      "[{'kind':'BaremetalNode','name':'" name "','spec':" spec "}]"
#define KEYSTONE(ironic, auth) "{'ironic':{" ironic "'auth':{" auth "}},'bmc':{'none':{}}}"
#define PASSWORD(url)          "'password':{'auth_url':'" url "','username':'u','project':'p','password':{'file':'/x'}}"

/* One machine, however its UUID is written and wherever it is said. */
static void test_a_machine_is_claimed_once(void **state)
{
        apply_ok(*state, APPLY("a", NODE(HARDWARE(UPPER))));
        BAD({"BaremetalNode", "b", NODE(HARDWARE(LOWER)), "/spec/hardware/uuid", "BaremetalNode a already"},
            {"BaremetalNode", "b", NODE(",'uuid':'" LOWER "'"), "/spec/uuid", "BaremetalNode a already"});
        apply_ok(*state, APPLY("b", NODE("")));
        BAD({"BaremetalNode", "c", NODE(""), "/spec/hardware", "BaremetalNode b already"});
}

static void test_switches(void **state)
{
#define LINK(id) NODE(",'ports':[{'interface':'a'},{'interface':'b','link':{'switch_id':'" id "','port_id':'1'}}]")
        BAD({"BaremetalNode", "a", LINK("sw1"), "/spec/ports/1/link/switch_id", "a MAC address, or"},
            {"BaremetalNode", "a", LINK("00-11-22-33-44-55"), "/spec/ports/1/link/switch_id", "a MAC address, or"},
            {"BaremetalNode", "a", LINK("00112233445566"), "/spec/ports/1/link/switch_id", "16 digits"});
        apply_ok(*state, APPLY("a", LINK("AA:bb:22:33:44:55")));
        apply_ok(*state, APPLY("a", LINK("0011223344556677")));
}

static void refuse_change(void **state, const char *before, const char *after, const char *pointer)
{
        struct errors errors = {};

        apply_ok(*state, before);
        apply_bad(*state, after, &errors);
        assert_complaint(&errors, "BaremetalNode", "a", pointer, "cannot change while the object lives");
        delete_ok(*state, "[{'kind':'BaremetalNode','name':'a'}]");
}

/* Each would leave the node behind, and make another one elsewhere. */
static void test_what_would_orphan_a_node(void **state)
{
        const char *here = APPLY("a", NODE("")), *described = APPLY("a", NODE(HARDWARE(LOWER)));
        const char *keystone = APPLY("a", KEYSTONE("'region':'r1',", PASSWORD("https://k1/v3")));

        refuse_change(state, here, described, "/spec/hardware/uuid");
        refuse_change(state, described, here, "/spec/hardware/uuid");
        refuse_change(state, here, APPLY("a", NODE(",'uuid':'" LOWER "'")), "/spec/uuid");
        refuse_change(state, here, APPLY("a", "{'ironic':{'endpoint':'http://other'},'bmc':{'none':{}}}"),
                      "/spec/ironic/endpoint");
        refuse_change(state, keystone, APPLY("a", KEYSTONE("'region':'r2',", PASSWORD("https://k1/v3"))),
                      "/spec/ironic/region");
        refuse_change(state, keystone,
                      APPLY("a", KEYSTONE("'region':'r1','interface':'internal',", PASSWORD("https://k1/v3"))),
                      "/spec/ironic/interface");
        refuse_change(state, keystone, APPLY("a", KEYSTONE("'region':'r1',", PASSWORD("https://k2/v3"))),
                      "/spec/ironic/auth/password/auth_url");
}

/* Who we are may be another way to say it: to the same Ironic. */
static void test_what_may_change(void **state)
{
        apply_ok(*state, APPLY("a", KEYSTONE("'region':'r1',", PASSWORD("https://k1/v3"))));
        apply_ok(*state,
                 APPLY("a", KEYSTONE("'region':'r1',", "'application_credential':{'auth_url':'https://k1/v3','id':"
                                                       "'i','secret':{'file':'/x'}}")));
        apply_ok(*state, APPLY("b", NODE(HARDWARE(LOWER))));
        apply_ok(*state, APPLY("b", NODE(HARDWARE(LOWER) ",'resource_class':'large'")));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fixture_setup, fixture_teardown)
        static const struct CMUnitTest tests[] = {TEST(a_machine_is_claimed_once), TEST(switches),
                                                  TEST(what_would_orphan_a_node), TEST(what_may_change)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
