/* plan: what a HostProfile would make of a machine, this one or another, and why. Asks no node and changes nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "format.h"
#include "manifest.h"
#include "offline.h"
#include "output.h"
#include "report.h"
#include "say.h"
#include "session.h"
#include "table.h"
#include "topology/topology.h"

static const char *const classes[][2] = {
        {"housekeeping", "HOUSEKEEPING"}, {"dataplane", "DATAPLANE"}, {"guests_dedicated", "DEDICATED"},
        {"guests_shared", "SHARED"},      {"storage", "STORAGE"},
};

/* The profile among the objects of the files; without a file, the empty one. Other kinds may be there too. */
static int find_profile(const struct manifest *manifest, const char **ret_name, const json_t **ret_spec)
{
        const json_t *found = NULL;
        json_t *object;
        size_t i;

        json_array_foreach (manifest->objects, i, object) {
                if (strcmp(member_text(object, "kind"), "HostProfile") != 0)
                        continue;
                if (found) {
                        complain("plan: there are two profiles, %s and %s; a host has one", member_text(found, "name"),
                                 member_text(object, "name"));
                        return CLI_USAGE;
                }
                found = object;
        }
        if (!found && manifest->file_count > 0) {
                complain("plan: there is no HostProfile in %s",
                         manifest->file_count == 1 ? manifest->files[0].name : "these files");
                advise("the shortest one is {kind: HostProfile, name: this, spec: {}}; see: soclectl explain "
                       "HostProfile");
                return CLI_USAGE;
        }
        *ret_name = found ? member_text(found, "name") : "";
        *ret_spec = json_object_get(found, "spec");
        return CLI_OK;
}

static const char *pages_words(const json_t *node, char *buffer, size_t size)
{
        size_t used = 0, i;
        json_t *pages;

        buffer[0] = '\0';
        json_array_foreach (json_object_get(node, "huge_pages"), i, pages)
                if (used < size)
                        used += snprintf(buffer + used, size - used, "%s%.0f × %s", used ? ", " : "",
                                         member_number(pages, "count"), member_text(pages, "size"));
        return buffer;
}

static void print_nodes(const json_t *plan)
{
        cleanup_(table_free_p) struct table *table = table_new();
        json_t *node;
        size_t i;

        if (!table)
                return;
        table_column(table, "NODE", TABLE_RIGHT);
        for (size_t c = 0; c < ARRAY_LEN(classes); c++)
                table_column(table, classes[c][1], 0);
        table_column(table, "RESERVED", TABLE_RIGHT);
        table_column(table, "HUGE PAGES", 0);
        json_array_foreach (json_object_get(plan, "nodes"), i, node) {
                double reserved = member_number(node, "reserved_bytes");
                char bytes[32] = "", pages[256];

                table_row(table);
                table_cell(table, BOLD, "%.0f", member_number(node, "node"));
                for (size_t c = 0; c < ARRAY_LEN(classes); c++)
                        table_cell(table, PLAIN, "%s", member_text(json_object_get(node, "classes"), classes[c][0]));
                table_cell(table, PLAIN, "%s", reserved > 0 ? format_bytes(bytes, sizeof(bytes), reserved) : "");
                table_cell(table, PLAIN, "%s", pages_words(node, pages, sizeof(pages)));
        }
        table_print(table, 0);
}

static void print_line(const char *name, const char *value)
{
        if (*value)
                printf("%-18s %s\n", name, value);
}

static void print_members(const char *name, const json_t *members)
{
        const char *key;
        json_t *value;

        json_object_foreach ((json_t *)members, key, value) {
                cleanup_free char *text = format_value(value);

                printf("%-18s %s %s\n", name, key, text ? text : "");
                name = "";
        }
}

static void print_facts(const json_t *plan)
{
        bool partition = json_is_true(json_object_get(plan, "partition"));
        bool boot = json_is_true(json_object_get(plan, "boot_isolation"));
        const json_t *ratio = json_object_get(plan, "cpu_allocation_ratio");
        json_t *argument;
        char text[512];
        size_t i;

        putchar('\n');
        if (*member_text(plan, "isolated")) {
                snprintf(text, sizeof(text), "%s%s%s%s%s", member_text(plan, "isolated"),
                         partition || boot ? ", by " : "", partition ? "cgroup partition" : "",
                         partition && boot ? " and " : "", boot ? "kernel command line" : "");
                print_line("isolated", text);
        }
        print_line("workers", member_text(plan, "workers"));
        print_line("interrupts", member_text(plan, "irq"));
        print_line("default huge page", member_text(plan, "default_huge_page"));
        if (ratio)
                printf("%-18s %.2f vCPUs a CPU, for Nova's cpu_allocation_ratio\n", "overcommitment",
                       json_real_value(ratio));
        print_members("switches", json_object_get(plan, "switches"));
        print_members("cache", json_object_get(plan, "cache"));
        json_array_foreach (json_object_get(plan, "kernel_arguments"), i, argument)
                print_line(i == 0 ? "kernel arguments" : "", json_string_value(argument));
}

static void print_reasons(const json_t *plan)
{
        cleanup_(table_free_p) struct table *table = table_new();
        json_t *reason;
        size_t i;

        if (!table)
                return;
        table_column(table, "WHAT", 0);
        table_column(table, "WHY", 0);
        json_array_foreach (json_object_get(plan, "reasons"), i, reason) {
                table_row(table);
                table_cell(table, BOLD, "%s", member_text(reason, "subject"));
                table_cell(table, PLAIN, "%s", member_text(reason, "text"));
        }
        putchar('\n');
        table_print(table, 0);
}

static int plan(const struct arguments *arguments, const struct manifest *manifest)
{
        struct topology_source source = {.file = arguments_value(arguments, "topology", NULL),
                                         .synthetic = arguments_value(arguments, "synthetic", NULL)};
        cleanup_(json_decrefp) json_t *made = NULL, *error = NULL;
        const json_t *spec;
        const char *name;
        int status = find_profile(manifest, &name, &spec);

        if (status)
                return status;
        if (offline_plan(name, spec, &source, &made, &error) < 0) {
                report_error(error, manifest);
                return CLI_USAGE;
        }
        if (output_print(arguments, made))
                return CLI_OK;
        printf("%s%s%s\n\n", paint(BOLD), member_text(made, "machine"), paint(PLAIN));
        print_nodes(made);
        print_facts(made);
        if (arguments_given(arguments, "why"))
                print_reasons(made);
        return CLI_OK;
}

static int run(struct session *session, const struct arguments *arguments)
{
        struct manifest manifest = {0};
        int status = CLI_OK;

        if (arguments_given(arguments, "topology") && arguments_given(arguments, "synthetic")) {
                complain("plan: --topology and --synthetic exclude each other");
                return CLI_USAGE;
        }
        if (arguments_given(arguments, "file"))
                status = manifest_read_all(&manifest, arguments);
        if (!status)
                status = plan(arguments, &manifest);
        manifest_done(&manifest);
        return status;
}

static const struct option_spec options[] = {
        {"file", 'f', "FILE", false,
         "with a HostProfile; - is standard input; without -f: the plan of an empty profile", NULL},
        {"topology", 't', "FILE", false, "of another machine: hwloc XML (lstopo), or what hwloc-gather-topology made",
         NULL},
        {"synthetic", 0, "TEXT", false, "a made-up machine, as hwloc writes it: \"pack:2 numa:2 core:8 pu:2\"", NULL},
        {"why", 'w', NULL, false, "with the reason of each decision", NULL},
        {"output", 'o', "FORMAT", false, "table (default), json or yaml", output_choices_table},
        {NULL},
};

static struct command plan_command = {
        .name = "plan",
        .summary = "show what a HostProfile would make of a machine; asks no node",
        .synopsis = "[-f FILE] [--topology FILE | --synthetic TEXT] [--why] [-o table|json|yaml]",
        .description =
                "Which CPU is for what, huge pages, what is reserved, what is isolated, the kernel's switches and\n"
                "arguments: of this machine, or of one that a file describes. Nothing is changed: `soclectl apply` "
                "does.",
        .options = options,
        .run = run,
};
REGISTER_COMMAND(plan_command)
