/* Kernel same-page merging: ksmd walks over guests' memory, and a merged page costs its writer a fault. */
#include <errno.h>
#include <stdio.h>

#include "knob.h"
#include "socle/cleanup.h"

static int wish(const struct knob *knob, const struct host *host, const struct topology *topology,
                const struct plan *plan, struct wishes *wishes, struct errors *errors)
{
        cleanup_free char *value = NULL;

        if (plan->switches.ksm < 0)
                return 0;
        if (asprintf(&value, "%d", plan->switches.ksm) < 0)
                return value = NULL, -ENOMEM;
        return wishes_add_file(wishes, knob, host, "", value, "merging of equal pages (KSM) is asked for on or off");
}

static struct knob ksm = {
        .name = "ksm",
        .help = "Kernel same-page merging: 1 merges, 0 stops and keeps what is merged "
                "(Documentation/admin-guide/mm/ksm.rst).",
        .pointer = "/spec/memory/ksm",
        .order = 60,
        .path = "/sys/kernel/mm/ksm/run",
        .wish = wish,
};
REGISTER_KNOB(ksm)
