/* top: live rates and drops of each port, and the load of the workers. */
#include <stdio.h>
#include <time.h>

#include "command.h"
#include "format.h"
#include "rates.h"
#include "report.h"
#include "say.h"
#include "screen.h"
#include "session.h"
#include "sessions.h"
#include "table.h"

static void print_workers(const struct rates *rates)
{
        char pps[32];

        for (size_t i = 0; i < rates->worker_count; i++) {
                const struct worker_rate *worker = &rates->workers[i];
                enum colour colour = worker->load > 0.9 ? RED : worker->load > 0.7 ? YELLOW : GREEN;

                printf("worker %ld on CPU %ld: %s%5.1f %%%s busy, %s packets/s, %ld queue%s, %.0f wakeups/s\n",
                       worker->index, worker->cpu, paint(colour), worker->load * 100, paint(PLAIN),
                       format_rate(pps, sizeof(pps), worker->pps), worker->queues, worker->queues == 1 ? "" : "s",
                       worker->wakeups);
        }
}

static void add_port(struct table *table, const struct port_rate *port)
{
        char text[32];

        table_row(table);
        table_cell(table, PLAIN, "%s", port->name);
        table_cell(table, PLAIN, "%s", *port->network ? port->network : "(underlay)");
        table_cell(table, PLAIN, "%s", format_rate(text, sizeof(text), port->rx_pps));
        table_cell(table, PLAIN, "%s", format_rate(text, sizeof(text), port->rx_bps));
        table_cell(table, PLAIN, "%s", format_rate(text, sizeof(text), port->tx_pps));
        table_cell(table, PLAIN, "%s", format_rate(text, sizeof(text), port->tx_bps));
        table_cell(table, port->drop_pps > 0 ? YELLOW : PLAIN, "%s", format_rate(text, sizeof(text), port->drop_pps));
        table_cell(table, PLAIN, "%s", port->reason ? port->reason : "");
}

static void print_ports(const struct rates *rates, int rows_max)
{
        cleanup_(table_free_p) struct table *table = table_new();

        if (!table)
                return;
        table_column(table, "PORT", 0);
        table_column(table, "NETWORK", TABLE_TRUNCATE);
        table_column(table, "RX PPS", TABLE_RIGHT);
        table_column(table, "RX BPS", TABLE_RIGHT);
        table_column(table, "TX PPS", TABLE_RIGHT);
        table_column(table, "TX BPS", TABLE_RIGHT);
        table_column(table, "DROPS/S", TABLE_RIGHT);
        table_column(table, "MOST FOR", TABLE_TRUNCATE);
        for (size_t i = 0; i < rates->port_count; i++)
                add_port(table, &rates->ports[i]);
        table_print(table, rows_max);
}

static void print_frame(const struct screen *screen, const struct rates *rates, const json_t *before,
                        const json_t *after)
{
        time_t now = time(NULL);
        char clock[16] = "";
        struct tm broken;
        int rows;

        if (localtime_r(&now, &broken))
                strftime(clock, sizeof(clock), "%H:%M:%S", &broken);
        screen_clear(screen);
        printf("%ssocle%s at %s, over %.1f s, %zu ports%s\n", paint(BOLD), paint(PLAIN), clock, rates->seconds,
               rates->port_count, screen->keys ? "; q quits" : "");
        print_workers(rates);
        sessions_print_use(json_object_get(before, "sessions"), json_object_get(after, "sessions"), rates->seconds);
        putchar('\n');
        rows = screen_rows() - (int)rates->worker_count - 7;
        print_ports(rates, screen->live ? (rows > 1 ? rows : 1) : 0);
        if (!screen->live)
                putchar('\n');
        fflush(stdout);
}

/* A dataplane that restarts is no reason to leave the screen: its counters begin anew when it is back. */
static int refused(const struct screen *screen, const json_t *error)
{
        if (!screen->live)
                return report_error(error, NULL);
        screen_clear(screen);
        printf("%s%s%s\n", paint(RED), member_text(error, "message"), paint(PLAIN));
        fflush(stdout);
        return CLI_OK;
}

/* The next frame, against *before, which it replaces. */
static int show(struct session *session, const struct screen *screen, json_t **before)
{
        struct rates rates = {0};
        json_t *reply = NULL, *after;
        int status = session_request(session, "stats", NULL, 0, &reply);

        if (status)
                return status;
        after = json_object_get(reply, "result");
        if (!after) {
                status = refused(screen, json_object_get(reply, "error"));
        } else {
                if (rates_between(&rates, *before, after) == 0)
                        print_frame(screen, &rates, *before, after);
                rates_done(&rates);
                json_decref(*before);
                *before = json_incref(after);
        }
        json_decref(reply);
        return status;
}

static int run(struct session *session, const struct arguments *arguments)
{
        double delay = 1, frames = 0;
        struct screen screen = {0};
        json_t *before = NULL;
        int status = arguments_number(arguments, "delay", 0.1, 3600, &delay);

        if (!status)
                status = arguments_number(arguments, "count", 1, 1e9, &frames);
        if (!status)
                status = session_call(session, "stats", NULL, &before);
        if (status)
                return status;
        if (arguments_given(arguments, "once"))
                frames = 1;
        screen.live = frames == 0 && isatty(STDOUT_FILENO);

        screen_open(&screen);
        for (double shown = 0; !status && (frames == 0 || shown < frames) && screen_wait(&screen, delay); shown++) {
                status = show(session, &screen, &before);
                if (ferror(stdout))
                        break;
        }
        screen_close(&screen);
        json_decref(before);
        return status;
}

static const struct option_spec options[] = {
        {"delay", 'd', "SECONDS", false, "between two frames, and what a rate is taken over (default 1)", NULL},
        {"count", 'n', "N", false, "show N frames, one below the other, and end", NULL},
        {"once", 0, NULL, false, "the same as -n 1", NULL},
        {NULL},
};

static struct command top_command = {
        .name = "top",
        .summary = "live rates and drops per port, worker load",
        .synopsis = "[-d SECONDS] [-n N | --once]",
        .description =
                "Shows packets and bits per second of each port, the busiest first; drops per second with the reason\n"
                "that most of them had; and how busy the workers are. q quits.",
        .options = options,
        .run = run,
};
REGISTER_COMMAND(top_command)
