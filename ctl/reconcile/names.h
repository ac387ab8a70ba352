/* What the dataplane says by numbers, in names: objects, rules, drops, steps of a trace. For sessions.c, trace.c and
 * capture.c. All return new references. */
#pragma once

#include <jansson.h>

#include "socle/wire.h"

struct network;

/* The object's name; null: there is none (any more). */
json_t *name_of(const struct network *network, uint32_t id);
/* {"kind", "name"}, or null. */
json_t *object_of(const struct network *network, uint32_t id);
/* {"reason", "help"}, or null for SOCLE_DROP_COUNT. */
json_t *drop_of(uint32_t drop);
/* {"stage", "pass", "text", "drop", "object"}; an object that is a rule also has "pointer" and "rule". */
json_t *step_of(const struct network *network, const struct wire_trace_step *step);
/* A text from the dataplane, whatever is in it. */
json_t *text_of(const char *text);
