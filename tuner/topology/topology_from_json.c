/* A topology out of its document (topology_json.c), which may have been edited or made up: all that the struct promises
 * is checked. See topology.h; devices are in devices_from_json.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "private.h"
#include "socle/cleanup.h"

/* ---- CPUs, nodes, packages, cores ---- */

static int read_sets(struct topology *t, const json_t *document, struct errors *errors)
{
        static const char expected[] = "a list of CPUs as \"0-3,8\"";
        const json_t *cpus = json_object_get(document, "cpus");

        if (!doc_cpus(cpus, "online", &t->online) || cpu_set_empty(&t->online))
                return doc_refuse(errors, expected, "/cpus/online");
        if (!doc_cpus(cpus, "present", &t->present) || !cpu_set_within(&t->online, &t->present))
                return doc_refuse(errors, "all CPUs, the online ones among them", "/cpus/present");
        if (!doc_cpus(cpus, "allowed", &t->allowed) || !cpu_set_within(&t->allowed, &t->online) ||
            cpu_set_empty(&t->allowed))
                return doc_refuse(errors, "CPUs that are online", "/cpus/allowed");
        return 0;
}

static int read_pages(struct topology_node *node, const json_t *entry, uint64_t normal_page)
{
        json_t *size;
        size_t i;

        json_array_foreach (json_object_get(entry, "huge_pages"), i, size) {
                struct topology_pages *pages = array_grow(&node->pages, &node->page_count, sizeof(*pages));
                if (!pages)
                        return -ENOMEM;
                *pages = (struct topology_pages){doc_bytes(size, "page_bytes"), doc_bytes(size, "count"),
                                                 doc_bytes(size, "free")};
                if (pages->page_bytes <= (i > 0 ? pages[-1].page_bytes : normal_page) || pages->free > pages->count)
                        return -EINVAL;
        }
        return 0;
}

static int read_distances(struct topology_node *node, const json_t *entry, size_t count)
{
        const json_t *list = json_object_get(entry, "distances");

        if (json_array_size(list) != count)
                return -EINVAL;
        node->distances = calloc(count, sizeof(*node->distances));
        if (!node->distances)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++) {
                json_int_t value = json_integer_value(json_array_get(list, i));
                if (value <= 0 || value > UINT16_MAX)
                        return -EINVAL;
                node->distances[i] = (uint16_t)value;
        }
        return 0;
}

static int read_node(struct topology *t, const json_t *entry, size_t index, size_t count, struct cpu_set *left,
                     struct errors *errors)
{
        struct topology_node *node = &t->nodes[index];
        int at = (int)index;

        node->os_index = doc_index(entry, "number", INT32_MAX);
        if (node->os_index < 0 || (index > 0 && node->os_index <= node[-1].os_index))
                return doc_refuse(errors, "a number above that of the node before it", "/nodes/%d/number", at);
        if (!doc_cpus(entry, "cpus", &node->cpus) || !cpu_set_within(&node->cpus, left))
                return doc_refuse(errors, "CPUs that are online and of no other node", "/nodes/%d/cpus", at);
        cpu_set_and_not(left, &node->cpus);
        node->memory_bytes = doc_bytes(entry, "memory_bytes");
        node->free_bytes = doc_bytes(entry, "free_bytes");
        if (node->free_bytes > node->memory_bytes || node->memory_bytes > UINT64_MAX / 2 - t->memory_bytes)
                return doc_refuse(errors, "no more than memory_bytes", "/nodes/%d/free_bytes", at);
        t->memory_bytes += node->memory_bytes;
        int r = read_pages(node, entry, t->page_bytes);
        if (r == -EINVAL)
                return doc_refuse(errors, "sizes in order, each with no more free than there are",
                                  "/nodes/%d/huge_pages", at);
        if (r == 0)
                r = read_distances(node, entry, count);
        return r == -EINVAL ? doc_refuse(errors, "a number above 0 for each node", "/nodes/%d/distances", at) : r;
}

static int read_nodes_json(struct topology *t, const json_t *document, struct errors *errors)
{
        const json_t *list = json_object_get(document, "nodes");
        size_t count = json_array_size(list);
        struct cpu_set left = t->online;
        int r = 0;

        if (count == 0)
                return doc_refuse(errors, "at least one node", "/nodes");
        t->nodes = calloc(count, sizeof(*t->nodes));
        if (!t->nodes)
                return -ENOMEM;
        for (size_t i = 0; i < count && r == 0; i++) {
                t->node_count++;
                r = read_node(t, json_array_get(list, i), i, count, &left, errors);
        }
        return r;
}

static int read_packages_json(struct topology *t, const json_t *document)
{
        json_t *entry;
        size_t i;

        json_array_foreach (json_object_get(document, "packages"), i, entry) {
                struct topology_package *package = array_grow(&t->packages, &t->package_count, sizeof(*package));
                if (!package)
                        return -ENOMEM;
                package->os_index = doc_index(entry, "number", INT32_MAX);
                snprintf(package->model, sizeof(package->model), "%s", doc_text(entry, "model"));
        }
        return 0;
}

static int find_package(const struct topology *t, int number)
{
        for (size_t i = 0; number >= 0 && i < t->package_count; i++)
                if (t->packages[i].os_index == number)
                        return (int)i;
        return -1;
}

static void set_cpus_of_core(struct topology *t, const json_t *entry, const struct cpu_set *cpus, int *tags, int tag)
{
        int package = find_package(t, doc_index(entry, "package", INT32_MAX)), kind = doc_index(entry, "kind", CPU_MAX);

        for (int number = cpu_set_next(cpus, -1); number >= 0; number = cpu_set_next(cpus, number)) {
                int index = topology_find_cpu(t, number);
                struct topology_cpu *cpu = &t->cpus[index];

                cpu->package = package;
                cpu->l3 = doc_index(entry, "l3", CPU_MAX);
                cpu->kind = t->hybrid && kind > 0 ? kind : 0;
                tags[index] = tag;
                if (package >= 0)
                        cpu_set_add(&t->packages[package].cpus, (unsigned)number);
        }
}

static int read_cores_json(struct topology *t, const json_t *document, struct errors *errors)
{
        const json_t *list = json_object_get(document, "cores");
        cleanup_free int *tags = malloc(t->cpu_count * sizeof(*tags));
        struct cpu_set left = t->online;
        json_t *entry;
        size_t i;

        if (!tags)
                return -ENOMEM;
        for (i = 0; i < t->cpu_count; i++)
                tags[i] = -1;
        json_array_foreach ((json_t *)list, i, entry) {
                struct cpu_set cpus;

                if (!doc_cpus(entry, "cpus", &cpus) || cpu_set_empty(&cpus) || !cpu_set_within(&cpus, &left))
                        return doc_refuse(errors, "CPUs that are online and of no other core", "/cores/%d/cpus",
                                          (int)i);
                cpu_set_and_not(&left, &cpus);
                set_cpus_of_core(t, entry, &cpus, tags, (int)i);
        }
        if (!cpu_set_empty(&left))
                return doc_refuse(errors, "a core around each CPU that is online", "/cores");
        return make_cores(t, tags, (int)json_array_size(list));
}

/* ---- all of it ---- */

static void read_flags(struct topology *t, const json_t *document)
{
        const json_t *resctrl = json_object_get(document, "resctrl");

        snprintf(t->source, sizeof(t->source), "%s", doc_text(document, "source"));
        t->live = json_is_true(json_object_get(document, "live"));
        t->hybrid = json_is_true(json_object_get(document, "hybrid"));
        t->iommu = json_is_true(json_object_get(document, "iommu"));
        t->resctrl_l3 = json_is_true(json_object_get(resctrl, "l3"));
        t->resctrl_mb = json_is_true(json_object_get(resctrl, "mb"));
        t->page_bytes = doc_bytes(document, "page_bytes");
}

int topology_from_json(struct topology **ret, const json_t *document, struct errors *errors)
{
        cleanup_(topology_free_p) struct topology *t = calloc(1, sizeof(*t));

        if (!t)
                return -ENOMEM;
        if (!json_is_object(document))
                return doc_refuse(errors, "the JSON that `soclectl topology -o json` has written", "%s", "");
        read_flags(t, document);
        int r = read_sets(t, document, errors);
        if (r == 0)
                r = make_cpus(t);
        if (r == 0)
                r = read_nodes_json(t, document, errors);
        if (r == 0)
                r = read_packages_json(t, document);
        if (r < 0)
                return r;
        set_nodes(t);
        r = read_cores_json(t, document, errors);
        if (r == 0)
                r = read_document_devices(t, document, errors);
        if (r == 0)
                *ret = TAKE_PTR(t);
        return r;
}
