/* A kind is one file: this one has its own, with references in a circle, and it is known, validated, stored, listed and
 * deleted like any other, though nothing else was touched. */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "socle/cleanup.h"

static const struct field friend = {.name = "friend", .type = FIELD_REF, .ref_kind = "Animal"};

static const struct field fields[] = {
        {"friends", FIELD_LIST, "Whom it gets along with.", .fallback = "[]", .item = &friend},
        {"home", FIELD_REF, "The network it lives in.", .ref_kind = "Network"},
        {"born", FIELD_INT, "Year of its birth.", .required = true, .immutable = true, .min = 1900, .max = 2100},
        {"chip", FIELD_STRING, "What is under its skin.", .min = 1, .max = 8},
        {},
};

/* Whatever else is wrong with a request: what is reached from an object that is checked is there. */
static void walk_friends(const struct model *model, const struct object *object, int depth)
{
        size_t i;
        json_t *name;

        json_array_foreach (json_object_get(object->spec, "friends"), i, name) {
                const struct object *other = model_find(model, "Animal", json_string_value(name));

                assert_non_null(other);
                if (depth > 0)
                        walk_friends(model, other, depth - 1);
        }
}

static void check(const struct model *model, const struct object *object, struct errors *errors)
{
        size_t i;
        json_t *name;

        walk_friends(model, object, 4);
        json_array_foreach (json_object_get(object->spec, "friends"), i, name) {
                const struct object *other = model_find(model, "Animal", json_string_value(name));
                json_int_t born = json_integer_value(json_object_get(object->spec, "born"));

                if (json_integer_value(json_object_get(other->spec, "born")) > born + 10)
                        errors_add(errors, -EINVAL, "/spec/friends", "someone older", "%s is too young", other->name);
        }
}

static void keys(const struct model *model, const struct object *object, struct claims *claims)
{
        const char *chip = json_string_value(json_object_get(object->spec, "chip"));

        if (chip)
                claims->claim(claims, "/spec/chip", "chip %s", chip);
}

static struct kind animal = {
        .name = "Animal",
        .area = "zoo",
        .help = "A kind that only this test knows.",
        .write_role = ROLE_OPERATE,
        .fields = fields,
        .check = check,
        .keys = keys,
};
REGISTER_KIND(animal)

static void test_it_is_known(void **state)
{
        cleanup_(json_decrefp) json_t *all = kind_to_json(NULL);
        size_t kinds = 0;

        for (const struct kind *kind = kind_first(); kind; kind = kind->next)
                kinds++;
        assert_int_equal(json_array_size(all), kinds);
        assert_string_equal(json_string_value(json_object_get(json_array_get(all, 1), "kind")), "Animal");
        assert_ptr_equal(kind_find("Animal"), &animal);
}

static void test_circles(void **state)
{
        struct fixture *f = *state;
        struct errors errors = {0};

        /* Two that refer to each other, and one that refers to itself. */
        apply_ok(f, "[{'kind':'Animal','name':'cat','spec':{'born':2000,'friends':['dog']}},"
                    " {'kind':'Animal','name':'dog','spec':{'born':2001,'friends':['cat','cat','dog']}},"
                    " {'kind':'Animal','name':'eel','spec':{'born':2002,'friends':['eel']}}]");
        fixture_restart(f);
        cleanup_free const struct object **list = NULL;
        assert_int_equal(model_referrers(f->model, model_find(f->model, "Animal", "cat"), &list),
                         1); /* the dog, once */
        assert_int_equal(delete_json(f, "[{'kind':'Animal','name':'cat'}]", false, -1, ROLE_OPERATE, &errors), -EBUSY);
        assert_only_complaint(&errors, -EBUSY, "Animal", "cat", "", "in use by Animal dog");
        apply_ok(f, "[{'kind':'Animal','name':'cat','spec':{'born':2000,'friends':[]}}]");
        delete_ok(f, "[{'kind':'Animal','name':'dog'},{'kind':'Animal','name':'eel'}]");
        delete_ok(f, "[{'kind':'Animal','name':'cat'}]");
        assert_int_equal(model_count(f->model, &animal), 0);
}

/* A change goes around the circle: whoever depends on it is checked, once. */
static void test_check_around_the_circle(void **state)
{
        struct errors errors;

        apply_ok(*state, "[{'kind':'Animal','name':'a','spec':{'born':2000,'friends':['b']}},"
                         " {'kind':'Animal','name':'b','spec':{'born':2001,'friends':['c']}},"
                         " {'kind':'Animal','name':'c','spec':{'born':2002,'friends':['a'],'chip':'x'}}]");
        delete_ok(*state, "[{'kind':'Animal','name':'a'},{'kind':'Animal','name':'b'},{'kind':'Animal','name':'c'}]");
        apply_ok(*state, "[{'kind':'Animal','name':'a','spec':{'born':2000,'friends':['b']}},"
                         " {'kind':'Animal','name':'b','spec':{'born':2001,'friends':['a']}}]");
        apply_bad(*state, "[{'kind':'Animal','name':'b','spec':{'born':2011,'friends':['a']}}]", &errors);
        assert_int_equal(errors.count, 2);
        assert_complaint(&errors, "Animal", "b", "/spec/born", "2001 as it is");
        assert_complaint(&errors, "Animal", "a", "/spec/friends", "b is too young (with this change of Animal b)");
}

/* x is checked; by way of y it reaches z, whose update was refused, and w, which only the old z refers to. */
static void test_what_is_refused_stays_for_the_check(void **state)
{
        static const char *const updates_of_z[] = {"{'born':2000,'friends':[],'chip':''}",
                                                   "{'born':2000,'friends':['none']}"};
        struct fixture *f = *state;
        struct apply how = APPLY_DEFAULT;

        apply_ok(f, "[{'kind':'Animal','name':'w','spec':{'born':2000}},"
                    " {'kind':'Animal','name':'x','spec':{'born':2000,'friends':['y']}},"
                    " {'kind':'Animal','name':'y','spec':{'born':2000,'friends':['z']}},"
                    " {'kind':'Animal','name':'z','spec':{'born':2000,'friends':['w']}}]");
        how.replace = true;
        for (size_t i = 0; i < 2; i++) {
                struct errors errors = {0};

                assert_int_equal(
                        apply_json(f,
                                   parse_format("[{'kind':'Animal','name':'x','spec':{'born':2000,'friends':['y'],"
                                                "'chip':'a'}},"
                                                " {'kind':'Animal','name':'y','spec':{'born':2000,'friends':['z']}},"
                                                " {'kind':'Animal','name':'z','spec':%s}]",
                                                updates_of_z[i]),
                                   how, &errors),
                        -EINVAL);
                assert_only_complaint(&errors, -EINVAL, "Animal", "z", i ? "/spec/friends/0" : "/spec/chip",
                                      i ? "no Animal none" : "too short");
        }
}

static void test_order_with_other_kinds(void **state)
{
        struct fixture *f = *state;
        cleanup_(json_decrefp) json_t *objects =
                parse("[{'kind':'Animal','name':'cat','spec':{'born':2000,'home':'n','friends':['cat']}},"
                      " {'kind':'Network','name':'n','spec':{'underlay':'u','vni':1}},"
                      " {'kind':'Underlay','name':'u','spec':{'device':{'tap':{'name':'t'}}}}]");
        struct apply_request request = {.objects = objects, .role = ROLE_ADMIN};
        struct transaction *transaction;
        struct errors errors = {0};

        assert_int_equal(model_plan_apply(f->model, &request, &transaction, &errors), 0);
        assert_string_equal(transaction_change(transaction, 0)->after->name, "u");
        assert_string_equal(transaction_change(transaction, 1)->after->name, "n");
        assert_string_equal(transaction_change(transaction, 2)->after->name, "cat");
        transaction_free(transaction);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_it_is_known), T(test_circles),
                T(test_check_around_the_circle),    T(test_what_is_refused_stays_for_the_check),
                T(test_order_with_other_kinds),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
