/* VFs of a network device: how many, what each may do, who drives it. Wanted comes from a SriovDevice's spec;
 * everything is read back. VF attributes by netlink (libnl-route), numbers and drivers by sysfs (under host->root in
 * tests). */
#pragma once

#include <jansson.h>

#include "knob/host.h"
#include "socle/errors.h"
#include "topology/topology.h"

/* `spec`: validated, of kind SriovDevice (ctl/model/kind_sriov_device.c). Matches one PF by address, interface name, or
 * vendor/device pattern; several that match are all meant. */
struct sriov_wish;
int sriov_wish_from_json(struct sriov_wish **ret, const json_t *spec, struct errors *errors);
struct sriov_wish *sriov_wish_free(struct sriov_wish *wish);

/* Someone uses this VF: a running guest, an open vfio group. Given by guest/, asked before anything is taken away. */
struct sriov_users {
        /* NULL, or who (words, a static or caller's string valid until the next call). */
        const char *(*of)(void *user, const char *pci_address);
        void *user;
};

/* What would be done, as JSON [{device, step, from, to, why}]; nothing is written. What cannot be, as far as one sees
 * without touching anything, is complained about as by sriov_apply(). `step` is "link", "eswitch_mode", "numvfs", or
 * of a VF "vf 3 mac_address"; `from` is null where the VF is not there yet. */
int sriov_plan(const struct host *host, const char *name, const struct sriov_wish *wish,
               const struct sriov_users *users, json_t **ret, struct errors *errors);
/* Does it, waits for VFs and their drivers, reads back; on failure puts back what was there (number, attributes,
 * drivers) and says in `errors` what was asked and what is there. Blocks at most 30 s a device (a look
 * that does not come back: 5 s); what hangs is left behind, and -EBUSY until it has come back. The journal is
 * host->state/sriov-NAME.json: sriov_restore() goes back to what was there before the first apply. An apply that was
 * cut off is undone first. When all is as it should be, nothing is written. ret_status may be NULL. */
int sriov_apply(const struct host *host, const char *name, const struct sriov_wish *wish,
                const struct sriov_users *users, json_t **ret_status, struct errors *errors);
int sriov_restore(const struct host *host, const char *name, const struct sriov_users *users, struct errors *errors);
/* An apply that kill -9 cut off is undone; 0 also when there is none. */
int sriov_recover(const struct host *host, const char *name, const struct sriov_users *users, struct errors *errors);

/* What is there: {devices: [{address, interface, driver, node, sriov_total, sriov_count, link, eswitch_mode, vfs:
 * [{number, address, driver, mac_address, vlan, …, iommu_group, node, user}]}], drift: [{pointer, device, vf, wanted,
 * found}]}. Without a member where there is nothing to say. `driver` is the kernel's name of it. Cheap enough for every
 * few seconds: who has a vfio device open is not told by name, as apply does. */
int sriov_status(const struct host *host, const struct sriov_wish *wish, const struct sriov_users *users, json_t **ret,
                 struct errors *errors);
