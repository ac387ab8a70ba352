/* The devices of a topology's document. See private.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "private.h"
#include "socle/cleanup.h"

static void copy_text(const json_t *object, const char *name, char *to, size_t size)
{
        snprintf(to, size, "%s", doc_text(object, name));
}

static unsigned get_id(const json_t *object, const char *name)
{
        return (unsigned)strtoul(doc_text(object, name), NULL, 16);
}

static int get_node(const struct topology *t, const json_t *object)
{
        return topology_find_node(t, doc_index(object, "node", INT32_MAX));
}

static int read_function(struct topology *t, const json_t *entry, int index, struct errors *errors)
{
        struct topology_pci *pci = array_grow(&t->pci, &t->pci_count, sizeof(*pci));
        const char *address = doc_text(entry, "address");
        int total = doc_index(entry, "sriov_total", UINT16_MAX), count = doc_index(entry, "sriov_count", UINT16_MAX);
        int speed = doc_index(entry, "speed_mbps", INT32_MAX);

        if (!pci)
                return -ENOMEM;
        if (strlen(address) != 12 || !pci_address_in(address, pci->address) || topology_find_pci(t, address) != index)
                return doc_refuse(errors, "an address of its own as \"0000:81:00.0\"", "/pci/%d/address", index);
        pci->vendor = (uint16_t)get_id(entry, "vendor");
        pci->device = (uint16_t)get_id(entry, "device");
        pci->class_code = get_id(entry, "class") & 0xffffff;
        copy_text(entry, "vendor_name", pci->vendor_name, sizeof(pci->vendor_name));
        copy_text(entry, "device_name", pci->device_name, sizeof(pci->device_name));
        copy_text(entry, "driver", pci->driver, sizeof(pci->driver));
        copy_text(entry, "interface", pci->interface, sizeof(pci->interface));
        copy_text(entry, "mac_address", pci->mac_address, sizeof(pci->mac_address));
        pci->node = get_node(t, entry);
        pci->iommu_group = doc_index(entry, "iommu_group", INT32_MAX);
        pci->sriov_total = total > 0 ? total : 0;
        pci->sriov_count = count > 0 ? count : 0;
        pci->speed_mbps = speed > 0 ? (uint32_t)speed : 0;
        pci->physical_function = pci->vf_number = -1;
        return pci->sriov_count <= pci->sriov_total
                       ? 0
                       : doc_refuse(errors, "no more than sriov_total", "/pci/%d/sriov_count", index);
}

/* When all functions are there. */
static void find_physical_functions(struct topology *t, const json_t *list)
{
        for (size_t i = 0; i < t->pci_count; i++) {
                const json_t *entry = json_array_get(list, i);
                int pf = topology_find_pci(t, doc_text(entry, "physical_function")),
                    vf = doc_index(entry, "vf_number", UINT16_MAX);

                if (pf < 0 || vf < 0 || pf == (int)i)
                        continue;
                t->pci[i].physical_function = pf;
                t->pci[i].vf_number = vf;
        }
}

/* hdd, ssd, nvme; −1: none of them. */
static int disk_type(const char *text)
{
        for (int type = 0; type <= DISK_NVME; type++)
                if (strcmp(text, disk_type_names[type]) == 0)
                        return type;
        return -1;
}

static int read_disk(struct topology *t, const json_t *entry, int index, struct errors *errors)
{
        int type = disk_type(doc_text(entry, "type"));
        struct topology_disk *disk = array_grow(&t->disks, &t->disk_count, sizeof(*disk));

        if (!disk)
                return -ENOMEM;
        copy_text(entry, "name", disk->name, sizeof(disk->name));
        disk->size_bytes = doc_bytes(entry, "size_bytes");
        disk->type_known = !json_is_false(json_object_get(entry, "type_known"));
        disk->node = get_node(t, entry);
        if (type < 0 || disk->size_bytes == 0)
                return doc_refuse(errors, "a disk of type hdd, ssd or nvme, and its size_bytes", "/disks/%d", index);
        disk->type = (enum topology_disk_type)type;
        return 0;
}

int read_document_devices(struct topology *t, const json_t *document, struct errors *errors)
{
        const json_t *functions = json_object_get(document, "pci"), *disks = json_object_get(document, "disks");
        json_t *entry;
        size_t i;
        int r = 0;

        json_array_foreach ((json_t *)functions, i, entry)
                if (r == 0)
                        r = read_function(t, entry, (int)i, errors);
        if (r == 0)
                find_physical_functions(t, functions);
        json_array_foreach ((json_t *)disks, i, entry)
                if (r == 0)
                        r = read_disk(t, entry, (int)i, errors);
        return r;
}
