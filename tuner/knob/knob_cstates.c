/* Idle states of isolated CPUs: those that take longer to leave than asked are not entered. By the CPU's latency limit
 * (PM QoS), one file a CPU which every cpuidle governor obeys, rather than by disabling states one by one: a limit
 * means the same whatever states a driver has, and does not have to be found anew when it changes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "knob.h"
#include "socle/cleanup.h"

#define NEVER "n/a" /* the file's word for "no latency at all"; its 0 is "no limit" */

static int wish(const struct knob *knob, const struct host *host, const struct topology *topology,
                const struct plan *plan, struct wishes *wishes, struct errors *errors)
{
        int limit_us = plan->switches.deepest_cstate_us, r = 0;
        cleanup_free char *driver = NULL;
        char value[16];

        if (limit_us < 0 || cpu_set_empty(&plan->isolated))
                return 0;
        if (host_read(host, &driver, "/sys/devices/system/cpu/cpuidle/current_driver") < 0 ||
            strcmp(driver, "none") == 0)
                return wishes_note(wishes, knob, "", "this host has no idle states (no cpuidle driver)");
        snprintf(value, sizeof(value), "%d", limit_us);
        for (int cpu = -1; r == 0 && (cpu = cpu_set_next(&plan->isolated, cpu)) >= 0;) {
                char target[16];
                snprintf(target, sizeof(target), "cpu%d", cpu);
                r = wishes_add_file(wishes, knob, host, target, limit_us == 0 ? NEVER : value,
                                    limit_us == 0 ? "an isolated CPU never sleeps"
                                                  : "an isolated CPU wakes within so many microseconds");
        }
        return r;
}

static struct knob cstates = {
        .name = "cstates",
        .help = "Microseconds that leaving an idle state may take on a CPU; n/a: none, 0: no limit "
                "(Documentation/admin-guide/pm/cpuidle.rst, \"Power Management Quality of Service for CPUs\").",
        .pointer = "/spec/power/cstate_latency",
        .order = 52,
        .path = "/sys/devices/system/cpu/*/power/pm_qos_resume_latency_us",
        .wish = wish,
};
REGISTER_KNOB(cstates)
