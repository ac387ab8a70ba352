/* See device.h. How many VFs there are is told by the links virtfn0, virtfn1, …: reading sriov_numvfs waits for whoever
 * is writing to it, and a removal can wait for a guest for ever. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bounded.h"
#include "device.h"

/* Where a link leads. */
static int read_link(const struct host *host, char *ret, size_t size, const char *path, va_list arguments)
{
        cleanup_free char *text = NULL;

        if (vasprintf(&text, path, arguments) < 0)
                return text = NULL, -ENOMEM;
        cleanup_close int fd = host_open(host, O_PATH | O_NOFOLLOW, "%s", text);
        if (fd < 0)
                return fd;
        ssize_t length = readlinkat(fd, "", ret, size);
        if (length < 0)
                return -errno;
        if ((size_t)length >= size)
                return -ENAMETOOLONG;
        ret[length] = '\0';
        return 0;
}

int device_target(const struct host *host, char *ret, size_t size, const char *path, ...)
{
        va_list arguments;

        va_start(arguments, path);
        int r = read_link(host, ret, size, path, arguments);
        va_end(arguments);
        return r;
}

int device_link(const struct host *host, char *ret, size_t size, const char *path, ...)
{
        char target[4096];
        va_list arguments;

        va_start(arguments, path);
        int r = read_link(host, target, sizeof(target), path, arguments);
        va_end(arguments);
        if (r < 0)
                return r;
        const char *slash = strrchr(target, '/'), *last = slash ? slash + 1 : target;
        if (strlen(last) >= size)
                return -ENAMETOOLONG;
        snprintf(ret, size, "%s", last);
        return 0;
}

long device_number(const struct host *host, long fallback, const char *path, ...)
{
        cleanup_free char *name = NULL, *text = NULL;
        va_list arguments;
        char *end;

        va_start(arguments, path);
        int r = vasprintf(&name, path, arguments);
        va_end(arguments);
        if (r < 0)
                return name = NULL, fallback;
        if (host_read(host, &text, "%s", name) < 0)
                return fallback;
        errno = 0;
        long number = strtol(text, &end, 0);
        return errno || end == text || *end ? fallback : number;
}

void device_driver(const struct host *host, const char *address, char ret[32])
{
        if (device_link(host, ret, 32, PCI_DEVICES "/%s/driver", address) < 0)
                ret[0] = '\0';
}

bool driver_is_vfio(const char *driver)
{
        /* vfio-pci and its variants for one vendor's devices: mlx5_vfio_pci, hisi_acc_vfio_pci, … */
        return strcmp(driver, "vfio-pci") == 0 || strstr(driver, "_vfio_pci") != NULL;
}

enum vf_driver driver_class(const char *driver)
{
        return !driver[0] ? DRIVER_NONE : driver_is_vfio(driver) ? DRIVER_VFIO : DRIVER_KERNEL;
}

static int iommu_group(const struct host *host, const char *address)
{
        char group[16], *end;

        if (device_link(host, group, sizeof(group), PCI_DEVICES "/%s/iommu_group", address) < 0)
                return -1;
        long number = strtol(group, &end, 10);
        return *end ? -1 : (int)number;
}

/* In switchdev mode the representors of VFs are beside the interface of the device itself: pf0vf3. The kernel asks the
 * driver for it, under the lock of all interfaces. */
static int is_representor(const struct host *host, const char *address, const char *interface)
{
        struct patience patience = patience_to_look(address);
        cleanup_free char *port = NULL;
        int r = patience_read(&patience, host, &port, "/sys/class/net/%s/phys_port_name", interface);

        if (r == -ETIMEDOUT || r == -EBUSY)
                return r;
        return r == 0 && (strstr(port, "vf") || strstr(port, "sf"));
}

/* Its interface, if it has one here, and whether that is up. */
static int find_interface(const struct host *host, struct pf *pf)
{
        cleanup_names char **names = NULL;
        int r = host_list(host, &names, PCI_DEVICES "/%s/net", pf->address);

        for (size_t i = 0; r == 0 && names[i] && !pf->interface[0]; i++) {
                cleanup_free char *flags = NULL;

                if (strlen(names[i]) >= sizeof(pf->interface))
                        continue;
                int other = is_representor(host, pf->address, names[i]);
                if (other < 0)
                        return other;
                if (other)
                        continue;
                r = host_read(host, &flags, "/sys/class/net/%s/flags", names[i]);
                if (r < 0)
                        break;
                snprintf(pf->interface, sizeof(pf->interface), "%s", names[i]);
                pf->up = strtoul(flags, NULL, 0) & IFF_UP;
        }
        return r == -ENOENT ? 0 : r; /* none, or it has just gone */
}

static void read_id(const struct host *host, const char *address, const char *file, char ret[5])
{
        snprintf(ret, 5, "%04lx", device_number(host, 0, PCI_DEVICES "/%s/%s", address, file) & 0xffff);
}

/* 1 + the highest number that has a link; 0 without any. */
static int count_vfs(const struct host *host, const char *address, unsigned *ret)
{
        cleanup_names char **names = NULL;
        unsigned count = 0, number;
        int r = host_list(host, &names, PCI_DEVICES "/%s", address);

        if (r < 0)
                return r;
        for (size_t i = 0; names[i]; i++)
                if (sscanf(names[i], "virtfn%u", &number) == 1 && number >= count && number < UINT16_MAX)
                        count = number + 1;
        *ret = count;
        return 0;
}

static void read_vf(const struct host *host, const struct pf *pf, unsigned number, struct vf *vf)
{
        vf->iommu_group = vf->node = -1;
        if (device_link(host, vf->address, sizeof(vf->address), PCI_DEVICES "/%s/virtfn%u", pf->address, number) < 0 ||
            !host_exists(host, PCI_DEVICES "/%s", vf->address)) {
                vf->address[0] = '\0';
                return;
        }
        device_driver(host, vf->address, vf->driver);
        vf->iommu_group = iommu_group(host, vf->address);
        vf->node = (int)device_number(host, -1, PCI_DEVICES "/%s/numa_node", vf->address);
        vf->values.known = VF_BIT(VF_DRIVER);
        vf->values.value[VF_DRIVER] = driver_class(vf->driver);
        memcpy(vf->values.driver, vf->driver, sizeof(vf->values.driver));
}

int pf_identify(const struct host *host, const char *address, struct pf *ret)
{
        snprintf(ret->address, sizeof(ret->address), "%s", address);
        ret->total = (unsigned)device_number(host, 0, PCI_DEVICES "/%s/sriov_totalvfs", address);
        read_id(host, address, "vendor", ret->vendor);
        read_id(host, address, "device", ret->device);
        device_driver(host, address, ret->driver);
        ret->iommu_group = iommu_group(host, address);
        ret->node = (int)device_number(host, -1, PCI_DEVICES "/%s/numa_node", address);
        ret->autoprobe = device_number(host, 1, PCI_DEVICES "/%s/sriov_drivers_autoprobe", address) != 0;
        return find_interface(host, ret);
}

static int read_vfs(const struct host *host, struct pf *pf)
{
        struct patience patience = patience_to_look(pf->address);

        pf->vfs = calloc(pf->count ?: 1, sizeof(*pf->vfs));
        if (!pf->vfs)
                return -ENOMEM;
        for (unsigned i = 0; i < pf->count; i++)
                read_vf(host, pf, i, &pf->vfs[i]);
        if (pf->count == 0 || !pf->interface[0])
                return 0;
        int r = bounded_read_vfs(&patience, host, pf->interface, pf->vfs, pf->count);
        if (r != -ENODEV)
                return r;
        pf->interface[0] = '\0'; /* has just gone */
        return 0;
}

/* A device that does not answer is not one that has no such thing. */
static int read_eswitch(const struct host *host, struct pf *pf)
{
        struct patience patience = patience_to_look(pf->address);
        int r = bounded_read_eswitch(&patience, host, pf->address, &pf->eswitch);

        if (r == -ETIMEDOUT || r == -EBUSY)
                return r;
        if (r < 0)
                pf->eswitch = ESWITCH_UNKNOWN;
        return 0;
}

int pf_read(const struct host *host, const char *address, bool eswitch, struct pf **ret)
{
        cleanup_(pf_free_p) struct pf *pf = calloc(1, sizeof(*pf));
        int r;

        if (!pf)
                return -ENOMEM;
        r = count_vfs(host, address, &pf->count);
        if (r < 0)
                return r;
        r = pf_identify(host, address, pf);
        if (r < 0)
                return r;
        if (eswitch)
                r = read_eswitch(host, pf);
        if (r == 0)
                r = read_vfs(host, pf);
        if (r == 0)
                *ret = TAKE_PTR(pf);
        return r;
}

unsigned pf_present(const struct pf *pf)
{
        unsigned present = 0;

        for (unsigned i = 0; i < pf->count; i++)
                present += pf->vfs[i].address[0] != '\0';
        return present;
}

const char *pf_name(const struct pf *pf, char buffer[PF_NAME_SIZE])
{
        snprintf(buffer, PF_NAME_SIZE, pf->interface[0] ? "%s (%s)" : "%s", pf->address, pf->interface);
        return buffer;
}
