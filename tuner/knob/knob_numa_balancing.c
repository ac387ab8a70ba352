/* Automatic NUMA balancing unmaps pages to see who uses them: faults, and threads that are moved. */
#include <errno.h>
#include <stdio.h>

#include "knob.h"
#include "socle/cleanup.h"

static int wish(const struct knob *knob, const struct host *host, const struct topology *topology,
                const struct plan *plan, struct wishes *wishes, struct errors *errors)
{
        cleanup_free char *value = NULL;

        if (plan->switches.numa_balancing < 0)
                return 0;
        if (asprintf(&value, "%d", plan->switches.numa_balancing) < 0)
                return value = NULL, -ENOMEM;
        return wishes_add_file(wishes, knob, host, "", value,
                               "pinned threads have their memory where they run: nothing is to be balanced");
}

static struct knob numa_balancing = {
        .name = "numa_balancing",
        .help = "Automatic NUMA balancing, 0 off (Documentation/admin-guide/sysctl/kernel.rst).",
        .pointer = "/spec/memory/numa_balancing",
        .order = 60,
        .path = "/proc/sys/kernel/numa_balancing",
        .wish = wish,
};
REGISTER_KNOB(numa_balancing)
