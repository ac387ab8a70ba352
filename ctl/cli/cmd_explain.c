/* explain: what a kind or a field is, from the node's own schema. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "format.h"
#include "kinds.h"
#include "output.h"
#include "say.h"
#include "session.h"
#include "table.h"

static const json_t *find_field(const json_t *fields, const char *name)
{
        json_t *field;
        size_t i;

        json_array_foreach (fields, i, field)
                if (strcmp(member_text(field, "name"), name) == 0)
                        return field;
        return NULL;
}

/* The fields below a field; a list's are those of its entries. */
static const json_t *fields_of(const json_t *field)
{
        const json_t *item;

        while ((item = json_object_get(field, "item")))
                field = item;
        return json_object_get(field, "fields");
}

/* "list of ip", "ref to Network" */
static const char *type_words(const json_t *field, char *buffer, size_t size)
{
        const json_t *item = json_object_get(field, "item");
        const char *type = member_text(field, "type"), *ref = member_text(field, "ref");
        char inner[96];

        if (item)
                snprintf(buffer, size, "list of %s", type_words(item, inner, sizeof(inner)));
        else if (*ref)
                snprintf(buffer, size, "name of a %s", ref);
        else if (strcmp(type, "oneof") == 0)
                snprintf(buffer, size, "exactly one of its fields");
        else
                snprintf(buffer, size, "%s", type);
        return buffer;
}

static void print_json_line(const char *label, const json_t *value)
{
        cleanup_free char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

        if (text)
                printf("  %-10s %s\n", label, text);
}

static void print_facts(const json_t *field)
{
        const json_t *min = json_object_get(field, "min"), *max = json_object_get(field, "max");
        const char *expected = member_text(field, "expected"), *unit = member_text(field, "unit");
        const json_t *choices = json_object_get(field, "choices");
        char type[128];

        printf("  %-10s %s\n", "type", type_words(field, type, sizeof(type)));
        if (*expected)
                printf("  %-10s %s\n", "right", expected);
        else if (min && max)
                printf("  %-10s %lld … %lld\n", "bounds", (long long)json_integer_value(min),
                       (long long)json_integer_value(max));
        if (*unit)
                printf("  %-10s %s\n", "unit", unit);
        if (choices)
                print_json_line("choices", choices);
        print_json_line("default", json_object_get(field, "default"));
        printf("  %-10s %s\n", "required", json_is_true(json_object_get(field, "required")) ? "yes" : "no");
        if (json_is_true(json_object_get(field, "immutable")))
                printf("  %-10s no: delete the object and make it anew\n", "changeable");
}

static void print_fields(const json_t *fields)
{
        cleanup_(table_free_p) struct table *table = table_new();
        json_t *field;
        size_t i;

        if (!table || json_array_size(fields) == 0)
                return;
        table_column(table, "FIELD", 0);
        table_column(table, "TYPE", 0);
        table_column(table, "DEFAULT", 0);
        table_column(table, "WHAT IT IS", TABLE_TRUNCATE);
        json_array_foreach (fields, i, field) {
                cleanup_free char *fallback =
                        json_dumps(json_object_get(field, "default"), JSON_ENCODE_ANY | JSON_COMPACT);
                bool required = json_is_true(json_object_get(field, "required"));
                char type[128];

                table_row(table);
                table_cell(table, BOLD, "%s", member_text(field, "name"));
                table_cell(table, PLAIN, "%s", type_words(field, type, sizeof(type)));
                table_cell(table, required ? YELLOW : PLAIN, "%s", required ? "required" : fallback ? fallback : "");
                table_cell(table, PLAIN, "%s", member_text(field, "help"));
        }
        putchar('\n');
        table_print(table, 0);
}

static void print_kinds(const json_t *schema)
{
        cleanup_(table_free_p) struct table *table = table_new();
        json_t *kind;
        size_t i;

        if (!table)
                return;
        table_column(table, "KIND", 0);
        table_column(table, "AREA", 0);
        table_column(table, "WRITTEN BY", 0);
        table_column(table, "WHAT IT IS", TABLE_TRUNCATE);
        json_array_foreach (json_object_get(schema, "kinds"), i, kind) {
                table_row(table);
                table_cell(table, BOLD, "%s", member_text(kind, "kind"));
                table_cell(table, PLAIN, "%s", member_text(kind, "area"));
                table_cell(table, PLAIN, "%s", member_text(kind, "write_role"));
                table_cell(table, PLAIN, "%s", member_text(kind, "help"));
        }
        table_print(table, 0);
}

static int complain_field(const char *path, const char *name, const json_t *fields)
{
        json_t *field;
        size_t i;

        complain("%s has no field \"%s\"", path, name);
        json_array_foreach (fields, i, field)
                advise("%s %s", i == 0 ? "its fields:" : "           ", member_text(field, "name"));
        return CLI_USAGE;
}

/* Descends from a kind along "field.field"; *path becomes the whole path as the schema spells it. "spec" may be said.
 */
static int descend(const json_t *kind, char *rest, char *path, size_t size, const json_t **ret)
{
        const json_t *at = kind;
        char *state;

        snprintf(path, size, "%s", member_text(kind, "kind"));
        for (char *name = strtok_r(rest, ".", &state); name; name = strtok_r(NULL, ".", &state)) {
                const json_t *fields = fields_of(at), *field = find_field(fields, name);
                size_t length = strlen(path);

                if (!field && at == kind && strcmp(name, "spec") == 0)
                        continue;
                if (!field)
                        return complain_field(path, name, fields);
                snprintf(path + length, size - length, ".%s", name);
                at = field;
        }
        *ret = at;
        return CLI_OK;
}

static int explain(const struct arguments *arguments, const json_t *schema)
{
        cleanup_free char *word = strdup(arguments->operands[0]);
        char *dot = word ? strchr(word, '.') : NULL, nothing[] = "", path[512];
        const json_t *kind = NULL, *found = NULL;
        int status;

        if (!word)
                return CLI_REFUSED;
        if (dot)
                *dot = '\0';
        status = kinds_find(schema, word, &kind);
        if (!status)
                status = descend(kind, dot ? dot + 1 : nothing, path, sizeof(path), &found);
        if (status || output_print(arguments, found))
                return status;

        printf("%s%s%s: %s\n", paint(BOLD), path, paint(PLAIN), member_text(found, "help"));
        if (found == kind)
                printf("  %-10s %s\n  %-10s role %s\n", "area", member_text(kind, "area"), "written by",
                       member_text(kind, "write_role"));
        else
                print_facts(found);
        print_fields(fields_of(found));
        return CLI_OK;
}

static int run(struct session *session, const struct arguments *arguments)
{
        json_t *schema = NULL;
        int status = kinds_load(session, &schema);

        if (!status && arguments->operand_count > 0)
                status = explain(arguments, schema);
        else if (!status && !output_print(arguments, schema))
                print_kinds(schema);
        json_decref(schema);
        return status;
}

static const struct option_spec options[] = {
        {"output", 'o', "FORMAT", false, "table (default), json or yaml: the schema itself", output_choices_table},
        {NULL},
};

static struct command explain_command = {
        .name = "explain",
        .summary = "say what a kind or a field is, and what would be right",
        .synopsis = "[KIND[.field[.field…]]] [-o table|json|yaml]",
        .description =
                "Without an argument: the kinds of objects. With one: its fields, their types, bounds and defaults,\n"
                "as this node has them: soclectl explain port.attachment.tap",
        .options = options,
        .operands = OPERANDS_FIELDS,
        .operands_max = 1,
        .run = run,
};
REGISTER_COMMAND(explain_command)
