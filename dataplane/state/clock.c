/* See clock.h. */
#include "clock.h"

struct dp_clock dp_clock;

void dp_clock_start(void)
{
        dp_clock.start = rte_rdtsc();
        dp_clock.hz = rte_get_tsc_hz();
        dp_clock.ms_per_tick = UINT64_MAX / (dp_clock.hz / 1000);
}
