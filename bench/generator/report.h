/* The generator's output: JSON lines. */
#pragma once

#include "port.h"

/* One line on stdout: {"state", "seconds", "tx_clocks_per_packet", "rx_clocks_per_packet", "ports": [{every counter},
 * {…}]}, of what the counters grew by from `before` to `after`. 0 or -errno when stdout fails. */
int report_line(const char *state, double seconds, const struct counters before[2], const struct counters after[2]);
