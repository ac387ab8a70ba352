/* Where cgroup v1 still has the cpusets: no load is balanced at the top, but over the CPUs that are left, in a cpuset
 * of ours. Nobody is moved and nobody is kept out: a thread that pins itself to an isolated CPU may. A cpuset beside
 * ours that balances over isolated CPUs would join them again, and is named. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sets.h"

#define ROOT       "/sys/fs/cgroup/cpuset"
#define OURS       "socle"
#define GROUP      ROOT "/" OURS
#define NONE       "none"
#define UNBALANCED "unbalanced"

static int wish(const struct knob *knob, const struct host *host, const struct topology *topology,
                const struct plan *plan, struct wishes *wishes, struct errors *errors)
{
        struct cpu_set left = topology->online;
        cleanup_free char *list = NULL, *value = NULL;

        cpu_set_and_not(&left, &plan->isolated);
        if (!plan->partition || cpu_set_empty(&plan->isolated) || cpu_set_empty(&left) ||
            !host_exists(host, ROOT "/cpuset.cpus"))
                return 0;
        list = cpu_set_to_list(&left);
        if (!list || asprintf(&value, "balanced %s", list) < 0)
                return value = NULL, -ENOMEM;
        return wishes_add(wishes, knob, OURS, value, "the scheduler balances load over the CPUs %s only", list);
}

/* A cpuset under the root, or the root itself ("", ""). */
static bool balances(const struct host *host, const char *slash, const char *group)
{
        cleanup_free char *text = NULL;

        return host_read(host, &text, ROOT "%s%s/cpuset.sched_load_balance", slash, group) == 0 && text[0] == '1';
}

/* A cpuset beside ours that balances over CPUs which ours has not: " but machine 2-3 too"; NULL: none does. */
static int find_other(const struct host *host, const char *list, char **ret)
{
        cleanup_strings char **names = NULL;
        struct cpu_set ours, theirs;
        int r = cpu_set_from_list(list, &ours);

        if (r == 0)
                r = host_list(host, &names, ROOT);
        for (size_t i = 0; r == 0 && names[i]; i++) {
                cleanup_free char *cpus = NULL;
                if (strcmp(names[i], OURS) == 0 || !balances(host, "/", names[i]) ||
                    read_list(host, &cpus, ROOT "/%s/cpuset.cpus", names[i]) < 0 ||
                    cpu_set_from_list(cpus, &theirs) < 0)
                        continue;
                cpu_set_and_not(&theirs, &ours);
                if (!cpu_set_empty(&theirs))
                        return asprintf(ret, " but %s %s too", names[i], cpus) < 0 ? (*ret = NULL, -ENOMEM) : 0;
        }
        return r;
}

/* "balanced 0-1"; "balanced 0-1 but machine 2-3 too"; without a cpuset of ours NONE, or UNBALANCED when somebody else
 * keeps the top from balancing; "unused": ours is there, and the top balances all the same. */
static int read_balance(const struct host *host, const char *target, char **ret_value)
{
        cleanup_free char *list = NULL, *others = NULL;
        bool top = balances(host, "", "");
        char *value;
        int r = read_list(host, &list, GROUP "/cpuset.cpus");

        if (r == 0 && !top)
                r = find_other(host, list, &others);
        if (r < 0 && r != -ENOENT)
                return r;
        if (r == -ENOENT || top)
                value = strdup(r == 0 ? "unused" : top ? NONE : UNBALANCED);
        else if (asprintf(&value, "balanced %s%s", list, others ? others : "") < 0)
                value = NULL;
        if (!value)
                return -ENOMEM;
        *ret_value = value;
        return 0;
}

static int balance(const struct host *host, const char *cpus)
{
        cleanup_free char *memory = NULL;
        int r = host_read(host, &memory, ROOT "/cpuset.mems");

        if (r == 0)
                r = host_make_directory(host, GROUP);
        if (r == 0)
                r = host_write(host, memory, GROUP "/cpuset.mems");
        if (r == 0)
                r = host_write(host, cpus, GROUP "/cpuset.cpus");
        if (r == 0)
                r = host_write(host, "1", GROUP "/cpuset.sched_load_balance");
        return r < 0 ? r : host_write(host, "0", ROOT "/cpuset.sched_load_balance");
}

static int write_balance(const struct host *host, const char *target, const char *value, struct knob_detail *detail)
{
        if (strcmp(value, NONE) == 0 || strcmp(value, UNBALANCED) == 0) {
                int r = host_write(host, strcmp(value, NONE) == 0 ? "1" : "0", ROOT "/cpuset.sched_load_balance");
                return r < 0 ? r : host_remove_directory(host, GROUP);
        }
        if (strncmp(value, "balanced ", strlen("balanced ")) != 0)
                return -EINVAL;
        cleanup_free char *cpus = strdup(value + strlen("balanced "));
        if (!cpus)
                return -ENOMEM;
        cpus[strcspn(cpus, " ")] = '\0';
        return balance(host, cpus);
}

static struct knob cpuset = {
        .name = "cpuset",
        .help = "CPUs that load is balanced over (Documentation/admin-guide/cgroup-v1/cpusets.rst, "
                "sched_load_balance).",
        .pointer = "/spec/isolation/partition",
        .order = 46,
        .watch = ROOT "/cpuset.sched_load_balance",
        .wish = wish,
        .read = read_balance,
        .write = write_balance,
};
REGISTER_KNOB(cpuset)
