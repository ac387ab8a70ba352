/* Which CPUs are online, and which are isolated now, as the kernel tells. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "private.h"
#include "socle/cleanup.h"

#define DEPTH_MAX 16 /* of cgroups, below which nobody makes partitions */

static void closedir_p(DIR **dir)
{
        if (*dir)
                closedir(*dir);
}

/* -ENOENT: there is no such file. */
static int read_line(const char *directory, const char *name, char **ret)
{
        cleanup_free char *path = NULL, *line = NULL;
        size_t size = 0;

        if (asprintf(&path, "%s/%s", directory, name) < 0)
                return path = NULL, -ENOMEM;
        cleanup_fclose FILE *file = fopen(path, "re");
        if (!file)
                return -errno;
        errno = 0;
        if (getline(&line, &size, file) < 0 && errno)
                return -errno;
        line = line ?: strdup("");
        if (!line)
                return -ENOMEM;
        line[strcspn(line, "\n")] = 0;
        *ret = TAKE_PTR(line);
        return 0;
}

static int add_list(const char *directory, const char *name, struct cpu_set *set)
{
        cleanup_free char *line = NULL;
        struct cpu_set cpus;
        int r = read_line(directory, name, &line);

        if (r == 0)
                r = cpu_set_from_list(line, &cpus);
        if (r == 0)
                cpu_set_or(set, &cpus);
        return r;
}

/* An invalid partition says so ("isolated invalid (…)"), and isolates nothing. */
static int add_partitions(const char *directory, int depth, struct cpu_set *set)
{
        cleanup_(closedir_p) DIR *dir = depth < DEPTH_MAX ? opendir(directory) : NULL;
        cleanup_free char *kind = NULL;
        struct dirent *entry;

        if (!dir)
                return 0;
        if (read_line(directory, "cpuset.cpus.partition", &kind) == 0 && strcmp(kind, "isolated") == 0)
                add_list(directory, "cpuset.cpus.effective", set);
        while ((entry = readdir(dir))) {
                cleanup_free char *below = NULL;
                if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
                        continue;
                if (asprintf(&below, "%s/%s", directory, entry->d_name) < 0)
                        return below = NULL, -ENOMEM;
                int r = add_partitions(below, depth + 1, set);
                if (r < 0)
                        return r;
        }
        return 0;
}

int noise_system_cpus(const char *which, struct cpu_set *ret)
{
        struct cpu_set set = {};
        int r = add_list("/sys/devices/system/cpu", which, &set);

        if (r == 0)
                *ret = set;
        return r;
}

int noise_isolated_cpus(const char *root, struct cpu_set *ret)
{
        char path[PATH_MAX];
        struct cpu_set set = {}, online = {};

        snprintf(path, sizeof(path), "%s/sys/devices/system/cpu", root);
        int r = add_list(path, "online", &online);
        if (r == 0)
                r = add_list(path, "isolated", &set);
        if (r < 0 && r != -ENOENT)
                return r;
        snprintf(path, sizeof(path), "%s/sys/fs/cgroup", root);
        r = add_list(path, "cpuset.cpus.isolated", &set);
        if (r < 0)
                r = add_partitions(path, 0, &set);
        if (r < 0)
                return r;
        cpu_set_and(&set, &online); /* isolcpus= may name others */
        *ret = set;
        return 0;
}
