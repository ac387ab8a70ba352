/* The host as the Ironic Python Agent would describe it, read from the running system. Blocks (hwloc, lldpd, a BMC over
 * its system interface); called from a node's thread. What cannot be read is absent, as it is there. */
#pragma once

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "socle/errors.h"

struct topology;

struct inventory_source {
        const char *root;          /* of /proc and /sys; NULL: "/" */
        const char *lldp_socket;   /* lldpd's, NULL: its default place below root */
        const atomic_bool *cancel; /* becomes true: nobody waits for it any more; NULL: it does not */
};

/* {"inventory": {interfaces, cpu, memory, disks, bmc_address, bmc_mac, hostname, system_vendor, boot}, "lldp_raw",
 * "pci_devices", "numa_topology", as the agent sends them; and what Ironic has no place for: "uuid" (of SMBIOS; absent:
 * none that is its own), "cpu_flags", "bonds" [{name, mode, address, interfaces, properties}], "hugepages" [bytes],
 * "sriov" (some NIC is capable), "links" {interface: as lldp_link()}, "notes" [words]: what could not be asked}. 0 or
 * -errno with words. */
int inventory_read(json_t **ret, const struct inventory_source *source, struct errors *errors);

/* Does spec/hardware mean this very host, by its UUID or a MAC address? `root`: as above. */
bool inventory_is_here(const char *root, const json_t *hardware);
/* Is it at this very host's own BMC that driver_info points, as far as the host knows its BMC (LAN address by IPMI,
 * Redfish by SMBIOS)? By its host alone: whatever port or protocol. Blocks: names are resolved. */
bool inventory_is_own_bmc(const char *root, const json_t *info, const atomic_bool *cancel);

/* ---- the parts; `root` is a directory's descriptor ---- */

json_t *inventory_interfaces(int root, json_t **ret_bonds);
json_t *inventory_disks(int root);
json_t *inventory_pci(int root);
json_t *inventory_cpu(int root, const struct topology *topology);
json_t *inventory_cpu_flags(int root);
json_t *inventory_memory(const struct topology *topology);
json_t *inventory_numa(int root, const struct topology *topology);
json_t *inventory_system_vendor(int root);
json_t *inventory_boot(int root);
/* {"address", "mac", "redfish"}: what the host knows of its BMC; NULL: nothing. */
json_t *inventory_bmc(int root, const atomic_bool *cancel);
/* What is to be read of SMBIOS type 42 (DSP0270) as {"address", "redfish"}; NULL: no Redfish over IP. Pure. */
json_t *smbios_host_interface(const unsigned char *record, size_t size);
/* In canonical form; NULL: none, or one that many machines share. The caller's. */
char *inventory_uuid(int root);

/* lldp_raw of lldpd: {interface: [[type, "hex"]…]}; empty when it does not run. Why it cannot be asked although it does
 * goes into `notes`. */
json_t *lldp_read(const char *socket, json_t *notes);
/* The TLVs of one of lldpd's neighbours (lldpctl_atom_t). */
json_t *lldp_tlvs(void *neighbour);
/* What Ironic calls local_link_connection in one interface's TLVs: {switch_id, port_id, switch_info}; NULL: no chassis
 * that is a MAC address, or no port. Pure. */
json_t *lldp_link(const json_t *tlvs);
