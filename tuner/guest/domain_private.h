/* What the files about domains and those that apply share. */
#pragma once

#include "domain.h"

/* CPUs of the i-th I/O thread. */
const struct cpu_set *placement_iothread(const struct guest_placement *placement, unsigned i, struct cpu_set *buffer);
/* Nodes of all cells, by the kernel's numbers. */
struct cpu_set placement_nodes(const struct guest_placement *placement, const struct topology *topology);
/* Does the guest see other NUMA cells than the placement has? One cell is as good as none. */
bool placement_needs_cells(const struct domain *domain, const struct guest_placement *placement);
/* Is the memory of each cell that the guest sees where it is to be? */
bool domain_has_nodes(const struct domain *domain, const struct guest_placement *placement,
                      const struct topology *topology);
/* mark.c */
void mark_read(struct domain *domain, xmlNodePtr root);
/* Children of cputune, numatune, … in `root` become those in `before`, which may be of another tree. */
int tree_put_parts_back(xmlNodePtr root, xmlNodePtr before);
bool tree_is_bare(xmlNodePtr node); /* neither attributes nor content */
/* By MAC address, NULL: none. */
const struct domain_interface *domain_interface(const struct domain *domain, const char *mac_address);
bool domain_has_interface(const struct domain *domain, const struct guest_interface *wanted);
/* The interface with that MAC address; NULL: none. */
xmlNodePtr tree_interface(xmlDocPtr tree, const char *mac_address);
