/* The frequency governor, of every policy: a CPU that must first speed up answers late. */
#include "cpufreq.h"

static int wish(const struct knob *knob, const struct host *host, const struct topology *topology,
                const struct plan *plan, struct wishes *wishes, struct errors *errors)
{
        return cpufreq_wish(knob, host, plan->switches.governor, "scaling_available_governors",
                            "speed that changes is jitter", wishes, errors);
}

static struct knob governor = {
        .name = "governor",
        .help = "Frequency governor of a cpufreq policy (Documentation/admin-guide/pm/cpufreq.rst).",
        .pointer = "/spec/power/governor",
        .order = 50,
        .path = "/sys/devices/system/cpu/cpufreq/*/scaling_governor",
        .wish = wish,
};
REGISTER_KNOB(governor)
