/* irqbalance as it runs, for its knob and for the audit. */
#pragma once

#include "host.h"

/* The CPUs that the running daemon was told to keep interrupts off, as it was given them; "" when nothing was said.
 * -ENOENT: it does not run. */
int irqbalance_read_running(const struct host *host, char **ret_list);
