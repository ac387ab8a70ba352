/* What is there, from sysfs and netlink: PFs and their VFs. Nothing is written. Works with wish.h (which devices) and
 * state.h (the form). */
#pragma once

#include "knob/host.h"
#include "socle/cleanup.h"
#include "state.h"

DEFINE_CLEANUP(struct pf *, pf_free)
static inline void names_free_p(char ***names)
{
        strings_free(*names);
}
#define cleanup_names __attribute__((cleanup(names_free_p)))

#define PCI_DEVICES "/sys/bus/pci/devices"

/* Where a symbolic link leads. -ENOENT: there is none. */
int device_target(const struct host *host, char *ret, size_t size, const char *path, ...)
        __attribute__((format(printf, 4, 5)));
/* The last part of where a symbolic link leads: "igb" of …/driver. */
int device_link(const struct host *host, char *ret, size_t size, const char *path, ...)
        __attribute__((format(printf, 4, 5)));
/* What a file says as a number, in decimal or 0x…; the fallback when it says none. */
long device_number(const struct host *host, long fallback, const char *path, ...) __attribute__((format(printf, 3, 4)));

/* The driver bound to a function; "": none. */
void device_driver(const struct host *host, const char *address, char ret[32]);
/* Is that a driver that hands the device to a process, as vfio-pci does? */
bool driver_is_vfio(const char *driver);
enum vf_driver driver_class(const char *driver);

/* All but the VFs, the eswitch's mode, and how many there are. */
int pf_identify(const struct host *host, const char *address, struct pf *ret);
/* -ENOENT: no such function. eswitch: its mode is wanted too. A device without interface tells no values. */
int pf_read(const struct host *host, const char *address, bool eswitch, struct pf **ret);
/* Its VFs that have a device; fewer than count when one is missing. */
unsigned pf_present(const struct pf *pf);
/* For people: "0000:81:00.0 (ens1f0)". */
#define PF_NAME_SIZE 40
const char *pf_name(const struct pf *pf, char buffer[PF_NAME_SIZE]);
