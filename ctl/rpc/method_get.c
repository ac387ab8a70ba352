/* get: the objects as they are now, wanted and seen. */
#include <errno.h>

#include "method.h"
#include "model.h"
#include "server.h"

static const struct param params[] = {
        {"kind", PARAM_STRING, "only this kind"},
        {"name", PARAM_STRING, "only this one; needs a kind"},
        {"revision", PARAM_INT, "only what was changed after this revision", .max = INT64_MAX},
        {},
};

static void add_kind(json_t *objects, struct model *model, const struct kind *kind, uint64_t after)
{
        for (struct object *o = NULL; (o = model_next(model, kind, o));)
                if (o->revision > after)
                        json_array_append_new(objects, object_to_json(o));
}

static int gather(struct model *model, const json_t *json, json_t *objects, struct errors *errors)
{
        const char *kind_name = json_string_value(json_object_get(json, "kind"));
        const char *name = json_string_value(json_object_get(json, "name"));
        uint64_t after = (uint64_t)json_integer_value(json_object_get(json, "revision"));
        const struct kind *kind = kind_name ? kind_find(kind_name) : NULL;

        if (name && !kind_name) {
                errors_add(errors, -EINVAL, "/kind", "the kind of the object", "a name is unique only in its kind");
                return -EINVAL;
        }
        if (kind_name && !kind) {
                errors_add(errors, -EINVAL, "/kind", "a kind; `schema` lists them", "there is no kind \"%.64s\"",
                           kind_name);
                return -EINVAL;
        }
        if (!name) {
                for (const struct kind *k = kind ?: kind_first(); k; k = kind ? NULL : k->next)
                        add_kind(objects, model, k, after);
                return 0;
        }
        struct object *object = model_find(model, kind_name, name);
        if (!object) {
                errors->kind = kind_name;
                errors->name = name;
                errors_add(errors, -ENOENT, "/name", "", "there is no such object");
                return -ENOENT;
        }
        if (object->revision > after)
                json_array_append_new(objects, object_to_json(object));
        return 0;
}

static void run(struct call *call, json_t *json)
{
        struct model *model = call_context(call)->model;
        json_t *objects = json_array();
        struct errors errors = {};

        if (gather(model, json, objects, &errors) < 0) {
                json_decref(objects);
                call_fail_errors(call, &errors);
                return;
        }
        call_reply(call, json_pack("{sI, so}", "revision", (json_int_t)model_revision(model), "objects", objects));
}

static struct method get = {
        .name = "get",
        .help = "The objects with spec (wanted) and status (seen): all, of a kind, or one.",
        .role = ROLE_READ,
        .params = params,
        .run = run,
};
REGISTER_METHOD(get);
