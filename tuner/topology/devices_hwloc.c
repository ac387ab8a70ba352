/* NICs and disks as hwloc's XML has them. It does not say what can have VFs, who drives a device, or what rotates. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

#define CLASS_NETWORK 0x02

/* Index of the node whose CPUs or memory the device hangs on; -1: several. */
static int find_locality(const struct topology *t, hwloc_topology_t hwloc, hwloc_obj_t object)
{
        hwloc_obj_t place = hwloc_get_non_io_ancestor_obj(hwloc, object);
        int cpu = place && place->cpuset ? hwloc_bitmap_first(place->cpuset) : -1, node = -1;

        if (place && place->nodeset && hwloc_bitmap_weight(place->nodeset) == 1)
                return topology_find_node(t, hwloc_bitmap_first(place->nodeset));
        for (; cpu >= 0; cpu = hwloc_bitmap_next(place->cpuset, cpu)) {
                int index = topology_find_cpu(t, cpu);
                int of_cpu = index >= 0 ? t->cpus[index].node : -1;

                if (node >= 0 && of_cpu != node)
                        return node_or_only(t, -1);
                node = of_cpu;
        }
        return node_or_only(t, node);
}

static const char *info(hwloc_obj_t object, const char *name)
{
        const char *value = hwloc_obj_get_info_by_name(object, name);

        return value ? value : "";
}

static int add_function(struct topology *t, hwloc_topology_t hwloc, hwloc_obj_t object)
{
        const struct hwloc_pcidev_attr_s *attr = &object->attr->pcidev;
        char address[16];

        snprintf(address, sizeof(address), "%04x:%02x:%02x.%01x", attr->domain & 0xffff, attr->bus, attr->dev & 0x1f,
                 attr->func & 7);
        if (attr->class_id >> 8 != CLASS_NETWORK || topology_find_pci(t, address) >= 0)
                return 0;
        struct topology_pci *pci = array_grow(&t->pci, &t->pci_count, sizeof(*t->pci));
        if (!pci)
                return -ENOMEM;
        memcpy(pci->address, address, sizeof(pci->address));
        pci->address[12] = 0;
        pci->class_code = (uint32_t)attr->class_id << 8;
        pci->vendor = attr->vendor_id;
        pci->device = attr->device_id;
        snprintf(pci->vendor_name, sizeof(pci->vendor_name), "%s", info(object, "PCIVendor"));
        snprintf(pci->device_name, sizeof(pci->device_name), "%s", info(object, "PCIDevice"));
        pci->node = find_locality(t, hwloc, object);
        pci->iommu_group = pci->physical_function = pci->vf_number = -1;
        for (hwloc_obj_t child = object->io_first_child; child; child = child->next_sibling) {
                if (child->type != HWLOC_OBJ_OS_DEVICE || child->attr->osdev.type != HWLOC_OBJ_OSDEV_NETWORK ||
                    !child->name || strlen(child->name) >= sizeof(pci->interface))
                        continue;
                snprintf(pci->interface, sizeof(pci->interface), "%s", child->name);
                snprintf(pci->mac_address, sizeof(pci->mac_address), "%s", info(child, "Address"));
                break;
        }
        return 0;
}

/* A block device that is said to be a disk, or is a PCI device's and nothing is said of it (no udev). */
static bool is_disk(hwloc_obj_t object)
{
        const char *type = object->subtype ? object->subtype : info(object, "Type");

        if (object->attr->osdev.type != HWLOC_OBJ_OSDEV_BLOCK || !object->name)
                return false;
        return strcmp(type, "Disk") == 0 ||
               (!*type && object->parent->type == HWLOC_OBJ_PCI_DEVICE && strncmp(object->name, "sr", 2) != 0);
}

/* A path of a multipath NVMe disk stands for the disk: "nvme0c1n2" for "nvme0n2". */
static void name_disk(char *ret, size_t size, const char *name)
{
        unsigned subsystem, controller, namespace;
        char rest;

        if (sscanf(name, "nvme%uc%un%u%c", &subsystem, &controller, &namespace, &rest) == 3)
                snprintf(ret, size, "nvme%un%u", subsystem, namespace);
        else
                snprintf(ret, size, "%s", name);
}

static bool have_disk(const struct topology *t, const char *name)
{
        for (size_t i = 0; i < t->disk_count; i++)
                if (strcmp(t->disks[i].name, name) == 0)
                        return true;
        return false;
}

static int add_disk(struct topology *t, hwloc_topology_t hwloc, hwloc_obj_t object)
{
        unsigned long long kib = strtoull(info(object, "Size"), NULL, 10);
        char name[sizeof(t->disks->name)];

        if (!is_disk(object) || kib == 0 || kib > UINT64_MAX / 1024 || strlen(object->name) >= sizeof(name))
                return 0;
        name_disk(name, sizeof(name), object->name);
        if (have_disk(t, name))
                return 0;
        bool nvme = strncmp(name, "nvme", 4) == 0;
        struct topology_disk *disk = array_grow(&t->disks, &t->disk_count, sizeof(*t->disks));
        if (!disk)
                return -ENOMEM;
        memcpy(disk->name, name, sizeof(name));
        disk->size_bytes = kib * 1024;
        disk->type = nvme ? DISK_NVME : strcasestr(info(object, "Model"), "SSD") ? DISK_SSD : DISK_HDD;
        disk->type_known = nvme;
        disk->node = find_locality(t, hwloc, object);
        return 0;
}

static int by_address(const void *a, const void *b)
{
        return strcmp(((const struct topology_pci *)a)->address, ((const struct topology_pci *)b)->address);
}

static int by_name(const void *a, const void *b)
{
        return strverscmp(((const struct topology_disk *)a)->name, ((const struct topology_disk *)b)->name);
}

int read_hwloc_devices(struct topology *t, hwloc_topology_t hwloc)
{
        int r = 0;

        for (hwloc_obj_t object = NULL; r == 0 && (object = hwloc_get_next_pcidev(hwloc, object));)
                r = add_function(t, hwloc, object);
        for (hwloc_obj_t object = NULL; r == 0 && (object = hwloc_get_next_osdev(hwloc, object));)
                r = add_disk(t, hwloc, object);
        if (t->pci_count > 1)
                qsort(t->pci, t->pci_count, sizeof(*t->pci), by_address);
        if (t->disk_count > 1)
                qsort(t->disks, t->disk_count, sizeof(*t->disks), by_name);
        name_pci(t->pci, t->pci_count);
        return r;
}
