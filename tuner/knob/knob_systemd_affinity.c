/* CPUs of all that systemd starts: CPUAffinity= of the manager, in a drop-in, and the manager executed anew, for it
 * reads this no other way. What runs already stays where it is until it is started again.
 *
 * Why not AllowedCPUs= of the slices, which would move running services too: it turns the cpuset controller on under
 * every slice, and then no service can pin itself to an isolated CPU, socle-dataplane and QEMU neither; an affinity is
 * where a process begins, and it may leave. Its weakness, that kernels before 6.2 forget it whenever a cpuset above
 * the process changes (systemd issue 23748), does no harm together with an isolated partition, whose CPUs no other
 * cpuset has. With isolcpus= in force systemd begins on the other CPUs anyhow; this is for the time before the reboot,
 * and for hosts that are not isolated at boot. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "sets.h"
#include "systemd.h"

#define DROP_IN "/etc/systemd/system.conf.d/50-socle.conf"
#define SETTING "CPUAffinity="

static int wish(const struct knob *knob, const struct host *host, const struct topology *topology,
                const struct plan *plan, struct wishes *wishes, struct errors *errors)
{
        struct cpu_set left = topology->online;

        cpu_set_and_not(&left, &plan->isolated);
        if (cpu_set_empty(&plan->isolated) || cpu_set_empty(&left))
                return 0;
        if (!systemd_runs(host))
                return wishes_note(wishes, knob, "", "systemd does not run here");
        cleanup_free char *list = cpu_set_to_list(&left);
        return list ? wishes_add(wishes, knob, "", list, "what systemd starts begins on the CPUs %s", list) : -ENOMEM;
}

static int read_affinity(const struct host *host, const char *target, char **ret_value)
{
        cleanup_free char *text = NULL;
        int r = host_read(host, &text, DROP_IN);

        if (r < 0 && r != -ENOENT)
                return r;
        const char *line = text ? strstr(text, "\n" SETTING) : NULL;
        const char *value = line ? line + 1 + strlen(SETTING) : "";
        char *list = strndup(value, strcspn(value, "\n"));
        if (!list)
                return -ENOMEM;
        *ret_value = list;
        return 0;
}

static int write_affinity(const struct host *host, const char *target, const char *value, struct knob_detail *detail)
{
        cleanup_free char *text = NULL;

        if (asprintf(&text, "# Written by socled for its HostProfile; replaced as a whole.\n[Manager]\n" SETTING "%s",
                     value) < 0)
                return text = NULL, -ENOMEM;
        int r = host_replace(host, value[0] ? text : NULL, DROP_IN);
        return r < 0 ? r : SYSTEMCTL(host, detail, "daemon-reexec");
}

/* Without the setting, systemd keeps the affinity it has: back to where the kernel let it begin, on all CPUs that are
 * not isolated at boot. */
static int set_free(const struct host *host)
{
        cleanup_free char *online = NULL, *isolated = NULL;
        struct cpu_set cpus, not ;

        if (!host_is_real(host))
                return 0;
        int r = host_read(host, &online, "/sys/devices/system/cpu/online");
        if (r == 0)
                r = host_read(host, &isolated, "/sys/devices/system/cpu/isolated");
        if (r == 0)
                r = cpu_set_from_list(online, &cpus);
        if (r == 0)
                r = cpu_set_from_list(isolated, &not );
        if (r < 0)
                return r;
        cpu_set_and_not(&cpus, &not );
        return sched_setaffinity(1, sizeof(cpus), (const cpu_set_t *)&cpus) < 0 ? -errno : 0;
}

static int undo_affinity(const struct host *host, const char *target, const char *before, struct knob_detail *detail)
{
        int r = write_affinity(host, target, before, detail);

        return r == 0 && !before[0] ? set_free(host) : r;
}

static struct knob systemd_affinity = {
        .name = "systemd_affinity",
        .help = "CPUs of what systemd starts: CPUAffinity= (systemd-system.conf(5)).",
        .pointer = "/spec/isolation",
        .order = 30,
        .persistent = true,
        .watch = DROP_IN,
        .wish = wish,
        .read = read_affinity,
        .write = write_affinity,
        .undo = undo_affinity,
};
REGISTER_KNOB(systemd_affinity)
