/* What must be true of every SVG that is drawn: well-formed, everything inside the box that it belongs to, and no two
 * boxes of one parent over each other. Included after cmocka.h. */
#pragma once

#include <expat.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct svg_count {
        size_t nodes, cores, cpus, functions, vfs, disks, guests;
};

#define SVG_DEPTH 16

struct svg_rect {
        int x, y, width, height;
};

struct svg_level {
        struct svg_rect own;
        struct svg_rect *children;
        size_t child_count;
};

struct svg_check {
        struct svg_count *count;
        struct svg_level levels[SVG_DEPTH];
        int depth;
};

static inline const char *svg_attribute(const char **attributes, const char *name)
{
        for (; *attributes; attributes += 2)
                if (strcmp(attributes[0], name) == 0)
                        return attributes[1];
        return "";
}

static inline int svg_number(const char **attributes, const char *name)
{
        char *end;
        const char *text = svg_attribute(attributes, name);
        long number = strtol(text, &end, 10);

        assert_true(*text && !*end);
        return (int)number;
}

static inline bool svg_overlap(const struct svg_rect *a, const struct svg_rect *b)
{
        return a->x < b->x + b->width && b->x < a->x + a->width && a->y < b->y + b->height && b->y < a->y + a->height;
}

static inline void svg_see_rect(struct svg_check *check, const struct svg_rect *rect)
{
        struct svg_level *parent = &check->levels[check->depth - 1];

        assert_true(rect->width > 0 && rect->height > 0);
        assert_true(rect->x >= parent->own.x && rect->y >= parent->own.y &&
                    rect->x + rect->width <= parent->own.x + parent->own.width &&
                    rect->y + rect->height <= parent->own.y + parent->own.height);
        for (size_t i = 0; i < parent->child_count; i++)
                assert_false(svg_overlap(&parent->children[i], rect));
        parent->children = realloc(parent->children, (parent->child_count + 1) * sizeof(*rect));
        assert_non_null(parent->children);
        parent->children[parent->child_count++] = *rect;
        check->levels[check->depth].own = *rect;
}

static inline void svg_count_class(struct svg_count *count, const char *class)
{
        count->nodes += strcmp(class, "node") == 0;
        count->cores += strcmp(class, "core") == 0 || strcmp(class, "little") == 0;
        count->cpus += strcmp(class, "cpu") == 0;
        count->functions += strcmp(class, "pci") == 0;
        count->vfs += strcmp(class, "vf") == 0;
        count->disks += strcmp(class, "disk") == 0;
        count->guests += strcmp(class, "guest") == 0;
}

static inline void svg_begin(void *user, const XML_Char *name, const XML_Char **attributes)
{
        struct svg_check *check = user;

        if (strcmp(name, "g") == 0) {
                assert_true(++check->depth < SVG_DEPTH);
                svg_count_class(check->count, svg_attribute(attributes, "class"));
        } else if (strcmp(name, "svg") == 0) {
                check->levels[0].own =
                        (struct svg_rect){0, 0, svg_number(attributes, "width"), svg_number(attributes, "height")};
        } else if (strcmp(name, "rect") == 0) {
                svg_see_rect(check,
                             &(struct svg_rect){svg_number(attributes, "x"), svg_number(attributes, "y"),
                                                svg_number(attributes, "width"), svg_number(attributes, "height")});
        } else {
                assert_true(strcmp(name, "text") == 0 || strcmp(name, "title") == 0 || strcmp(name, "style") == 0);
        }
}

static inline void svg_end(void *user, const XML_Char *name)
{
        struct svg_check *check = user;

        if (strcmp(name, "g") != 0 && strcmp(name, "svg") != 0)
                return;
        free(check->levels[check->depth].children);
        check->levels[check->depth] = (struct svg_level){};
        check->depth--;
}

static inline void check_svg(const char *svg, struct svg_count *count)
{
        struct svg_check check = {.count = count};
        XML_Parser parser = XML_ParserCreate(NULL);

        XML_SetUserData(parser, &check);
        XML_SetElementHandler(parser, svg_begin, svg_end);
        if (XML_Parse(parser, svg, (int)strlen(svg), true) != XML_STATUS_OK)
                fail_msg("line %lu: %s", XML_GetCurrentLineNumber(parser), XML_ErrorString(XML_GetErrorCode(parser)));
        assert_int_equal(check.depth, -1);
        XML_ParserFree(parser);
}
