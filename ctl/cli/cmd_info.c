/* info: what socled says of itself. */
#include <stdio.h>

#include "command.h"
#include "output.h"
#include "session.h"
#include "yaml.h"

static int run(struct session *session, const struct arguments *arguments)
{
        json_t *info = NULL;
        int status = session_call(session, "info", NULL, &info);

        if (!status && arguments_is(arguments, "output", "yaml", "json"))
                output_json(info);
        else if (!status)
                yaml_emit(stdout, info, 0);
        json_decref(info);
        return status;
}

static const char *const choices[] = {"yaml", "json", NULL};
static const struct option_spec options[] = {
        {"output", 'o', "FORMAT", false, "yaml (default) or json", choices},
        {NULL},
};

static struct command info_command = {
        .name = "info",
        .summary = "what socled says of itself and of the dataplane",
        .synopsis = "[-o yaml|json]",
        .description = "Shows version, revision, store, clients, your role, and the dataplane's state, in full.\n"
                       "A verdict in words is what `soclectl status` gives.",
        .options = options,
        .run = run,
};
REGISTER_COMMAND(info_command)
