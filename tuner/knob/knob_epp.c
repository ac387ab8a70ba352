/* The energy-performance preference of CPUs that choose their frequency themselves. After the governor, whose
 * "performance" allows no other preference; undoing waits for the governor for the same reason (EBUSY, tried again). */
#include "cpufreq.h"

static int wish(const struct knob *knob, const struct host *host, const struct topology *topology,
                const struct plan *plan, struct wishes *wishes, struct errors *errors)
{
        return cpufreq_wish(knob, host, plan->switches.epp, "energy_performance_available_preferences",
                            "CPUs that choose their speed themselves are to choose it so", wishes, errors);
}

static struct knob epp = {
        .name = "epp",
        .help = "Energy-performance preference of a cpufreq policy (Documentation/admin-guide/pm/intel_pstate.rst, "
                "amd-pstate.rst).",
        .pointer = "/spec/power/energy_performance_preference",
        .order = 51,
        .path = "/sys/devices/system/cpu/cpufreq/*/energy_performance_preference",
        .wish = wish,
        .disturbs = true, /* intel_pstate may ask the CPU's own register for it, by an interrupt */
};
REGISTER_KNOB(epp)
