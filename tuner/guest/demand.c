/* A wish and the domain that it is about, as what placement is asked for. See guests_private.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guests_private.h"

/* Node (index) of a PCI function; -1: it is there, the platform does not say; -ENOENT: not there. VFs come and go, so
 * sysfs knows better than a topology that was read once. */
static int device_node(const struct guests *guests, const struct topology *topology, const char *address, int *ret)
{
        cleanup_free char *text = NULL;
        int at;

        if (host_read(guests->host, &text, "/sys/bus/pci/devices/%s/numa_node", address) == 0) {
                char *end;
                long node = strtol(text, &end, 10);
                *ret = end != text && node >= 0 && node < CPU_MAX ? topology_find_node(topology, (int)node) : -1;
                return 0;
        }
        at = topology_find_pci(topology, address);
        if (at < 0)
                return -ENOENT;
        *ret = topology->pci[at].node;
        return 0;
}

/* The domain's own devices: the first of which a node is known. */
static int own_device_node(const struct guests *guests, const struct topology *topology, const struct domain *domain)
{
        int node = -1;

        for (size_t i = 0; i < domain->pci_count && node < 0; i++)
                if (device_node(guests, topology, domain->pci[i], &node) < 0)
                        node = -1;
        return node;
}

static bool has_vhost_user(const struct domain *domain)
{
        for (size_t i = 0; i < domain->interface_count; i++)
                if (strcmp(domain->interfaces[i].type, "vhostuser") == 0)
                        return true;
        return false;
}

static int find_near(const struct guests *guests, const struct guest_wish *wish, const struct domain *domain,
                     bool has_ports, const struct topology *topology, struct guest_demand *demand,
                     struct errors *errors)
{
        int node = -1;

        if (wish->near_device[0] && device_node(guests, topology, wish->near_device, &node) < 0) {
                errors_add(errors, -EINVAL, "/spec/near/device", "a device of this host", "there is no PCI function %s",
                           wish->near_device);
                return -EINVAL;
        }
        if (wish->near_node >= 0) {
                node = topology_find_node(topology, wish->near_node);
                if (node < 0) {
                        errors_add(errors, -EINVAL, "/spec/near/node", "a NUMA node of this host",
                                   "there is no node %d", wish->near_node);
                        return -EINVAL;
                }
        }
        if (!wish->near_device[0] && wish->near_node < 0)
                node = own_device_node(guests, topology, domain);
        demand->near_node = node;
        demand->near_dataplane = node < 0 && (has_ports || has_vhost_user(domain));
        demand->near_required = wish->near_required;
        return 0;
}

int demand_make(const struct guests *guests, const struct guest_wish *wish, const struct domain *domain, bool has_ports,
                const struct placement_state *state, struct guest_demand *ret, struct errors *errors)
{
        const struct topology *topology = placement_topology(state);
        struct guest_demand demand = {
                .name = domain->name,
                .vcpus = domain->vcpus,
                .policy = wish->policy,
                .dedicated = wish->dedicated,
                .siblings = wish->siblings,
                .emulator = wish->emulator,
                .iothread_policy = wish->iothreads,
                .iothreads = domain->iothread_count,
                .memory_bytes = domain->memory_bytes,
                .page_bytes = wish->keep_pages ? domain->page_bytes : wish->page_bytes,
                .cells = wish->cells ? wish->cells : domain->cell_count,
        };
        int r = find_near(guests, wish, domain, has_ports, topology, &demand, errors);

        if (r < 0)
                return r;
        if (domain->cell_count > 0 && demand.cells == domain->cell_count)
                demand.layout = domain->cells;
        *ret = demand;
        return 0;
}
