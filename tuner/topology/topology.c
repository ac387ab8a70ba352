/* See topology.h: what is found by number or name. Reading is in read.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "topology.h"

struct topology *topology_free(struct topology *topology)
{
        if (!topology)
                return NULL;
        for (size_t i = 0; i < topology->node_count; i++) {
                free(topology->nodes[i].pages);
                free(topology->nodes[i].distances);
        }
        free(topology->cpus);
        free(topology->cores);
        free(topology->core_cpus);
        free(topology->nodes);
        free(topology->packages);
        free(topology->pci);
        free(topology->disks);
        free(topology);
        return NULL;
}

/* ---- what is found by number or name ---- */

int topology_find_cpu(const struct topology *topology, int os_index)
{
        size_t low = 0, high = topology->cpu_count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (topology->cpus[middle].os_index == os_index)
                        return (int)middle;
                if (topology->cpus[middle].os_index < os_index)
                        low = middle + 1;
                else
                        high = middle;
        }
        return -1;
}

int topology_find_node(const struct topology *topology, int os_index)
{
        for (size_t i = 0; i < topology->node_count; i++)
                if (topology->nodes[i].os_index == os_index)
                        return (int)i;
        return -1;
}

/* "0000:81:00.0", "81:00.0", in either case, as the kernel writes it; false: no address. */
static bool normal_address(const char *text, char *ret, size_t size)
{
        unsigned domain = 0, bus, device, function;
        int used = 0;

        if (sscanf(text, "%4x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &used) != 4) {
                domain = 0;
                if (sscanf(text, "%2x:%2x.%1x%n", &bus, &device, &function, &used) != 3)
                        return false;
        }
        snprintf(ret, size, "%04x:%02x:%02x.%x", domain, bus, device, function);
        return text[used] == 0;
}

unsigned topology_distance(const struct topology *topology, int from, int to)
{
        const uint16_t *distances = (size_t)from < topology->node_count ? topology->nodes[from].distances : NULL;

        return distances ? distances[to] : from == to ? 10 : 20;
}

int topology_find_pci(const struct topology *topology, const char *address_or_interface)
{
        char address[32];
        bool is_address = normal_address(address_or_interface, address, sizeof(address));

        for (size_t i = 0; i < topology->pci_count; i++)
                if (strcmp(topology->pci[i].interface, address_or_interface) == 0 ||
                    (is_address && strcmp(topology->pci[i].address, address) == 0))
                        return *address_or_interface ? (int)i : -1;
        return -1;
}
