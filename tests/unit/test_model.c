/* The objects in memory: finding, listing, who refers to whom, observers, status; and loading from a store that may not
 * be what it should. */
#include "support.h"

#include <errno.h>
#include <sqlite3.h>
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

static char *names_of(struct fixture *f, const char *kind)
{
        char *text = calloc(1, 4096);

        for (struct object *o = NULL; (o = model_next(f->model, kind_find(kind), o));)
                snprintf(text + strlen(text), 4096 - strlen(text), "%s ", o->name);
        return text;
}

static void assert_names(struct fixture *f, const char *kind, const char *expected)
{
        cleanup_free char *names = names_of(f, kind);
        size_t count = 0;

        assert_string_equal(names, expected);
        for (const char *c = expected; *c; c++)
                count += *c == ' ';
        assert_int_equal(model_count(f->model, kind_find(kind)), count);
}

static void test_listing_in_order_of_names(void **state)
{
        struct fixture *f = *state;

        apply_ok(f, "[{'kind':'Network','name':'z','spec':{'underlay':'u','vni':1}},"
                    " {'kind':'Network','name':'a','spec':{'underlay':'u','vni':2}},"
                    " {'kind':'Network','name':'B','spec':{'underlay':'u','vni':3}}]");
        assert_names(f, "Network", "B a n z ");
        apply_ok(f, "[{'kind':'Network','name':'m','spec':{'underlay':'u','vni':4}}]");
        assert_names(f, "Network", "B a m n z ");
        delete_ok(f, "[{'kind':'Network','name':'a'},{'kind':'Network','name':'z'}]");
        assert_names(f, "Network", "B m n ");
        apply_ok(f, "[{'kind':'Network','name':'a','spec':{'underlay':'u','vni':2}}]");
        assert_names(f, "Network", "B a m n ");
        assert_names(f, "Peer", "");
        fixture_restart(f);
        assert_names(f, "Network", "B a m n ");
}

static void test_many_come_and_go(void **state)
{
        struct fixture *f = *state;
        char name[16];

        for (int round = 0; round < 3; round++) {
                cleanup_(json_decrefp) json_t *some = json_array();
                struct apply how = APPLY_DEFAULT;
                struct errors errors = {0};

                how.replace = true;
                json_array_append_new(some, parse("{'kind':'Network','name':'n','spec':{'underlay':'u','vni':100}}"));
                for (int i = 0; i < 500; i++)
                        json_array_append_new(some,
                                              parse_format("{'kind':'Network','name':'x%04d','spec':{'underlay':'u',"
                                                           "'vni':%d}}",
                                                           i * 3 + round, 1000 + i));
                assert_int_equal(apply_json(f, json_incref(some), how, &errors), 0);
                assert_int_equal(model_count(f->model, kind_find("Network")), 501);
                struct object *o = model_next(f->model, kind_find("Network"), NULL);
                assert_string_equal(o->name, "n");
                for (int i = 0; i < 500; i++) {
                        snprintf(name, sizeof(name), "x%04d", i * 3 + round);
                        o = model_next(f->model, kind_find("Network"), o);
                        assert_string_equal(o->name, name);
                        assert_ptr_equal(model_find(f->model, "Network", name), o);
                        assert_ptr_equal(model_find_id(f->model, o->id), o);
                }
                assert_null(model_next(f->model, kind_find("Network"), o));
        }
}

static void test_finding(void **state)
{
        struct fixture *f = *state;
        struct object *port = model_find(f->model, "Port", "p");

        assert_non_null(port);
        assert_null(model_find(f->model, "Port", "n"));
        assert_null(model_find(f->model, "Zebra", "p"));
        assert_null(model_find_id(f->model, 99));
        assert_ptr_equal(model_find_id(f->model, port->id), port);

        uint32_t id = port->id;
        apply_ok(f, "[{'kind':'Port','name':'p','spec':{'network':'n','mac_address':'fa:16:3e:00:00:02',"
                    "'attachment':{'tap':{'name':'tap0'}}}}]");
        port = model_find(f->model, "Port", "p");
        assert_int_equal(port->id, id);
        assert_int_equal(port->revision, 2);
        assert_ptr_equal(model_find_id(f->model, id), port);
        delete_ok(f, "[{'kind':'Port','name':'p'}]");
        assert_null(model_find_id(f->model, id));
        apply_ok(f, small_world);
        assert_int_not_equal(model_find(f->model, "Port", "p")->id, id); /* another object of the same name */
}

/* ---- referrers ---- */

static void assert_referrers(struct fixture *f, const char *kind, const char *name, const char *expected)
{
        cleanup_free const struct object **list = NULL;
        size_t count = model_referrers(f->model, model_find(f->model, kind, name), &list);
        cleanup_free char *words = calloc(1, 1024);

        /* In no particular order: look for each. */
        size_t wanted = 0;
        for (const char *c = expected; *c; c++)
                wanted += *c == ' ';
        assert_int_equal(count, wanted);
        for (size_t i = 0; i < count; i++) {
                snprintf(words, 1024, "%s ", list[i]->name);
                assert_non_null(strstr(expected, words));
                assert_ptr_equal(list[i], model_find(f->model, list[i]->kind->name, list[i]->name));
        }
}

static void test_referrers(void **state)
{
        struct fixture *f = *state;

        apply_ok(f, "[{'kind':'Network','name':'m','spec':{'underlay':'u','vni':7}},"
                    " {'kind':'Peer','name':'q','spec':{'underlay':'u','vtep':'192.0.2.2','networks':[{'network':'n'},"
                    "  {'network':'m'}]}}]");
        for (int round = 0; round < 2; round++) {
                assert_referrers(f, "Underlay", "u", "n m q ");
                assert_referrers(f, "Network", "n", "p q ");
                assert_referrers(f, "Network", "m", "q ");
                assert_referrers(f, "Port", "p", "");
                fixture_restart(f);
        }
        apply_ok(
                f,
                "[{'kind':'Peer','name':'q','spec':{'underlay':'u','vtep':'192.0.2.2','networks':[{'network':'m'}]}}]");
        assert_referrers(f, "Network", "n", "p ");
        assert_referrers(f, "Network", "m", "q ");
        apply_ok(f, "[{'kind':'Network','name':'m','spec':{'underlay':'u','vni':8}}]"); /* still referred to */
        assert_referrers(f, "Network", "m", "q ");
        delete_ok(f, "[{'kind':'Peer','name':'q'}]");
        assert_referrers(f, "Network", "m", "");
        assert_referrers(f, "Underlay", "u", "n m ");
}

/* ---- observers ---- */

struct seen {
        struct model_observer observer;
        struct fixture *fixture;
        char words[1024];
        size_t calls;
};

static void note_commit(void *user, uint64_t revision, const struct change *changes, size_t count)
{
        struct seen *seen = user;
        static const char *const types[] = {"add", "update", "delete"};

        seen->calls++;
        assert_int_equal(revision, model_revision(seen->fixture->model));
        for (size_t i = 0; i < count; i++) {
                const struct object *object = changes[i].after ? changes[i].after : changes[i].before;

                snprintf(seen->words + strlen(seen->words), sizeof(seen->words) - strlen(seen->words), "%llu %s %s;",
                         (unsigned long long)revision, types[changes[i].type], object->name);
                /* The model is already what it is becoming, and what was before can be read. */
                assert_ptr_equal(model_find(seen->fixture->model, object->kind->name, object->name), changes[i].after);
                if (changes[i].before)
                        assert_true(json_is_object(changes[i].before->spec));
        }
}

static void note_status(void *user, const struct object *object, const json_t *before)
{
        struct seen *seen = user;

        snprintf(seen->words + strlen(seen->words), sizeof(seen->words) - strlen(seen->words), "status %s;",
                 object->name);
}

static void test_observers(void **state)
{
        struct fixture *f = *state;
        struct seen one = {.fixture = f}, two = {.fixture = f};
        struct errors errors;

        one.observer = (struct model_observer){.committed = note_commit, .status_changed = note_status, .user = &one};
        two.observer = (struct model_observer){.committed = note_commit, .user = &two};
        model_observe(f->model, &one.observer);
        model_observe(f->model, &two.observer);
        apply_ok(f, "[{'kind':'Network','name':'n','spec':{'underlay':'u','vni':7}},"
                    " {'kind':'Network','name':'m','spec':{'underlay':'u','vni':8}}]");
        apply_ok(f, small_world); /* n back again */
        apply_ok(f, small_world); /* no change: nobody is told */
        delete_ok(f, "[{'kind':'Network','name':'m'}]");
        apply_bad(f, "[{'kind':'Network','name':'m','spec':{}}]", &errors);
        assert_string_equal(one.words, "2 update n;2 add m;3 update n;4 delete m;");
        assert_string_equal(one.words, two.words);
        assert_int_equal(one.calls, 3);

        model_unobserve(f->model, &one.observer);
        apply_ok(f, "[{'kind':'Network','name':'m','spec':{'underlay':'u','vni':8}}]");
        assert_int_equal(one.calls, 3);
        assert_int_equal(two.calls, 4);
        model_unobserve(f->model, &one.observer); /* already gone: nothing */
        model_unobserve(f->model, &two.observer);
}

static void test_status(void **state)
{
        struct fixture *f = *state;
        struct seen seen = {.fixture = f};
        struct object *port = model_find(f->model, "Port", "p");

        seen.observer = (struct model_observer){.status_changed = note_status, .user = &seen};
        model_observe(f->model, &seen.observer);
        model_set_status(f->model, port, NULL);
        assert_string_equal(seen.words, "");
        model_set_status(f->model, port, parse("{'state':'up'}"));
        model_set_status(f->model, port, parse("{'state':'up'}"));
        assert_string_equal(seen.words, "status p;");
        model_set_status(f->model, port, parse("{'state':'down'}"));
        assert_string_equal(seen.words, "status p;status p;");

        /* An update of what is wanted leaves what is seen; a restart does not. */
        apply_ok(f, "[{'kind':'Port','name':'p','spec':{'network':'n','mac_address':'fa:16:3e:00:00:02',"
                    "'attachment':{'tap':{'name':'tap0'}}}}]");
        cleanup_(json_decrefp) json_t *json = object_to_json(model_find(f->model, "Port", "p"));
        assert_string_equal(json_string_value(json_object_get(json_object_get(json, "status"), "state")), "down");
        assert_int_equal(json_integer_value(json_object_get(json, "revision")), 2);
        assert_string_equal(json_string_value(json_object_get(json, "kind")), "Port");
        assert_true(json_is_object(json_object_get(json, "spec")));
        model_set_status(f->model, model_find(f->model, "Port", "p"), NULL);
        assert_string_equal(seen.words, "status p;status p;status p;");
        model_unobserve(f->model, &seen.observer);
        fixture_restart(f);
        assert_null(model_find(f->model, "Port", "p")->status);
}

/* ---- loading ---- */

static void test_load_refuses(void **state)
{
        static const struct {
                const char *sql;
                int code;
                const char *kind, *name, *pointer, *words;
        } bad[] = {
                {"UPDATE objects SET kind = 'Zebra' WHERE name = 'p'", -EBADMSG, "Zebra", "p", "", "does not know"},
                {"UPDATE objects SET spec = '{' WHERE name = 'p'", -EBADMSG, "Port", "p", "/spec", "not valid"},
                {"UPDATE objects SET spec = '{}' WHERE name = 'p'", -EBADMSG, "Port", "p", "/spec/network", "missing"},
                {"DELETE FROM objects WHERE name = 'n'", -EBADMSG, "Port", "p", "/spec/network", "no Network n"},
        };
        struct fixture *f = *state;

        cleanup_free char *image = model_image(f->model);
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                struct errors errors = {0};
                struct model *model = NULL;
                char sql[256];
                sqlite3 *db;

                f->model = model_free(f->model);
                f->store = store_close(f->store);
                assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
                assert_int_equal(sqlite3_exec(db, "CREATE TABLE keep AS SELECT * FROM objects", NULL, NULL, NULL),
                                 SQLITE_OK);
                assert_int_equal(sqlite3_exec(db, bad[i].sql, NULL, NULL, NULL), SQLITE_OK);
                sqlite3_close(db);

                assert_int_equal(store_open(&f->store, f->path, &errors), 0);
                assert_int_equal(model_new(&model, f->store, &errors), bad[i].code);
                assert_null(model);
                assert_complaint(&errors, bad[i].kind, bad[i].name, bad[i].pointer, bad[i].words);
                f->store = store_close(f->store);

                assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
                snprintf(sql, sizeof(sql),
                         "DELETE FROM objects; INSERT INTO objects SELECT * FROM keep; DROP TABLE keep");
                assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
                sqlite3_close(db);
                fixture_restart(f);
                cleanup_free char *again = model_image(f->model);
                assert_string_equal(again, image);
        }
}

/* A field that is newer than the stored object gets its default. */
static void test_load_fills_in_defaults(void **state)
{
        struct fixture *f = *state;
        sqlite3 *db;

        f->model = model_free(f->model);
        f->store = store_close(f->store);
        assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db,
                                      "UPDATE objects SET spec = json_remove(spec, '$.ttl') WHERE kind = 'Underlay'",
                                      NULL, NULL, NULL),
                         SQLITE_OK);
        sqlite3_close(db);
        fixture_restart(f);
        assert_int_equal(json_integer_value(json_object_get(model_find(f->model, "Underlay", "u")->spec, "ttl")), 64);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                T(test_listing_in_order_of_names),
                T(test_many_come_and_go),
                T(test_finding),
                T(test_referrers),
                T(test_observers),
                T(test_status),
                T(test_load_refuses),
                T(test_load_fills_in_defaults),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
