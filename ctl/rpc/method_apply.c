/* apply: upserts a list of objects in one transaction. */
#include <string.h>

#include "method.h"
#include "model.h"
#include "server.h"

static const struct param params[] = {
        {"objects", PARAM_OBJECTS, "what is wanted: {kind, name, spec} each", .required = true},
        {"dry_run", PARAM_BOOL, "only tell what would change"},
        {"replace", PARAM_BOOL, "the list is the whole truth for the kinds in it: others of these kinds are deleted"},
        {"if_revision", PARAM_INT, "fail if one of the objects was changed after this revision", .max = INT64_MAX},
        {"wait", PARAM_NUMBER, "answer only once dataplane and host have it in force, or after so long", .unit = "s",
         .max = 60},
        {},
};

static void run(struct call *call, json_t *json)
{
        const json_t *if_revision = json_object_get(json, "if_revision");
        bool dry_run = json_is_true(json_object_get(json, "dry_run"));
        struct apply_request request = {
                .objects = json_object_get(json, "objects"),
                .replace = json_is_true(json_object_get(json, "replace")),
                .has_if_revision = if_revision != NULL,
                .if_revision = (uint64_t)json_integer_value(if_revision),
                /* A dry run changes nothing: whoever may read may ask. */
                .role = dry_run ? ROLE_ADMIN : call_role(call),
        };
        struct transaction *transaction;
        struct errors errors = {};

        if (model_plan_apply(call_context(call)->model, &request, &transaction, &errors) < 0)
                call_refuse_change(call, request.objects, dry_run, &errors);
        else
                call_finish_transaction(call, transaction, request.objects, dry_run, json_object_get(json, "wait"));
}

static struct method apply = {
        .name = "apply",
        .help = "Makes and changes objects, all or none; what it has answered is on disk.",
        .role = ROLE_READ,
        .params = params,
        .run = run,
};
REGISTER_METHOD(apply);
