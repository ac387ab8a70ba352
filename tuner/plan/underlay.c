/* Which nodes have an underlay's NIC: those that the profile names, else all physical ones; a NIC on a node without
 * CPUs serves the nearest that has some. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "planner.h"

#define CLASS_NETWORK 0x02 /* PCI base class */

static bool has_cpus(const struct planner *planner, int node)
{
        return cores_usable(planner, node) > 0;
}

/* The nearest node with CPUs of ours; −1: none. */
static int nearest_with_cpus(const struct planner *planner, int node)
{
        int best = -1;

        for (int other = 0; other < planner->node_count; other++)
                if (has_cpus(planner, other) && (best < 0 || topology_distance(planner->topology, node, other) <
                                                                     topology_distance(planner->topology, node, best)))
                        best = other;
        return best;
}

static void add_nic(struct planner *planner, const struct topology_pci *nic)
{
        int node = nic->node < planner->node_count ? nic->node : -1,
            near = node < 0 ? -1 : nearest_with_cpus(planner, node);
        char subject[64];

        snprintf(subject, sizeof(subject), "NIC %s", nic->address);
        if (planner->node_count == 1)
                near = nearest_with_cpus(planner, 0);
        if (near < 0) {
                planner_reason(planner, subject, "the platform does not tell its node: not considered");
                return;
        }
        if (node >= 0 && near != node)
                planner_reason(planner, subject, "its node %d has no CPUs of ours: node %d is nearest (distance %u)",
                               node_number(planner, node), node_number(planner, near),
                               topology_distance(planner->topology, node, near));
        planner->nodes[near].underlay = true;
}

static void add_named(struct planner *planner)
{
        const struct profile_dataplane *dataplane = &planner->profile->dataplane;

        for (size_t i = 0; i < dataplane->nic_count; i++) {
                int index = topology_find_pci(planner->topology, dataplane->nics[i]);
                char pointer[64];

                if (index >= 0) {
                        add_nic(planner, &planner->topology->pci[index]);
                        continue;
                }
                snprintf(pointer, sizeof(pointer), "/spec/dataplane/nics/%zu", i);
                errors_add(planner->errors, -EINVAL, pointer,
                           "a PCI address or an interface that `soclectl topology` shows", "there is no NIC %s on %s",
                           dataplane->nics[i], planner->topology->source);
        }
}

static void add_physical(struct planner *planner)
{
        for (size_t i = 0; i < planner->topology->pci_count; i++) {
                const struct topology_pci *nic = &planner->topology->pci[i];

                if (nic->class_code >> 16 == CLASS_NETWORK && nic->physical_function < 0)
                        add_nic(planner, nic);
        }
}

void underlay_find(struct planner *planner)
{
        bool any = false;

        if (planner->profile->dataplane.nic_count > 0)
                add_named(planner);
        else
                add_physical(planner);
        for (int node = 0; node < planner->node_count; node++)
                any |= planner->nodes[node].underlay;
        if (!any)
                planner_reason(planner, "class dataplane", "no node is known to have a NIC: all with CPUs are as good");
        for (int node = 0; node < planner->node_count; node++) {
                if (!any || planner->profile->dataplane.all_nodes)
                        planner->nodes[node].underlay = has_cpus(planner, node);
                if ((size_t)node < planner->plan->node_count)
                        planner->plan->nodes[node].underlay = planner->nodes[node].underlay;
        }
}
