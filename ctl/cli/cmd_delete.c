/* delete: what is no longer wanted. */
#include <stdio.h>

#include "command.h"
#include "diff.h"
#include "format.h"
#include "kinds.h"
#include "manifest.h"
#include "report.h"
#include "say.h"
#include "session.h"

/* KIND NAME… as objects. */
static int name_objects(struct session *session, const struct arguments *arguments, struct manifest *manifest)
{
        json_t *schema = NULL;
        const json_t *kind = NULL;
        int status = kinds_load(session, &schema);

        if (!status)
                status = kinds_find(schema, arguments->operands[0], &kind);
        for (int i = 1; !status && i < arguments->operand_count; i++)
                json_array_append_new(manifest->objects, json_pack("{s:s, s:s}", "kind", member_text(kind, "kind"),
                                                                   "name", arguments->operands[i]));
        json_decref(schema);
        return status;
}

/* Of objects in files only kind and name matter here. */
static void drop_specs(struct manifest *manifest)
{
        json_t *object;
        size_t i;

        json_array_foreach (manifest->objects, i, object)
                json_object_del(object, "spec");
}

static int collect(struct session *session, const struct arguments *arguments, struct manifest *manifest)
{
        bool from_files = arguments_given(arguments, "file");
        int status;

        if (from_files != (arguments->operand_count == 0) || (!from_files && arguments->operand_count < 2)) {
                complain("delete: which objects?");
                advise("soclectl delete KIND NAME…, or soclectl delete -f FILE");
                return CLI_USAGE;
        }
        if (!from_files) {
                manifest->objects = json_array();
                return name_objects(session, arguments, manifest);
        }
        status = manifest_read_all(manifest, arguments);
        if (!status)
                drop_specs(manifest);
        return status;
}

static json_t *build_params(const struct arguments *arguments, const struct manifest *manifest, long long revision)
{
        json_t *params = json_pack("{s:O}", "objects", manifest->objects);

        if (arguments_given(arguments, "ignore-missing"))
                json_object_set_new(params, "ignore_missing", json_true());
        if (revision >= 0)
                json_object_set_new(params, "if_revision", json_integer(revision));
        return params;
}

static int run(struct session *session, const struct arguments *arguments)
{
        struct manifest manifest = {0};
        long long revision = -1;
        json_t *reply = NULL;
        const json_t *result;
        int status = arguments_revision(arguments, "if-revision", &revision);

        if (!status)
                status = collect(session, arguments, &manifest);
        if (!status)
                status = session_request(session, "delete", build_params(arguments, &manifest, revision), 0, &reply);
        result = json_object_get(reply, "result");
        if (!status && !result) {
                status = report_error(json_object_get(reply, "error"), &manifest);
        } else if (!status && !arguments_given(arguments, "quiet")) {
                diff_print(result, NULL, false);
                diff_print_counts(result);
                printf("; revision %lld\n", (long long)json_integer_value(json_object_get(result, "revision")));
        }
        json_decref(reply);
        manifest_done(&manifest);
        return status;
}

static const struct option_spec options[] = {
        {"file", 'f', "FILE", false, "delete the objects in FILE; - is standard input; repeatable", NULL},
        {"ignore-missing", 0, NULL, false, "what is not there is no error", NULL},
        {"if-revision", 0, "N", false, "only if none of these objects was changed after revision N", NULL},
        {"quiet", 'q', NULL, false, "say only what is wrong", NULL},
        {NULL},
};

static struct command delete_command = {
        .name = "delete",
        .summary = "delete objects by name, or those in files",
        .synopsis = "KIND NAME… | -f FILE [--ignore-missing] [--if-revision N]",
        .description = "Deletes the objects in one transaction: all of them, or none. One that others refer to is not\n"
                       "deleted, unless they are deleted with it.",
        .options = options,
        .operands = OPERANDS_KIND_NAMES,
        .operands_max = -1,
        .run = run,
};
REGISTER_COMMAND(delete_command)
