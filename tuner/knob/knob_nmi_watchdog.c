/* The hard-lockup detector: a performance counter and its NMI on every CPU. */
#include <errno.h>
#include <stdio.h>

#include "knob.h"
#include "socle/cleanup.h"

static int wish(const struct knob *knob, const struct host *host, const struct topology *topology,
                const struct plan *plan, struct wishes *wishes, struct errors *errors)
{
        cleanup_free char *value = NULL;

        if (plan->switches.nmi_watchdog < 0)
                return 0;
        if (asprintf(&value, "%d", plan->switches.nmi_watchdog) < 0)
                return value = NULL, -ENOMEM;
        return wishes_add_file(wishes, knob, host, "", value, "the NMI watchdog interrupts isolated CPUs");
}

static struct knob nmi_watchdog = {
        .name = "nmi_watchdog",
        .help = "Hard-lockup detector by NMI, 0 off (Documentation/admin-guide/sysctl/kernel.rst).",
        .pointer = "/spec/kernel/nmi_watchdog",
        .order = 60,
        .path = "/proc/sys/kernel/nmi_watchdog",
        .wish = wish,
};
REGISTER_KNOB(nmi_watchdog)
