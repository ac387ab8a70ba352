/* schema: every kind and every method, as machines read it; soclectl's `explain` and the docs come from it. */
#include <errno.h>

#include "method.h"
#include "model.h"
#include "server.h"

static const struct param params[] = {
        {"kind", PARAM_STRING, "only this kind"},
        {},
};

static json_t *all_kinds(void)
{
        json_t *kinds = json_array();

        for (const struct kind *kind = kind_first(); kind; kind = kind->next)
                json_array_append_new(kinds, kind_to_json(kind));
        return kinds;
}

static json_t *all_methods(void)
{
        json_t *methods = json_array();

        for (const struct method *m = method_first(); m; m = m->next)
                json_array_append_new(methods, method_to_json(m));
        return methods;
}

static void run(struct call *call, json_t *json)
{
        const char *name = json_string_value(json_object_get(json, "kind"));
        const struct kind *kind = name ? kind_find(name) : NULL;
        struct errors errors = {};

        if (name && !kind) {
                errors_add(&errors, -EINVAL, "/kind", "a kind; `schema` without one lists them",
                           "there is no kind \"%.64s\"", name);
                call_fail_errors(call, &errors);
                return;
        }
        call_reply(call, json_pack("{so, so}", "kinds", kind ? json_pack("[o]", kind_to_json(kind)) : all_kinds(),
                                   "methods", all_methods()));
}

static struct method schema = {
        .name = "schema",
        .help = "What can be declared and asked: kinds with their fields, methods with their parameters.",
        .role = ROLE_READ,
        .params = params,
        .run = run,
};
REGISTER_METHOD(schema);
