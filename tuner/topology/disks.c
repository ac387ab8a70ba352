/* Disks, for what hyper-converged storage takes: block devices that have hardware behind them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "private.h"
#include "socle/cleanup.h"
#include "sysfs.h"

#define BLOCK        "sys/class/block"
#define SECTOR_BYTES 512 /* of /sys/class/block/…/size, whatever the device's own are */

/* A partition, a loop or a device mapper's, a CD, a path of a multipath device: no disk. */
static bool is_disk(int root, const char *name)
{
        long long removable = 0, hidden = 0, read_only = 0;

        if (strncmp(name, "sr", 2) == 0 || strncmp(name, "fd", 2) == 0)
                return false;
        sysfs_number(root, 0, 1, &removable, BLOCK "/%s/removable", name);
        sysfs_number(root, 0, 1, &hidden, BLOCK "/%s/hidden", name);
        sysfs_number(root, 0, 1, &read_only, BLOCK "/%s/ro", name);
        return !removable && !hidden && !read_only && !sysfs_exists(root, BLOCK "/%s/partition", name) &&
               sysfs_exists(root, BLOCK "/%s/device", name);
}

/* By its PCI function; a multipath NVMe disk has none of its own, but its controller does. */
static int find_disk_node(const struct topology *t, int root, const char *name)
{
        cleanup_free char *path = sysfs_link(root, BLOCK "/%s", name);
        char address[13], controller[32];
        long long node = -1;

        if (!path || !pci_address_in(path, address)) {
                const char *digits = strncmp(name, "nvme", 4) == 0 ? name + 4 : "";

                snprintf(controller, sizeof(controller), "nvme%.*s", (int)strspn(digits, "0123456789"), digits);
                cleanup_free char *other = sysfs_link(root, "sys/class/nvme/%s", controller);
                if (!other || !pci_address_in(other, address))
                        return node_or_only(t, -1);
        }
        sysfs_number(root, 0, INT32_MAX, &node, "sys/bus/pci/devices/%s/numa_node", address);
        return node_or_only(t, topology_find_node(t, (int)node));
}

static int read_disk(struct topology *t, int root, const char *name)
{
        long long sectors = 0, rotational = 0;
        bool known = sysfs_number(root, 0, 1, &rotational, BLOCK "/%s/queue/rotational", name);

        sysfs_number(root, 0, INT64_MAX / SECTOR_BYTES, &sectors, BLOCK "/%s/size", name);
        if (sectors == 0 || strlen(name) >= sizeof(t->disks->name))
                return 0;
        struct topology_disk *disk = array_grow(&t->disks, &t->disk_count, sizeof(*t->disks));
        if (!disk)
                return -ENOMEM;
        snprintf(disk->name, sizeof(disk->name), "%s", name);
        disk->size_bytes = (uint64_t)sectors * SECTOR_BYTES;
        disk->type = strncmp(name, "nvme", 4) == 0 ? DISK_NVME : known && !rotational ? DISK_SSD : DISK_HDD;
        disk->type_known = known || disk->type == DISK_NVME;
        disk->node = find_disk_node(t, root, name);
        return 0;
}

int read_disks(struct topology *t, int root)
{
        cleanup_(sysfs_list_free_p) char **names = sysfs_list(root, BLOCK);
        int r = 0;

        for (char **name = names; name && *name && r == 0; name++)
                if (is_disk(root, *name))
                        r = read_disk(t, root, *name);
        return r;
}
