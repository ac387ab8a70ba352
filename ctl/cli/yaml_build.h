/* From events to values: the inner half of yaml.h. Keeps a stack of the containers that are still open, each with the
 * number of values in it and its height, from which what an alias would expand to is known without doing it. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "yaml.h"

struct fy_event;

struct yaml_frame {
        json_t *container;
        json_t *merge; /* mappings: what `<<` named, in order; NULL: nothing */
        char *key;     /* mappings: the key whose value comes next; NULL: a key comes next */
        int key_line, key_column;
        char *anchor;          /* NULL: none */
        size_t values;         /* in it, itself included, aliases expanded */
        size_t height;         /* levels below it */
        size_t pointer_length; /* of the JSON pointer to it */
};

struct yaml_anchor {
        char *name;
        json_t *value;
        size_t values, height;
};

struct yaml_builder {
        yaml_visit visit;
        void *user;
        struct yaml_error *error;
        int line, column; /* of the event at hand */

        json_t *documents;
        struct yaml_frame frames[YAML_DEPTH_MAX];
        size_t depth;
        struct yaml_anchor *anchors; /* of the document at hand; the last of a name counts */
        size_t anchor_count, anchor_size;
        size_t values; /* of the whole file */
        char *pointer; /* to the value at hand, kept only for `visit` */
        size_t pointer_size;
};

int yaml_builder_init(struct yaml_builder *builder);
void yaml_builder_done(struct yaml_builder *builder);

/* Takes in one event. 0, -EINVAL with the error set, or -ENOMEM. */
int yaml_build(struct yaml_builder *builder, struct fy_event *event);

void yaml_error_set(struct yaml_error *error, int line, int column, const char *expected, const char *format, ...)
        __attribute__((format(printf, 5, 6)));
