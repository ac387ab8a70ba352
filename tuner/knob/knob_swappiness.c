/* How readily anonymous memory is swapped out. */
#include <errno.h>
#include <stdio.h>

#include "knob.h"
#include "socle/cleanup.h"

static int wish(const struct knob *knob, const struct host *host, const struct topology *topology,
                const struct plan *plan, struct wishes *wishes, struct errors *errors)
{
        cleanup_free char *value = NULL;

        if (plan->switches.swappiness < 0)
                return 0;
        if (asprintf(&value, "%d", plan->switches.swappiness) < 0)
                return value = NULL, -ENOMEM;
        return wishes_add_file(wishes, knob, host, "", value, "swapping is asked for as readily as this");
}

static struct knob swappiness = {
        .name = "swappiness",
        .help = "Preference for swapping anonymous memory, 0 to 200 (Documentation/admin-guide/sysctl/vm.rst).",
        .pointer = "/spec/memory/swappiness",
        .order = 60,
        .path = "/proc/sys/vm/swappiness",
        .wish = wish,
};
REGISTER_KNOB(swappiness)
