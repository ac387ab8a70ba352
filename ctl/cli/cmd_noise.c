/* noise: who interrupted the pinned CPUs, how often and for how long; and a histogram of how long it took. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "format.h"
#include "output.h"
#include "report.h"
#include "say.h"
#include "session.h"
#include "table.h"

#define BAR_WIDTH 40

static void cell_ns(struct table *table, const json_t *source, const char *what)
{
        char text[32];

        table_cell(table, PLAIN, "%s", format_nanoseconds(text, sizeof(text), member_number(source, what)));
}

static void cell_share(struct table *table, double share)
{
        table_cell(table, share > 0.01 ? RED : share > 0.001 ? YELLOW : PLAIN, "%.3f %%", share * 100);
}

/* With its number, where that tells it from another of the same name. */
static void cell_who(struct table *table, const json_t *source)
{
        const char *kind = member_text(source, "kind");
        double id = member_number(source, "id");

        if (strcmp(kind, "task") == 0 || strcmp(kind, "irq") == 0)
                table_cell(table, PLAIN, "%s (%.0f)", member_text(source, "who"), id);
        else
                table_cell(table, PLAIN, "%s", member_text(source, "who"));
}

static void print_sources(const json_t *sources)
{
        static const char *const headings[] = {"CPU", "KIND", "WHO", "COUNT", "TOTAL", "LONGEST", "SHARE"};
        cleanup_(table_free_p) struct table *table = table_new();
        json_t *source;
        size_t i;

        if (!table || json_array_size(sources) == 0)
                return;
        for (i = 0; i < ARRAY_LEN(headings); i++)
                table_column(table, headings[i], i == 1 || i == 2 ? 0 : TABLE_RIGHT);
        json_array_foreach (sources, i, source) {
                table_row(table);
                table_cell(table, PLAIN, "%.0f", member_number(source, "cpu"));
                table_cell(table, PLAIN, "%s", member_text(source, "kind"));
                cell_who(table, source);
                table_cell(table, PLAIN, "%.0f", member_number(source, "count"));
                cell_ns(table, source, "total_ns");
                cell_ns(table, source, "longest_ns");
                cell_share(table, member_number(source, "share"));
        }
        table_print(table, 0);
}

static void print_owners(const json_t *owners)
{
        json_t *owner;
        size_t i;

        json_array_foreach (owners, i, owner)
                printf("CPU %.0f is owned by %s (%.0f), which had it for %.2f %% of the time\n",
                       member_number(owner, "cpu"), member_text(owner, "who"), member_number(owner, "pid"),
                       member_number(owner, "share") * 100);
}

static void print_histogram(const json_t *histogram)
{
        cleanup_(table_free_p) struct table *table = table_new();
        json_t *bucket;
        double most = 0;
        char text[32];
        size_t i;

        if (!table || json_array_size(histogram) == 0)
                return;
        json_array_foreach (histogram, i, bucket)
                if (member_number(bucket, "count") > most)
                        most = member_number(bucket, "count");
        table_column(table, "FROM", TABLE_RIGHT);
        table_column(table, "COUNT", TABLE_RIGHT);
        table_column(table, "", 0);
        json_array_foreach (histogram, i, bucket) {
                double count = member_number(bucket, "count");
                int width = (int)(count / most * BAR_WIDTH + 0.5);

                table_row(table);
                table_cell(table, PLAIN, "%s",
                           format_nanoseconds(text, sizeof(text), member_number(bucket, "from_ns")));
                table_cell(table, PLAIN, "%.0f", count);
                table_cell(table, PLAIN, "%.*s", width > 0 ? width : 1, "****************************************");
        }
        table_print(table, 0);
}

/* What the figures above do not say. */
static void print_remarks(const json_t *answer)
{
        const json_t *sources = json_object_get(answer, "sources"), *cost = json_object_get(answer, "cost");
        double found = member_number(answer, "source_count"), missed = member_number(answer, "missed");
        const char *comma = "this kernel has no tracepoints for, and so nothing is seen of: ";
        char text[32];
        json_t *name;
        size_t i;

        if (found > (double)json_array_size(sources))
                printf("%zu of %.0f sources; --top shows more\n", json_array_size(sources), found);
        if (missed > 0)
                printf("%.0f interruptions, %s, could be charged to nobody\n", missed,
                       format_nanoseconds(text, sizeof(text), member_number(answer, "missed_ns")));
        json_array_foreach (json_object_get(answer, "not_seen"), i, name) {
                printf("%s%s", comma, json_string_value(name));
                comma = ", ";
        }
        if (i > 0)
                putchar('\n');
        printf("counting took %s on these CPUs, for %.0f events\n",
               format_nanoseconds(text, sizeof(text), member_number(cost, "ns")), member_number(cost, "events"));
}

static void print_answer(const json_t *answer)
{
        const json_t *sources = json_object_get(answer, "sources");

        printf("%sCPUs %s%s over %.1f s\n", paint(BOLD), member_text(answer, "cpus"), paint(PLAIN),
               member_number(answer, "window_ns") / 1e9);
        print_owners(json_object_get(answer, "owners"));
        putchar('\n');
        print_sources(sources);
        if (json_array_size(sources) == 0)
                printf("nothing interrupted them\n");
        else
                putchar('\n');
        print_histogram(json_object_get(answer, "histogram"));
        putchar('\n');
        print_remarks(answer);
        if (json_object_get(answer, "proven"))
                printf("%s%s%s: %s\n", paint(json_is_true(json_object_get(answer, "proven")) ? GREEN : RED),
                       json_is_true(json_object_get(answer, "proven")) ? "isolated" : "not isolated", paint(PLAIN),
                       member_text(answer, "verdict"));
}

static int put_number(json_t *params, const struct arguments *arguments, const char *option, const char *param,
                      double max)
{
        double number = 0;
        int status = arguments_number(arguments, option, 1, max, &number);

        if (!status && number >= 1)
                json_object_set_new(params, param, json_integer((json_int_t)number));
        return status;
}

static int ask(struct session *session, json_t *params, double seconds, json_t **ret_answer)
{
        json_t *reply = NULL;
        int status = session_request(session, "noise", params, (int)(seconds * 1000), &reply);

        if (status)
                return status;
        if (json_object_get(reply, "error"))
                status = report_error(json_object_get(reply, "error"), NULL);
        else
                *ret_answer = json_incref(json_object_get(reply, "result"));
        json_decref(reply);
        return status;
}

static int run(struct session *session, const struct arguments *arguments)
{
        json_t *params = json_pack("{s:s}", "cpus", arguments_value(arguments, "cpus", "isolated")), *answer = NULL;
        double seconds = 10;
        int status = arguments_number(arguments, "seconds", 1, 3600, &seconds);

        if (!status)
                status = put_number(params, arguments, "top", "top", 10000);
        if (!status)
                status = put_number(params, arguments, "limit", "limit_us", 10000000);
        if (status) {
                json_decref(params);
                return status;
        }
        json_object_set_new(params, "seconds", json_integer((json_int_t)seconds));
        status = ask(session, params, seconds, &answer);
        if (!status && !output_print(arguments, answer))
                print_answer(answer);
        if (!status && json_is_false(json_object_get(answer, "proven")))
                status = CLI_DEGRADED;
        json_decref(answer);
        return status;
}

static const struct option_spec options[] = {
        {"cpus", 'c', "CPUS", false, "isolated (default), or a list such as 2-5,8", NULL},
        {"seconds", 'd', "SECONDS", false, "count this long (default 10, up to 3600)", NULL},
        {"top", 'n', "N", false, "show the N costliest sources (default 20)", NULL},
        {"limit", 'l', "MICROSECONDS", false, "exit status 3 if an interruption took longer", NULL},
        {"output", 'o', "FORMAT", false, "table (default), json or yaml", output_choices_table},
        {NULL},
};

static struct command noise_command = {
        .name = "noise",
        .summary = "who interrupts the pinned CPUs, how often and for how long",
        .synopsis = "[--cpus isolated|LIST] [-d SECONDS] [-n N] [--limit MICROSECONDS] [-o table|json|yaml]",
        .description = "Counts on these CPUs, inside the kernel (BPF), every task, interrupt, softirq, timer and IPI "
                       "that takes\n"
                       "the CPU from its owner: the thread pinned there that runs most. Each is charged with its own "
                       "time only.\n"
                       "NMIs, SMIs and what a hypervisor takes away cannot be seen. With --limit it is a check: "
                       "isolated, or not.",
        .options = options,
        .run = run,
};
REGISTER_COMMAND(noise_command)
