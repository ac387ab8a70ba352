/* Who drives a function: the kernel's driver or vfio-pci, by driver_override first and then by binding, so that nobody
 * else is quicker. And the trouble that IOMMU groups make, by name. Works with change.h. */
#pragma once

#include "device.h"
#include "patience.h"

#define DRIVER_WORDS_SIZE 224

/* Before a function without a driver is shown to drivers: who alone may take it. DRIVER_NONE: whoever will. */
int driver_reserve(const struct host *host, const struct patience *patience, const char *address,
                   enum vf_driver wanted);
/* Brings it about; a function that such a driver has already is not touched. With DRIVER_KERNEL it is shown to all
 * drivers, and whether one took it is for the caller to see; `name`: the one that had it before, if it is there ("":
 * any). Words say why not, `expected` what would be right. */
int driver_bind(const struct host *host, const struct patience *patience, const char *address, enum vf_driver wanted,
                const char *name, char words[DRIVER_WORDS_SIZE], char expected[DRIVER_WORDS_SIZE]);
int driver_unbind(const struct host *host, const struct patience *patience, const char *address);

/* Can vfio-pci be used on this host with this device (a PF whose VFs are not there yet, or a VF)? -ENOTSUP and what to
 * do about it, when there is no IOMMU. */
int driver_check_iommu(const struct host *host, int iommu_group, char expected[DRIVER_WORDS_SIZE]);
/* Is everything in its group fit to be handed to a process? -EBUSY and who is not, by name. */
int driver_check_group(const struct host *host, int iommu_group, char words[DRIVER_WORDS_SIZE]);
