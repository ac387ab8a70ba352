/* watch: changes of what is wanted and of what is seen, as they happen. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "columns.h"
#include "command.h"
#include "format.h"
#include "kinds.h"
#include "output.h"
#include "report.h"
#include "say.h"
#include "session.h"

struct watching {
        bool json;
        bool synced_only; /* stop when all that is there has been shown */
        long left;        /* events until the end; −1: no end */
};

static void print_event(const json_t *event)
{
        const char *type = member_text(event, "type"), *kind = member_text(event, "kind");
        const json_t *status = member(event, "object", "status", NULL);
        const char *state = member_text(status, "state"), *error = member_text(status, "error");
        enum colour colour = strcmp(type, "delete") == 0 ? RED : strcmp(type, "upsert") == 0 ? GREEN : PLAIN;
        time_t now = time(NULL);
        char clock[16] = "";
        struct tm broken;

        if (localtime_r(&now, &broken))
                strftime(clock, sizeof(clock), "%H:%M:%S", &broken);
        if (strcmp(type, "synced") == 0) {
                printf("%s%s  synced: changes follow%s\n", paint(DIM), clock, paint(PLAIN));
                return;
        }
        printf("%s  %s%-6s%s  %8lld  %-10s  %-20s", clock, paint(colour), type, paint(PLAIN),
               (long long)json_integer_value(json_object_get(event, "revision")), kind, member_text(event, "name"));
        if (*state)
                printf("  %s%s%s", paint(columns_state_colour(state)), state, paint(PLAIN));
        if (*error)
                printf("  %s", error);
        putchar('\n');
}

/* True: go on. */
static bool take_event(struct watching *watching, const json_t *event)
{
        bool synced = strcmp(member_text(event, "type"), "synced") == 0;

        if (watching->left == 0 && !synced)
                return false;
        if (watching->json) {
                json_dumpf(event, stdout, JSON_COMPACT);
                putchar('\n');
        } else {
                print_event(event);
        }
        if (watching->left > 0 && !synced)
                watching->left--;
        return watching->left != 0 && !(synced && watching->synced_only);
}

static bool take_message(struct watching *watching, const json_t *message, int *ret_status)
{
        json_t *event;
        size_t i;

        if (json_object_get(message, "error")) {
                *ret_status = report_error(json_object_get(message, "error"), NULL);
                return false;
        }
        if (json_object_get(json_object_get(message, "params"), "error")) {
                *ret_status = report_error(member(message, "params", "error", NULL), NULL);
                return false;
        }
        json_array_foreach (member(message, "params", "events", NULL), i, event)
                if (!take_event(watching, event))
                        return false;
        return fflush(stdout) == 0;
}

static int build_params(struct session *session, const struct arguments *arguments, json_t **ret)
{
        json_t *schema = NULL, *kinds = json_array();
        long long revision = -1;
        int status = arguments_revision(arguments, "from-revision", &revision);

        if (!status && arguments->operand_count > 0)
                status = kinds_load(session, &schema);
        for (int i = 0; !status && i < arguments->operand_count; i++) {
                const json_t *kind = NULL;

                status = kinds_find(schema, arguments->operands[i], &kind);
                if (!status)
                        json_array_append(kinds, json_object_get(kind, "kind"));
        }
        if (!status) {
                *ret = json_object();
                if (json_array_size(kinds) > 0)
                        json_object_set(*ret, "kinds", kinds);
                if (revision >= 0)
                        json_object_set_new(*ret, "from_revision", json_integer(revision));
        }
        json_decref(schema);
        json_decref(kinds);
        return status;
}

static int run(struct session *session, const struct arguments *arguments)
{
        struct watching watching = {
                .json = arguments_is(arguments, "output", "table", "json"),
                .synced_only = arguments_given(arguments, "until-synced"),
        };
        json_t *params = NULL, *unused = NULL;
        double count = -1;
        int status = arguments_number(arguments, "count", 1, 1e9, &count);

        watching.left = (long)count;
        if (!status)
                status = build_params(session, arguments, &params);
        if (!status)
                status = session_call(session, "watch", params, &unused);
        json_decref(unused);

        for (bool more = status == CLI_OK; more;) {
                json_t *message = NULL;
                int r = client_next(session->client, -1, &message);

                if (r < 0)
                        return session_failed(session, r);
                more = take_message(&watching, message, &status);
                json_decref(message);
        }
        return status;
}

static const char *const choices[] = {"table", "json", NULL};
static const struct option_spec options[] = {
        {"output", 'o', "FORMAT", false, "table (default), or json: an event a line", choices},
        {"from-revision", 0, "N", false, "only the changes after revision N", NULL},
        {"until-synced", 0, NULL, false, "end when all that is there has been shown", NULL},
        {"count", 'n', "N", false, "end after N events", NULL},
        {NULL},
};

static struct command watch_command = {
        .name = "watch",
        .summary = "show changes as they happen",
        .synopsis = "[KIND…] [-o table|json] [--from-revision N] [--until-synced] [-n N]",
        .description =
                "Shows the objects there are, then \"synced\", then each change of what is wanted (upsert, delete)\n"
                "and of what is seen (status), until it is interrupted.",
        .options = options,
        .operands = OPERANDS_KINDS,
        .operands_max = -1,
        .run = run,
};
REGISTER_COMMAND(watch_command)
