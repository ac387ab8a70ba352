/* Unbound workqueues: kernel work that belongs to no CPU runs on these. The mask of all of them, and of each that has
 * a file of its own. An isolated partition takes its CPUs out of the first one by itself, on kernels since 6.7. */
#include <errno.h>
#include <string.h>

#include "knob.h"
#include "sets.h"

#define DIRECTORY "/sys/devices/virtual/workqueue"

static int wish(const struct knob *knob, const struct host *host, const struct topology *topology,
                const struct plan *plan, struct wishes *wishes, struct errors *errors)
{
        struct cpu_set left = topology->online;
        cleanup_strings char **names = NULL;

        if (cpu_set_empty(&plan->isolated))
                return 0;
        cpu_set_and_not(&left, &plan->isolated);
        cleanup_free char *list = cpu_set_to_list(&left);
        int r = list ? host_list(host, &names, DIRECTORY) : -ENOMEM;
        if (r == -ENOENT)
                return wishes_note(wishes, knob, "", "this kernel shows no masks of workqueues (%s)", DIRECTORY);
        if (r == 0 && host_exists(host, DIRECTORY "/cpumask"))
                r = wishes_add(wishes, knob, "", list, "work of the kernel stays on the CPUs %s", list);
        for (size_t i = 0; r == 0 && names[i]; i++)
                if (host_exists(host, DIRECTORY "/%s/cpumask", names[i]))
                        r = wishes_add(wishes, knob, names[i], list, "work of '%s' stays on the CPUs %s", names[i],
                                       list);
        return r;
}

static const char *slash(const char *target)
{
        return target[0] ? "/" : "";
}

static int read_cpus(const struct host *host, const char *target, char **ret_value)
{
        return read_mask(host, ret_value, DIRECTORY "%s%s/cpumask", slash(target), target);
}

static int write_cpus(const struct host *host, const char *target, const char *value, struct knob_detail *detail)
{
        return write_mask(host, value, DIRECTORY "%s%s/cpumask", slash(target), target);
}

static struct knob workqueue = {
        .name = "workqueue",
        .help = "CPUs for unbound work of the kernel, of all workqueues and of each "
                "(Documentation/core-api/workqueue.rst).",
        .pointer = "/spec/isolation",
        .order = 45,
        .watch = DIRECTORY "/*/cpumask",
        .wish = wish,
        .read = read_cpus,
        .write = write_cpus,
        .satisfied = list_within,
};
REGISTER_KNOB(workqueue)
