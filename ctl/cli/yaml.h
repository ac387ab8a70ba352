/* YAML 1.2 (and so JSON) in and out: libfyaml's events become jansson's values.
 *
 * Plain scalars are typed by the YAML 1.2 core schema, so that 00:11:22:33:44:55, yes and 1e1x are strings; quoted ones
 * stay strings. Duplicate keys, aliases to what is still being read, and documents that are too deep or that expand
 * too far are errors, with their line. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define YAML_DEPTH_MAX 64
#define YAML_NODES_MAX 5000000 /* values of one file, its aliases expanded */

struct yaml_error {
        int line, column; /* from 1; 0: of no place */
        char message[256];
        char expected[256]; /* what would be right; may be empty */
};

/* Called for each value with its JSON pointer in its document, and where it is: its key, if it has one. */
typedef void (*yaml_visit)(void *user, size_t document, const char *pointer, int line, int column);

/* *ret is an array with one entry a document. `visit` may be NULL. 0, -EINVAL with *error, or -ENOMEM. */
int yaml_load(const char *text, size_t length, yaml_visit visit, void *user, json_t **ret, struct yaml_error *error);

/* A plain scalar by the core schema, a new reference; NULL for a number that JSON cannot hold. */
json_t *yaml_plain(const char *text, size_t length);
/* A scalar with a tag ("!!int", "!!str"…): NULL when it is not of that type, or the tag is unknown. */
json_t *yaml_tagged(const char *tag, const char *text, size_t length);

/* Block style, `indent` spaces in; readers of YAML 1.1 understand the same as we. Begins and ends a line. */
void yaml_emit(FILE *out, const json_t *value, int indent);
