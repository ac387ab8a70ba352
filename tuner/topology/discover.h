/* What hwloc makes of a machine. It is asked in a child process only (topology.c): a tree other than the host's is
 * named to it by the variable HWLOC_FSROOT and no other way, a user's own HWLOC_* variables must not make another
 * machine of this one, plugins must not be loaded, and there is input that it asserts about. */
#pragma once

#include <hwloc.h>

struct discovery {
        /* One of them: */
        const char *root; /* "/": this host */
        const char *synthetic;
        const char *xml;  /* a text, */
        size_t xml_size;  /* without its final NUL */
        const char *name; /* in complaints: "file big.xml" */
};

/* The environment for it, static but for `fsroot`: "HWLOC_FSROOT=…" or NULL. */
#define DISCOVERY_ENVIRONMENT(fsroot)                                                                                  \
        (char *[])                                                                                                     \
        {                                                                                                              \
                "HWLOC_XML_VERBOSE=1", "HWLOC_SYNTHETIC_VERBOSE=1", "HWLOC_PLUGINS_PATH=/dev/null", fsroot, NULL       \
        }

/* 0, -EINVAL (hwloc has said why on standard error) or -ENOMEM; it may also abort. All that is online is in the result,
 * also what the cgroup forbids; of objects only NUMA nodes, packages, L2 and L3, cores, PUs, and from XML devices. */
int discover(hwloc_topology_t *ret, const struct discovery *discovery);

static inline void hwloc_topology_p(hwloc_topology_t *topology)
{
        if (*topology)
                hwloc_topology_destroy(*topology);
}
