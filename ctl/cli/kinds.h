/* The kinds of objects, as socled's `schema` tells them: soclectl has no list of its own. */
#pragma once

#include <jansson.h>

struct session;

/* *ret: what `schema` answers. An exit_status. */
int kinds_load(struct session *session, json_t **ret);

/* A kind by what a person types: in any case, plural, or shortened as long as only one fits (ports, port, net).
 * Borrowed from `schema`. Says what there is when none fits: CLI_USAGE. */
int kinds_find(const json_t *schema, const char *word, const json_t **ret);
