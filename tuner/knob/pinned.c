/* See pinned.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pinned.h"
#include "sets.h"

/* A kernel's thread has no memory of its own. */
static bool is_pinned(const char *status, const struct cpu_set *cpus)
{
        struct cpu_set allowed;

        return strstr(status, "\nVmSize:") && cpus_allowed(status, &allowed) == 0 && !cpu_set_empty(&allowed) &&
               cpu_set_within(&allowed, cpus);
}

/* "0::/socle.slice/…" */
static bool is_in(const struct host *host, const char *pid, const char *thread, const char *group)
{
        cleanup_free char *text = NULL;

        if (host_read(host, &text, "/proc/%s/task/%s/cgroup", pid, thread) < 0)
                return true; /* it has ended */
        const char *unified = strncmp(text, "0::/", 4) == 0 ? text : strstr(text, "\n0::/");
        if (!unified)
                return false;
        const char *name = strstr(unified, "::/") + 3;
        size_t length = strlen(group);
        return strncmp(name, group, length) == 0 && (name[length] == '/' || name[length] == '\n' || !name[length]);
}

static int look_at(const struct host *host, const char *pid, const char *thread, const struct cpu_set *cpus,
                   const char *group, struct knob_detail *detail)
{
        cleanup_free char *status = NULL;

        if (host_read(host, &status, "/proc/%s/task/%s/status", pid, thread) < 0 || !is_pinned(status, cpus) ||
            is_in(host, pid, thread, group))
                return 0;
        knob_say(detail,
                 "thread '%.*s' (%s of process %s) is pinned to these CPUs and not in %s: it would be driven away",
                 (int)strcspn(status + strlen("Name:\t"), "\n"), status + strlen("Name:\t"), thread, pid, group);
        return -EBUSY;
}

int pinned_elsewhere(const struct host *host, const char *cpus, const char *group, struct knob_detail *detail)
{
        cleanup_strings char **processes = NULL;
        struct cpu_set set;
        int r = cpu_set_from_list(cpus, &set);

        if (r == 0)
                r = host_list(host, &processes, "/proc");
        for (size_t i = 0; r == 0 && processes[i]; i++) {
                cleanup_strings char **threads = NULL;
                if (processes[i][0] < '0' || processes[i][0] > '9' ||
                    host_list(host, &threads, "/proc/%s/task", processes[i]) < 0)
                        continue;
                for (size_t k = 0; r == 0 && threads[k]; k++)
                        r = look_at(host, processes[i], threads[k], &set, group, detail);
        }
        return r;
}
