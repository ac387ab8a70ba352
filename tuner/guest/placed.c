/* How a domain is placed, by what its XML says: which CPUs are its own, on which nodes its memory is. See
 * guests_private.h. */
#include <stdlib.h>
#include <string.h>

#include "guests_private.h"

/* Whose CPUs are these alone? A single one, or some of the class for dedicated vCPUs but not all: who pins so means it.
 */
bool pins_are_taken(const struct cpu_set *cpus, const struct plan *plan)
{
        const struct cpu_set *dedicated = &plan->classes[CLASS_GUESTS_DEDICATED];
        int first = cpu_set_next(cpus, -1);

        if (first < 0)
                return false;
        return cpu_set_next(cpus, first) < 0 || (cpu_set_within(cpus, dedicated) && !cpu_set_equal(cpus, dedicated));
}

/* An emulator's or I/O thread's, when they are of its own. */
static void take_service(const struct cpu_set *cpus, const struct plan *plan, struct cpu_set *taken)
{
        if (pins_are_taken(cpus, plan) && cpu_set_within(cpus, &plan->classes[CLASS_GUESTS_DEDICATED]) &&
            !cpu_set_within(cpus, &plan->classes[CLASS_HOUSEKEEPING]))
                cpu_set_or(taken, cpus);
}

/* The only node (index) that these vCPUs are pinned to, -1: none is. */
static int pinned_node(const struct domain *domain, const struct cpu_set *vcpus, const struct topology *topology)
{
        struct cpu_set cpus = {};

        for (int v = cpu_set_next(vcpus, -1); v >= 0 && v < (int)domain->vcpus; v = cpu_set_next(vcpus, v))
                cpu_set_or(&cpus, &domain->vcpu_cpus[v]);
        for (size_t i = 0; i < topology->node_count && !cpu_set_empty(&cpus); i++)
                if (cpu_set_within(&cpus, &topology->nodes[i].cpus))
                        return (int)i;
        return -1;
}

static void place_cells(const struct domain *domain, const struct topology *topology, bool strict,
                        struct guest_placement *placement)
{
        int only = cpu_set_next(&domain->nodes, -1);

        if (domain->cell_count == 0) {
                placement->cells[0].memory_bytes = domain->memory_bytes;
                placement->cells[0].node = only >= 0 && cpu_set_next(&domain->nodes, only) < 0 ? only : -1;
                for (unsigned v = 0; v < domain->vcpus; v++)
                        cpu_set_add(&placement->cells[0].vcpus, v);
        } else {
                memcpy(placement->cells, domain->cells, domain->cell_count * sizeof(*domain->cells));
        }
        for (unsigned i = 0; i < placement->cell_count; i++) {
                struct guest_cell *cell = &placement->cells[i];
                cell->node = cell->node >= 0 ? topology_find_node(topology, cell->node) : -1;
                if (strict && !domain->memory_strict)
                        cell->node = -1;
                if (!strict && cell->node < 0)
                        cell->node = pinned_node(domain, &cell->vcpus, topology);
        }
}

struct guest_placement *placement_of(const struct domain *domain, const struct topology *topology,
                                     const struct plan *plan, bool strict)
{
        unsigned cells = domain->cell_count ? domain->cell_count : 1;
        struct guest_placement *placement = guest_placement_new(domain->vcpus, cells);

        if (!placement)
                return NULL;
        memcpy(placement->vcpu_cpus, domain->vcpu_cpus, domain->vcpus * sizeof(*domain->vcpu_cpus));
        for (unsigned v = 0; v < domain->vcpus; v++)
                if (pins_are_taken(&domain->vcpu_cpus[v], plan))
                        cpu_set_or(&placement->taken, &domain->vcpu_cpus[v]);
        placement->emulator = domain->emulator;
        take_service(&domain->emulator, plan, &placement->taken);
        for (unsigned i = 0; i < domain->iothread_count; i++) {
                cpu_set_or(&placement->iothreads, &domain->iothread_cpus[i]);
                take_service(&domain->iothread_cpus[i], plan, &placement->taken);
        }
        placement->page_bytes = domain->page_bytes;
        place_cells(domain, topology, strict, placement);
        return placement;
}

/* Huge pages "of the default size": what that is, the plan or the kernel knows. */
void domain_resolve_pages(const struct guests *guests, const struct plan *plan, struct domain *domain)
{
        cleanup_free char *text = NULL;

        if (!domain || !domain->default_hugepages)
                return;
        domain->page_bytes = plan->default_hugepage_bytes;
        if (domain->page_bytes == 0 && host_read(guests->host, &text, "/proc/meminfo") == 0) {
                const char *line = strstr(text, "Hugepagesize:");
                domain->page_bytes = line ? strtoull(line + strlen("Hugepagesize:"), NULL, 10) << 10 : 0;
        }
}
