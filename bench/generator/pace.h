/* So many packets a second: how many may be sent by now. */
#pragma once

#include <stdint.h>

#define PACE_DEBT                                                                                                      \
        64 /* packets; what a longer pause of the generator itself has missed is not made up for in a burst            \
            */

struct pace {
        double per_clock; /* 0: without limit */
        uint64_t start;   /* TSC */
        uint64_t sent;    /* since then */
};

static inline struct pace pace_of(double per_clock, uint64_t now)
{
        return (struct pace){.per_clock = per_clock, .start = now};
}

static inline uint32_t pace_allows(struct pace *pace, uint64_t now, uint32_t most)
{
        uint64_t due;

        if (pace->per_clock == 0)
                return most;
        due = (now - pace->start) * pace->per_clock;
        if (due > pace->sent + PACE_DEBT) {
                pace->start = now - PACE_DEBT / pace->per_clock;
                pace->sent = 0;
                due = PACE_DEBT;
        }
        due = due > pace->sent ? due - pace->sent : 0;
        return due < most ? due : most;
}
