/* See columns.h. */
#include <ctype.h>
#include <string.h>

#include "columns.h"
#include "format.h"
#include "table.h"

#define COLUMNS_MAX 32

enum colour columns_state_colour(const char *state)
{
        static const char *const good[] = {"up", "active", "reachable"}, *const fair[] = {"down", "pending",
                                                                                          "unresolved", "drifted",
                                                                                          "waiting"};

        for (size_t i = 0; i < ARRAY_LEN(good); i++)
                if (strcmp(state, good[i]) == 0)
                        return GREEN;
        for (size_t i = 0; i < ARRAY_LEN(fair); i++)
                if (strcmp(state, fair[i]) == 0)
                        return YELLOW;
        return strcmp(state, "error") == 0 ? RED : PLAIN;
}

static bool says_something(const json_t *value, const json_t *fallback)
{
        return value && !json_is_null(value) && !(json_is_array(value) && json_array_size(value) == 0) &&
               !(fallback && json_equal(value, fallback));
}

static bool is_shown(const json_t *field, const json_t *objects)
{
        const char *name = member_text(field, "name");
        json_t *object;
        size_t i;

        if (json_is_true(json_object_get(field, "required")))
                return true;
        json_array_foreach (objects, i, object)
                if (says_something(member(object, "spec", name, NULL), json_object_get(field, "default")))
                        return true;
        return false;
}

static void add_heading(struct table *table, const json_t *field)
{
        char heading[64];

        snprintf(heading, sizeof(heading), "%s", member_text(field, "name"));
        for (char *at = heading; *at; at++)
                *at = *at == '_' ? ' ' : toupper((unsigned char)*at);
        table_column(table, heading, strcmp(member_text(field, "type"), "int") == 0 ? TABLE_RIGHT : TABLE_TRUNCATE);
}

static void add_row(struct table *table, const json_t *object, const json_t *const *shown, size_t count, bool errors)
{
        const json_t *status = json_object_get(object, "status");
        const char *state = member_text(status, "state");

        table_row(table);
        table_cell(table, PLAIN, "%s", member_text(object, "name"));
        table_cell(table, columns_state_colour(state), "%s", state);
        for (size_t i = 0; i < count; i++) {
                cleanup_free char *text = format_value(member(object, "spec", member_text(shown[i], "name"), NULL));

                table_cell(table, PLAIN, "%s", text ? text : "");
        }
        if (errors)
                table_cell(table, RED, "%s", member_text(status, "error"));
}

void columns_print(const json_t *kind, const json_t *objects)
{
        cleanup_(table_free_p) struct table *table = table_new();
        const json_t *shown[COLUMNS_MAX];
        bool errors = false;
        size_t count = 0, i;
        json_t *field, *object;

        if (!table)
                return;
        table_column(table, "NAME", 0);
        table_column(table, "STATE", 0);
        json_array_foreach (json_object_get(kind, "fields"), i, field) {
                if (count == COLUMNS_MAX || !is_shown(field, objects))
                        continue;
                add_heading(table, field);
                shown[count++] = field;
        }
        json_array_foreach (objects, i, object)
                errors |= *member_text(json_object_get(object, "status"), "error") != '\0';
        if (errors)
                table_column(table, "ERROR", TABLE_TRUNCATE);
        json_array_foreach (objects, i, object)
                add_row(table, object, shown, count, errors);
        table_print(table, 0);
}
