/* PCI functions that carry a network, or can have VFs: from sysfs, with what the kernel says of their node, driver,
 * IOMMU group, VFs and interfaces. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "socle/cleanup.h"
#include "sysfs.h"

#define DEVICES       "sys/bus/pci/devices"
#define CLASS_NETWORK 0x02

bool pci_address_in(const char *path, char ret[13])
{
        const char *at = path;
        bool found = false;

        for (; at && *at; at = strchr(at, '/')) {
                unsigned domain, bus, device, function;
                int used = 0;

                at += *at == '/';
                if (sscanf(at, "%4x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &used) == 4 && used == 12 &&
                    (at[used] == '/' || at[used] == 0)) {
                        memcpy(ret, at, 12);
                        ret[12] = 0;
                        found = true;
                }
        }
        return found;
}

int node_or_only(const struct topology *t, int node)
{
        return node < 0 && t->node_count == 1 ? 0 : node;
}

static int find(const struct topology *t, const char *address)
{
        for (size_t i = 0; i < t->pci_count; i++)
                if (strcmp(t->pci[i].address, address) == 0)
                        return (int)i;
        return -1;
}

static int read_function(struct topology *t, int root, const char *address)
{
        long long class_code = 0, vendor = 0, device = 0, total = 0, count = 0, node = -1, group = -1;
        char plain[13], name[16];

        if (!pci_address_in(address, plain) || strcmp(plain, address) != 0 || find(t, address) >= 0)
                return 0;
        sysfs_number(root, 0, 0xffffff, &class_code, DEVICES "/%s/class", address);
        sysfs_number(root, 0, UINT16_MAX, &total, DEVICES "/%s/sriov_totalvfs", address);
        if (class_code >> 16 != CLASS_NETWORK && total == 0)
                return 0;
        struct topology_pci *pci = array_grow(&t->pci, &t->pci_count, sizeof(*t->pci));
        if (!pci)
                return -ENOMEM;
        sysfs_number(root, 0, UINT16_MAX, &vendor, DEVICES "/%s/vendor", address);
        sysfs_number(root, 0, UINT16_MAX, &device, DEVICES "/%s/device", address);
        sysfs_number(root, 0, total, &count, DEVICES "/%s/sriov_numvfs", address);
        sysfs_number(root, 0, INT32_MAX, &node, DEVICES "/%s/numa_node", address);
        sysfs_link_name(root, pci->driver, sizeof(pci->driver), DEVICES "/%s/driver", address);
        if (sysfs_link_name(root, name, sizeof(name), DEVICES "/%s/iommu_group", address)) {
                char *end;
                long number = strtol(name, &end, 10);
                group = *end || number < 0 || number > INT32_MAX ? -1 : number;
        }
        memcpy(pci->address, plain, sizeof(pci->address));
        pci->class_code = (uint32_t)class_code;
        pci->vendor = (uint16_t)vendor;
        pci->device = (uint16_t)device;
        pci->sriov_total = (int)total;
        pci->sriov_count = (int)count;
        pci->iommu_group = (int)group;
        pci->node = node_or_only(t, topology_find_node(t, (int)node));
        pci->physical_function = pci->vf_number = -1;
        return 0;
}

/* The PF has a link virtfnN to each VF. */
static void find_vfs(struct topology *t, int root, int pf)
{
        for (int vf = 0; vf < t->pci[pf].sriov_count; vf++) {
                char address[13];

                if (!sysfs_link_name(root, address, sizeof(address), DEVICES "/%s/virtfn%d", t->pci[pf].address, vf))
                        continue;
                int index = find(t, address);
                if (index < 0 || index == pf)
                        continue;
                t->pci[index].physical_function = pf;
                t->pci[index].vf_number = vf;
        }
}

/* ---- interfaces ---- */

/* "pf0vf3" and the like: stands for a VF in the switch of a NIC, and is no interface of the NIC itself. */
static bool is_representor(int root, const char *interface)
{
        cleanup_free char *port = sysfs_read(root, "sys/class/net/%s/phys_port_name", interface);
        const char *pf = port ? strstr(port, "pf") : NULL;

        return pf && (pf == port || *port == 'c');
}

/* The first port, when a function has several. */
static void read_interface(struct topology *t, int root, const char *interface)
{
        cleanup_free char *path = sysfs_link(root, "sys/class/net/%s", interface);
        char address[13];
        int index = path && pci_address_in(path, address) ? find(t, address) : -1;
        long long port = 0, speed = 0;

        if (index < 0 || strlen(interface) >= sizeof(t->pci->interface) || is_representor(root, interface))
                return;
        struct topology_pci *pci = &t->pci[index];
        sysfs_number(root, 0, UINT16_MAX, &port, "sys/class/net/%s/dev_port", interface);
        if (pci->interface[0] && port > 0)
                return;
        cleanup_free char *mac = sysfs_read(root, "sys/class/net/%s/address", interface);
        sysfs_number(root, 0, UINT32_MAX - 1, &speed, "sys/class/net/%s/speed", interface);
        snprintf(pci->interface, sizeof(pci->interface), "%s", interface);
        snprintf(pci->mac_address, sizeof(pci->mac_address), "%s", mac && strlen(mac) == 17 ? mac : "");
        pci->speed_mbps = (uint32_t)speed;
}

int read_pci(struct topology *t, int root)
{
        cleanup_(sysfs_list_free_p) char **addresses = sysfs_list(root, DEVICES);
        cleanup_(sysfs_list_free_p) char **interfaces = sysfs_list(root, "sys/class/net");
        int r = 0;

        for (char **address = addresses; address && *address && r == 0; address++)
                r = read_function(t, root, *address);
        if (r < 0)
                return r;
        for (size_t i = 0; i < t->pci_count; i++)
                find_vfs(t, root, (int)i);
        for (char **interface = interfaces; interface && *interface; interface++)
                read_interface(t, root, *interface);
        name_pci(t->pci, t->pci_count);
        return 0;
}
