/* status: is the node well? One screen, and an exit status for scripts. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "columns.h"
#include "command.h"
#include "format.h"
#include "health.h"
#include "output.h"
#include "say.h"
#include "session.h"
#include "sessions.h"
#include "table.h"

#define LINES_MAX 12 /* of each list, so that a screen stays a screen */
#define DROPS_MAX 5

static void print_socled(const json_t *info)
{
        double started = member_time(info, "started");
        char up[64] = "", bytes[32];

        printf("  %-10s %s, pid %.0f", "socled", member_text(info, "version"), member_number(info, "pid"));
        if (started > 1)
                printf(", up %s", format_duration(up, sizeof(up), difftime(time(NULL), (time_t)started)));
        printf(", revision %.0f, %.0f client%s, your role is %s\n", member_number(info, "revision"),
               member_number(info, "clients"), member_number(info, "clients") == 1 ? "" : "s",
               member_text(info, "role"));
        printf("  %-10s %s, %s\n", "store", member_text(json_object_get(info, "store"), "path"),
               format_bytes(bytes, sizeof(bytes), member_number(json_object_get(info, "store"), "bytes")));
}

static void print_dataplane(const json_t *info)
{
        const json_t *dataplane = json_object_get(info, "dataplane"),
                     *commit = json_object_get(dataplane, "last_commit");
        const char *state = member_text(dataplane, "state");
        bool connected = strcmp(state, "connected") == 0;

        printf("  %-10s %s%s%s", "dataplane", paint(connected ? GREEN : RED), *state ? state : "unknown", paint(PLAIN));
        if (connected) {
                const json_t *workers = json_object_get(dataplane, "workers");
                size_t count = json_is_array(workers) ? json_array_size(workers) : json_integer_value(workers);

                printf(", %s, pid %.0f, %zu worker%s, generation %.0f with revision %.0f in force",
                       member_text(dataplane, "version"), member_number(dataplane, "pid"), count, count == 1 ? "" : "s",
                       member_number(dataplane, "generation"), member_number(dataplane, "in_force_revision"));
        }
        putchar('\n');
        if (connected && commit && !json_is_null(commit))
                printf("  %-10s last commit: %.0f adopted, %.0f added, %.0f changed, %.0f removed, %.0f failed, in "
                       "%.1f ms\n",
                       "", member_number(commit, "adopted"), member_number(commit, "added"),
                       member_number(commit, "changed"), member_number(commit, "removed"),
                       member_number(commit, "failed"), member_number(commit, "took_ms"));
}

/* "Port  3 up, 1 down": the states of each kind, counted in the order they occur. */
static void print_kind(const char *kind, const json_t *objects)
{
        json_t *states = json_object(), *object, *count;
        const char *state;
        bool first = true;
        size_t i;

        json_array_foreach (objects, i, object) {
                state = member_text(json_object_get(object, "status"), "state");
                if (strcmp(member_text(object, "kind"), kind) != 0)
                        continue;
                if (!*state)
                        state = "unknown";
                json_object_set_new(states, state,
                                    json_integer(json_integer_value(json_object_get(states, state)) + 1));
        }
        if (json_object_size(states) > 0)
                printf("  %-10s ", kind);
        json_object_foreach (states, state, count) {
                printf("%s%s%lld %s%s", first ? "" : ", ", paint(columns_state_colour(state)),
                       (long long)json_integer_value(count), state, paint(PLAIN));
                first = false;
        }
        if (json_object_size(states) > 0)
                putchar('\n');
        json_decref(states);
}

static void print_kinds(const json_t *info, const json_t *objects)
{
        const char *kind;
        json_t *unused;

        json_object_foreach (json_object_get(info, "objects"), kind, unused)
                print_kind(kind, objects);
}

static void print_list(const json_t *list, enum colour colour, const char *mark)
{
        json_t *words;
        size_t i;

        json_array_foreach (list, i, words) {
                if (i == LINES_MAX) {
                        printf("  … and %zu more: soclectl status -o json\n", json_array_size(list) - i);
                        break;
                }
                printf("%s%s%s %s\n", paint(colour), mark, paint(PLAIN), json_string_value(words));
        }
}

static void add_losses(json_t *totals, const json_t *drops)
{
        const char *reason;
        json_t *count;

        json_object_foreach ((json_t *)drops, reason, count) {
                json_int_t packets = json_integer_value(count);

                if (is_loss(reason))
                        json_object_set_new(
                                totals, reason,
                                json_integer(json_integer_value(json_object_get(totals, reason)) + packets));
        }
}

/* The reasons for which most was dropped, over all ports, since the dataplane started. */
static void print_drops(const json_t *stats)
{
        json_t *totals = json_object(), *port, *count;
        const char *reason;
        size_t i;

        json_array_foreach (json_object_get(stats, "ports"), i, port)
                add_losses(totals, json_object_get(port, "drops"));
        for (int shown = 0; shown < DROPS_MAX && json_object_size(totals) > 0; shown++) {
                const char *most = NULL;
                json_int_t packets = -1;

                json_object_foreach (totals, reason, count)
                        if (json_integer_value(count) > packets) {
                                most = reason;
                                packets = json_integer_value(count);
                        }
                printf("  %-10s %lld × %s: %s\n", shown == 0 ? "drops" : "", (long long)packets, most,
                       member_text(json_object_get(stats, "drop_reasons"), most));
                json_object_del(totals, most);
        }
        json_decref(totals);
}

static int fetch(struct session *session, json_t **ret_info, json_t **ret_get, json_t **ret_stats)
{
        json_t *reply = NULL;
        int status = session_call(session, "info", NULL, ret_info);

        if (!status)
                status = session_call(session, "get", NULL, ret_get);
        if (!status)
                status = session_request(session, "stats", NULL, 0, &reply);
        /* Without a dataplane there are no stats; that is a finding of status, not a failure. */
        *ret_stats = json_incref(json_object_get(reply, "result"));
        json_decref(reply);
        return status;
}

static int run(struct session *session, const struct arguments *arguments)
{
        json_t *info = NULL, *got = NULL, *stats = NULL, *health = NULL;
        int status = fetch(session, &info, &got, &stats);
        const json_t *objects = json_object_get(got, "objects");
        bool well;

        if (!status) {
                health = health_judge(info, objects);
                well = json_is_true(json_object_get(health, "well"));
                status = well ? CLI_OK : CLI_DEGRADED;
                if (!output_print(arguments, health)) {
                        printf("%s%s%s\n", paint(well ? GREEN : RED),
                               well ? "● the node is well" : "✗ the node is not well", paint(PLAIN));
                        print_list(json_object_get(health, "problems"), RED, "  ✗");
                        print_socled(info);
                        print_dataplane(info);
                        print_kinds(info, objects);
                        sessions_print("  ", json_object_get(stats, "sessions"));
                        print_drops(stats);
                        print_list(json_object_get(health, "notes"), YELLOW, "  !");
                }
        }
        json_decref(info);
        json_decref(got);
        json_decref(stats);
        json_decref(health);
        return status;
}

static const struct option_spec options[] = {
        {"output", 'o', "FORMAT", false, "table (default), json or yaml: the verdict and its reasons",
         output_choices_table},
        {NULL},
};

static struct command status_command = {
        .name = "status",
        .summary = "is the node well? one screen",
        .synopsis = "[-o table|json|yaml]",
        .description =
                "Shows the daemons, the dataplane, how many objects are in which state, why packets were dropped.\n"
                "Exit status 0: the node is well; 3: it is not, and the reasons (✗) come first. Lines with ! are\n"
                "worth knowing, but normal in operation: a port without its guest, a peer that does not answer.",
        .options = options,
        .run = run,
};
REGISTER_COMMAND(status_command)
