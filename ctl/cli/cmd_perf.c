/* perf: where the workers' clocks go, per packet and graph node, and how full the session table is. Two `stats`, and
 * what grew between them. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "command.h"
#include "format.h"
#include "output.h"
#include "perf.h"
#include "report.h"
#include "say.h"
#include "screen.h"
#include "session.h"
#include "sessions.h"
#include "table.h"

static void cell_quotient(struct table *table, enum colour colour, double value, double by)
{
        if (by > 0)
                table_cell(table, colour, "%.1f", value / by);
        else
                table_cell(table, colour, "%s", "");
}

static void cell_rate(struct table *table, double value, double seconds)
{
        char text[32];

        table_cell(table, PLAIN, "%s", format_rate(text, sizeof(text), value / seconds));
}

static void add_node(struct table *table, const struct perf *perf, const struct node_use *node)
{
        table_row(table);
        table_cell(table, PLAIN, "%s", node->name);
        cell_rate(table, node->calls, perf->seconds);
        cell_rate(table, node->packets, perf->seconds);
        cell_quotient(table, PLAIN, node->packets, node->calls);
        cell_quotient(table, PLAIN, node->cycles, node->packets);
        cell_quotient(table, PLAIN, node->io_cycles, node->packets);
        cell_quotient(table, PLAIN, node->cycles - node->io_cycles, perf->packets);
}

static void add_total(struct table *table, const struct perf *perf)
{
        table_row(table);
        table_cell(table, BOLD, "%s", "total");
        table_cell(table, PLAIN, "%s", "");
        cell_rate(table, perf->packets, perf->seconds);
        table_cell(table, PLAIN, "%s", "");
        cell_quotient(table, BOLD, perf->total.cycles, perf->packets);
        cell_quotient(table, BOLD, perf->total.io_cycles, perf->packets);
        cell_quotient(table, BOLD, perf->total.cycles - perf->total.io_cycles, perf->packets);
}

static void print_perf(const struct perf *perf)
{
        cleanup_(table_free_p) struct table *table = table_new();

        if (!table)
                return;
        if (perf->worker >= 0)
                printf("\nworker %ld\n", perf->worker);
        table_column(table, "NODE", 0);
        table_column(table, "CALLS/S", TABLE_RIGHT);
        table_column(table, "PACKETS/S", TABLE_RIGHT);
        table_column(table, "PACKETS/CALL", TABLE_RIGHT);
        table_column(table, "CYCLES/PACKET", TABLE_RIGHT);
        table_column(table, "IN DEVICES", TABLE_RIGHT);
        table_column(table, "OURS/RECEIVED", TABLE_RIGHT);
        for (size_t i = 0; i < perf->count; i++)
                add_node(table, perf, &perf->nodes[i]);
        add_total(table, perf);
        table_print(table, 0);
}

/* The sum first (worker -1), then each worker when there are several. */
static int each_worker(const json_t *before, const json_t *after, void (*take)(void *user, const struct perf *perf),
                       void *user)
{
        long workers = (long)json_array_size(json_object_get(after, "workers"));

        for (long worker = -1; worker < (workers > 1 ? workers : 0); worker++) {
                struct perf perf;
                int r = perf_between(&perf, before, after, worker);

                if (r < 0)
                        return r;
                take(user, &perf);
                perf_done(&perf);
        }
        return 0;
}

static void take_for_people(void *user, const struct perf *perf)
{
        const bool *by_worker = user;

        if (perf->worker < 0 || *by_worker)
                print_perf(perf);
}

static void take_for_programs(void *user, const struct perf *perf)
{
        json_t *json = user;

        if (perf->worker < 0)
                json_object_set_new(json, "total", perf_to_json(perf));
        else
                json_array_append_new(json_object_get(json, "workers"), perf_to_json(perf));
}

static void print_head(const struct screen *screen, const json_t *before, const json_t *after)
{
        double seconds = (member_number(after, "taken_ns") - member_number(before, "taken_ns")) / 1e9;
        double hz = member_number(json_object_get(after, "sessions"), "tsc_hz");
        size_t workers = json_array_size(json_object_get(after, "workers"));

        screen_clear(screen);
        printf("%ssocle%s over %.1f s, %zu worker%s", paint(BOLD), paint(PLAIN), seconds, workers,
               workers == 1 ? "" : "s");
        if (hz > 0)
                printf(", %.2f GHz", hz / 1e9);
        printf("%s\n", screen->keys ? "; q quits" : "");
        sessions_print_use(json_object_get(before, "sessions"), json_object_get(after, "sessions"), seconds);
        putchar('\n');
}

/* What grew between the two: on the screen, or as -o asks. */
static void show(const struct arguments *arguments, const struct screen *screen, const json_t *before,
                 const json_t *after)
{
        bool by_worker = arguments_given(arguments, "by-worker");
        json_t *json;

        if (arguments_is(arguments, "output", "table", "table")) {
                print_head(screen, before, after);
                each_worker(before, after, take_for_people, &by_worker);
                if (!screen->live && arguments_given(arguments, "watch"))
                        putchar('\n');
        } else {
                json = json_pack("{s:[], s:O}", "workers", "sessions",
                                 json_object_get(after, "sessions") ?: json_null());
                each_worker(before, after, take_for_programs, json);
                output_print(arguments, json);
                json_decref(json);
        }
        fflush(stdout);
}

static int run(struct session *session, const struct arguments *arguments)
{
        bool watch = arguments_given(arguments, "watch");
        struct screen screen = {.live = watch && isatty(STDOUT_FILENO) &&
                                        arguments_is(arguments, "output", "table", "table")};
        json_t *before = NULL, *after = NULL;
        double seconds = 1;
        int status = arguments_number(arguments, "seconds", 0.1, 3600, &seconds);

        if (!status)
                status = session_call(session, "stats", NULL, &before);
        if (status)
                return status;
        screen_open(&screen);
        while (screen_wait(&screen, seconds)) {
                status = session_call(session, "stats", NULL, &after);
                if (status)
                        break;
                show(arguments, &screen, before, after);
                json_decref(before);
                before = after;
                if (!watch || ferror(stdout))
                        break;
        }
        screen_close(&screen);
        json_decref(before);
        return status;
}

static const struct option_spec options[] = {
        {"output", 'o', "FORMAT", false, "table (default), json or yaml", output_choices_table},
        {"seconds", 'd', "SECONDS", false, "measure this long (default 1)", NULL},
        {"watch", 'w', NULL, false, "again and again, until q or Ctrl-C", NULL},
        {"by-worker", 'b', NULL, false, "also a table for each worker", NULL},
        {NULL},
};

static struct command perf_command = {
        .name = "perf",
        .summary = "where the workers' clocks go, per packet",
        .synopsis = "[-d SECONDS] [--watch] [--by-worker] [-o table|json|yaml]",
        .description =
                "Shows for each node of the packets' way how often it was called, with how many packets, and what\n"
                "a packet cost in it, in cycles of the CPU's time stamp counter; apart, what of it went into the\n"
                "devices' receive and transmit. OURS/RECEIVED is the rest, for each packet received: what adds up\n"
                "to the switch's own cost.",
        .options = options,
        .run = run,
};
REGISTER_COMMAND(perf_command)
