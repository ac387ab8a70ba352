/* irqbalance, running or not, where the profile says which. Told by its control group, which costs no question to
 * systemd; started and stopped until the next boot only, for socled is there again after it. */
#include <errno.h>
#include <string.h>

#include "irqbalance.h"
#include "systemd.h"

#define UNIT IRQBALANCE_UNIT

static int wish(const struct knob *knob, const struct host *host, const struct topology *topology,
                const struct plan *plan, struct wishes *wishes, struct errors *errors)
{
        const char *value = plan->switches.irqbalance == 1 ? "running" : "stopped";

        if (plan->switches.irqbalance < 0 || !systemd_runs(host) || !host_exists(host, "/usr/sbin/irqbalance"))
                return 0;
        return wishes_add(wishes, knob, "", value, "so is irqbalance asked for");
}

int irqbalance_service_runs(const struct host *host)
{
        static const char *const groups[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/systemd"};
        bool runs = false;

        for (size_t i = 0; i < ARRAY_LEN(groups) && !runs; i++) {
                cleanup_free char *pids = NULL;
                int r = host_read(host, &pids, "%s/system.slice/" UNIT "/cgroup.procs", groups[i]);
                if (r < 0 && r != -ENOENT && r != -ENODEV)
                        return r;
                runs = r == 0 && pids[0];
        }
        return runs;
}

static int read_state(const struct host *host, const char *target, char **ret_value)
{
        int runs = irqbalance_service_runs(host);

        if (runs < 0)
                return runs;
        char *value = strdup(runs ? "running" : "stopped");
        if (!value)
                return -ENOMEM;
        *ret_value = value;
        return 0;
}

static int write_state(const struct host *host, const char *target, const char *value, struct knob_detail *detail)
{
        return SYSTEMCTL(host, detail, strcmp(value, "running") == 0 ? "start" : "stop", UNIT);
}

static struct knob irqbalance_service = {
        .name = "irqbalance_service",
        .help = "Whether irqbalance runs (systemctl(1)).",
        .pointer = "/spec/irq/irqbalance",
        .order = 36,
        .wish = wish,
        .read = read_state,
        .write = write_state,
};
REGISTER_KNOB(irqbalance_service)
