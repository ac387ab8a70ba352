/* Is the node well? A verdict with reasons, from what socled says of itself and of its objects; no input or output. */
#pragma once

#include <jansson.h>

/* `info` as socled answers it, `objects` of `get`; `stats` may be NULL. A new object:
 *   {"well": bool, "problems": ["…"], "notes": ["…"]}
 * A problem makes the node not well. A note is something a person may want to know, and normal in operation: a port
 * without its guest, one peer of many that does not answer. */
json_t *health_judge(const json_t *info, const json_t *objects);
