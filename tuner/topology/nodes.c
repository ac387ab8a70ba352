/* NUMA nodes: which CPUs are theirs, how far they are from each other, and their memory by page size. hwloc gives a
 * node without CPUs the CPUs that are near it; we want what the kernel says: each CPU is of one node. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "socle/cleanup.h"
#include "sysfs.h"

#define LOCAL_DISTANCE  10 /* ACPI 6.5, 5.2.17 */
#define REMOTE_DISTANCE 20

struct numa {
        hwloc_obj_t object;
        struct cpu_set near;
        unsigned near_count;
        bool special; /* HBM and the like: CPUs belong to the ordinary node beside it */
        int index;    /* into the topology's nodes */
};

static int by_number(const void *a, const void *b)
{
        const struct topology_node *x = a, *y = b;

        return (x->os_index > y->os_index) - (x->os_index < y->os_index);
}

/* Ordinary memory first, then the more local, then the lower number: who comes first gets the CPU. */
static int by_claim(const void *a, const void *b)
{
        const struct numa *x = a, *y = b;

        if (x->special != y->special)
                return x->special - y->special;
        if (x->near_count != y->near_count)
                return x->near_count < y->near_count ? -1 : 1;
        return (x->object->os_index > y->object->os_index) - (x->object->os_index < y->object->os_index);
}

static int find_numas(struct topology *t, hwloc_topology_t hwloc, struct numa *numas, struct errors *errors)
{
        for (size_t i = 0; i < t->node_count; i++) {
                hwloc_obj_t object = hwloc_get_obj_by_type(hwloc, HWLOC_OBJ_NUMANODE, (unsigned)i);
                int r = cpu_set_from_hwloc(object->cpuset, &numas[i].near);

                if (r < 0 || object->os_index > INT32_MAX) {
                        errors_add(errors, -EINVAL, "", "numbers of nodes and CPUs as a kernel gives them",
                                   "%s: NUMA node %u cannot be", t->source, object->os_index);
                        return -EINVAL;
                }
                numas[i].object = object;
                numas[i].near_count = cpu_set_count(&numas[i].near);
                numas[i].special = object->subtype && *object->subtype && strcmp(object->subtype, "DRAM") != 0;
                t->nodes[i].os_index = (int)object->os_index;
        }
        qsort(t->nodes, t->node_count, sizeof(*t->nodes), by_number);
        for (size_t i = 1; i < t->node_count; i++)
                if (t->nodes[i].os_index == t->nodes[i - 1].os_index) {
                        errors_add(errors, -EINVAL, "", "a number of its own for each NUMA node",
                                   "%s has two NUMA nodes with the number %d", t->source, t->nodes[i].os_index);
                        return -EINVAL;
                }
        for (size_t i = 0; i < t->node_count; i++)
                numas[i].index = topology_find_node(t, (int)numas[i].object->os_index);
        return 0;
}

static void share_out_cpus(struct topology *t, struct numa *numas, int root)
{
        struct cpu_set left = t->online;

        qsort(numas, t->node_count, sizeof(*numas), by_claim);
        for (size_t i = 0; i < t->node_count; i++) {
                struct topology_node *node = &t->nodes[numas[i].index];
                cleanup_free char *list =
                        root >= 0 ? sysfs_read(root, "sys/devices/system/node/node%d/cpulist", node->os_index) : NULL;

                if (!list || cpu_set_from_list(list, &node->cpus) < 0)
                        node->cpus = numas[i].near;
                cpu_set_and(&node->cpus, &left);
                cpu_set_and_not(&left, &node->cpus);
        }
}

static void set_distances(struct topology *t, const struct hwloc_distances_s *matrix)
{
        for (unsigned i = 0; i < matrix->nbobjs; i++)
                for (unsigned j = 0; j < matrix->nbobjs; j++) {
                        int from = topology_find_node(t, (int)matrix->objs[i]->os_index);
                        int to = topology_find_node(t, (int)matrix->objs[j]->os_index);
                        uint64_t value = matrix->values[i * matrix->nbobjs + j];

                        if (from >= 0 && to >= 0 && value > 0)
                                t->nodes[from].distances[to] = value < UINT16_MAX ? (uint16_t)value : UINT16_MAX;
                }
}

static int read_distances(struct topology *t, hwloc_topology_t hwloc)
{
        struct hwloc_distances_s *matrix;
        unsigned count = 1;

        for (size_t i = 0; i < t->node_count; i++) {
                t->nodes[i].distances = calloc(t->node_count, sizeof(*t->nodes[i].distances));
                if (!t->nodes[i].distances)
                        return -ENOMEM;
                for (size_t j = 0; j < t->node_count; j++)
                        t->nodes[i].distances[j] = i == j ? LOCAL_DISTANCE : REMOTE_DISTANCE;
        }
        if (hwloc_distances_get_by_type(hwloc, HWLOC_OBJ_NUMANODE, &count, &matrix,
                                        HWLOC_DISTANCES_KIND_FROM_OS | HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0) == 0 &&
            count > 0) {
                set_distances(t, matrix);
                hwloc_distances_release(hwloc, matrix);
        }
        return 0;
}

int read_nodes(struct topology *t, hwloc_topology_t hwloc, int root, struct errors *errors)
{
        int count = hwloc_get_nbobjs_by_type(hwloc, HWLOC_OBJ_NUMANODE);
        cleanup_free struct numa *numas = calloc(count > 0 ? (size_t)count : 1, sizeof(*numas));

        t->nodes = calloc(count > 0 ? (size_t)count : 1, sizeof(*t->nodes));
        if (!numas || !t->nodes)
                return -ENOMEM;
        t->node_count = count > 0 ? (size_t)count : 0;
        int r = find_numas(t, hwloc, numas, errors);
        if (r < 0)
                return r;
        if (t->node_count == 0) { /* one that nobody mentions */
                t->nodes[t->node_count++].cpus = t->online;
                return read_distances(t, hwloc);
        }
        share_out_cpus(t, numas, root);
        return read_distances(t, hwloc);
}
