/* How often each CPU folds its counters of virtual memory: a work item on every CPU, isolated or not. */
#include <errno.h>
#include <stdio.h>

#include "knob.h"
#include "socle/cleanup.h"

static int wish(const struct knob *knob, const struct host *host, const struct topology *topology,
                const struct plan *plan, struct wishes *wishes, struct errors *errors)
{
        cleanup_free char *value = NULL;

        if (plan->switches.stat_interval_s < 0)
                return 0;
        if (asprintf(&value, "%d", plan->switches.stat_interval_s) < 0)
                return value = NULL, -ENOMEM;
        return wishes_add_file(wishes, knob, host, "", value,
                               "the counters of virtual memory are folded seldom on isolated CPUs");
}

static struct knob stat_interval = {
        .name = "stat_interval",
        .help = "Seconds between updates of the vm counters (Documentation/admin-guide/sysctl/vm.rst).",
        .pointer = "/spec/kernel/stat_interval",
        .order = 60,
        .path = "/proc/sys/vm/stat_interval",
        .wish = wish,
};
REGISTER_KNOB(stat_interval)
