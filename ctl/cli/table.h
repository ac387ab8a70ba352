/* Tables for people, by libsmartcols: as wide as the terminal, in full when piped. */
#pragma once

#include <stdbool.h>

#include "say.h"
#include "socle/cleanup.h"

struct table;

struct table *table_new(void); /* NULL: out of memory */
struct table *table_free(struct table *table);
DEFINE_CLEANUP(struct table *, table_free)

enum { TABLE_RIGHT = 1, TABLE_TRUNCATE = 2 };
void table_column(struct table *table, const char *heading, int flags);

/* Begins a row; cells are then set from left to right. A cell of NULL or "" shows as "-". */
void table_row(struct table *table);
void table_cell(struct table *table, enum colour colour, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Prints it, and its rows only up to `rows_max` (0: all). */
void table_print(const struct table *table, int rows_max);
/* The same without headings, two spaces in: for parts of a screen. */
void table_print_plain(const struct table *table);
