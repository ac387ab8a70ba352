/* See status_log.h. One line for a change of state that somebody may have to act on. What merely came into force is not
 * told: after a start that would be a line an object. */
#include <stdio.h>
#include <string.h>

#include "model.h"
#include "socle/log.h"
#include "status_log.h"

#define NAME_SIZE  96 /* of a kind, a slash and a name */
#define FIELD_SIZE (16 + NAME_SIZE)

static const char *text_of(const json_t *json, const char *name)
{
        return json_string_value(json_object_get(json, name));
}

static bool same_text(const char *a, const char *b)
{
        return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

static bool is_error(const char *state)
{
        return state && strcmp(state, "error") == 0;
}

/* Its first or its next state on the way up. */
static bool is_beginning(const char *state)
{
        return !state || strcmp(state, "pending") == 0;
}

/* The network of an object that is one, or is in one; NULL: neither. */
static const struct object *network_of(const struct model *model, const struct object *object)
{
        const char *name = strcmp(object->kind->name, "Port") == 0 ? text_of(object->spec, "network") : NULL;

        if (strcmp(object->kind->name, "Network") == 0)
                return object;
        return name ? model_find(model, "Network", name) : NULL;
}

struct fields {
        char text[6][FIELD_SIZE];
        const char *list[7];
        size_t count;
};

static void add_field(struct fields *fields, const char *name, const char *value)
{
        snprintf(fields->text[fields->count], FIELD_SIZE, "%.15s=%.*s", name, NAME_SIZE, value);
        fields->list[fields->count] = fields->text[fields->count];
        fields->list[++fields->count] = NULL;
}

static void add_number(struct fields *fields, const char *name, long long value)
{
        char number[24];

        snprintf(number, sizeof(number), "%lld", value);
        add_field(fields, name, number);
}

static void name_object(const struct model *model, const struct object *object, struct fields *fields)
{
        const struct object *network = network_of(model, object);
        char name[NAME_SIZE];

        snprintf(name, sizeof(name), "%s/%s", object->kind->name, object->name);
        add_field(fields, "OBJECT", name);
        add_number(fields, "REVISION", (long long)object->revision);
        if (strcmp(object->kind->name, "Port") == 0)
                add_field(fields, "PORT", object->name);
        if (!network)
                return;
        add_field(fields, "NETWORK", network->name);
        const json_t *vni = json_object_get(network->spec, "vni"), *vlan = json_object_get(network->spec, "vlan");
        if (vni || vlan)
                add_number(fields, vni ? "VNI" : "VLAN", json_integer_value(vni ? vni : vlan));
}

static void on_status_changed(void *user, const struct object *object, const json_t *before)
{
        const char *state = text_of(object->status, "state"), *was = text_of(before, "state");
        const char *error = text_of(object->status, "error");
        struct fields fields = {};

        if (same_text(state, was) && same_text(error, text_of(before, "error")))
                return;
        if (!is_error(state) && (is_beginning(was) || is_beginning(state)))
                return;
        name_object(user, object, &fields);
        if (state)
                add_field(&fields, "STATE", state);
        if (error)
                socle_log_fields(is_error(state) ? LOG_WARNING : LOG_NOTICE, fields.list, "%s %s: %s: %s",
                                 object->kind->name, object->name, state ? state : "no state", error);
        else
                socle_log_fields(is_error(was) ? LOG_NOTICE : LOG_INFO, fields.list, "%s %s: %s, was %s",
                                 object->kind->name, object->name, state ? state : "no state", was ? was : "nothing");
}

void status_log_start(struct model *model)
{
        static struct model_observer observer;

        observer = (struct model_observer){.status_changed = on_status_changed, .user = model};
        model_observe(model, &observer);
}
