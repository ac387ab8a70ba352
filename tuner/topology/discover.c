/* See discover.h. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "discover.h"
#include "socle/cleanup.h"

static int set_filters(hwloc_topology_t topology)
{
        static const hwloc_obj_type_t structure[] = {HWLOC_OBJ_PACKAGE, HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L2CACHE,
                                                     HWLOC_OBJ_CORE};
        static const hwloc_obj_type_t devices[] = {HWLOC_OBJ_PCI_DEVICE, HWLOC_OBJ_OS_DEVICE};
        int r = hwloc_topology_set_all_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_NONE);

        for (size_t i = 0; i < ARRAY_LEN(structure); i++)
                r |= hwloc_topology_set_type_filter(topology, structure[i], HWLOC_TYPE_FILTER_KEEP_ALL);
        /* What a NUMA node hangs on when nothing else has its CPUs. */
        r |= hwloc_topology_set_type_filter(topology, HWLOC_OBJ_GROUP, HWLOC_TYPE_FILTER_KEEP_STRUCTURE);
        for (size_t i = 0; i < ARRAY_LEN(devices); i++)
                r |= hwloc_topology_set_type_filter(topology, devices[i], HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
        return r;
}

/* Of XML, devices too: in a tree they are found in sysfs, which has more to say about them. */
static int set_up(hwloc_topology_t topology, bool devices)
{
        int r = set_filters(topology);

        if (!devices)
                r |= hwloc_topology_set_io_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_NONE);
        return r | hwloc_topology_set_flags(topology, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
}

int discover(hwloc_topology_t *ret, const struct discovery *discovery)
{
        cleanup_(hwloc_topology_p) hwloc_topology_t topology = NULL;

        if (hwloc_topology_init(&topology) < 0 || set_up(topology, discovery->xml != NULL) < 0)
                return -ENOMEM;
        /* It would go to each CPU in turn, also to those that must not be disturbed. */
        hwloc_topology_set_components(topology, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, "x86");
        if (discovery->xml && hwloc_topology_set_xmlbuffer(topology, discovery->xml, (int)discovery->xml_size + 1) < 0)
                return -EINVAL;
        if (discovery->synthetic && hwloc_topology_set_synthetic(topology, discovery->synthetic) < 0)
                return -EINVAL;
        if (hwloc_topology_load(topology) < 0)
                return errno == ENOMEM ? -ENOMEM : -EINVAL;
        if (!discovery->root || strcmp(discovery->root, "/") != 0)
                hwloc_topology_check(topology); /* aborts */
        *ret = TAKE_PTR(topology);
        return 0;
}
