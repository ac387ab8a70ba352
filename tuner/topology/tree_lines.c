/* See tree_lines.h. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "socle/cleanup.h"
#include "tree_lines.h"

#define NARROWEST 20 /* columns that are left for a text, however deep it is */

/* Names come from files and guests: no escape sequence gets to the terminal (C0, DEL, and C1 in UTF-8). */
static void make_printable(char *text)
{
        for (unsigned char *s = (unsigned char *)text; *s; s++) {
                bool c1 = s[0] == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0;

                if (*s < 0x20 || *s == 0x7f || c1)
                        *s = '?';
                if (c1)
                        *++s = '?';
        }
}

struct line *tree_add(struct tree *tree, struct line *parent, const char *ansi, const char *format, ...)
{
        struct line *line = parent ? calloc(1, sizeof(*line)) : NULL;
        va_list args;

        va_start(args, format);
        if (!line || vasprintf(&line->text, format, args) < 0) {
                free(line);
                line = NULL;
                tree->failed = true;
        }
        va_end(args);
        if (!line)
                return NULL;
        make_printable(line->text);
        line->ansi = ansi;
        if (parent->last)
                parent->last->next = line;
        else
                parent->first = line;
        parent->last = line;
        return line;
}

static void free_below(struct line *line)
{
        for (struct line *child = line->first, *next; child; child = next) {
                next = child->next;
                free_below(child);
                free(child->text);
                free(child);
        }
}

void tree_done(struct tree *tree)
{
        free_below(&tree->top);
        tree->top.first = tree->top.last = NULL;
}

/* ---- drawing ---- */

struct pen {
        const struct render_options *options;
        FILE *to;
};

static int columns_of(const char *text, size_t length)
{
        int columns = 0;

        for (size_t i = 0; i < length; i++)
                columns += ((unsigned char)text[i] & 0xc0) != 0x80;
        return columns;
}

/* How much of a text goes into so many columns: up to a space or behind a comma, if there is one. */
static size_t fit(const char *text, int columns)
{
        size_t length = strlen(text), cut = 0, hard = 0;

        if (columns_of(text, length) <= columns)
                return length;
        for (size_t i = 0; i < length && columns_of(text, i) <= columns; i++) {
                if (((unsigned char)text[i] & 0xc0) != 0x80)
                        hard = i;
                if (text[i] == ' ' || (i > 0 && text[i - 1] == ','))
                        cut = i;
        }
        return cut > 0 ? cut : hard;
}

static void draw_text(const struct pen *pen, const struct line *line, const char *text, size_t length)
{
        bool colour = pen->options->colour && line->ansi;

        fprintf(pen->to, colour ? "\033[%sm%.*s\033[0m\n" : "%s%.*s\n", colour ? line->ansi : "", (int)length, text);
}

/* `lead` stands before this line, `indent` before what follows it. */
static void draw_wrapped(const struct pen *pen, const struct line *line, const char *lead, const char *indent)
{
        int left = pen->options->width - columns_of(indent, strlen(indent)) - 2;
        const char *text = line->text;
        bool first = true;

        do {
                int columns = left < NARROWEST ? NARROWEST : left;
                size_t length = pen->options->width > 0 ? fit(text, first ? columns + 2 : columns) : strlen(text);

                fprintf(pen->to, "%s%s", first ? lead : indent, first ? "" : "  ");
                draw_text(pen, line, text, length);
                text += length;
                text += strspn(text, " ");
                first = false;
        } while (*text);
}

static void draw_below(const struct pen *pen, const struct line *parent, const char *indent)
{
        bool unicode = pen->options->unicode;

        for (const struct line *line = parent->first; line; line = line->next) {
                const char *branch = line->next ? (unicode ? "├─ " : "|- ") : (unicode ? "└─ " : "`- ");
                const char *bar = line->next ? (unicode ? "│  " : "|  ") : "   ";
                cleanup_free char *lead = NULL, *below = NULL, *wrapped = NULL;

                if (asprintf(&lead, "%s%s", indent, branch) < 0 || asprintf(&below, "%s%s", indent, bar) < 0 ||
                    asprintf(&wrapped, "%s%s", below,
                             !line->first ? "  "
                             : unicode    ? "│ "
                                          : "| ") < 0)
                        return;
                draw_wrapped(pen, line, lead, wrapped);
                draw_below(pen, line, below);
        }
}

void tree_draw(const struct tree *tree, const struct render_options *options, FILE *to)
{
        struct pen pen = {options, to};

        for (const struct line *line = tree->top.first; line; line = line->next) {
                draw_wrapped(&pen, line, "", "");
                draw_below(&pen, line, "");
        }
}
