/* A window of noise (tuner/noise): to load the BPF program, and to unload it, takes the kernel tens of milliseconds,
 * for which the event loop must not stand still. A thread of its own does it all, waits the window out, and says when
 * it is done. Used by the method `noise` and by the check of isolation (proof.h). */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "noise/noise.h"

#define WINDOWS_MAX 4 /* of clients at a time: each is a set of programs in the kernel. The check's is one beside */

struct window_options {
        struct cpu_set cpus;
        unsigned seconds;
        bool check; /* the window of the check: QEMU's and the dataplane's threads on these CPUs own them, nobody else
                     */
        /* On the loop, once, unless cancelled. `r` below 0: words in `errors`. The report is cleared after. */
        void (*done)(void *user, int r, struct noise_report *report, const struct errors *errors);
        void *user;
};

struct window;
/* -EMFILE: as many are under way as may be. */
int window_begin(struct window **ret, sd_event *event, const struct window_options *options);
/* Ends it early. If the program is just being loaded, this waits for it. NULL is none. Not after `done`. */
void window_cancel(struct window *window);
