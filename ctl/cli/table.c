/* See table.h. */
#include <libsmartcols/libsmartcols.h>
#include <stdarg.h>
#include <string.h>

#include "table.h"

struct table {
        struct libscols_table *scols;
        struct libscols_line *line;
        size_t next_cell;
};

struct table *table_new(void)
{
        struct table *table = calloc(1, sizeof(*table));

        if (!table)
                return NULL;
        table->scols = scols_new_table();
        if (!table->scols)
                return table_free(table);
        scols_table_enable_colors(table->scols, say_colours_on());
        return table;
}

struct table *table_free(struct table *table)
{
        if (table)
                scols_unref_table(table->scols);
        free(table);
        return NULL;
}

void table_column(struct table *table, const char *heading, int flags)
{
        scols_table_new_column(table->scols, heading, 0,
                               (flags & TABLE_RIGHT ? SCOLS_FL_RIGHT : 0) |
                                       (flags & TABLE_TRUNCATE ? SCOLS_FL_TRUNC : 0));
}

void table_row(struct table *table)
{
        table->line = scols_table_new_line(table->scols, NULL);
        table->next_cell = 0;
}

void table_cell(struct table *table, enum colour colour, const char *format, ...)
{
        char *text = NULL;
        va_list args;

        if (!table->line)
                return;
        va_start(args, format);
        if (vasprintf(&text, format, args) < 0)
                text = NULL;
        va_end(args);

        if (text && *text)
                scols_line_refer_data(table->line, table->next_cell, text); /* it frees it */
        else {
                free(text);
                scols_line_set_data(table->line, table->next_cell, "-");
        }
        if (say_colours_on() && colour != PLAIN)
                scols_cell_set_color(scols_line_get_cell(table->line, table->next_cell), paint(colour));
        table->next_cell++;
}

void table_print(const struct table *table, int rows_max)
{
        size_t lines = scols_table_get_nlines(table->scols);

        if (rows_max > 0 && (size_t)rows_max < lines) {
                scols_table_print_range(table->scols, scols_table_get_line(table->scols, 0),
                                        scols_table_get_line(table->scols, rows_max - 1));
                printf("\n… %zu more\n", lines - rows_max);
        } else if (lines > 0) {
                scols_print_table(table->scols);
        }
}

void table_print_plain(const struct table *table)
{
        char *text = NULL, *at;

        scols_table_enable_noheadings(table->scols, 1);
        if (scols_table_get_nlines(table->scols) == 0 || scols_print_table_to_string(table->scols, &text) != 0)
                return;
        for (char *line = strtok_r(text, "\n", &at); line; line = strtok_r(NULL, "\n", &at))
                printf("  %s\n", line);
        free(text);
}
