/* The isolated partition of cgroup v2: the CPUs leave the scheduler's domains while the machine runs, and every cpuset
 * outside loses them. It is a slice of ours under the root, made by systemd where that runs (which would take the
 * cpuset controller away again from a group that it does not know of).
 *
 * Only threads inside the slice can run on its CPUs: the kernel moves those of others away, and refuses to pin any
 * there. So a partition is not made over the heads of threads that are pinned there already. Tell systemd of who
 * belongs in: Slice=socle.slice. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "partition.h"
#include "pinned.h"
#include "sets.h"
#include "systemd.h"

#define ROOT  "/sys/fs/cgroup"
#define SLICE "socle.slice"
#define GROUP ROOT "/" SLICE
#define NONE  "none"

void partition_cpus(const struct host *host, struct cpu_set *ret)
{
        cleanup_free char *state = NULL, *list = NULL;

        *ret = (struct cpu_set){};
        if (host_read(host, &state, GROUP "/cpuset.cpus.partition") == 0 && strcmp(state, "member") != 0 &&
            host_read(host, &list, GROUP "/cpuset.cpus") == 0)
                (void)cpu_set_from_list(list, ret);
}

static bool has_cpuset(const struct host *host)
{
        cleanup_free char *controllers = NULL;

        return host_read(host, &controllers, ROOT "/cgroup.controllers") == 0 && strstr(controllers, "cpuset");
}

static int wish(const struct knob *knob, const struct host *host, const struct topology *topology,
                const struct plan *plan, struct wishes *wishes, struct errors *errors)
{
        cleanup_free char *list = NULL, *value = NULL;

        if (!plan->partition || cpu_set_empty(&plan->isolated))
                return 0;
        if (!has_cpuset(host))
                return host_exists(host, ROOT "/cpuset/cpuset.cpus") /* the knob of cgroup v1 sees to it */
                               ? 0
                               : wishes_note(wishes, knob, SLICE, "this host has no cpuset controller");
        list = cpu_set_to_list(&plan->isolated);
        if (!list || asprintf(&value, "isolated %s", list) < 0)
                return value = NULL, -ENOMEM;
        return wishes_add(wishes, knob, SLICE, value, "the scheduler balances no tasks onto the CPUs %s", list);
}

/* "isolated 2-7", "isolated invalid (reason) 2-7", "member 2-7"; "none": no group, or one that is like any other. */
static int read_partition(const struct host *host, const char *target, char **ret_value)
{
        cleanup_free char *state = NULL, *list = NULL, *events = NULL;
        char *value;
        int r = host_read(host, &state, GROUP "/cpuset.cpus.partition");

        if (r == 0)
                r = read_list(host, &list, GROUP "/cpuset.cpus");
        if (r < 0 && r != -ENOENT)
                return r;
        /* systemd takes an empty slice away when it comes round to it. */
        bool lived_in = systemd_runs(host) ||
                        (host_read(host, &events, GROUP "/cgroup.events") == 0 && strstr(events, "populated 1"));
        if (r == -ENOENT || (strcmp(state, "member") == 0 && !list[0] && lived_in))
                value = strdup(NONE);
        else if (asprintf(&value, "%s %s", state, list) < 0)
                value = NULL;
        if (!value)
                return -ENOMEM;
        *ret_value = value;
        return 0;
}

/* "": all that its parent has. */
static int tell_systemd(const struct host *host, const char *cpus, struct knob_detail *detail)
{
        cleanup_free char *setting = NULL;

        if (asprintf(&setting, "AllowedCPUs=%s", cpus) < 0)
                return setting = NULL, -ENOMEM;
        return SYSTEMCTL(host, detail, "--runtime", "set-property", SLICE, setting);
}

/* The group is there, has the controller, and stays. */
static int make_group(const struct host *host, const char *cpus, struct knob_detail *detail)
{
        int r;

        if (systemd_runs(host)) {
                r = tell_systemd(host, cpus, detail);
                /* Whatever there is to see: the group of a slice that was stopped is there for a moment more. */
                return r < 0 ? r : SYSTEMCTL(host, detail, "start", SLICE);
        }
        r = host_write(host, "+cpuset", ROOT "/cgroup.subtree_control");
        return r < 0 ? r : host_make_directory(host, GROUP);
}

/* systemd writes it too, when it comes round to it; we cannot wait for that. */
static int give_cpus(const struct host *host, const char *cpus)
{
        return host_write(host, cpus, GROUP "/cpuset.cpus");
}

static int be_member(const struct host *host)
{
        int r = host_write(host, "member", GROUP "/cpuset.cpus.partition");

        return r == -ENOENT ? 0 : r;
}

/* Kernels since 6.7 let the slice claim its CPUs, so that a neighbour that merely lists them is no conflict. */
static int claim(const struct host *host, const char *cpus)
{
        int r = host_write(host, cpus, GROUP "/cpuset.cpus.exclusive");

        return r == -ENOENT ? 0 : r;
}

/* A group beside ours whose partition has some of these CPUs: merely to list them would make the kernel invalidate it.
 */
static int claimed_elsewhere(const struct host *host, const char *cpus, struct knob_detail *detail)
{
        cleanup_strings char **names = NULL;
        struct cpu_set ours, theirs;
        int r = cpu_set_from_list(cpus, &ours);

        if (r == 0)
                r = host_list(host, &names, ROOT);
        for (size_t i = 0; r == 0 && names[i]; i++) {
                cleanup_free char *state = NULL, *list = NULL;
                if (strcmp(names[i], SLICE) == 0 ||
                    host_read(host, &state, ROOT "/%s/cpuset.cpus.partition", names[i]) < 0 ||
                    strcmp(state, "member") == 0 || strstr(state, "invalid") ||
                    read_list(host, &list, ROOT "/%s/cpuset.cpus", names[i]) < 0 ||
                    cpu_set_from_list(list, &theirs) < 0 || !cpu_set_intersects(&ours, &theirs))
                        continue;
                knob_say(detail, "'%s' is a partition that has the CPUs %s already", names[i], list);
                r = -EBUSY;
        }
        return r;
}

static int isolate(const struct host *host, const char *cpus, struct knob_detail *detail)
{
        cleanup_free char *state = NULL;
        int r = pinned_elsewhere(host, cpus, SLICE, detail);

        if (r == 0)
                r = claimed_elsewhere(host, cpus, detail);
        if (r == 0)
                r = be_member(host);
        if (r == 0)
                r = make_group(host, cpus, detail);
        if (r == 0)
                r = give_cpus(host, cpus);
        if (r == 0)
                r = claim(host, cpus);
        if (r == 0)
                r = host_write(host, "isolated", GROUP "/cpuset.cpus.partition");
        if (r == 0 && host_read(host, &state, GROUP "/cpuset.cpus.partition") == 0 && strstr(state, "invalid"))
                knob_say(detail, "the kernel says: %s", state);
        return r;
}

static int dissolve(const struct host *host, struct knob_detail *detail)
{
        cleanup_free char *events = NULL;
        int r = host_exists(host, GROUP) ? be_member(host) : -ENOENT;

        if (r == -ENOENT)
                return 0;
        if (r == 0)
                r = claim(host, "");
        if (r == 0 && systemd_runs(host))
                r = tell_systemd(host, "", detail);
        if (r == 0 && (r = give_cpus(host, "")) == -ENOENT) /* systemd has taken it away meanwhile */
                return 0;
        /* Whoever lives in it keeps it, as a group like any other; stopping the slice would stop them. */
        if (r < 0 || (host_read(host, &events, GROUP "/cgroup.events") == 0 && strstr(events, "populated 1")))
                return r;
        if (systemd_runs(host))
                return SYSTEMCTL(host, detail, "stop", SLICE);
        r = host_remove_directory(host, GROUP);
        return r == -EBUSY || r == -ENOTEMPTY ? 0 : r;
}

static int write_partition(const struct host *host, const char *target, const char *value, struct knob_detail *detail)
{
        cleanup_free char *state = strdup(value);
        char *cpus = state ? strrchr(state, ' ') : NULL;

        if (!state)
                return -ENOMEM;
        if (strcmp(value, NONE) == 0 || strncmp(value, "member", strlen("member")) == 0)
                return dissolve(host, detail);
        if (strncmp(value, "isolated", strlen("isolated")) != 0 || !cpus)
                return -EINVAL;
        return isolate(host, cpus + 1, detail);
}

static struct knob partition = {
        .name = "partition",
        .help = "Isolated partition of CPUs in a control group (Documentation/admin-guide/cgroup-v2.rst, "
                "cpuset.cpus.partition).",
        .pointer = "/spec/isolation/partition",
        .order = 46,
        .watch = GROUP "/cpuset.cpus.partition", /* which the kernel tells of too (cgroup-v2.rst) */
        .wish = wish,
        .read = read_partition,
        .write = write_partition,
};
REGISTER_KNOB(partition)
