/* -o json and -o yaml, alike in all commands. */
#pragma once

#include <jansson.h>

#include "command.h"

extern const char *const output_choices_table[]; /* table, json, yaml */
extern const char *const output_choices_get[];   /* and name */

/* Prints `value` if -o asks for json or yaml; false when it asks for something else. */
bool output_print(const struct arguments *arguments, const json_t *value);

void output_json(const json_t *value);
