/* Objects as a table, with columns from the kind's schema: what is required, and what differs from the default. */
#pragma once

#include <jansson.h>

#include "say.h"

/* `objects` are all of this kind (an entry of `schema`). */
void columns_print(const json_t *kind, const json_t *objects);

/* Which colour a state has. */
enum colour columns_state_colour(const char *state);
