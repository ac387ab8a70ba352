/* See sets.h. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "host_private.h"
#include "sets.h"

static int read_set(const struct host *host, char **ret_list, const char *path,
                    int (*parse)(const char *text, struct cpu_set *ret))
{
        cleanup_free char *text = NULL;
        struct cpu_set set;
        int r = host_read(host, &text, "%s", path);

        if (r < 0)
                return r;
        if (parse(text, &set) < 0)
                return -EBADMSG;
        char *list = cpu_set_to_list(&set);
        if (!list)
                return -ENOMEM;
        *ret_list = list;
        return 0;
}

int read_mask(const struct host *host, char **ret_list, const char *path, ...)
{
        FORMAT_PATH(path, -ENOMEM);
        return read_set(host, ret_list, path_text, cpu_set_from_mask);
}

int read_list(const struct host *host, char **ret_list, const char *path, ...)
{
        FORMAT_PATH(path, -ENOMEM);
        return read_set(host, ret_list, path_text, cpu_set_from_list);
}

/* The kernel takes no bits beyond the CPUs it may have, so the mask ends with the highest one that is in it. */
int write_mask(const struct host *host, const char *list, const char *path, ...)
{
        FORMAT_PATH(path, -ENOMEM);
        struct cpu_set set;
        unsigned limit = 1;
        int r = cpu_set_from_list(list, &set);

        if (r < 0)
                return r;
        for (int cpu = -1; (cpu = cpu_set_next(&set, cpu)) >= 0;)
                limit = (unsigned)cpu + 1;
        cleanup_free char *mask = cpu_set_to_mask(&set, limit);
        return mask ? host_write(host, mask, "%s", path_text) : -ENOMEM;
}

int cpus_allowed(const char *status, struct cpu_set *ret)
{
        static const char name[] = "\nCpus_allowed_list:\t";
        const char *line = strstr(status, name);

        if (!line)
                return -EBADMSG;
        line += strlen(name);
        cleanup_free char *list = strndup(line, strcspn(line, "\n"));
        if (!list)
                return -ENOMEM;
        return cpu_set_from_list(list, ret) < 0 ? -EBADMSG : 0;
}

bool list_within(const char *wanted, const char *found)
{
        struct cpu_set outer, inner;

        return cpu_set_from_list(wanted, &outer) == 0 && cpu_set_from_list(found, &inner) == 0 &&
               cpu_set_within(&inner, &outer);
}

bool list_equal(const char *wanted, const char *found)
{
        struct cpu_set a, b;

        return cpu_set_from_list(wanted, &a) == 0 && cpu_set_from_list(found, &b) == 0 && cpu_set_equal(&a, &b);
}
