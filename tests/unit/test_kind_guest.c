/* Guest: what its spec may say, what it claims, and how a Port names one. */
#include "support.h"

#include <errno.h>
#include <stdlib.h>

#include "guest/wish.h"

#define GUEST(rest) "{'domain':{'name':'d9'}" rest "}"
#define PORT(guest)                                                                                                    \
        "{'network':'n','mac_address':'fa:16:3e:00:00:09','attachment':{'vhost_user':{'socket':'/s','guest':'" guest   \
        "'}}}"

static int setup(void **state)
{
        fixture_setup(state);
        apply_ok(*state, small_world);
        apply_ok(*state, "[{'kind':'Guest','name':'g','spec':{'domain':{'name':'d1'}}},"
                         " {'kind':'Guest','name':'many','spec':{'domain':{'pattern':'web-*'}}}]");
        return 0;
}

static void test_refused(void **state)
{
        BAD({"Guest", "x", "{}", "/spec/domain", "domain is missing"},
            {"Guest", "x", "{'domain':{}}", "/spec/domain", "exactly one of: name, uuid, pattern"},
            {"Guest", "x", "{'domain':{'name':'d9','uuid':'d9'}}", "/spec/domain", "exactly one"},
            {"Guest", "x", "{'domain':{'name':''}}", "/spec/domain/name", "too short"},
            {"Guest", "x", "{'domain':{'name':'d1'}}", "/spec/domain/name", "belongs to Guest g already"},
            {"Guest", "x", "{'domain':{'uuid':'6c0e6d2c-4f0f-4d3c-9b2a-0d2b8a3f1c1x'}}", "/spec/domain/uuid",
             "no uuid"},
            {"Guest", "x", GUEST(",'vcpus':{'policy':'pinned'}"), "/spec/vcpus/policy", "dedicated, shared"},
            {"Guest", "x", GUEST(",'vcpus':{'policy':'mixed'}"), "/spec/vcpus/dedicated", "vCPU numbers"},
            {"Guest", "x", GUEST(",'vcpus':{'dedicated':'0'}"), "/spec/vcpus/dedicated", "all alike"},
            {"Guest", "x", GUEST(",'vcpus':{'policy':'mixed','dedicated':'0-'}"), "/spec/vcpus/dedicated",
             "list of CPUs"},
            {"Guest", "x", GUEST(",'vcpus':{'policy':'mixed','dedicated':' '}"), "/spec/vcpus/dedicated", ""},
            {"Guest", "x", GUEST(",'vcpus':{'policy':'shared','siblings':'isolate'}"), "/spec/vcpus/siblings",
             "no siblings to isolate"},
            {"Guest", "x", GUEST(",'emulator':'cpu0'"), "/spec/emulator", "housekeeping, own, shared"},
            {"Guest", "x", GUEST(",'memory':{'hugepages':'2M'}"), "/spec/memory/hugepages", "keep, none"},
            {"Guest", "x", GUEST(",'numa':{'cells':-1}"), "/spec/numa/cells", "0 to 1024"},
            {"Guest", "x", GUEST(",'near':{'device':'81:00'}"), "/spec/near/device", ""},
            {"Guest", "x", GUEST(",'near':{'device':'81:00.0','node':1}"), "/spec/near/node", "both"});
}

static void test_as_a_wish(void **state)
{
        struct errors errors = {};
        struct guest_wish *wish = NULL;

        apply_ok(*state, "[{'kind':'Guest','name':'x','spec':{"
                         "'domain':{'uuid':'6C0E6D2C-4f0f-4d3c-9b2a-0d2b8a3f1c11'},"
                         "'vcpus':{'policy':'mixed','dedicated':'1-3','siblings':'isolate'},'emulator':'own',"
                         "'iothreads':'shared','memory':{'hugepages':'1GiB'},'numa':{'cells':2},"
                         "'near':{'device':'81:00.1','required':true}}}]");
        struct fixture *fixture = *state;
        assert_int_equal(guest_wish_from_json(&wish, model_find(fixture->model, "Guest", "x")->spec, &errors), 0);
        assert_int_equal(wish->by, DOMAIN_BY_UUID);
        assert_string_equal(wish->domain, "6c0e6d2c-4f0f-4d3c-9b2a-0d2b8a3f1c11");
        assert_int_equal(wish->policy, VCPU_MIXED);
        assert_int_equal(wish->siblings, SIBLING_ISOLATE);
        assert_int_equal(cpu_set_count(&wish->dedicated), 3);
        assert_int_equal(wish->emulator, EMULATOR_OWN);
        assert_int_equal(wish->iothreads, EMULATOR_SHARED);
        assert_false(wish->keep_pages);
        assert_int_equal(wish->page_bytes, 1 << 30);
        assert_int_equal(wish->cells, 2);
        assert_string_equal(wish->near_device, "0000:81:00.1");
        assert_int_equal(wish->near_node, -1);
        assert_true(wish->near_required);
        wish = guest_wish_free(wish);

        /* All that may be left out. */
        assert_int_equal(guest_wish_from_json(&wish, model_find(fixture->model, "Guest", "g")->spec, &errors), 0);
        assert_int_equal(wish->policy, VCPU_DEDICATED);
        assert_true(wish->keep_pages && wish->near_node == -1 && wish->emulator == EMULATOR_HOUSEKEEPING);
        guest_wish_free(wish);
}

static void test_ports_name_their_guest(void **state)
{
        BAD({"Port", "x", PORT("nobody"), "/spec/attachment/vhost_user/guest", "there is no Guest nobody"},
            {"Port", "x", PORT("many"), "/spec/attachment/vhost_user/guest", "every domain like \"web-*\""});
        apply_ok(*state, "[{'kind':'Port','name':'x','spec':" PORT("g") "}]");
        struct errors errors = {};
        assert_int_not_equal(delete_json(*state, "[{'kind':'Guest','name':'g'}]", false, -1, ROLE_ADMIN, &errors), 0);
        assert_complaint(&errors, "Guest", "g", "", "Port x");
        errors = (struct errors){};
        apply_bad(*state, "[{'kind':'Guest','name':'g','spec':{'domain':{'pattern':'d*'}}}]", &errors);
        assert_only_complaint(&errors, -EINVAL, "Port", "x", "/spec/attachment/vhost_user/guest",
                              "with this change of Guest g");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_refused, setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_as_a_wish, setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_ports_name_their_guest, setup, fixture_teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
