/* See hostdiff.h. */
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "hostdiff.h"
#include "table.h"

static bool as_wanted(const json_t *knob)
{
        const char *state = member_text(knob, "state");

        return strcmp(state, "satisfied") == 0 || strcmp(state, "changed") == 0 || strcmp(state, "gone") == 0;
}

size_t hostdiff_print_knobs(const json_t *knobs, bool all)
{
        cleanup_(table_free_p) struct table *table = table_new();
        size_t i, others = 0, rows = 0;
        json_t *knob;

        if (!table)
                return 0;
        table_column(table, "KNOB", 0);
        table_column(table, "TARGET", 0);
        table_column(table, "THERE", TABLE_TRUNCATE);
        table_column(table, "WANTED", TABLE_TRUNCATE);
        table_column(table, "WHY", TABLE_TRUNCATE);
        json_array_foreach (knobs, i, knob) {
                bool well = as_wanted(knob), reboot = json_is_true(json_object_get(knob, "reboot_required"));
                others += !well;
                if (well && !reboot && !all)
                        continue;
                rows++;
                table_row(table);
                table_cell(table, well ? PLAIN : YELLOW, "%s", member_text(knob, "knob"));
                table_cell(table, PLAIN, "%s", member_text(knob, "target"));
                table_cell(table, PLAIN, "%s", member_text(knob, "found"));
                table_cell(table, PLAIN, "%s%s", member_text(knob, "wanted"), reboot ? " (after a reboot)" : "");
                table_cell(table, DIM, "%s", member_text(knob, "why"));
        }
        if (rows > 0)
                table_print(table, 0);
        return others;
}

static void print_steps(const json_t *steps)
{
        json_t *step;
        size_t i;

        json_array_foreach (steps, i, step)
                printf("    %s: %s %s → %s%s%s\n", member_text(step, "device"), member_text(step, "step"),
                       member_text(step, "from"), member_text(step, "to"), *member_text(step, "why") ? "; " : "",
                       member_text(step, "why"));
        if (json_array_size(steps) == 0)
                printf("    all is so already\n");
}

static void print_one(const json_t *entry)
{
        const json_t *plan = json_object_get(entry, "plan");
        cleanup_free char *text = NULL;

        printf("\n%s%s%s on this host:\n", member_text(entry, "kind"), *member_text(entry, "name") ? " " : "",
               member_text(entry, "name"));
        if (json_is_true(json_object_get(plan, "restored")))
                printf("    is wanted no more: what was there before it is put back\n");
        if (strcmp(member_text(plan, "state"), "error") == 0)
                printf("    %scannot be: %s%s\n", paint(RED), member_text(plan, "error"), paint(PLAIN));
        else if (json_object_get(plan, "knobs") && hostdiff_print_knobs(json_object_get(plan, "knobs"), false) == 0)
                printf("    all is so already\n");
        else if (json_object_get(plan, "steps"))
                print_steps(json_object_get(plan, "steps"));
        else if (!json_object_get(plan, "knobs") && !json_object_get(plan, "restored") &&
                 (text = json_dumps(plan, JSON_COMPACT)))
                printf("    %s\n", text);
}

void hostdiff_print(const json_t *host)
{
        json_t *entry;
        size_t i;

        json_array_foreach (host, i, entry)
                print_one(entry);
}
