/* version: of soclectl, and of what it talks to. */
#include <stdio.h>

#include "client.h"
#include "command.h"
#include "format.h"
#include "session.h"

static int run(struct session *session, const struct arguments *arguments)
{
        const json_t *dataplane;
        json_t *info = NULL;
        int status;

        printf("soclectl %s\n", SOCLE_VERSION);
        if (arguments_given(arguments, "client"))
                return CLI_OK;
        status = session_call(session, "info", NULL, &info);
        if (status)
                return status;
        dataplane = json_object_get(info, "dataplane");
        printf("socled %s\n", member_text(info, "version"));
        printf("socle-dataplane %s\n",
               *member_text(dataplane, "version") ? member_text(dataplane, "version") : "not connected");
        json_decref(info);
        return CLI_OK;
}

static const struct option_spec options[] = {
        {"client", 0, NULL, false, "only of soclectl; does not connect", NULL},
        {NULL},
};

static struct command version_command = {
        .name = "version",
        .summary = "versions of soclectl, socled and the dataplane",
        .synopsis = "[--client]",
        .description = "Shows the versions of soclectl and of the daemons on this node.",
        .options = options,
        .run = run,
};
REGISTER_COMMAND(version_command)
