/* Waiting with an end: a device has so many seconds, whatever its driver, its VFs or their users do. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "knob/host.h"

struct patience {
        uint64_t end_ms; /* CLOCK_MONOTONIC */
        char owner[13];  /* whose time it is: the PCI address of a device; "": nobody's in particular */
};

struct patience patience_of(unsigned ms);
struct patience patience_owned(struct patience patience, const char *owner);
/* Is a write of that owner's still going on that was left behind? */
bool patience_pending(const char *owner);
bool patience_over(const struct patience *patience);

/* Polls until `done` (0: not yet, else returned) or the end: -ETIMEDOUT. Gives up early when for `quiet_ms` what `done`
 * reports in *progress has not changed (0: never early). */
int patience_wait(const struct patience *patience, unsigned quiet_ms, int (*done)(void *user, uint64_t *progress),
                  void *user);

/* host_write(), by a thread of its own that is left behind at the end: a driver that lets go of its device may wait for
 * a process that has it open. -ETIMEDOUT: the write is still going on, and what it does to is in nobody's hands. */
int patience_write(const struct patience *patience, const struct host *host, const char *value, const char *path, ...)
        __attribute__((format(printf, 4, 5)));
