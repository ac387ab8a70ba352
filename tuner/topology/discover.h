/* What hwloc makes of a machine, obtained so that nobody is harmed: hwloc is asked in a child process with an
 * environment of its own, because a tree other than the host's is named to it by HWLOC_FSROOT only, because a user's
 * HWLOC_* variables must not make another machine of this one, and because input that it asserts about must not end
 * socled. The child hands XML back, of hwloc's own making. */
#pragma once

#include <hwloc.h>

#include "socle/errors.h"

struct discovery {
        /* One of them: */
        const char *root; /* "/": this host */
        const char *synthetic;
        const char *xml;  /* a text, */
        size_t xml_size;  /* without its final NUL */
        const char *name; /* in complaints: "file big.xml" */
};

/* 0, -EINVAL (with hwloc's own words where it has any), -ENOMEM, -ETIMEDOUT, or -errno of fork() and the like. All that
 * is online is in the result, also what the cgroup forbids; of objects only NUMA nodes, packages, L2 and L3, cores,
 * PUs, and from XML devices. */
int discover(hwloc_topology_t *ret, const struct discovery *discovery, struct errors *errors);

static inline void hwloc_topology_p(hwloc_topology_t *topology)
{
        if (*topology)
                hwloc_topology_destroy(*topology);
}
