/* The generator's output: JSON lines.
 *
 *   {"state": "warm-up", "load": "50%"}                a phase begins; also "waiting", "opening", "measuring"
 *   {"state": "warm-up", "load": "50%", "seconds": …, counters}     while it lasts: since the line before
 *   {"state": "summary", "load": "50%", "seconds": …, counters, "sent": [a, b], "lost": [a, b], …}
 *
 * Counters are of port.h, an object a port; "sent" and "lost" by the port that sent. Of dial: see report_dial(). */
#pragma once

#include "dial.h"
#include "port.h"

/* What the generator says of itself, of some time: clocks of the TSC. */
struct self {
        uint64_t idle;   /* in turns that neither sent nor received */
        uint64_t paused; /* not running at all: another thread, or the hypervisor */
        uint64_t pauses;
};

struct summary {
        const char *load;
        double seconds;
        double offered_pps; /* both ports; 0: as much as is taken */
        struct counters before[2], after[2];
        struct self self;
        uint32_t sent[2];
        int64_t lost[2];              /* negative: more came than was sent */
        uint64_t silence[2];          /* clocks; longest time without an arrival, by port */
        const struct delay *delay[2]; /* NULL: not measured */
};

/* All: 0 or -errno, when nobody can be told. */
int report_phase(const char *state, const char *load);
int report_line(const char *state, const char *load, double seconds, const struct counters before[2],
                const struct counters after[2]);
int report_summary(const struct summary *summary);
int report_dial(const struct dialer *dialer, double seconds, const struct self *self);
