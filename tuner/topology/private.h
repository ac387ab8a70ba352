/* The steps in which topology_read() fills its struct; each works on what those before it have found. `root` is the
 * directory that has proc and sys in it, -1 when there is only hwloc's word. */
#pragma once

#include <hwloc.h>

#include "topology.h"

/* cpus.c: sets, CPUs, packages, cores; between them nodes.c, for which nodes have which CPUs and are how far apart. */
int read_cpus(struct topology *t, hwloc_topology_t hwloc, int root, struct errors *errors);
int read_nodes(struct topology *t, hwloc_topology_t hwloc, int root, struct errors *errors);
/* cores.c: an entry for each CPU that is present; the nodes of CPUs; then cores, of tags (an entry for each CPU, −1:
 * none, below tag_count) which are equal for the CPUs of one core. */
int make_cpus(struct topology *t);
void set_nodes(struct topology *t);
int make_cores(struct topology *t, int *tags, int tag_count);
/* From tags to numbers 0, 1, … in the order of their first CPUs; answers how many, or -ENOMEM. */
int number_tags(const struct topology *t, int *tags, int tag_count);
/* memory.c: what is in each node. */
int read_memory(struct topology *t, hwloc_topology_t hwloc, int root);
/* pci.c and disks.c from sysfs, devices_hwloc.c from the I/O objects of XML. */
int read_pci(struct topology *t, int root);
int read_disks(struct topology *t, int root);
int read_hwloc_devices(struct topology *t, hwloc_topology_t hwloc);
/* devices_from_json.c: PCI functions and disks of a document; the nodes are there. */
int read_document_devices(struct topology *t, const json_t *document, struct errors *errors);
/* topology_json.c */
extern const char *const disk_type_names[];
/* features.c: IOMMU, resctrl. */
void read_features(struct topology *t, int root);

/* A set of hwloc's; -ERANGE: CPUs of CPU_MAX and above. */
int cpu_set_from_hwloc(hwloc_const_bitmap_t bitmap, struct cpu_set *ret);
/* The only node there is, when the platform does not say. */
int node_or_only(const struct topology *t, int node);
/* pci_names.c: fills the names by vendor and device, as far as systemd's hardware database has them. */
void name_pci(struct topology_pci *pci, size_t count);
/* The last PCI address in a path of sysfs ("../devices/pci0000:00/0000:00:03.0/virtio2/net/eth0"); false: none. */
bool pci_address_in(const char *path, char ret[13]);
static inline void hwloc_bitmap_p(hwloc_bitmap_t *bitmap)
{
        hwloc_bitmap_free(*bitmap);
}
/* One more element of an array that grows by doubling; NULL: no memory. It is zeroed. */
void *array_grow(void *array_pointer, size_t *count, size_t size);
