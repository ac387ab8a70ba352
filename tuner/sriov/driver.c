/* See driver.h; the kernel's documents: Documentation/ABI/testing/sysfs-bus-pci, Documentation/driver-api/vfio.rst. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bounded.h"
#include "driver.h"

#define DRIVER_FILES "/sys/bus/pci/drivers"

int driver_reserve(const struct host *host, const struct patience *patience, const char *address, enum vf_driver wanted)
{
        return patience_write(patience, host, wanted == DRIVER_VFIO ? "vfio-pci" : "",
                              PCI_DEVICES "/%s/driver_override", address);
}

int driver_unbind(const struct host *host, const struct patience *patience, const char *address)
{
        int r = patience_write(patience, host, address, PCI_DEVICES "/%s/driver/unbind", address);

        return r == -ENOENT || r == -ENODEV ? 0 : r; /* nobody had it */
}

/* The module may not be loaded yet, and udev may be at it at the same time: whether someone took the function in the
 * end is for the caller to wait for. */
static int bind_kernel(const struct host *host, const struct patience *patience, const char *address,
                       char words[DRIVER_WORDS_SIZE], char expected[DRIVER_WORDS_SIZE])
{
        cleanup_free char *alias = NULL;

        if (host_read(host, &alias, PCI_DEVICES "/%s/modalias", address) == 0 &&
            bounded_load(patience, host, alias) == -ETIMEDOUT)
                return -ETIMEDOUT;
        int r = patience_write(patience, host, address, "/sys/bus/pci/drivers_probe");
        if (r < 0) {
                snprintf(words, DRIVER_WORDS_SIZE, "its kernel driver fails on it: %s", strerror(-r));
                snprintf(expected, DRIVER_WORDS_SIZE, "a driver that can drive it, or driver vfio-pci");
        }
        return r;
}

/* Where its module gave it to another driver than the one that it had (uio_pci_generic by hand, perhaps). */
static int give_back_to(const struct host *host, const struct patience *patience, const char *address, const char *name)
{
        char driver[32];
        int r;

        device_driver(host, address, driver);
        if (!name[0] || strcmp(driver, name) == 0 || !host_exists(host, DRIVER_FILES "/%s", name))
                return 0;
        r = patience_write(patience, host, name, PCI_DEVICES "/%s/driver_override", address);
        if (r == 0 && driver[0])
                r = driver_unbind(host, patience, address);
        if (r == 0)
                r = patience_write(patience, host, address, "/sys/bus/pci/drivers_probe");
        device_driver(host, address, driver);
        if (r == 0 && strcmp(driver, name) != 0) { /* it does not take it; whoever else may */
                r = driver_reserve(host, patience, address, DRIVER_KERNEL);
                if (r == 0)
                        r = patience_write(patience, host, address, "/sys/bus/pci/drivers_probe");
        }
        return r;
}

static int bind_vfio(const struct host *host, const struct patience *patience, const char *address,
                     char words[DRIVER_WORDS_SIZE], char expected[DRIVER_WORDS_SIZE])
{
        char driver[32];
        int r;

        if (!host_exists(host, DRIVER_FILES "/vfio-pci")) {
                r = bounded_load(patience, host, "vfio-pci");
                if (!host_exists(host, DRIVER_FILES "/vfio-pci")) {
                        snprintf(words, DRIVER_WORDS_SIZE, "the kernel has no driver vfio-pci: %s",
                                 strerror(r < 0 ? -r : ENOENT));
                        snprintf(expected, DRIVER_WORDS_SIZE, "the module vfio-pci of the running kernel");
                        return r < 0 ? r : -ENOENT;
                }
        }
        r = patience_write(patience, host, address, DRIVER_FILES "/vfio-pci/bind");
        /* The driver has taken it by itself when it was loaded just now. */
        device_driver(host, address, driver);
        if (r == 0 || (r == -EBUSY && driver_is_vfio(driver)))
                return 0;
        snprintf(words, DRIVER_WORDS_SIZE, "vfio-pci does not take it: %s", strerror(-r));
        snprintf(expected, DRIVER_WORDS_SIZE, "a function that vfio-pci can drive; the kernel's log says more");
        return r;
}

/* Whoever has it may have it by chance: a reservation for another one would count at the next probe. */
static int correct_reservation(const struct host *host, const struct patience *patience, const char *address,
                               enum vf_driver wanted)
{
        cleanup_free char *reserved = NULL;
        bool others;

        int r = patience_read(patience, host, &reserved, PCI_DEVICES "/%s/driver_override", address);
        if (r < 0)
                return r == -ETIMEDOUT || r == -EBUSY ? r : 0;
        others = reserved[0] && strcmp(reserved, "(null)") != 0 && driver_class(reserved) != wanted;
        return others ? driver_reserve(host, patience, address, wanted) : 0;
}

int driver_bind(const struct host *host, const struct patience *patience, const char *address, enum vf_driver wanted,
                const char *name, char words[DRIVER_WORDS_SIZE], char expected[DRIVER_WORDS_SIZE])
{
        char driver[32];
        int r;

        words[0] = expected[0] = '\0';
        device_driver(host, address, driver);
        if (driver_class(driver) == wanted && wanted != DRIVER_NONE &&
            (wanted == DRIVER_VFIO || !name[0] || strcmp(driver, name) == 0 ||
             !host_exists(host, DRIVER_FILES "/%s", name)))
                return correct_reservation(host, patience, address, wanted);
        r = driver_reserve(host, patience, address, wanted); /* none: nobody has a claim to it either */
        if (r == 0)
                r = driver_unbind(host, patience, address);
        if (r < 0) {
                snprintf(words, DRIVER_WORDS_SIZE, "%s does not let go of it: %s", driver[0] ? driver : "the kernel",
                         strerror(-r));
                return r;
        }
        switch (wanted) {
        case DRIVER_KERNEL:
                r = bind_kernel(host, patience, address, words, expected);
                return r == 0 ? give_back_to(host, patience, address, name) : r;
        case DRIVER_VFIO:
                return bind_vfio(host, patience, address, words, expected);
        default:
                return 0;
        }
}

int driver_check_iommu(const struct host *host, int iommu_group, char expected[DRIVER_WORDS_SIZE])
{
        cleanup_free char *unsafe = NULL, *processor = NULL;
        bool intel;

        if (iommu_group >= 0)
                return 0;
        if (host_read(host, &unsafe, "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode") == 0 &&
            (unsafe[0] == 'Y' || unsafe[0] == '1'))
                return 0;
        intel = host_read(host, &processor, "/proc/cpuinfo") == 0 && strstr(processor, "GenuineIntel");
        snprintf(expected, DRIVER_WORDS_SIZE,
                 "an IOMMU, for vfio-pci: enabled in the firmware's setup (VT-d, AMD-Vi, SMMU)%s, and a reboot",
                 intel ? ", the kernel argument intel_iommu=on" : "");
        return -ENOTSUP;
}

/* Bridges may stay with their driver, and so may who only keeps a device for others (vfio's rules). */
static bool is_harmless(const struct host *host, const char *address, const char *driver)
{
        long class = device_number(host, 0, PCI_DEVICES "/%s/class", address);

        return !driver[0] || driver_is_vfio(driver) || strcmp(driver, "pci-stub") == 0 ||
               strcmp(driver, "pcieport") == 0 || class >> 8 == 0x0604;
}

int driver_check_group(const struct host *host, int iommu_group, char words[DRIVER_WORDS_SIZE])
{
        cleanup_names char **devices = NULL;
        size_t used = 0;
        char driver[32];

        if (iommu_group < 0 || host_list(host, &devices, "/sys/kernel/iommu_groups/%d/devices", iommu_group) < 0)
                return 0;
        words[0] = '\0';
        for (size_t i = 0; devices[i] && used < DRIVER_WORDS_SIZE; i++) {
                device_driver(host, devices[i], driver);
                if (!is_harmless(host, devices[i], driver))
                        used += (size_t)snprintf(words + used, DRIVER_WORDS_SIZE - used, "%s%s (%s)", used ? ", " : "",
                                                 devices[i], driver);
        }
        return used ? -EBUSY : 0;
}
