/* Waiting with an end: a device has so many seconds, whatever its driver, its VFs or their users do. What a driver does
 * not return from is left behind on a thread of its own, and known to be: nothing is piled on it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "knob/host.h"

#define GRACE_MS            2000 /* of what is begun when the end is near */
#define PATIENCE_OWNER_SIZE 16
#define PATIENCE_WORDS_SIZE 256

struct patience {
        uint64_t end_ms, last_ms;        /* of waiting, and of what is done; CLOCK_MONOTONIC */
        char owner[PATIENCE_OWNER_SIZE]; /* whose time it is: the PCI address of a device; "": nobody's in particular */
        bool looks;                      /* what is done with it changes nothing */
};

struct patience patience_of(unsigned ms);
struct patience patience_owned(struct patience patience, const char *owner);
/* To read something, which has an end of its own. */
struct patience patience_to_look(const char *owner);
bool patience_over(const struct patience *patience);

/* Has something of that owner's been left behind that still goes on? words (may be NULL): what, and since when. */
bool patience_pending(const char *owner, char words[PATIENCE_WORDS_SIZE]);

/* Polls until `done` (0: not yet, else returned) or the end: -ETIMEDOUT. Gives up early when for `quiet_ms` what `done`
 * reports in *progress has not changed (0: never early). */
int patience_wait(const struct patience *patience, unsigned quiet_ms, int (*done)(void *user, uint64_t *progress),
                  void *user);

/* What work(*data) returns, by a thread of its own that is left behind at the end. `*data` is one allocation with all
 * that the work needs; left behind, it goes with the thread, and is NULL here. `what` (copied) is for people: "setting
 * ens1f0 up by netlink". -ETIMEDOUT: it still goes on, and what it does to is in nobody's hands (or the work says so).
 * -EBUSY: something was left behind before, and nothing has been begun; a look goes on beside a change. */
int patience_do(const struct patience *patience, const char *what, int (*work)(void *data), void **data);

/* For tests, from within the work: it hangs, and whoever waits has waited long enough. */
void patience_give_up(void);

/* host_write() and host_read() so: a driver that lets go of its device may wait for a process that has it open, and
 * whoever reads may have to wait for whoever writes. */
int patience_write(const struct patience *patience, const struct host *host, const char *value, const char *path, ...)
        __attribute__((format(printf, 4, 5)));
int patience_read(const struct patience *patience, const struct host *host, char **ret, const char *path, ...)
        __attribute__((format(printf, 4, 5)));
