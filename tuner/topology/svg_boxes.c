/* See svg_boxes.h. */
#include <stdlib.h>
#include <string.h>

#include "svg_boxes.h"

#define LINE_HEIGHT 15
#define TEXT_INSET  6
#define CHAR_WIDTH  6.4 /* of 11 px sans-serif, on the wide side */

struct box *box_add(struct boxes *boxes, struct box *parent, const char *class)
{
        struct box *box = parent ? calloc(1, sizeof(*box)) : NULL;

        if (!box) {
                boxes->failed = true;
                return NULL;
        }
        box->class = class;
        box->gap = 6;
        if (parent->last)
                parent->last->next = box;
        else
                parent->first = box;
        parent->last = box;
        return box;
}

void box_set(struct boxes *boxes, char **where, char *text)
{
        boxes->failed |= !text;
        free(*where);
        *where = text;
}

static void free_below(struct box *box)
{
        for (struct box *child = box->first, *next; child; child = next) {
                next = child->next;
                free_below(child);
                free(child->label);
                free(child->more);
                free(child->title);
                free(child);
        }
}

void boxes_done(struct boxes *boxes)
{
        free_below(&boxes->top);
        free(boxes->top.label);
        boxes->top = (struct box){};
}

/* ---- layout ---- */

static int text_width(const char *text)
{
        int columns = 0;

        for (const char *c = text ? text : ""; *c; c++)
                columns += ((unsigned char)*c & 0xc0) != 0x80;
        return columns ? (int)(columns * CHAR_WIDTH) + 2 * TEXT_INSET : 0;
}

static int larger(int a, int b)
{
        return a > b ? a : b;
}

/* Sizes from the inside out, positions relative to the parent. */
static void lay_out(struct box *box, int room)
{
        int lines = (box->label != NULL) + (box->more != NULL), top = lines * LINE_HEIGHT;
        int x = box->gap, y = top + box->gap, row_height = 0;

        room = box->room ? box->room : room;
        box->width = larger(box->least, larger(text_width(box->label), text_width(box->more)));
        for (struct box *child = box->first; child; child = child->next) {
                lay_out(child, room - 2 * box->gap);
                if (x > box->gap && (child->new_row || x + child->width > room)) {
                        y += row_height + box->gap;
                        x = box->gap;
                        row_height = 0;
                }
                child->x = x;
                child->y = y;
                x += child->width + box->gap;
                row_height = larger(row_height, child->height);
                box->width = larger(box->width, x);
        }
        box->height = box->first ? y + row_height + box->gap : larger(top + 4, LINE_HEIGHT + 4);
}

void boxes_lay_out(struct boxes *boxes)
{
        lay_out(&boxes->top, boxes->top.room);
}

/* ---- SVG ---- */

/* Escaped, and without what XML cannot have (control characters, U+FFFE and U+FFFF). */
static void write_text(const char *text, FILE *to)
{
        for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
                if (*c == '&')
                        fputs("&amp;", to);
                else if (*c == '<')
                        fputs("&lt;", to);
                else if (*c == '>')
                        fputs("&gt;", to);
                else if (*c < 0x20 || *c == 0x7f)
                        fputc('?', to);
                else if (c[0] == 0xef && c[1] == 0xbf && c[2] >= 0xbe) {
                        fputc('?', to);
                        c += 2;
                } else
                        fputc(*c, to);
        }
}

static void write_line(const char *class, const char *text, int x, int y, FILE *to)
{
        if (!text)
                return;
        fprintf(to, "<text class=\"%s\" x=\"%d\" y=\"%d\">", class, x + TEXT_INSET, y + LINE_HEIGHT - 3);
        write_text(text, to);
        fputs("</text>", to);
}

static void write_box(const struct box *box, int x, int y, FILE *to)
{
        fprintf(to, "<g class=\"%s\">", box->class);
        if (box->title) {
                fputs("<title>", to);
                write_text(box->title, to);
                fputs("</title>", to);
        }
        fprintf(to, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"3\"", x, y, box->width, box->height);
        if (box->fill)
                fprintf(to, " fill=\"%s\"", box->fill);
        if (box->stroke)
                fprintf(to, " stroke=\"%s\" stroke-width=\"2.5\"", box->stroke);
        fputs("/>", to);
        write_line("label", box->label, x, y, to);
        write_line("more", box->more, x, y + (box->label ? LINE_HEIGHT : 0), to);
        fputs(box->first ? "\n" : "", to);
        for (const struct box *child = box->first; child; child = child->next)
                write_box(child, x + child->x, y + child->y, to);
        fputs("</g>\n", to);
}

void boxes_write(const struct boxes *boxes, const char *style_sheet, FILE *to)
{
        const struct box *top = &boxes->top;

        fprintf(to,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%d\" height=\"%d\" "
                "viewBox=\"0 0 %d %d\">\n<style type=\"text/css\">%s</style>\n",
                top->width, top->height, top->width, top->height, style_sheet);
        write_box(top, 0, 0, to);
        fputs("</svg>\n", to);
}
