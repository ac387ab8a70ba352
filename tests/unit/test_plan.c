/* Transactions: the world after them is what counts, they happen whole or not at all, and what guards them. */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "socle/cleanup.h"

static int setup(void **state)
{
        fixture_setup(state);
        apply_ok(*state, small_world);
        return 0;
}

#define TAP_PORT(name, mac, tap)                                                                                       \
        "{'kind':'Port','name':'" name "','spec':{'network':'n','mac_address':'fa:16:3e:00:00:" mac "',"               \
        "'attachment':{'tap':{'name':'" tap "'}}}}"

/* "add Network a; delete Port p;" */
static char *plan_words(struct fixture *f, const char *objects, bool replace, struct errors *errors)
{
        cleanup_(json_decrefp) json_t *list = parse(objects);
        struct apply_request request = {.objects = list, .replace = replace, .role = ROLE_ADMIN};
        struct transaction *transaction;
        static const char *const types[] = {"add", "update", "delete"};
        char *words = calloc(1, 4096);

        if (model_plan_apply(f->model, &request, &transaction, errors) < 0) {
                free(words);
                return NULL;
        }
        for (size_t i = 0; i < transaction_count(transaction); i++) {
                const struct change *change = transaction_change(transaction, i);
                const struct object *object = change->after ? change->after : change->before;
                size_t used = strlen(words);

                assert_int_equal(change->before == NULL, change->type == CHANGE_ADD);
                assert_int_equal(change->after == NULL, change->type == CHANGE_DELETE);
                snprintf(words + used, 4096 - used, "%s %s %s;", types[change->type], object->kind->name, object->name);
        }
        transaction_free(transaction);
        return words;
}

static void assert_plan(struct fixture *f, const char *objects, bool replace, const char *expected)
{
        struct errors errors = {0};
        cleanup_free char *image = model_image(f->model);
        cleanup_free char *words = plan_words(f, objects, replace, &errors);
        cleanup_free char *after = model_image(f->model);

        if (!words)
                print_errors(&errors);
        assert_non_null(words);
        assert_string_equal(words, expected);
        assert_string_equal(after, image); /* planning changes nothing */
}

static void test_order_of_changes(void **state)
{
        /* Whatever the order in the request: first what is referred to, last what is deleted, referrers before. */
        assert_plan(*state,
                    "[{'kind':'Port','name':'y','spec':{'network':'m','mac_address':'fa:16:3e:00:00:09',"
                    "  'attachment':{'tap':{'name':'t9'}}}},"
                    " {'kind':'Network','name':'m','spec':{'underlay':'v','vni':1}},"
                    " {'kind':'Underlay','name':'v','spec':{'device':{'tap':{'name':'v'}}}}]",
                    false, "add Underlay v;add Network m;add Port y;");
        assert_plan(*state,
                    "[{'kind':'Port','name':'y','spec':{'network':'m','mac_address':'fa:16:3e:00:00:09',"
                    "  'attachment':{'tap':{'name':'tap0'}}}},"
                    " {'kind':'Network','name':'m','spec':{'underlay':'v','vni':1}},"
                    " {'kind':'Underlay','name':'v','spec':{'device':{'tap':{'name':'v'}}}}]",
                    true, "add Underlay v;add Network m;add Port y;delete Port p;delete Network n;delete Underlay u;");
}

static void test_equal_is_no_change(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(model_revision(f->model), 1);
        assert_plan(f, small_world, false, "");
        assert_plan(f, small_world, true, "");
        assert_int_equal(apply_ok(f, small_world), 1);
        /* Written otherwise, and with a default said aloud, it is still the same. */
        assert_plan(f,
                    "[{'kind':'Port','name':'p','spec':{'mac_address':'FA-16-3E-00-00-01','fixed_ips':['10.0.0.1'],"
                    "'network':'n','mtu':null,'admin_state_up':true,'attachment':{'tap':{'name':'tap0','queues':1}}}}]",
                    false, "");
        assert_plan(f, "[]", true, "");
}

static void test_what_get_answers_can_be_applied(void **state)
{
        struct fixture *f = *state;
        cleanup_(json_decrefp) json_t *list = json_array();
        struct errors errors = {0};

        for (const struct kind *kind = kind_first(); kind; kind = kind->next)
                for (struct object *o = NULL; (o = model_next(f->model, kind, o));)
                        json_array_append_new(list, object_to_json(o));
        assert_int_equal(json_array_size(list), 3);
        assert_int_equal(apply_json(f, json_incref(list), APPLY_DEFAULT, &errors), 0);
        assert_int_equal(model_revision(f->model), 1);
}

/* ---- the world afterwards ---- */

static void test_claims_may_be_swapped(void **state)
{
        struct fixture *f = *state;
        struct errors errors;

        apply_ok(f, "[" TAP_PORT("a", "0a", "ta") "," TAP_PORT("b", "0b", "tb") "]");
        apply_bad(f, "[" TAP_PORT("a", "0b", "ta") "]", &errors);
        assert_only_complaint(&errors, -EINVAL, "Port", "a", "/spec/mac_address", "belongs to Port b already");
        apply_ok(f, "[" TAP_PORT("a", "0b", "tb") "," TAP_PORT("b", "0a", "ta") "]");
        /* Around three corners, and one new comer takes what one gives up. */
        apply_ok(f, "[" TAP_PORT("c", "0a", "ta") "," TAP_PORT("b", "0b", "tb") "," TAP_PORT("a", "0c", "tc") "]");
        fixture_restart(f);
        apply_bad(f, "[" TAP_PORT("d", "0a", "td") "]", &errors);
        assert_only_complaint(&errors, -EINVAL, "Port", "d", "/spec/mac_address", "belongs to Port c already");
}

static void test_two_new_ones_claim_the_same(void **state)
{
        struct errors errors;

        apply_bad(*state, "[" TAP_PORT("a", "0a", "ta") "," TAP_PORT("b", "0a", "ta") "]", &errors);
        assert_int_equal(errors.count, 2);
        assert_complaint(&errors, "Port", "b", "/spec/mac_address", "belongs to Port a already");
        assert_complaint(&errors, "Port", "b", "/spec/attachment/tap/name", "belongs to Port a already");
}

static void test_replace(void **state)
{
        struct fixture *f = *state;
        struct errors errors = {0};
        struct apply how = APPLY_DEFAULT;

        /* p goes, its MAC and its tap are free for q in the same breath; other kinds are left alone. */
        how.replace = true;
        assert_int_equal(apply_json(f, parse("[" TAP_PORT("q", "01", "tap0") "]"), how, &errors), 0);
        assert_null(model_find(f->model, "Port", "p"));
        assert_non_null(model_find(f->model, "Port", "q"));
        assert_non_null(model_find(f->model, "Network", "n"));

        /* What is referred to cannot be swept. */
        assert_int_equal(
                apply_json(f, parse("[{'kind':'Network','name':'m','spec':{'underlay':'u','vni':7}}]"), how, &errors),
                -EBUSY);
        assert_only_complaint(&errors, -EBUSY, "Network", "n", "", "in use by Port q");
        assert_non_null(model_find(f->model, "Network", "n"));
}

static void test_reference_to_what_goes(void **state)
{
        struct fixture *f = *state;
        struct errors errors = {0};
        struct apply how = APPLY_DEFAULT;

        how.replace = true;
        assert_int_equal(apply_json(f,
                                    parse("[{'kind':'Network','name':'m','spec':{'underlay':'u','vni':7}}," TAP_PORT(
                                            "p", "01", "tap0") "]"),
                                    how, &errors),
                         -EINVAL);
        assert_only_complaint(&errors, -EINVAL, "Port", "p", "/spec/network",
                              "Network n is deleted by this same request");
}

static void test_dangling_reference(void **state)
{
        struct errors errors;

        apply_ok(*state, "[{'kind':'Network','name':'blue','spec':{'underlay':'u','vni':7}}]");
        apply_bad(*state,
                  "[{'kind':'Peer','name':'q','spec':{'underlay':'u','vtep':'192.0.2.2','networks':["
                  "{'network':'n'},{'network':'bule'},{'network':'absent'}]}},"
                  "{'kind':'Network','name':'m','spec':{'underlay':'none','vni':9}}]",
                  &errors);
        assert_int_equal(errors.count, 3);
        assert_complaint(&errors, "Peer", "q", "/spec/networks/1/network", "did you mean blue?");
        assert_complaint(&errors, "Peer", "q", "/spec/networks/2/network", "there is no Network absent");
        assert_complaint(&errors, "Network", "m", "/spec/underlay", "there is no Underlay none");
}

static void test_one_fault_one_complaint(void **state)
{
        struct errors errors;

        /* Those who refer to what is wrong are not blamed for it, however far they are. */
        apply_bad(*state,
                  "[{'kind':'Underlay','name':'v','spec':{'device':{'tap':{'name':'v'}},'mtu':1}},"
                  " {'kind':'Network','name':'m','spec':{'underlay':'v','vni':1}},"
                  " {'kind':'Port','name':'x','spec':{'network':'m','mac_address':'fa:16:3e:00:00:09',"
                  "  'mtu':9000,'attachment':{'tap':{'name':'t9'}}}}]",
                  &errors);
        assert_only_complaint(&errors, -EINVAL, "Underlay", "v", "/spec/mtu", "576");
        apply_bad(*state,
                  "[{'kind':'Underlay','name':'u','spec':{'device':{'tap':{'name':'v'}},'mtu':1}},"
                  " {'kind':'Network','name':'n','spec':{'underlay':'u','vni':100,'flood':true}}]",
                  &errors);
        assert_only_complaint(&errors, -EINVAL, "Underlay", "u", "/spec/mtu", "576");
}

/* A tangle of refused updates, dangling references and deletions at once: complaints, and no crash. */
static void test_everything_wrong_at_once(void **state)
{
        struct fixture *f = *state;
        struct errors errors = {0};
        struct apply how = APPLY_DEFAULT;

        apply_ok(
                f,
                "[{'kind':'Network','name':'m','spec':{'underlay':'u','vni':7}},"
                " {'kind':'Peer','name':'q','spec':{'underlay':'u','vtep':'192.0.2.2','networks':[{'network':'m'}]}}]");
        how.replace = true;
        assert_true(apply_json(f,
                               parse("[{'kind':'Underlay','name':'v','spec':{'device':{'tap':{'name':'v'}}}},"
                                     " {'kind':'Network','name':'n','spec':{'underlay':'gone','vni':8}},"
                                     " {'kind':'Network','name':'m','spec':{'underlay':'u','vni':'x'}}," TAP_PORT(
                                             "y", "09", "t9") "]"),
                               how, &errors) < 0);
        assert_complaint(&errors, "Network", "n", "/spec/underlay", "gone");
        assert_complaint(&errors, "Network", "m", "/spec/vni", "x");
        assert_complaint(&errors, "Underlay", "u", "", "in use by Peer q");
}

/* ---- requests that are wrong in form ---- */

static void test_heads(void **state)
{
        static const struct {
                const char *entry, *kind, *name, *pointer, *words;
        } bad[] = {
                {"7", "", "", "/objects/1", "an object with kind, name and spec"},
                {"{'name':'x'}", "", "x", "/objects/1/kind", "kind is missing"},
                {"{'kind':'Prot','name':'x'}", "Prot", "x", "/objects/1/kind", "did you mean Port?"},
                {"{'kind':'Zebra','name':'x'}", "Zebra", "x", "/objects/1/kind",
                 "one of: AddressGroup, BaremetalNode, Guest, HostProfile"},
                {"{'kind':7,'name':'x'}", "", "x", "/objects/1/kind", "kind is 7"},
                {"{'kind':'Port\\u0000','name':'x'}", "", "x", "/objects/1/kind", "kind is"},
                {"{'kind':'Port'}", "Port", "", "/objects/1/name", "name is missing"},
                {"{'kind':'Port','name':''}", "Port", "", "/objects/1/name", "1 to 63"},
                {"{'kind':'Port','name':'a b'}", "Port", "a b", "/objects/1/name", "1 to 63"},
                {"{'kind':'Port','name':'a\\u0000b'}", "Port", "", "/objects/1/name", "1 to 63"},
                {"{'kind':'Port','name':null}", "Port", "", "/objects/1/name", "name is null"},
                {"{'kind':'Port','name':'x','sepc':{}}", "Port", "x", "/objects/1/sepc", "did you mean spec?"},
                {"{'kind':'Port','name':'p','spec':[]}", "Port", "p", "/spec", "spec is a list"},
                {"{'kind':'Network','name':'n','spec':{'underlay':'u','vni':100}}", "Network", "n", "/objects/1",
                 "twice"},
        };

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                char text[512];
                struct errors errors;

                snprintf(text, sizeof(text), "[{'kind':'Network','name':'n','spec':{'underlay':'u','vni':101}},%s]",
                         bad[i].entry);
                apply_bad(*state, text, &errors);
                assert_only_complaint(&errors, -EINVAL, bad[i].kind, bad[i].name, bad[i].pointer, bad[i].words);
        }
}

static void test_objects_is_no_list(void **state)
{
        static const char *const wrong[] = {"{}", "'x'", "null", "7"};
        struct fixture *f = *state;

        for (size_t i = 0; i < 4; i++) {
                struct errors errors = {0}, deletion = {0};
                assert_int_equal(apply_json(f, parse(wrong[i]), APPLY_DEFAULT, &errors), -EINVAL);
                assert_only_complaint(&errors, -EINVAL, "", "", "/objects", "a list of objects");
                assert_int_equal(delete_json(f, wrong[i], false, -1, ROLE_ADMIN, &deletion), -EINVAL);
                assert_only_complaint(&deletion, -EINVAL, "", "", "/objects", "a list of objects");
        }
}

static void test_very_long_name(void **state)
{
        cleanup_free char *text = NULL;
        struct errors errors;

        assert_true(asprintf(&text, "[{'kind':'Port','name':'%0100000d'}]", 7) > 0);
        apply_bad(*state, text, &errors);
        assert_int_equal(errors.count, 1);
        assert_string_equal(errors.list[0].pointer, "/objects/0/name");
}

static void test_immutable(void **state)
{
        struct errors errors;

        apply_ok(*state, "[{'kind':'Network','name':'m','spec':{'underlay':'u','vni':7}}]");
        apply_bad(*state,
                  "[{'kind':'Port','name':'p','spec':{'network':'m','mac_address':'fa:16:3e:00:00:01',"
                  "'attachment':{'tap':{'name':'tap0'}}}}]",
                  &errors);
        assert_only_complaint(&errors, -EINVAL, "Port", "p", "/spec/network",
                              "the text \"n\" as it is, or the object deleted");
        delete_ok(*state, "[{'kind':'Port','name':'p'}]");
        apply_ok(*state, "[{'kind':'Port','name':'p','spec':{'network':'m','mac_address':'fa:16:3e:00:00:01',"
                         "'attachment':{'tap':{'name':'tap0'}}}}]");
}

/* ---- guards ---- */

static int apply_if(struct fixture *f, const char *objects, bool replace, int64_t revision, struct errors *errors)
{
        struct apply how = {.if_revision = revision, .role = ROLE_ADMIN, .replace = replace};

        *errors = (struct errors){0};
        return apply_json(f, parse(objects), how, errors);
}

static void test_if_revision(void **state)
{
        struct fixture *f = *state;
        struct errors errors;

        assert_int_equal(apply_ok(f, "[" TAP_PORT("a", "0a", "ta") "]"), 2);
        assert_int_equal(apply_ok(f, "[" TAP_PORT("b", "0b", "tb") "]"), 3);
        /* b was made after 2, a was not; what others do to others does not matter. */
        assert_int_equal(apply_if(f, "[" TAP_PORT("b", "1b", "tb") "]", false, 2, &errors), -ESTALE);
        assert_only_complaint(&errors, -ESTALE, "Port", "b", "", "changed in revision 3, after revision 2");
        assert_int_equal(apply_if(f, "[" TAP_PORT("a", "1a", "ta") "]", false, 2, &errors), 0); /* 4 */
        assert_int_equal(apply_if(f, "[" TAP_PORT("a", "2a", "ta") "]", false, 3, &errors), -ESTALE);
        assert_int_equal(apply_if(f, "[" TAP_PORT("a", "2a", "ta") "]", false, 5, &errors), -ESTALE);
        assert_complaint(&errors, "", "", "/if_revision", "yet to come");
        /* Made anew against a deletion that the caller has not seen. */
        assert_int_equal(delete_ok(f, "[{'kind':'Port','name':'b'}]"), 5);
        assert_int_equal(apply_if(f, "[" TAP_PORT("b", "0b", "tb") "]", false, 4, &errors), -ESTALE);
        assert_only_complaint(&errors, -ESTALE, "Port", "b", "", "deleted in revision 5");
        fixture_restart(f);
        assert_int_equal(apply_if(f, "[" TAP_PORT("b", "0b", "tb") "]", false, 4, &errors), -ESTALE);
        assert_int_equal(apply_if(f, "[" TAP_PORT("c", "0c", "tc") "]", false, 4, &errors), 0); /* 6 */
        assert_int_equal(apply_if(f, "[" TAP_PORT("b", "0b", "tb") "]", false, 5, &errors), 0); /* 7 */
        /* Sweeping what the caller has not seen. */
        assert_int_equal(apply_if(f, "[" TAP_PORT("p", "01", "tap0") "]", true, 6, &errors), -ESTALE);
        assert_complaint(&errors, "Port", "b", "", "changed in revision 7");
        errors = (struct errors){0};
        assert_int_equal(delete_json(f, "[{'kind':'Port','name':'b'}]", false, 6, ROLE_ADMIN, &errors), -ESTALE);
        errors = (struct errors){0};
        assert_int_equal(delete_json(f, "[{'kind':'Port','name':'b'}]", false, 7, ROLE_ADMIN, &errors), 0);
}

static void test_roles(void **state)
{
        struct fixture *f = *state;
        struct apply read = {.if_revision = -1, .role = ROLE_READ}, operate = {.if_revision = -1, .role = ROLE_OPERATE};
        static const char port[] = "[" TAP_PORT("a", "0a", "ta") "]";
        static const char underlay[] = "[{'kind':'Underlay','name':'v','spec':{'device':{'tap':{'name':'v'}}}}]";
        struct errors errors = {0};

        assert_int_equal(apply_json(f, parse(port), read, &errors), -EPERM);
        assert_only_complaint(&errors, -EPERM, "Port", "a", "", "a caller with the role operate");
        errors = (struct errors){0};
        assert_int_equal(apply_json(f, parse(underlay), operate, &errors), -EPERM);
        assert_only_complaint(&errors, -EPERM, "Underlay", "v", "", "a caller with the role admin");
        errors = (struct errors){0};
        assert_int_equal(apply_json(f, parse(port), operate, &errors), 0);
        /* An underlay among the rest is fine as long as it stays what it is. */
        assert_int_equal(apply_json(f, parse(small_world), operate, &errors), 0);
        assert_int_equal(delete_json(f, "[{'kind':'Port','name':'a'}]", false, -1, ROLE_READ, &errors), -EPERM);
        errors = (struct errors){0};
        assert_int_equal(delete_json(f, "[{'kind':'Port','name':'a'}]", false, -1, ROLE_OPERATE, &errors), 0);
        assert_int_equal(delete_json(f, "[{'kind':'Underlay','name':'u'}]", false, -1, ROLE_OPERATE, &errors), -EPERM);
        assert_complaint(&errors, "Underlay", "u", "", "role admin");
        /* Sweeping is deleting. */
        errors = (struct errors){0};
        operate.replace = true;
        assert_int_equal(apply_json(f, parse(underlay), operate, &errors), -EPERM);
        assert_complaint(&errors, "Underlay", "u", "", "role admin");
}

static void test_plan_goes_stale(void **state)
{
        struct fixture *f = *state;
        cleanup_(json_decrefp) json_t *objects = parse("[" TAP_PORT("a", "0a", "ta") "]");
        struct apply_request request = {.objects = objects, .role = ROLE_ADMIN};
        struct transaction *transaction;
        struct errors errors = {0};

        assert_int_equal(model_plan_apply(f->model, &request, &transaction, &errors), 0);
        apply_ok(f, "[" TAP_PORT("b", "0a", "tb") "]");
        assert_int_equal(model_commit(f->model, transaction, NULL, &errors), -ESTALE);
        assert_null(model_find(f->model, "Port", "a"));
}

/* ---- delete ---- */

static void test_delete(void **state)
{
        struct fixture *f = *state;
        struct errors errors = {0};

        apply_ok(f, "[" TAP_PORT("p1", "0a", "t1") "," TAP_PORT("p2", "0b", "t2") "," TAP_PORT(
                            "p3", "0c", "t3") "," TAP_PORT("p4", "0d", "t4") "]");
        assert_int_equal(delete_json(f, "[{'kind':'Network','name':'n'}]", false, -1, ROLE_ADMIN, &errors), -EBUSY);
        assert_only_complaint(&errors, -EBUSY, "Network", "n", "", "and 2 more");
        assert_complaint(&errors, "Network", "n", "", "in use by Port p");

        errors = (struct errors){0};
        assert_int_equal(delete_json(f, "[{'kind':'Port','name':'p9'}]", false, -1, ROLE_ADMIN, &errors), -ENOENT);
        assert_only_complaint(&errors, -ENOENT, "Port", "p9", "", "there is no Port p9");
        errors = (struct errors){0};
        assert_int_equal(delete_json(f, "[{'kind':'Port','name':'p9'},{'kind':'Port','name':'p1'}]", true, -1,
                                     ROLE_ADMIN, &errors),
                         0);
        assert_null(model_find(f->model, "Port", "p1"));
        assert_int_equal(delete_json(f, "[{'kind':'Port','name':'p2'},{'kind':'Port','name':'p2'}]", true, -1,
                                     ROLE_ADMIN, &errors),
                         -EINVAL);
        errors = (struct errors){0};
        assert_int_equal(delete_json(f, "[{'kind':'Port','name':'p2','spec':{}}]", true, -1, ROLE_ADMIN, &errors),
                         -EINVAL);
        assert_only_complaint(&errors, -EINVAL, "Port", "p2", "/objects/0/spec", "no field \"spec\"");

        /* All at once, in any order. */
        delete_ok(f, "[{'kind':'Underlay','name':'u'},{'kind':'Network','name':'n'},{'kind':'Port','name':'p'},"
                     "{'kind':'Port','name':'p2'},{'kind':'Port','name':'p3'},{'kind':'Port','name':'p4'}]");
        for (const struct kind *kind = kind_first(); kind; kind = kind->next)
                assert_int_equal(model_count(f->model, kind), 0);
        fixture_restart(f);
        for (const struct kind *kind = kind_first(); kind; kind = kind->next)
                assert_int_equal(model_count(f->model, kind), 0);
}

static void test_thousand_and_one_wrong(void **state)
{
        struct fixture *f = *state;
        cleanup_(json_decrefp) json_t *objects = json_array();
        struct errors errors = {0};

        for (int i = 0; i < 1000; i++)
                json_array_append_new(objects,
                                      parse_format("{'kind':'Port','name':'x%d','spec':{'network':'n','mac_address':"
                                                   "'fa:16:3e:01:%02x:%02x','attachment':{'tap':{'name':'x%d'}}}}",
                                                   i, i / 256, i == 777 ? 0x1ff : i % 256, i));
        cleanup_free char *before = model_image(f->model);
        assert_int_equal(apply_json(f, json_incref(objects), APPLY_DEFAULT, &errors), -EINVAL);
        assert_only_complaint(&errors, -EINVAL, "Port", "x777", "/spec/mac_address", "unicast MAC");
        cleanup_free char *after = model_image(f->model);
        assert_string_equal(before, after);
        fixture_restart(f);
        cleanup_free char *stored = model_image(f->model);
        assert_string_equal(before, stored);

        json_array_remove(objects, 777);
        errors = (struct errors){0};
        assert_int_equal(apply_json(f, json_incref(objects), APPLY_DEFAULT, &errors), 0);
        assert_int_equal(model_count(f->model, kind_find("Port")), 1000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                T(test_order_of_changes),
                T(test_equal_is_no_change),
                T(test_what_get_answers_can_be_applied),
                T(test_claims_may_be_swapped),
                T(test_two_new_ones_claim_the_same),
                T(test_replace),
                T(test_reference_to_what_goes),
                T(test_dangling_reference),
                T(test_one_fault_one_complaint),
                T(test_everything_wrong_at_once),
                T(test_heads),
                T(test_objects_is_no_list),
                T(test_very_long_name),
                T(test_immutable),
                T(test_if_revision),
                T(test_roles),
                T(test_plan_goes_stale),
                T(test_delete),
                T(test_thousand_and_one_wrong),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
