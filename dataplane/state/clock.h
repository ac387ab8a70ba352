/* Milliseconds since the dataplane's start, from the TSC: what sessions are timed by. A worker reads it once a round.
 */
#pragma once

#include <rte_cycles.h>

#include <stdint.h>

struct dp_clock {
        uint64_t start;       /* TSC */
        uint64_t ms_per_tick; /* in 2^-64: a multiplication instead of a division */
        uint64_t hz;          /* of the TSC */
};

extern struct dp_clock dp_clock;

void dp_clock_start(void);

static __rte_always_inline uint32_t dp_clock_ms(uint64_t tsc)
{
        return (uint32_t)((__uint128_t)(tsc - dp_clock.start) * dp_clock.ms_per_tick >> 64);
}
