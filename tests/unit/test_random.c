/* Random histories, against what must always hold: a refused request changes nothing; what memory, a restart, and a
 * fresh model of the same objects say is one and the same; no two objects hold the same claim; no reference dangles. */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "socle/cleanup.h"

static int pick(int n)
{
        return rand() % n;
}

/* Few names and few values, so that requests collide, dangle and come to nothing in every way. */
static json_t *random_object(void)
{
        switch (pick(40) ? pick(10) : 10) {
        case 0:
                return parse_format(
                        "{'kind':'Underlay','name':'u%d','spec':{'device':{'af_packet':{'interface':'eth%d'}},"
                        "'vtep_ipv4':'192.0.2.%d/24','mtu':%d}}",
                        pick(2), pick(3), 1 + pick(2), 1400 + pick(3) * 100);
        case 1:
        case 2:
                return parse_format("{'kind':'Network','name':'n%d','spec':{'underlay':'u%d','%s':%d%s}}", pick(4),
                                    pick(2), pick(4) ? "vni" : "vlan", 1 + pick(5), pick(3) ? "" : ",'mtu':1390");
        case 3:
        case 4:
        case 5:
                return parse_format(
                        "{'kind':'Port','name':'p%d','spec':{'network':'n%d','mac_address':'fa:16:3e:00:00:%02d',"
                        "'fixed_ips':['10.0.0.%d'],'attachment':{'tap':{'name':'t%d'}}%s%s}}",
                        pick(6), pick(4), pick(8), 1 + pick(8), pick(8), pick(3) ? "" : ",'mtu':1380",
                        pick(3) ? "" : ",'security_groups':['s0','s1']");
        case 6:
                return parse_format(
                        "{'kind':'Peer','name':'q%d','spec':{'underlay':'u%d','vtep':'192.0.2.%d','networks':["
                        "{'network':'n%d','hosts':[{'mac_address':'fa:16:3e:00:01:%02d','ip_addresses':["
                        "'10.0.1.%d'],'security_groups':['s%d']}]}]}}",
                        pick(2), pick(2), 1 + pick(4), pick(4), pick(4), 1 + pick(4), pick(3));
        case 7:
        case 8: /* groups that speak of each other, in circles too */
                return parse_format(
                        "{'kind':'SecurityGroup','name':'s%d','spec':{'rules':[{'direction':'ingress',"
                        "'protocol':'tcp','port_range_min':%d,'port_range_max':5,'remote_group':'s%d'}%s]}}",
                        pick(3), 1 + pick(6), pick(3),
                        pick(2) ? "" : ",{'direction':'egress','remote_address_group':'a0'}");
        case 9:
                return parse_format("{'kind':'AddressGroup','name':'a%d','spec':{'addresses':['10.%d.0.0/16','%s']}}",
                                    pick(2), pick(3), pick(2) ? "10.1.0.0/16" : "::/0");
        default:
                return parse_format("{'kind':'%s','name':'x%d','spec':{'nonsense':%d}}", pick(2) ? "Port" : "Zebra",
                                    pick(2), pick(9));
        }
}

static json_t *random_head(void)
{
        static const struct {
                const char *kind, *prefix;
                int count;
        } kinds[] = {{"Underlay", "u", 2}, {"Network", "n", 4},       {"Port", "p", 6},
                     {"Peer", "q", 2},     {"SecurityGroup", "s", 3}, {"AddressGroup", "a", 2}};
        int k = pick(6);

        return parse_format("{'kind':'%s','name':'%s%d'}", kinds[k].kind, kinds[k].prefix, pick(kinds[k].count));
}

struct checking {
        struct claims claims;
        json_t *seen;
};

static void check_claim(struct claims *claims, const char *pointer, const char *format, ...)
{
        struct checking *checking = (struct checking *)claims;
        char key[512];
        va_list args;

        va_start(args, format);
        vsnprintf(key, sizeof(key), format, args);
        va_end(args);
        assert_null(json_object_get(checking->seen, key));
        json_object_set_new(checking->seen, key, json_true());
}

static void discard(struct emit *emit, const void *record)
{
}

static void check_invariants(struct fixture *f)
{
        struct checking checking = {.claims = {check_claim}, .seen = json_object()};
        struct emit emit = {discard};
        struct errors errors = {0};

        for (const struct kind *kind = kind_first(); kind; kind = kind->next)
                for (struct object *o = NULL; (o = model_next(f->model, kind, o));) {
                        if (kind->keys)
                                kind->keys(f->model, o, &checking.claims);
                        if (kind->check)
                                kind->check(f->model, o, &errors);
                        kind->compile(f->model, o, &emit); /* would follow a dangling reference into nothing */
                }
        if (errors.count)
                print_errors(&errors);
        assert_int_equal(errors.count, 0);
        json_decref(checking.seen);
}

/* All specs applied to an empty store at once: must be accepted, and be the same. */
static void check_rebuild(struct fixture *f)
{
        cleanup_(json_decrefp) json_t *all = json_array();
        struct errors errors = {0};
        void *state;

        for (const struct kind *kind = kind_first(); kind; kind = kind->next)
                for (struct object *o = NULL; (o = model_next(f->model, kind, o));)
                        json_array_append_new(
                                all, json_pack("{s:s,s:s,s:O}", "kind", kind->name, "name", o->name, "spec", o->spec));
        fixture_setup(&state);
        struct fixture *fresh = state;
        if (apply_json(fresh, json_incref(all), APPLY_DEFAULT, &errors) < 0) {
                print_errors(&errors);
                fail();
        }
        size_t i;
        json_t *object;
        json_array_foreach (all, i, object) {
                const struct object *found =
                        model_find(fresh->model, json_string_value(json_object_get(object, "kind")),
                                   json_string_value(json_object_get(object, "name")));
                assert_true(json_equal(found->spec, json_object_get(object, "spec")));
        }
        fixture_teardown(&state);
}

static void one_request(struct fixture *f, size_t *accepted, size_t *refused)
{
        cleanup_free char *before = model_image(f->model);
        uint64_t revision = model_revision(f->model);
        json_t *list = json_array();
        struct errors errors = {0};
        int r;

        if (pick(4) == 0) {
                for (int i = pick(2) ? 0 : pick(4); i >= 0; i--)
                        json_array_append_new(list, random_head());
                cleanup_free char *text = json_dumps(list, JSON_COMPACT);
                json_decref(list);
                r = delete_json(f, text, pick(2), pick(4) ? -1 : (int64_t)revision - pick(3), ROLE_ADMIN, &errors);
        } else {
                struct apply how = {.replace = pick(12) == 0,
                                    .dry_run = pick(6) == 0,
                                    .role = ROLE_ADMIN,
                                    .if_revision = pick(8) ? -1 : (int64_t)revision - pick(3)};
                for (int i = pick(3) ? 0 : pick(8); i >= 0; i--)
                        json_array_append_new(list, random_object());
                r = apply_json(f, list, how, &errors);
                if (how.dry_run && r == 0)
                        r = 1;
        }
        assert_int_equal(r<0, errors.count> 0);
        if (r != 0) {
                cleanup_free char *after = model_image(f->model);
                assert_string_equal(before, after);
                assert_int_equal(model_revision(f->model), revision);
        }
        *accepted += r == 0 && model_revision(f->model) > revision;
        *refused += r < 0;
}

static void test_random_histories(void **state)
{
        size_t accepted = 0, refused = 0;

        for (unsigned seed = 1; seed <= 12; seed++) {
                void *one;

                srand(seed);
                fixture_setup(&one);
                struct fixture *f = one;
                for (int step = 0; step < 400; step++) {
                        one_request(f, &accepted, &refused);
                        if (step % 10 == 0)
                                check_invariants(f);
                        if (step % 50 == 49) {
                                cleanup_free char *before = model_image(f->model);
                                check_rebuild(f);
                                fixture_restart(f);
                                cleanup_free char *after = model_image(f->model);
                                assert_string_equal(before, after);
                        }
                }
                fixture_teardown(&one);
        }
        print_message("%zu requests accepted, %zu refused\n", accepted, refused);
        assert_true(accepted > 500 && refused > 500);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_histories)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
