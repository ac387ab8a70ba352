/* A line into JSON, with what a hostile client may try answered in words. Knows no socket; fuzzed. */
#pragma once

#include <jansson.h>
#include <stddef.h>

struct parse_error {
        char message[256];
        size_t position; /* bytes into the line */
};

/* 0 and a new reference; -EINVAL: not JSON (depth, UTF-8, syntax, duplicate names, numbers out of range). */
int parse_line(const char *line, size_t length, unsigned int depth_max, json_t **ret, struct parse_error *error);
