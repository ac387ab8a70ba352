/* CPUs of all that systemd starts: CPUAffinity= of the manager, in a drop-in for when it is next executed, and its own
 * affinity now, which its children begin with: setting that does the same as executing it anew, which takes seconds.
 * What runs already stays where it is until it is started again.
 *
 * Why not AllowedCPUs= of the slices, which would move running services too: it turns the cpuset controller on under
 * every slice, and then no service can pin itself to an isolated CPU, socle-dataplane and QEMU neither; an affinity is
 * where a process begins, and it may leave. Its weakness, that kernels before 6.2 forget it whenever a cpuset above
 * the process changes (systemd issue 23748), does no harm together with an isolated partition, whose CPUs no other
 * cpuset has; without one it is drift, and seen. With isolcpus= in force systemd begins on the other CPUs anyhow; this
 * is for the time before the reboot, and for hosts that are not isolated at boot. */
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

/* Where the manager itself may run; -ENOENT: a tree has none. */
static int read_manager(const struct host *host, struct cpu_set *ret)
{
        cleanup_free char *status = NULL;
        int r = host_read(host, &status, "/proc/1/status");

        return r < 0 ? r : cpus_allowed(status, ret);
}

/* "0-1", or "0-1 (systemd is on 0-7)". */
static int read_affinity(const struct host *host, const char *target, char **ret_value)
{
        cleanup_free char *text = NULL, *list = NULL, *now = NULL;
        struct cpu_set written, manager;
        int r = host_read(host, &text, DROP_IN);

        if (r < 0 && r != -ENOENT)
                return r;
        const char *line = text ? strstr(text, "\n" SETTING) : NULL;
        const char *setting = line ? line + 1 + strlen(SETTING) : "";
        list = strndup(setting, strcspn(setting, "\n"));
        if (!list)
                return -ENOMEM;
        bool elsewhere = list[0] && cpu_set_from_list(list, &written) == 0 && read_manager(host, &manager) == 0 &&
                         !cpu_set_within(&manager, &written);
        now = elsewhere ? cpu_set_to_list(&manager) : NULL;
        char *value;
        if (elsewhere && !now)
                return -ENOMEM;
        if (asprintf(&value, now ? "%s (systemd is on %s)" : "%s", list, now) < 0)
                return -ENOMEM;
        *ret_value = value;
        return 0;
}

static int move_manager(const struct host *host, const struct cpu_set *cpus)
{
        if (!host_is_real(host))
                return 0;
        return sched_setaffinity(1, sizeof(*cpus), (const cpu_set_t *)cpus) < 0 ? -errno : 0;
}

/* Where the kernel let it begin: on all CPUs that are not isolated at boot. */
static int free_manager(const struct host *host)
{
        cleanup_free char *online = NULL, *isolated = NULL;
        struct cpu_set cpus, not = {};
        int r = host_is_real(host) ? read_list(host, &online, "/sys/devices/system/cpu/online") : -ENOENT;

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (cpu_set_from_list(online, &cpus) < 0)
                return -EBADMSG;
        if (read_list(host, &isolated, "/sys/devices/system/cpu/isolated") == 0)
                cpu_set_from_list(isolated, &not );
        cpu_set_and_not(&cpus, &not );
        return move_manager(host, &cpus);
}

static int write_affinity(const struct host *host, const char *target, const char *value, struct knob_detail *detail)
{
        cleanup_free char *list = strndup(value, strcspn(value, " ")), *text = NULL;
        struct cpu_set cpus;

        if (!list ||
            asprintf(&text, "# Written by socled for its HostProfile; replaced as a whole.\n[Manager]\n" SETTING "%s",
                     list) < 0)
                return text = NULL, -ENOMEM;
        if (cpu_set_from_list(list, &cpus) < 0)
                return -EINVAL;
        int r = host_replace(host, list[0] ? text : NULL, DROP_IN);
        if (r < 0)
                return r;
        return list[0] ? move_manager(host, &cpus) : free_manager(host);
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
};
REGISTER_KNOB(systemd_affinity)
