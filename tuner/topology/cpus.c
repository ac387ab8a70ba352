/* CPUs: which there are, and the packages, cores and last-level caches they are in. Whatever hwloc does not tell has a
 * sensible form all the same: a CPU outside of any core is one of its own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "socle/cleanup.h"
#include "sysfs.h"

int cpu_set_from_hwloc(hwloc_const_bitmap_t bitmap, struct cpu_set *ret)
{
        struct cpu_set set = {};

        if (bitmap && hwloc_bitmap_weight(bitmap) < 0)
                return -ERANGE; /* infinite */
        for (int cpu = bitmap ? hwloc_bitmap_first(bitmap) : -1; cpu >= 0; cpu = hwloc_bitmap_next(bitmap, cpu)) {
                if (cpu >= CPU_MAX)
                        return -ERANGE;
                cpu_set_add(&set, (unsigned)cpu);
        }
        *ret = set;
        return 0;
}

/* ---- which there are ---- */

static int complain_range(const struct topology *t, struct errors *errors)
{
        errors_add(errors, -EINVAL, "", "CPUs below 8192, the most that a Debian kernel has",
                   "%s has CPUs that cannot be", t->source);
        return -EINVAL;
}

static int read_sets(struct topology *t, hwloc_topology_t hwloc, int root, struct errors *errors)
{
        struct cpu_set named;

        if (cpu_set_from_hwloc(hwloc_topology_get_topology_cpuset(hwloc), &t->online) < 0 ||
            cpu_set_from_hwloc(hwloc_topology_get_complete_cpuset(hwloc), &t->present) < 0 ||
            cpu_set_from_hwloc(hwloc_topology_get_allowed_cpuset(hwloc), &t->allowed) < 0)
                return complain_range(t, errors);
        if (cpu_set_empty(&t->online)) {
                errors_add(errors, -EINVAL, "", "at least one CPU that is online", "%s has no CPU", t->source);
                return -EINVAL;
        }
        cleanup_free char *list = root >= 0 ? sysfs_read(root, "sys/devices/system/cpu/present") : NULL;
        if (list && cpu_set_from_list(list, &named) == 0)
                t->present = named;
        cpu_set_or(&t->present, &t->online);
        cpu_set_and(&t->allowed, &t->online);
        if (cpu_set_empty(&t->allowed))
                t->allowed = t->online;
        return 0;
}

/* ---- what they are in ---- */

/* Marks the online CPUs of each object of a type with `base` and above, where nothing is marked yet; `tags` has an
 * entry for each CPU. Answers how many objects there are. */
static int tag(const struct topology *t, hwloc_topology_t hwloc, hwloc_obj_type_t type, int *tags, int base)
{
        int count = hwloc_get_nbobjs_by_type(hwloc, type);

        for (int i = 0; i < count; i++) {
                hwloc_obj_t object = hwloc_get_obj_by_type(hwloc, type, (unsigned)i);

                for (int cpu = hwloc_bitmap_first(object->cpuset); cpu >= 0;
                     cpu = hwloc_bitmap_next(object->cpuset, cpu)) {
                        int index = topology_find_cpu(t, cpu);
                        if (index >= 0 && t->cpus[index].online && tags[index] < 0)
                                tags[index] = base + i;
                }
        }
        return count > 0 ? count : 0;
}

static int *new_tags(const struct topology *t)
{
        int *tags = malloc(t->cpu_count * sizeof(*tags));

        for (size_t i = 0; tags && i < t->cpu_count; i++)
                tags[i] = -1;
        return tags;
}

static int read_packages(struct topology *t, hwloc_topology_t hwloc)
{
        cleanup_free int *tags = new_tags(t);

        if (!tags)
                return -ENOMEM;
        int count = tag(t, hwloc, HWLOC_OBJ_PACKAGE, tags, 0);
        for (int i = 0; i < count; i++) {
                hwloc_obj_t object = hwloc_get_obj_by_type(hwloc, HWLOC_OBJ_PACKAGE, (unsigned)i);
                const char *model = hwloc_obj_get_info_by_name(object, "CPUModel");
                struct topology_package *package = array_grow(&t->packages, &t->package_count, sizeof(*t->packages));

                if (!package)
                        return -ENOMEM;
                package->os_index = object->os_index == HWLOC_UNKNOWN_INDEX ? i : (int)object->os_index;
                snprintf(package->model, sizeof(package->model), "%s", model ? model : "");
        }
        for (size_t i = 0; i < t->cpu_count; i++) {
                t->cpus[i].package = tags[i];
                if (tags[i] >= 0)
                        cpu_set_add(&t->packages[tags[i]].cpus, (unsigned)t->cpus[i].os_index);
        }
        return 0;
}

/* The largest cache that is known of each CPU: L3, else L2. */
static int read_caches(struct topology *t, hwloc_topology_t hwloc)
{
        cleanup_free int *tags = new_tags(t);

        if (!tags)
                return -ENOMEM;
        int count = tag(t, hwloc, HWLOC_OBJ_L3CACHE, tags, 0);
        count += tag(t, hwloc, HWLOC_OBJ_L2CACHE, tags, count);
        int r = number_tags(t, tags, count);
        if (r < 0)
                return r;
        for (size_t i = 0; i < t->cpu_count; i++)
                t->cpus[i].l3 = tags[i];
        return 0;
}

/* Kinds that differ without one being better (efficiency −1) are one kind to us. */
static void read_kinds(struct topology *t, hwloc_topology_t hwloc)
{
        cleanup_(hwloc_bitmap_p) hwloc_bitmap_t cpus = hwloc_bitmap_alloc();
        int count = cpus ? hwloc_cpukinds_get_nr(hwloc, 0) : 0, efficiency, first = -1;

        for (int kind = 0; kind < count; kind++) {
                if (hwloc_cpukinds_get_info(hwloc, (unsigned)kind, cpus, &efficiency, NULL, NULL, 0) < 0 ||
                    efficiency < 0)
                        continue;
                for (size_t i = 0; i < t->cpu_count; i++) {
                        if (!t->cpus[i].online || !hwloc_bitmap_isset(cpus, (unsigned)t->cpus[i].os_index))
                                continue;
                        t->cpus[i].kind = kind;
                        t->hybrid |= first >= 0 && kind != first;
                        first = first < 0 ? kind : first;
                }
        }
}

static int read_cores(struct topology *t, hwloc_topology_t hwloc)
{
        cleanup_free int *tags = new_tags(t);

        if (!tags)
                return -ENOMEM;
        int count = tag(t, hwloc, HWLOC_OBJ_CORE, tags, 0);
        for (size_t i = 0; i < t->cpu_count; i++)
                if (t->cpus[i].online && tags[i] < 0)
                        tags[i] = count++;
        return make_cores(t, tags, count);
}

int read_cpus(struct topology *t, hwloc_topology_t hwloc, int root, struct errors *errors)
{
        int r = read_sets(t, hwloc, root, errors);

        if (r == 0)
                r = make_cpus(t);
        if (r == 0)
                r = read_nodes(t, hwloc, root, errors);
        if (r < 0)
                return r;
        set_nodes(t);
        read_kinds(t, hwloc);
        r = read_packages(t, hwloc);
        if (r == 0)
                r = read_caches(t, hwloc);
        return r < 0 ? r : read_cores(t, hwloc);
}
