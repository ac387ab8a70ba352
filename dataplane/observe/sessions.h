/* Walks over the session table that somebody asked for. */
#pragma once

#include "observe.h"

struct walk;

/* NULL: out of memory. */
struct walk *walk_new(const struct wire_sessions_get *wanted, const struct observe_names *names);
struct walk *walk_free(struct walk *walk); /* NULL */

/* Looks at entries until the TSC says `until`, and puts those that were asked for. true: done, SESSIONS_END is put. */
bool walk_go_on(struct walk *walk, struct wire_writer *writer, uint64_t until);
