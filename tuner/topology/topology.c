/* See topology.h: the steps in their order, and what is found by number or name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "socle/cleanup.h"
#include "source.h"

#define NORMAL_PAGE_BYTES 4096

void *grow(void *array_pointer, size_t *count, size_t size)
{
        void **array = array_pointer;

        if ((*count & (*count - 1)) == 0) {
                void *more = realloc(*array, (*count ? *count * 2 : 1) * size);
                if (!more)
                        return NULL;
                *array = more;
        }
        char *element = (char *)*array + (*count)++ * size;
        return memset(element, 0, size);
}

static int fill(struct topology *t, hwloc_topology_t hwloc, const struct opened *opened, struct errors *errors)
{
        int r = read_cpus(t, hwloc, opened->root, errors);

        if (r == 0)
                r = read_memory(t, hwloc, opened->root);
        if (r == 0 && opened->root < 0)
                return read_hwloc_devices(t, hwloc);
        if (r == 0)
                r = read_pci(t, opened->root);
        if (r == 0)
                r = read_disks(t, opened->root);
        if (r == 0)
                read_features(t, opened->root);
        return r;
}

int topology_read(struct topology **ret, const struct topology_source *source, struct errors *errors)
{
        cleanup_(source_close) struct opened opened;
        cleanup_(hwloc_topology_p) hwloc_topology_t hwloc = NULL;
        int r = source_open(&opened, source, errors);

        if (r == 0)
                r = discover(&hwloc, &opened.discovery, errors);
        if (r < 0)
                return r;
        cleanup_(topology_free_p) struct topology *t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        memcpy(t->source, opened.name, sizeof(t->source));
        t->live = !source->file && !source->synthetic;
        t->page_bytes = NORMAL_PAGE_BYTES;
        r = fill(t, hwloc, &opened, errors);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

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
