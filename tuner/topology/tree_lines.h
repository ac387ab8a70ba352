/* Lines with lines below them, drawn as a tree. Works with render_tree.c. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "render.h"

/* A line and what is below it; its text is printable, whatever came in. */
struct line {
        char *text;
        const char *ansi; /* SGR parameters, static; NULL: none */
        struct line *first, *last, *next;
};

struct tree {
        struct line top;
        bool failed; /* no memory: some line is missing */
};

/* Below `parent`; NULL: no memory (noted in the tree), and what is added to NULL is nowhere. */
struct line *tree_add(struct tree *tree, struct line *parent, const char *ansi, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
void tree_draw(const struct tree *tree, const struct render_options *options, FILE *to);
void tree_done(struct tree *tree);
