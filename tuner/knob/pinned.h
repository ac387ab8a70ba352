/* Threads that are pinned to CPUs which are about to be taken from everyone outside a control group. */
#pragma once

#include "knob.h"

/* -EBUSY, and who it is in `detail`: a thread outside `group` (a name under the root) may run on none but these CPUs.
 * The kernel's own threads do not count: they are bound to each CPU there is. */
int pinned_elsewhere(const struct host *host, const char *cpus, const char *group, struct knob_detail *detail);
