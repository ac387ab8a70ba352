/* stats: the dataplane's counters, since it started. */
#include <stdio.h>

#include "command.h"
#include "format.h"
#include "output.h"
#include "session.h"
#include "sessions.h"
#include "table.h"

/* "tx_full 12, malformed 3" */
static char *drop_words(const json_t *drops)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        const char *reason, *comma = "";
        json_t *count;

        if (!out)
                return NULL;
        json_object_foreach ((json_t *)drops, reason, count) {
                fprintf(out, "%s%s %lld", comma, reason, (long long)json_integer_value(count));
                comma = ", ";
        }
        return fclose(out) == 0 ? text : NULL;
}

static void print_ports(const json_t *stats)
{
        static const char *const counters[] = {"rx_packets", "rx_bytes", "tx_packets", "tx_bytes"};
        cleanup_(table_free_p) struct table *table = table_new();
        json_t *port;
        size_t i;

        if (!table)
                return;
        table_column(table, "PORT", 0);
        table_column(table, "NETWORK", 0);
        table_column(table, "RX PACKETS", TABLE_RIGHT);
        table_column(table, "RX BYTES", TABLE_RIGHT);
        table_column(table, "TX PACKETS", TABLE_RIGHT);
        table_column(table, "TX BYTES", TABLE_RIGHT);
        table_column(table, "DROPS", TABLE_TRUNCATE);
        json_array_foreach (json_object_get(stats, "ports"), i, port) {
                cleanup_free char *drops = drop_words(json_object_get(port, "drops"));

                table_row(table);
                table_cell(table, PLAIN, "%s", member_text(port, "name"));
                table_cell(table, PLAIN, "%s",
                           *member_text(port, "network") ? member_text(port, "network") : "(underlay)");
                for (size_t c = 0; c < ARRAY_LEN(counters); c++)
                        table_cell(table, PLAIN, "%lld",
                                   (long long)json_integer_value(json_object_get(port, counters[c])));
                table_cell(table, YELLOW, "%s", drops ? drops : "");
        }
        table_print(table, 0);
}

static void print_workers(const json_t *stats)
{
        cleanup_(table_free_p) struct table *table = table_new();
        json_t *worker;
        size_t i;

        if (!table)
                return;
        table_column(table, "WORKER", TABLE_RIGHT);
        table_column(table, "CPU", TABLE_RIGHT);
        table_column(table, "NUMA NODE", TABLE_RIGHT);
        table_column(table, "QUEUES", TABLE_RIGHT);
        table_column(table, "PACKETS", TABLE_RIGHT);
        table_column(table, "BUSY S", TABLE_RIGHT);
        table_column(table, "POLLING S", TABLE_RIGHT);
        table_column(table, "ASLEEP S", TABLE_RIGHT);
        table_column(table, "WAKEUPS", TABLE_RIGHT);
        json_array_foreach (json_object_get(stats, "workers"), i, worker) {
                table_row(table);
                table_cell(table, PLAIN, "%.0f", member_number(worker, "index"));
                table_cell(table, PLAIN, "%.0f", member_number(worker, "cpu"));
                table_cell(table, PLAIN, "%.0f", member_number(worker, "numa_node"));
                table_cell(table, PLAIN, "%.0f", member_number(worker, "queues"));
                table_cell(table, PLAIN, "%.0f", member_number(worker, "packets"));
                table_cell(table, PLAIN, "%.1f", member_number(worker, "busy_ns") / 1e9);
                table_cell(table, PLAIN, "%.1f", member_number(worker, "poll_ns") / 1e9);
                table_cell(table, PLAIN, "%.1f", member_number(worker, "sleep_ns") / 1e9);
                table_cell(table, PLAIN, "%.0f", member_number(worker, "wakeups"));
        }
        putchar('\n');
        table_print(table, 0);
}

static int run(struct session *session, const struct arguments *arguments)
{
        json_t *stats = NULL;
        int status = session_call(session, "stats", NULL, &stats);

        if (!status && !output_print(arguments, stats)) {
                print_ports(stats);
                print_workers(stats);
                if (json_is_object(json_object_get(stats, "sessions")))
                        putchar('\n');
                sessions_print("", json_object_get(stats, "sessions"));
                sessions_print_totals(json_object_get(stats, "sessions"));
        }
        json_decref(stats);
        return status;
}

static const struct option_spec options[] = {
        {"output", 'o', "FORMAT", false, "table (default), json or yaml", output_choices_table},
        {NULL},
};

static struct command stats_command = {
        .name = "stats",
        .summary = "the dataplane's counters since it started",
        .synopsis = "[-o table|json|yaml]",
        .description =
                "Shows packets, bytes and drops with their reasons of each port, and the workers' time. Rates are\n"
                "what `soclectl top` shows.",
        .options = options,
        .run = run,
};
REGISTER_COMMAND(stats_command)
