/* delete: removes a list of objects in one transaction. */
#include "method.h"
#include "model.h"
#include "server.h"

static const struct param params[] = {
        {"objects", PARAM_OBJECTS, "what is no longer wanted: {kind, name} each", .required = true},
        {"ignore_missing", PARAM_BOOL, "an object that is not there is no error"},
        {"dry_run", PARAM_BOOL, "only tell what would change"},
        {"if_revision", PARAM_INT, "fail if one of the objects was changed after this revision", .max = INT64_MAX},
        {"wait", PARAM_NUMBER, "answer only once the dataplane has it in force, or after so long", .unit = "s",
         .max = 60},
        {},
};

static void run(struct call *call, json_t *json)
{
        const json_t *if_revision = json_object_get(json, "if_revision");
        bool dry_run = json_is_true(json_object_get(json, "dry_run"));
        struct delete_request request = {
                .objects = json_object_get(json, "objects"),
                .ignore_missing = json_is_true(json_object_get(json, "ignore_missing")),
                .has_if_revision = if_revision != NULL,
                .if_revision = (uint64_t)json_integer_value(if_revision),
                .role = dry_run ? ROLE_ADMIN : call_role(call),
        };
        struct transaction *transaction;
        struct errors errors = {};

        if (model_plan_delete(call_context(call)->model, &request, &transaction, &errors) < 0)
                call_refuse_change(call, request.objects, dry_run, &errors);
        else
                call_finish_transaction(call, transaction, request.objects, dry_run, json_object_get(json, "wait"));
}

static struct method delete = {
        .name = "delete",
        .help = "Removes objects, all or none; one that others refer to stays, and they are named.",
        .role = ROLE_READ,
        .params = params,
        .run = run,
};
REGISTER_METHOD(delete);
