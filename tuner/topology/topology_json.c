/* A topology as the method `topology` answers it. Nodes, packages and CPUs are named by the kernel's numbers; what is
 * not known is left out. CPUs that are present and in no core are offline. */
#include <stdlib.h>

#include "socle/cleanup.h"
#include "topology.h"

static const char *const disk_types[] = {[DISK_HDD] = "hdd", [DISK_SSD] = "ssd", [DISK_NVME] = "nvme"};

/* Numbers below 0 and empty texts are unknown. */
static void set_number(json_t *object, const char *name, long long number)
{
        if (number >= 0)
                json_object_set_new(object, name, json_integer(number));
}

static void set_text(json_t *object, const char *name, const char *text)
{
        if (*text)
                json_object_set_new(object, name, json_string(text));
}

static void set_id(json_t *object, const char *name, int digits, unsigned id)
{
        char text[16];

        snprintf(text, sizeof(text), "%0*x", digits, id);
        json_object_set_new(object, name, json_string(id ? text : NULL)); /* NULL: nothing is set */
}

static void set_cpus(json_t *object, const char *name, const struct cpu_set *set)
{
        cleanup_free char *list = cpu_set_to_list(set);

        json_object_set_new(object, name, json_string(list ? list : ""));
}

static int node_number(const struct topology *t, int node)
{
        return node < 0 ? -1 : t->nodes[node].os_index;
}

static json_t *package_to_json(const struct topology_package *package)
{
        json_t *json = json_pack("{s:i}", "number", package->os_index);

        set_text(json, "model", package->model);
        set_cpus(json, "cpus", &package->cpus);
        return json;
}

static json_t *node_to_json(const struct topology *t, const struct topology_node *node)
{
        json_t *json = json_pack("{s:i, s:I, s:I}", "number", node->os_index, "memory_bytes",
                                 (json_int_t)node->memory_bytes, "free_bytes", (json_int_t)node->free_bytes);
        json_t *pages = json_array(), *distances = json_array();

        set_cpus(json, "cpus", &node->cpus);
        for (size_t i = 0; i < node->page_count; i++)
                json_array_append_new(pages,
                                      json_pack("{s:I, s:I, s:I}", "page_bytes", (json_int_t)node->pages[i].page_bytes,
                                                "count", (json_int_t)node->pages[i].count, "free",
                                                (json_int_t)node->pages[i].free));
        for (size_t i = 0; i < t->node_count; i++)
                json_array_append_new(distances, json_integer(node->distances[i]));
        json_object_set_new(json, "huge_pages", pages);
        json_object_set_new(json, "distances", distances);
        return json;
}

static json_t *core_to_json(const struct topology *t, const struct topology_core *core)
{
        struct cpu_set cpus = {};
        json_t *json = json_object();

        for (int i = 0; i < core->count; i++)
                cpu_set_add(&cpus, (unsigned)t->core_cpus[core->first + i]);
        set_cpus(json, "cpus", &cpus);
        set_number(json, "node", node_number(t, core->node));
        set_number(json, "package", core->package < 0 ? -1 : t->packages[core->package].os_index);
        set_number(json, "l3", core->l3);
        if (t->hybrid)
                set_number(json, "kind", core->kind);
        return json;
}

static json_t *pci_to_json(const struct topology *t, const struct topology_pci *pci)
{
        json_t *json = json_pack("{s:s}", "address", pci->address);

        set_id(json, "vendor", 4, pci->vendor);
        set_id(json, "device", 4, pci->device);
        set_id(json, "class", 6, pci->class_code);
        set_text(json, "vendor_name", pci->vendor_name);
        set_text(json, "device_name", pci->device_name);
        set_text(json, "driver", pci->driver);
        set_text(json, "interface", pci->interface);
        set_text(json, "mac_address", pci->mac_address);
        set_number(json, "node", node_number(t, pci->node));
        set_number(json, "iommu_group", pci->iommu_group);
        set_number(json, "speed_mbps", pci->speed_mbps > 0 ? (long long)pci->speed_mbps : -1);
        if (pci->sriov_total > 0) {
                set_number(json, "sriov_total", pci->sriov_total);
                set_number(json, "sriov_count", pci->sriov_count);
        }
        if (pci->physical_function >= 0)
                set_text(json, "physical_function", t->pci[pci->physical_function].address);
        set_number(json, "vf_number", pci->vf_number);
        return json;
}

static json_t *disk_to_json(const struct topology *t, const struct topology_disk *disk)
{
        json_t *json = json_pack("{s:s, s:s, s:b, s:I}", "name", disk->name, "type", disk_types[disk->type],
                                 "type_known", disk->type_known, "size_bytes", (json_int_t)disk->size_bytes);

        set_number(json, "node", node_number(t, disk->node));
        return json;
}

#define ARRAY_TO_JSON(json, name, count, one)                                                                          \
        ({                                                                                                             \
                json_t *array_ = json_array();                                                                         \
                for (size_t i = 0; i < (count); i++)                                                                   \
                        json_array_append_new(array_, one);                                                            \
                json_object_set_new(json, name, array_);                                                               \
        })

json_t *topology_to_json(const struct topology *t)
{
        json_t *json = json_pack("{s:s, s:b, s:I, s:I, s:b, s:b, s:b, s:{s:b, s:b}}", "source", t->source, "live",
                                 t->live, "memory_bytes", (json_int_t)t->memory_bytes, "page_bytes",
                                 (json_int_t)t->page_bytes, "smt", t->smt, "hybrid", t->hybrid, "iommu", t->iommu,
                                 "resctrl", "l3", t->resctrl_l3, "mb", t->resctrl_mb);
        json_t *cpus = json_object();

        set_cpus(cpus, "present", &t->present);
        set_cpus(cpus, "online", &t->online);
        set_cpus(cpus, "allowed", &t->allowed);
        json_object_set_new(json, "cpus", cpus);
        ARRAY_TO_JSON(json, "packages", t->package_count, package_to_json(&t->packages[i]));
        ARRAY_TO_JSON(json, "nodes", t->node_count, node_to_json(t, &t->nodes[i]));
        ARRAY_TO_JSON(json, "cores", t->core_count, core_to_json(t, &t->cores[i]));
        ARRAY_TO_JSON(json, "pci", t->pci_count, pci_to_json(t, &t->pci[i]));
        ARRAY_TO_JSON(json, "disks", t->disk_count, disk_to_json(t, &t->disks[i]));
        return json;
}
