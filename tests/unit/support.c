/* See support.h. */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "socle/cleanup.h"

const char small_world[] =
        "[{'kind':'Underlay','name':'u','spec':{'device':{'af_packet':{'interface':'eth1'}},"
        "  'vtep_ipv4':'192.0.2.1/24','vtep_ipv6':'fd00:2::1/64','mtu':1600}},"
        " {'kind':'Network','name':'n','spec':{'underlay':'u','vni':100}},"
        " {'kind':'Port','name':'p','spec':{'network':'n','mac_address':'fa:16:3e:00:00:01','fixed_ips':['10.0.0.1'],"
        "  'attachment':{'tap':{'name':'tap0'}}}}]";

static void open_all(struct fixture *fixture)
{
        struct errors errors = {0};

        if (store_open(&fixture->store, fixture->path, &errors) < 0 ||
            model_new(&fixture->model, fixture->store, &errors) < 0) {
                print_errors(&errors);
                fail();
        }
}

int fixture_setup(void **state)
{
        struct fixture *fixture = calloc(1, sizeof(*fixture));

        snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/socle-unit-XXXXXX");
        assert_non_null(mkdtemp(fixture->directory));
        snprintf(fixture->path, sizeof(fixture->path), "%s/intent.db", fixture->directory);
        open_all(fixture);
        *state = fixture;
        return 0;
}

static void close_all(struct fixture *fixture)
{
        fixture->model = model_free(fixture->model);
        fixture->store = store_close(fixture->store);
}

int fixture_teardown(void **state)
{
        static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
        struct fixture *fixture = *state;
        char path[128];

        close_all(fixture);
        for (size_t i = 0; i < 4; i++) {
                snprintf(path, sizeof(path), "%s%s", fixture->path, suffixes[i]);
                unlink(path);
        }
        rmdir(fixture->directory);
        free(fixture);
        return 0;
}

void fixture_restart(struct fixture *fixture)
{
        close_all(fixture);
        open_all(fixture);
}

json_t *parse(const char *quoted)
{
        cleanup_free char *text = strdup(quoted);
        json_error_t error;

        for (char *c = text; *c; c++)
                if (*c == '\'')
                        *c = '"';
        json_t *json = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
        if (!json)
                fail_msg("%s at %d in %s", error.text, error.position, text);
        return json;
}

json_t *parse_format(const char *format, ...)
{
        cleanup_free char *text = NULL;
        va_list args;

        va_start(args, format);
        int n = vasprintf(&text, format, args);
        va_end(args);
        assert_true(n >= 0);
        return parse(text);
}

int apply_json(struct fixture *fixture, json_t *given, struct apply how, struct errors *errors)
{
        cleanup_(json_decrefp) json_t *objects = given;
        struct apply_request request = {
                .objects = objects,
                .replace = how.replace,
                .has_if_revision = how.if_revision >= 0,
                .if_revision = how.if_revision,
                .role = how.role,
        };
        struct transaction *transaction = NULL;

        int r = model_plan_apply(fixture->model, &request, &transaction, errors);
        if (r < 0)
                return r;
        if (how.dry_run) {
                transaction_free(transaction);
                return 0;
        }
        return model_commit(fixture->model, transaction, NULL, errors);
}

uint64_t apply_ok(struct fixture *fixture, const char *objects)
{
        struct errors errors = {0};

        if (apply_json(fixture, parse(objects), APPLY_DEFAULT, &errors) < 0) {
                print_errors(&errors);
                fail_msg("refused: %s", objects);
        }
        assert_int_equal(errors.count, 0);
        return model_revision(fixture->model);
}

void apply_bad(struct fixture *fixture, const char *objects, struct errors *errors)
{
        cleanup_free char *before = model_image(fixture->model);

        *errors = (struct errors){0};
        int r = apply_json(fixture, parse(objects), APPLY_DEFAULT, errors);
        if (r == 0)
                fail_msg("accepted: %s", objects);
        assert_int_equal(r, errors->code);
        assert_true(errors->count > 0);
        cleanup_free char *after = model_image(fixture->model);
        assert_string_equal(before, after);
}

int delete_json(struct fixture *fixture, const char *text, bool ignore_missing, int64_t if_revision, enum role role,
                struct errors *errors)
{
        cleanup_(json_decrefp) json_t *objects = parse(text);
        struct delete_request request = {
                .objects = objects,
                .ignore_missing = ignore_missing,
                .has_if_revision = if_revision >= 0,
                .if_revision = if_revision,
                .role = role,
        };
        struct transaction *transaction = NULL;

        int r = model_plan_delete(fixture->model, &request, &transaction, errors);
        return r < 0 ? r : model_commit(fixture->model, transaction, NULL, errors);
}

uint64_t delete_ok(struct fixture *fixture, const char *objects)
{
        struct errors errors = {0};

        if (delete_json(fixture, objects, false, -1, ROLE_ADMIN, &errors) < 0) {
                print_errors(&errors);
                fail_msg("refused to delete: %s", objects);
        }
        return model_revision(fixture->model);
}

void print_errors(const struct errors *errors)
{
        for (size_t i = 0; i < errors->count && i < ERRORS_MAX; i++) {
                const struct complaint *c = &errors->list[i];
                printf("  %s %s %s: %s; expected: %s\n", c->kind, c->name, c->pointer, c->message, c->expected);
        }
        printf("  code %d (%s), %zu complaints\n", errors->code, strerror(-errors->code), errors->count);
}

void assert_complaint(const struct errors *errors, const char *kind, const char *name, const char *pointer,
                      const char *words)
{
        for (size_t i = 0; i < errors->count && i < ERRORS_MAX; i++) {
                const struct complaint *c = &errors->list[i];
                if (strcmp(c->kind, kind) == 0 && strcmp(c->name, name) == 0 && strcmp(c->pointer, pointer) == 0 &&
                    (strstr(c->message, words) || strstr(c->expected, words)))
                        return;
        }
        print_errors(errors);
        fail_msg("no complaint about %s %s at %s with \"%s\"", kind, name, pointer, words);
}

void assert_only_complaint(const struct errors *errors, int code, const char *kind, const char *name,
                           const char *pointer, const char *words)
{
        assert_complaint(errors, kind, name, pointer, words);
        if (errors->count != 1 || errors->code != code) {
                print_errors(errors);
                fail_msg("expected one complaint with code %d", code);
        }
}

void check_bad(struct fixture *fixture, const struct bad *bad, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                cleanup_(json_decrefp) json_t *objects =
                        parse_format("[{'kind':'%s','name':'%s','spec':%s}]", bad[i].kind, bad[i].name, bad[i].spec);
                cleanup_free char *text = json_dumps(objects, JSON_COMPACT);
                struct errors errors;

                apply_bad(fixture, text, &errors);
                assert_only_complaint(&errors, -EINVAL, bad[i].kind, bad[i].name, bad[i].pointer, bad[i].words);
        }
}

char *model_image(const struct model *model)
{
        cleanup_(json_decrefp) json_t *all = json_array();

        for (const struct kind *kind = kind_first(); kind; kind = kind->next)
                for (struct object *o = NULL; (o = model_next(model, kind, o));)
                        json_array_append_new(all, json_pack("{s:s,s:s,s:I,s:I,s:O}", "kind", kind->name, "name",
                                                             o->name, "id", (json_int_t)o->id, "revision",
                                                             (json_int_t)o->revision, "spec", o->spec));
        return json_dumps(all, JSON_COMPACT);
}
