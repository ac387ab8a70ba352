/* The uncore's frequency (mesh, caches, memory controllers of Intel's server CPUs), a die a package, lowest and
 * highest: one that changes lengthens every miss of a cache. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "knob.h"

#define DIRECTORY "/sys/devices/system/cpu/intel_uncore_frequency"

/* "package_00_die_00/min" */
static int wish_limit(const struct knob *knob, const struct host *host, const char *die, const char *limit, int mhz,
                      struct wishes *wishes)
{
        char target[128], value[32];

        if (mhz < 0 || !host_exists(host, DIRECTORY "/%s/%s_freq_khz", die, limit))
                return 0;
        snprintf(target, sizeof(target), "%s/%s", die, limit);
        snprintf(value, sizeof(value), "%lld", mhz * 1000LL);
        return wishes_add(wishes, knob, target, value, "the mesh and the caches keep to the speed that is asked for");
}

static int wish(const struct knob *knob, const struct host *host, const struct topology *topology,
                const struct plan *plan, struct wishes *wishes, struct errors *errors)
{
        const struct plan_switches *switches = &plan->switches;
        cleanup_strings char **names = NULL;

        if (switches->uncore_min_mhz < 0 && switches->uncore_max_mhz < 0)
                return 0;
        int r = host_list(host, &names, DIRECTORY);
        if (r == -ENOENT)
                return wishes_note(wishes, knob, "", "this host has no %s (module intel_uncore_frequency)", DIRECTORY);
        for (size_t i = 0; r == 0 && names[i]; i++) {
                r = wish_limit(knob, host, names[i], "max", switches->uncore_max_mhz, wishes);
                if (r == 0)
                        r = wish_limit(knob, host, names[i], "min", switches->uncore_min_mhz, wishes);
        }
        return r;
}

static struct knob uncore = {
        .name = "uncore",
        .help = "Lowest and highest uncore frequency in kHz "
                "(Documentation/admin-guide/pm/intel_uncore_frequency_scaling.rst).",
        .pointer = "/spec/power",
        .order = 53,
        .path = DIRECTORY "/*_freq_khz",
        .disturbs = true, /* a register of the die, read on one of its CPUs */
        .wish = wish,
};
REGISTER_KNOB(uncore)
