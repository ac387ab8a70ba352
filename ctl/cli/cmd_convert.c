/* convert: what soclectl reads in files, without any node: for seeing how YAML was typed. */
#include <stdio.h>

#include "command.h"
#include "manifest.h"
#include "output.h"
#include "say.h"
#include "session.h"
#include "yaml.h"

static int run(struct session *session, const struct arguments *arguments)
{
        struct manifest manifest = {0};
        json_t *object;
        int status;
        size_t i;

        if (!arguments_given(arguments, "file")) {
                complain("convert: which file?");
                advise("soclectl convert -f FILE, or -f - for standard input");
                return CLI_USAGE;
        }
        status = manifest_read_all(&manifest, arguments);
        if (!status && arguments_is(arguments, "output", "json", "json")) {
                output_json(manifest.objects);
        } else if (!status) {
                json_array_foreach (manifest.objects, i, object) {
                        fputs(i > 0 ? "---\n" : "", stdout);
                        yaml_emit(stdout, object, 0);
                }
        }
        manifest_done(&manifest);
        return status;
}

static const char *const choices[] = {"json", "yaml", NULL};
static const struct option_spec options[] = {
        {"file", 'f', "FILE", false, "YAML or JSON with objects; - is standard input; repeatable", NULL},
        {"output", 'o', "FORMAT", false, "json (default) or yaml", choices},
        {NULL},
};

static struct command convert_command = {
        .name = "convert",
        .summary = "show what apply would read in files; asks no node",
        .synopsis = "-f FILE [-f FILE…] [-o json|yaml]",
        .description =
                "Reads files as `soclectl apply` does, and prints the objects in them: aliases expanded, each value\n"
                "with the type it has. Does not check them against a schema; `soclectl apply --dry-run` does.",
        .options = options,
        .run = run,
};
REGISTER_COMMAND(convert_command)
