/* See method.h: the registry, and parameters against a method's table. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "method.h"
#include "role.h"

static struct method *methods;

void method_register(struct method *method)
{
        struct method **at = &methods;

        while (*at && strcmp((*at)->name, method->name) < 0)
                at = &(*at)->next;
        method->next = *at;
        *at = method;
}

const struct method *method_first(void)
{
        return methods;
}

const struct method *method_find(const char *name)
{
        for (const struct method *m = methods; m; m = m->next)
                if (strcmp(m->name, name) == 0)
                        return m;
        return NULL;
}

static const char *type_name(enum param_type type)
{
        static const char *const names[] = {
                [PARAM_BOOL] = "bool",     [PARAM_INT] = "int",         [PARAM_NUMBER] = "number",
                [PARAM_STRING] = "string", [PARAM_STRINGS] = "strings", [PARAM_OBJECTS] = "objects",
        };

        return names[type];
}

json_t *method_to_json(const struct method *method)
{
        json_t *params = json_array();

        for (const struct param *p = method->params; p->name; p++) {
                json_t *json = json_pack("{ss, ss, ss, sb}", "name", p->name, "type", type_name(p->type), "help",
                                         p->help, "required", p->required);
                if (p->unit)
                        json_object_set_new(json, "unit", json_string(p->unit));
                if (p->min != p->max) {
                        json_object_set_new(json, "min", json_integer(p->min));
                        json_object_set_new(json, "max", json_integer(p->max));
                }
                json_array_append_new(params, json);
        }
        return json_pack("{ss, ss, ss, so}", "name", method->name, "help", method->help, "role",
                         role_name(method->role), "params", params);
}

static bool within(const struct param *param, double value)
{
        return param->min == param->max || (value >= (double)param->min && value <= (double)param->max);
}

static bool all_strings(const json_t *array)
{
        size_t i;
        json_t *entry;

        json_array_foreach ((json_t *)array, i, entry)
                if (!json_is_string(entry))
                        return false;
        return true;
}

static bool fits(const struct param *param, const json_t *value)
{
        switch (param->type) {
        case PARAM_BOOL:
                return json_is_boolean(value);
        case PARAM_INT:
                return json_is_integer(value) && within(param, (double)json_integer_value(value));
        case PARAM_NUMBER:
                return json_is_number(value) && within(param, json_number_value(value));
        case PARAM_STRING:
                return json_is_string(value);
        case PARAM_STRINGS:
                return json_is_array(value) && all_strings(value);
        case PARAM_OBJECTS:
                return json_is_array(value);
        }
        return false;
}

static void expected(const struct param *param, char *buffer, size_t size)
{
        static const char *const words[] = {
                [PARAM_BOOL] = "true or false",        [PARAM_INT] = "an integer",
                [PARAM_NUMBER] = "a number",           [PARAM_STRING] = "a string",
                [PARAM_STRINGS] = "a list of strings", [PARAM_OBJECTS] = "a list of objects",
        };

        if (param->min != param->max)
                snprintf(buffer, size, "%s, %lld to %lld%s%s", words[param->type], (long long)param->min,
                         (long long)param->max, param->unit ? " " : "", param->unit ? param->unit : "");
        else
                snprintf(buffer, size, "%s: %s", words[param->type], param->help);
}

static const struct param *param_find(const struct method *method, const char *name)
{
        for (const struct param *p = method->params; p->name; p++)
                if (strcmp(p->name, name) == 0)
                        return p;
        return NULL;
}

static void complain_unknown(const struct method *method, const char *name, struct errors *errors)
{
        char words[256] = "one of:", pointer[128];
        size_t used = strlen(words);

        if (!method->params->name)
                snprintf(words, sizeof(words), "no parameters");
        for (const struct param *p = method->params; p->name && used < sizeof(words); p++)
                used += (size_t)snprintf(words + used, sizeof(words) - used, " %s%s", p->name, p[1].name ? "," : "");
        snprintf(pointer, sizeof(pointer), "/%.100s", name);
        errors_add(errors, -EINVAL, pointer, words, "method \"%s\" has no parameter \"%.100s\"", method->name, name);
}

int method_check_params(const struct method *method, const json_t *params, struct errors *errors)
{
        char words[256], pointer[128];
        const char *name;
        json_t *value;

        json_object_foreach ((json_t *)params, name, value) {
                const struct param *param = param_find(method, name);
                if (!param) {
                        complain_unknown(method, name, errors);
                        continue;
                }
                if (fits(param, value))
                        continue;
                snprintf(pointer, sizeof(pointer), "/%s", name);
                expected(param, words, sizeof(words));
                errors_add(errors, -EINVAL, pointer, words, "\"%s\" is of a wrong type or out of bounds", name);
        }
        for (const struct param *p = method->params; p->name; p++) {
                if (!p->required || json_object_get(params, p->name))
                        continue;
                snprintf(pointer, sizeof(pointer), "/%s", p->name);
                expected(p, words, sizeof(words));
                errors_add(errors, -EINVAL, pointer, words, "parameter \"%s\" is missing", p->name);
        }
        return errors->count > 0 ? -EINVAL : 0;
}
