/* What socled is told: states of objects, counters. */
#pragma once

#include <stdbool.h>

#include "socle/wire.h"

/* Puts the state of every object that changed (all: of every object) into the writer. */
void report_states(struct wire_writer *writer, bool all);

/* Counters, then WIRE_STATS_END with the cookie. */
void report_stats(struct wire_writer *writer, uint64_t cookie);
