/* A transaction as `apply` and `delete` answer it, planned or done. */
#include "method.h"
#include "model.h"
#include "private.h"
#include "tuning.h"

static json_t *change_to_json(const struct change *change)
{
        static const char *const actions[] = {
                [CHANGE_ADD] = "add", [CHANGE_UPDATE] = "update", [CHANGE_DELETE] = "delete"};
        const struct object *object = change->after ?: change->before;
        json_t *json = json_pack("{ss, ss, ss}", "action", actions[change->type], "kind", object->kind->name, "name",
                                 object->name);

        if (change->type == CHANGE_UPDATE)
                json_object_set_new(json, "diff", spec_diff(change->before->spec, change->after->spec));
        return json;
}

static json_t *changes_to_json(const struct transaction *transaction, size_t requested, bool dry_run)
{
        size_t counts[3] = {}, count = transaction_count(transaction);
        json_t *changes = json_array();

        for (size_t i = 0; i < count; i++) {
                const struct change *change = transaction_change(transaction, i);
                counts[change->type]++;
                json_array_append_new(changes, change_to_json(change));
        }
        size_t touched = counts[CHANGE_ADD] + counts[CHANGE_UPDATE];
        return json_pack("{so, s{sI, sI, sI, sI}, sb}", "changes", changes, "counts", "added",
                         (json_int_t)counts[CHANGE_ADD], "updated", (json_int_t)counts[CHANGE_UPDATE], "deleted",
                         (json_int_t)counts[CHANGE_DELETE], "unchanged",
                         (json_int_t)(requested > touched ? requested - touched : 0), "dry_run", dry_run);
}

void call_finish_transaction(struct call *call, struct transaction *transaction, const json_t *objects, bool dry_run,
                             const json_t *wait)
{
        struct rpc_context *context = call_context(call);
        json_t *result = changes_to_json(transaction, json_array_size(objects), dry_run);
        uint64_t revision = model_revision(context->model);
        struct errors errors = {};

        if (dry_run) {
                json_object_set_new(result, "revision", json_integer((json_int_t)revision));
                call_preview_host(call, transaction, result);
                return;
        }
        if (model_commit(context->model, transaction, &revision, &errors) < 0) {
                audit_log(call, json_object_get(result, "changes"), errors.list[0].message, revision);
                json_decref(result);
                call_fail_errors(call, &errors);
                return;
        }
        audit_log(call, json_object_get(result, "changes"), "done", revision);
        json_object_set_new(result, "revision", json_integer((json_int_t)revision));
        if (wait)
                call_reply_in_force(call, result, objects, revision, json_number_value(wait));
        else
                call_reply(call, result);
}

void call_refuse_change(struct call *call, const json_t *objects, bool dry_run, const struct errors *errors)
{
        if (!dry_run)
                audit_log(call, objects, errors->list[0].message, model_revision(call_context(call)->model));
        call_fail_errors(call, errors);
}
