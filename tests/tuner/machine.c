/* See machine.h. Out of memory ends the test. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

#define GIB (UINT64_C(1) << 30)

static void *grow(void *list, size_t count, size_t size)
{
        list = reallocarray(list, count + 1, size);
        if (!list)
                abort();
        memset((char *)list + count * size, 0, size);
        return list;
}

struct topology *machine_new(const char *name)
{
        struct topology *t = grow(NULL, 0, sizeof(*t));

        snprintf(t->source, sizeof(t->source), "%s", name);
        t->page_bytes = 4096;
        return t;
}

int machine_add_package(struct topology *t, const char *model)
{
        t->packages = grow(t->packages, t->package_count, sizeof(*t->packages));
        t->packages[t->package_count].os_index = t->package_count;
        snprintf(t->packages[t->package_count].model, sizeof(t->packages->model), "%s", model);
        return t->package_count++;
}

int machine_add_node(struct topology *t, int number, uint64_t memory_bytes)
{
        struct topology_node *node;

        t->nodes = grow(t->nodes, t->node_count, sizeof(*t->nodes));
        node = &t->nodes[t->node_count];
        node->os_index = number;
        node->memory_bytes = node->free_bytes = memory_bytes;
        if (memory_bytes > 0) {
                node->pages = grow(NULL, 1, sizeof(*node->pages));
                node->pages[0] = (struct topology_pages){.page_bytes = UINT64_C(2) << 20};
                node->pages[1] = (struct topology_pages){.page_bytes = GIB};
                node->page_count = 2;
        }
        for (size_t i = 0; i < t->node_count; i++) {
                t->nodes[i].distances = grow(t->nodes[i].distances, t->node_count, sizeof(uint16_t));
                t->nodes[i].distances[t->node_count] = 20;
                node->distances = grow(node->distances, i, sizeof(uint16_t));
                node->distances[i] = 20;
        }
        node->distances = grow(node->distances, t->node_count, sizeof(uint16_t));
        node->distances[t->node_count] = 10;
        return t->node_count++;
}

int machine_add_core(struct topology *t, int package, int node, int kind, int first, int count, int stride)
{
        int used = t->core_count > 0 ? t->cores[t->core_count - 1].first + t->cores[t->core_count - 1].count : 0;

        t->cores = grow(t->cores, t->core_count, sizeof(*t->cores));
        t->cores[t->core_count] = (struct topology_core){
                .node = node, .package = package, .l3 = -1, .kind = kind, .first = used, .count = count};
        for (int i = 0; i < count; i++) {
                int cpu = first + i * stride;

                t->core_cpus = grow(t->core_cpus, used + i, sizeof(*t->core_cpus));
                t->core_cpus[used + i] = cpu;
                t->cpus = grow(t->cpus, t->cpu_count, sizeof(*t->cpus));
                t->cpus[t->cpu_count++] = (struct topology_cpu){.os_index = cpu,
                                                                .online = true,
                                                                .core = t->core_count,
                                                                .node = node,
                                                                .package = package,
                                                                .l3 = -1,
                                                                .kind = kind};
                cpu_set_add(&t->online, cpu);
                if (node >= 0)
                        cpu_set_add(&t->nodes[node].cpus, cpu);
                if (package >= 0)
                        cpu_set_add(&t->packages[package].cpus, cpu);
        }
        return t->core_count++;
}

void machine_add_offline(struct topology *t, int cpu)
{
        t->cpus = grow(t->cpus, t->cpu_count, sizeof(*t->cpus));
        t->cpus[t->cpu_count++] =
                (struct topology_cpu){.os_index = cpu, .core = -1, .node = -1, .package = -1, .l3 = -1};
}

int machine_add_nic(struct topology *t, int node, int sriov_total)
{
        struct topology_pci *nic;

        t->pci = grow(t->pci, t->pci_count, sizeof(*t->pci));
        nic = &t->pci[t->pci_count];
        *nic = (struct topology_pci){.class_code = 0x020000,
                                     .node = node,
                                     .iommu_group = -1,
                                     .physical_function = -1,
                                     .vf_number = -1,
                                     .sriov_total = sriov_total};
        snprintf(nic->address, sizeof(nic->address), "0000:%02zx:00.0", t->pci_count + 1);
        snprintf(nic->interface, sizeof(nic->interface), "eth%zu", t->pci_count);
        return t->pci_count++;
}

int machine_add_disk(struct topology *t, enum topology_disk_type type, int node)
{
        t->disks = grow(t->disks, t->disk_count, sizeof(*t->disks));
        t->disks[t->disk_count] =
                (struct topology_disk){.type = type, .type_known = true, .size_bytes = 1000 * GIB, .node = node};
        snprintf(t->disks[t->disk_count].name, sizeof(t->disks->name), "disk%zu", t->disk_count);
        return t->disk_count++;
}

void machine_set_distance(struct topology *t, int from, int to, int distance)
{
        t->nodes[from].distances[to] = distance;
}

void machine_forbid(struct topology *t, int cpu)
{
        cpu_set_remove(&t->allowed, cpu);
}

static int by_number(const void *a, const void *b)
{
        return ((const struct topology_cpu *)a)->os_index - ((const struct topology_cpu *)b)->os_index;
}

struct topology *machine_done(struct topology *t)
{
        int kinds = 0;

        qsort(t->cpus, t->cpu_count, sizeof(*t->cpus), by_number);
        for (size_t i = 0; i < t->cpu_count; i++)
                cpu_set_add(&t->present, t->cpus[i].os_index);
        for (size_t i = 0; i < t->core_count; i++) {
                t->smt |= t->cores[i].count > 1;
                kinds |= 1 << t->cores[i].kind;
        }
        for (size_t i = 0; i < t->node_count; i++)
                t->memory_bytes += t->nodes[i].memory_bytes;
        t->hybrid = kinds & (kinds - 1);
        t->allowed = t->online;
        t->cpu_limit = t->cpu_count > 0 ? t->cpus[t->cpu_count - 1].os_index + 1 : 0;
        return t;
}

struct topology *machine_regular(int packages, int nodes, int cores, int threads, int gib, int nics)
{
        struct topology *t = machine_new("a regular machine");
        int stride = packages * nodes * cores;

        for (int package = 0; package < packages; package++)
                machine_add_package(t, "Intel(R) Xeon(R)");
        for (int node = 0; node < packages * nodes; node++) {
                machine_add_node(t, node, gib * GIB);
                for (int core = 0; core < cores; core++)
                        machine_add_core(t, node / nodes, node, 0, node * cores + core, threads, stride);
        }
        for (int nic = 0; nic < nics; nic++)
                machine_add_nic(t, nic, 8);
        return machine_done(t);
}
