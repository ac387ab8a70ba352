/* The memory of each node: from sysfs when there is one, else hwloc's word. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "socle/cleanup.h"
#include "sysfs.h"

static int add_pages(struct topology_node *node, uint64_t page_bytes, uint64_t count, uint64_t free_count)
{
        struct topology_pages *pages = array_grow(&node->pages, &node->page_count, sizeof(*node->pages));

        if (!pages)
                return -ENOMEM;
        *pages = (struct topology_pages){page_bytes, count, free_count < count ? free_count : count};
        return 0;
}

static int by_size(const void *a, const void *b)
{
        const struct topology_pages *x = a, *y = b;

        return (x->page_bytes > y->page_bytes) - (x->page_bytes < y->page_bytes);
}

static void sort_pages(struct topology_node *node)
{
        if (node->page_count > 1)
                qsort(node->pages, node->page_count, sizeof(*node->pages), by_size);
}

/* ---- sysfs ---- */

/* "Node 0 MemTotal:  15034572 kB", or "MemTotal:  15034572 kB" of the whole machine. */
static bool meminfo_bytes(const char *text, const char *name, uint64_t *ret)
{
        const char *at = text ? strstr(text, name) : NULL;
        unsigned long long kib;
        char unit[3];

        if (!at || sscanf(at + strlen(name), "%llu %2s", &kib, unit) != 2 || strcmp(unit, "kB") != 0 ||
            kib > UINT64_MAX / 1024)
                return false;
        *ret = kib * 1024;
        return true;
}

/* `directory` has a hugepages-NkB for each size. */
static int read_huge_pages(struct topology_node *node, int root, const char *directory)
{
        cleanup_(sysfs_list_free_p) char **sizes = sysfs_list(root, "%s", directory);

        for (char **name = sizes; name && *name; name++) {
                long long count = 0, free_count = 0;
                unsigned long long kib;
                char unit[3];

                if (sscanf(*name, "hugepages-%llu%2s", &kib, unit) != 2 || strcmp(unit, "kB") != 0 || kib == 0 ||
                    kib > UINT64_MAX / 1024)
                        continue;
                sysfs_number(root, 0, INT64_MAX, &count, "%s/%s/nr_hugepages", directory, *name);
                sysfs_number(root, 0, INT64_MAX, &free_count, "%s/%s/free_hugepages", directory, *name);
                if (add_pages(node, kib * 1024, (uint64_t)count, (uint64_t)free_count) < 0)
                        return -ENOMEM;
        }
        sort_pages(node);
        return 0;
}

/* false: sysfs knows nothing of this node. */
static bool read_node_sysfs(struct topology *t, struct topology_node *node, int root)
{
        cleanup_free char *text = sysfs_read(root, "sys/devices/system/node/node%d/meminfo", node->os_index);

        if (!text && t->node_count == 1) /* a kernel without NUMA */
                text = sysfs_read(root, "proc/meminfo");
        if (!meminfo_bytes(text, "MemTotal:", &node->memory_bytes))
                return false;
        if (!meminfo_bytes(text, "MemFree:", &node->free_bytes) || node->free_bytes > node->memory_bytes)
                node->free_bytes = 0;
        return true;
}

static int read_node_pages(const struct topology *t, struct topology_node *node, int root)
{
        char directory[64];

        snprintf(directory, sizeof(directory), "sys/devices/system/node/node%d/hugepages", node->os_index);
        if (!sysfs_exists(root, "%s", directory) && t->node_count == 1)
                snprintf(directory, sizeof(directory), "sys/kernel/mm/hugepages");
        return read_huge_pages(node, root, directory);
}

/* ---- hwloc ---- */

static int read_node_hwloc(struct topology_node *node, hwloc_obj_t object, uint64_t normal_page)
{
        const struct hwloc_numanode_attr_s *numa = &object->attr->numanode;
        uint64_t huge_bytes = 0;

        node->memory_bytes = numa->local_memory;
        for (unsigned i = 0; i < numa->page_types_len; i++) {
                const struct hwloc_memory_page_type_s *type = &numa->page_types[i];

                if (type->size <= normal_page)
                        continue;
                if (add_pages(node, type->size, type->count, type->count) < 0)
                        return -ENOMEM;
                huge_bytes += type->size * type->count;
        }
        sort_pages(node);
        node->free_bytes = huge_bytes < node->memory_bytes ? node->memory_bytes - huge_bytes : 0;
        return 0;
}

/* Nobody tells any size, as in a machine that is only described in words: x86's, and none of them taken. */
static int assume_sizes(struct topology *t)
{
        for (size_t i = 0; i < t->node_count; i++)
                if (t->nodes[i].page_count > 0)
                        return 0;
        for (size_t i = 0; i < t->node_count; i++)
                if (add_pages(&t->nodes[i], 2ULL << 20, 0, 0) < 0 || add_pages(&t->nodes[i], 1ULL << 30, 0, 0) < 0)
                        return -ENOMEM;
        return 0;
}

int read_memory(struct topology *t, hwloc_topology_t hwloc, int root)
{
        for (size_t i = 0; i < t->node_count; i++) {
                struct topology_node *node = &t->nodes[i];
                hwloc_obj_t object = hwloc_get_numanode_obj_by_os_index(hwloc, (unsigned)node->os_index);
                bool known = root >= 0 && read_node_sysfs(t, node, root);
                int r = 0;

                if (!known && object)
                        r = read_node_hwloc(node, object, t->page_bytes);
                else if (known)
                        r = read_node_pages(t, node, root);
                if (r < 0)
                        return r;
                t->memory_bytes += node->memory_bytes;
        }
        return root < 0 ? assume_sizes(t) : 0;
}
