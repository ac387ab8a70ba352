/* Boxes in boxes, laid out in rows and written as SVG 1.1. Works with render_svg.c, which says what is in them. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct box {
        const char *class; /* of the style sheet, static */
        const char *fill;  /* static; NULL: the style sheet's */
        const char *stroke;
        char *label, *more; /* a line each; NULL: none */
        char *title;        /* shown under the pointer; NULL: none */
        bool new_row;       /* it begins one in its parent */
        int room;           /* how wide its inside may become before it begins a new row; 0: as its parent's */
        int gap;            /* between what is in it, and around that */
        int least;          /* width */
        struct box *first, *last, *next;
        int x, y, width, height; /* laid out */
};

struct boxes {
        struct box top;
        bool failed; /* no memory: something is missing */
};

/* Into `parent`, behind what is there; NULL: no memory (noted), and what is added to NULL is nowhere. */
struct box *box_add(struct boxes *boxes, struct box *parent, const char *class);
/* Takes `text` over; NULL of it is a failure that is noted. */
void box_set(struct boxes *boxes, char **where, char *text);
void boxes_lay_out(struct boxes *boxes);
void boxes_write(const struct boxes *boxes, const char *style_sheet, FILE *to);
void boxes_done(struct boxes *boxes);
