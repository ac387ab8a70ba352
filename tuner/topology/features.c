/* What else a planner asks of a host: an IOMMU that is in use, and resctrl (whether it is mounted or not). */
#include <string.h>

#include "private.h"
#include "socle/cleanup.h"
#include "sysfs.h"

/* In the "flags" of /proc/cpuinfo's first CPU. */
static bool has_flag(const char *cpuinfo, const char *flag)
{
        const char *flags = cpuinfo ? strstr(cpuinfo, "\nflags") : NULL;
        size_t length = strlen(flag);

        if (!flags)
                return false;
        for (const char *at = flags; (at = strstr(at, flag)); at += length)
                if (at[-1] == ' ' && (at[length] == ' ' || at[length] == '\n' || at[length] == 0))
                        return !memchr(flags + 1, '\n', (size_t)(at - flags - 1));
        return false;
}

void read_features(struct topology *t, int root)
{
        cleanup_(sysfs_list_free_p) char **groups = sysfs_list(root, "sys/kernel/iommu_groups");
        cleanup_free char *systems = sysfs_read(root, "proc/filesystems");
        cleanup_free char *cpuinfo = sysfs_read(root, "proc/cpuinfo");
        bool resctrl = systems && strstr(systems, "\tresctrl");

        t->iommu = groups && *groups;
        t->resctrl_l3 = sysfs_exists(root, "sys/fs/resctrl/info/L3") || (resctrl && has_flag(cpuinfo, "cat_l3"));
        t->resctrl_mb = sysfs_exists(root, "sys/fs/resctrl/info/MB") || (resctrl && has_flag(cpuinfo, "mba"));
}
