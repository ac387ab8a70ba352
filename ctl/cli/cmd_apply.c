/* apply: makes the objects in files what is wanted; and waits until they are in force. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "diff.h"
#include "format.h"
#include "hostdiff.h"
#include "manifest.h"
#include "report.h"
#include "say.h"
#include "session.h"

#define WAIT_DEFAULT 10
#define WAIT_MAX     60 /* socled's own bound */

static double now(void)
{
        struct timespec time;

        clock_gettime(CLOCK_MONOTONIC, &time);
        return time.tv_sec + time.tv_nsec / 1e9;
}

static int check_options(const struct arguments *arguments, double *ret_wait, long long *ret_revision)
{
        int status;

        if (!arguments_given(arguments, "file")) {
                complain("apply: which file?");
                advise("soclectl apply -f FILE, or -f - for standard input");
                return CLI_USAGE;
        }
        if (arguments_given(arguments, "wait") && arguments_given(arguments, "no-wait")) {
                complain("apply: --wait and --no-wait exclude each other");
                return CLI_USAGE;
        }
        status = arguments_number(arguments, "wait", 0, WAIT_MAX, ret_wait);
        if (status)
                return status;
        if (arguments_given(arguments, "no-wait") || arguments_given(arguments, "dry-run"))
                *ret_wait = 0;
        return arguments_revision(arguments, "if-revision", ret_revision);
}

static json_t *build_params(const struct arguments *arguments, const struct manifest *manifest, double wait,
                            long long revision)
{
        json_t *params = json_pack("{s:O}", "objects", manifest->objects);

        if (arguments_given(arguments, "dry-run"))
                json_object_set_new(params, "dry_run", json_true());
        if (arguments_given(arguments, "replace"))
                json_object_set_new(params, "replace", json_true());
        if (revision >= 0)
                json_object_set_new(params, "if_revision", json_integer(revision));
        if (wait > 0)
                json_object_set_new(params, "wait", wait == (int)wait ? json_integer((int)wait) : json_real(wait));
        return params;
}

static int report_failures(const json_t *failures)
{
        json_t *failure;
        size_t i;

        json_array_foreach (failures, i, failure) {
                const char *words = member_text(failure, "error");

                complain("%s %s could not be put into force: %s", member_text(failure, "kind"),
                         member_text(failure, "name"), *words ? words : member_text(failure, "message"));
        }
        advise("they are stored and will be tried again; `soclectl status` shows how it goes");
        return CLI_REFUSED;
}

/* Stored, but does the dataplane do it? */
static int report_force(const json_t *result, double wait, double took)
{
        const json_t *failures = json_object_get(result, "failures");

        if (json_array_size(failures) > 0)
                return report_failures(failures);
        if (json_is_true(json_object_get(result, "in_force"))) {
                printf("in force after %.0f ms\n", took * 1000);
                return CLI_OK;
        }
        complain("stored, but not in force after %g s", wait);
        advise("is the dataplane well? `soclectl status`; without waiting: --no-wait");
        return CLI_TIMEOUT;
}

static int report_result(const struct arguments *arguments, const struct manifest *manifest, const json_t *result,
                         double wait, double took)
{
        bool dry_run = arguments_given(arguments, "dry-run"), quiet = arguments_given(arguments, "quiet");

        if (!quiet) {
                diff_print(result, manifest, dry_run);
                diff_print_counts(result);
                if (dry_run)
                        printf("; a dry run: nothing was changed\n");
                if (dry_run)
                        hostdiff_print(json_object_get(result, "host"));
                else
                        printf("; revision %lld\n", (long long)json_integer_value(json_object_get(result, "revision")));
                fflush(stdout);
        }
        if (wait <= 0)
                return CLI_OK;
        if (quiet && json_is_true(json_object_get(result, "in_force")) && !json_object_get(result, "failures"))
                return CLI_OK;
        return report_force(result, wait, took);
}

static int run(struct session *session, const struct arguments *arguments)
{
        struct manifest manifest = {0};
        double wait = WAIT_DEFAULT, started;
        long long revision = -1;
        json_t *reply = NULL;
        int status = check_options(arguments, &wait, &revision);

        if (!status)
                status = manifest_read_all(&manifest, arguments);
        started = now();
        if (!status)
                status = session_request(session, "apply", build_params(arguments, &manifest, wait, revision),
                                         (int)(wait * 1000), &reply);
        if (!status && json_object_get(reply, "error"))
                status = report_error(json_object_get(reply, "error"), &manifest);
        else if (!status)
                status = report_result(arguments, &manifest, json_object_get(reply, "result"), wait, now() - started);
        json_decref(reply);
        manifest_done(&manifest);
        return status;
}

static const struct option_spec options[] = {
        {"file", 'f', "FILE", false, "YAML or JSON with objects; - is standard input; repeatable", NULL},
        {"dry-run", 'n', NULL, false, "show what would change, change nothing", NULL},
        {"replace", 0, NULL, false, "the files are the whole truth for the kinds in them: delete the others", NULL},
        {"if-revision", 0, "N", false, "only if none of these objects was changed after revision N", NULL},
        {"wait", 'w', "SECONDS", true, "wait so long until it is in force (default 10)", NULL},
        {"no-wait", 0, NULL, false, "do not wait until it is in force", NULL},
        {"quiet", 'q', NULL, false, "say only what is wrong", NULL},
        {NULL},
};

static struct command apply_command = {
        .name = "apply",
        .summary = "make the objects in files what is wanted",
        .synopsis = "-f FILE [-f FILE…] [--dry-run] [--replace] [--if-revision N] [--wait[=SECONDS] | --no-wait]",
        .description =
                "Adds and updates the objects in FILE in one transaction: all of them, or none if one is wrong.\n"
                "Once answered, they are on disk. Then waits until dataplane and host do as they say, and says how\n"
                "long that took. A file has one or many documents: an object each, a list of objects, or\n"
                "{objects: […]}. What only the node says (id, revision, status) is left out.",
        .options = options,
        .run = run,
};
REGISTER_COMMAND(apply_command)
