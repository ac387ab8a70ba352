/* get: the objects there are, with what is wanted and what is seen. */
#include <stdio.h>
#include <string.h>

#include "columns.h"
#include "command.h"
#include "format.h"
#include "kinds.h"
#include "output.h"
#include "report.h"
#include "say.h"
#include "session.h"
#include "yaml.h"

/* Appends the objects that `get` answers to `all`. */
static int fetch(struct session *session, const char *kind, const char *name, json_t *all, json_int_t *ret_revision)
{
        json_t *params = json_object(), *result = NULL;
        int status;

        if (kind)
                json_object_set_new(params, "kind", json_string(kind));
        if (name)
                json_object_set_new(params, "name", json_string(name));
        status = session_call(session, "get", params, &result);
        if (status)
                return status;
        json_array_extend(all, json_object_get(result, "objects"));
        *ret_revision = json_integer_value(json_object_get(result, "revision"));
        json_decref(result);
        return CLI_OK;
}

static int fetch_all(struct session *session, const struct arguments *arguments, const json_t *schema, json_t *objects,
                     json_int_t *ret_revision)
{
        const json_t *kind = NULL;
        int status;

        if (arguments->operand_count == 0)
                return fetch(session, NULL, NULL, objects, ret_revision);
        status = kinds_find(schema, arguments->operands[0], &kind);
        if (!status && arguments->operand_count == 1)
                return fetch(session, member_text(kind, "kind"), NULL, objects, ret_revision);
        for (int i = 1; !status && i < arguments->operand_count; i++)
                status = fetch(session, member_text(kind, "kind"), arguments->operands[i], objects, ret_revision);
        return status;
}

static void print_names(const json_t *objects, bool with_kind)
{
        json_t *object;
        size_t i;

        json_array_foreach (objects, i, object) {
                if (with_kind)
                        printf("%s ", member_text(object, "kind"));
                printf("%s\n", member_text(object, "name"));
        }
}

static void print_yaml(const json_t *objects)
{
        json_t *object;
        size_t i;

        json_array_foreach (objects, i, object) {
                if (i > 0)
                        puts("---");
                yaml_emit(stdout, object, 0);
        }
}

/* One table a kind, in the order of the kinds, with a heading when there is more than one. */
static void print_tables(const json_t *schema, const json_t *objects, bool with_kind)
{
        json_t *kind, *object;
        bool first = true;
        size_t i, j;

        json_array_foreach (json_object_get(schema, "kinds"), i, kind) {
                const char *name = member_text(kind, "kind");
                json_t *own = json_array();

                json_array_foreach (objects, j, object)
                        if (strcmp(member_text(object, "kind"), name) == 0)
                                json_array_append(own, object);
                if (json_array_size(own) > 0) {
                        if (with_kind)
                                printf("%s%s%s%s\n", first ? "" : "\n", paint(BOLD), name, paint(PLAIN));
                        columns_print(kind, own);
                        first = false;
                }
                json_decref(own);
        }
        if (first)
                printf("no objects\n");
}

static void export(const json_t *objects)
{
        json_t *object;
        size_t i;

        json_array_foreach (objects, i, object) {
                json_object_del(object, "id");
                json_object_del(object, "revision");
                json_object_del(object, "status");
        }
}

static int run(struct session *session, const struct arguments *arguments)
{
        json_t *schema = NULL, *objects = json_array(), *whole;
        json_int_t revision = 0;
        int status = kinds_load(session, &schema);

        if (!status)
                status = fetch_all(session, arguments, schema, objects, &revision);
        if (!status && arguments_given(arguments, "export"))
                export(objects);

        if (!status && arguments_is(arguments, "output", "table", "name")) {
                print_names(objects, arguments->operand_count == 0);
        } else if (!status && arguments_is(arguments, "output", "table", "json")) {
                whole = json_pack("{s:I, s:O}", "revision", revision, "objects", objects);
                output_json(whole);
                json_decref(whole);
        } else if (!status && arguments_is(arguments, "output", "table", "yaml")) {
                print_yaml(objects);
        } else if (!status) {
                print_tables(schema, objects, arguments->operand_count == 0);
        }
        json_decref(schema);
        json_decref(objects);
        return status;
}

static const struct option_spec options[] = {
        {"output", 'o', "FORMAT", false, "table (default), json, yaml or name", output_choices_get},
        {"export", 0, NULL, false, "json and yaml: only kind, name and spec", NULL},
        {NULL},
};

static struct command get_command = {
        .name = "get",
        .summary = "show objects, as wanted and as seen",
        .synopsis = "[KIND [NAME…]] [-o table|json|yaml|name] [--export]",
        .description = "Shows all objects, those of a kind, or those named. A kind may be written in any case, in the\n"
                       "plural, or shortened: ports, port, net. What -o yaml prints, `soclectl apply` takes.",
        .options = options,
        .operands = OPERANDS_KIND_NAMES,
        .operands_max = -1,
        .run = run,
};
REGISTER_COMMAND(get_command)
