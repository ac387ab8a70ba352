/* irqbalance as it runs, for its knob and for the audit. */
#pragma once

#include "host.h"

#define IRQBALANCE_UNIT "irqbalance.service"
/* Does systemd run it? Told by its control group, which costs no question to systemd. 1, 0, or -errno. */
int irqbalance_service_runs(const struct host *host);
/* The CPUs that the running daemon was told to keep interrupts off, as it was given them; "" when nothing was said.
 * -ENOENT: it does not run. */
int irqbalance_read_running(const struct host *host, char **ret_list);
