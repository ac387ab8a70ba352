/* The share of a second that real-time tasks may take: a polling thread with SCHED_FIFO is stopped for the rest. */
#include <errno.h>
#include <stdio.h>

#include "knob.h"
#include "socle/cleanup.h"

static int wish(const struct knob *knob, const struct host *host, const struct topology *topology,
                const struct plan *plan, struct wishes *wishes, struct errors *errors)
{
        cleanup_free char *value = NULL;

        if (!plan->switches.rt_set)
                return 0;
        if (asprintf(&value, "%d", plan->switches.rt_runtime_us) < 0)
                return value = NULL, -ENOMEM;
        return wishes_add_file(wishes, knob, host, "", value,
                               "threads that poll with real-time priority are stopped when this is used up");
}

static struct knob rt_throttling = {
        .name = "rt_throttling",
        .help = "Microseconds in each sched_rt_period_us for real-time tasks, -1 no limit "
                "(Documentation/scheduler/sched-rt-group.rst).",
        .pointer = "/spec/kernel/rt_runtime",
        .order = 60,
        .path = "/proc/sys/kernel/sched_rt_runtime_us",
        .wish = wish,
};
REGISTER_KNOB(rt_throttling)
