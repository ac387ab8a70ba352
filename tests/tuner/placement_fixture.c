/* See placement_fixture.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "placement_fixture.h"

void machine_set_core(struct machine *machine, unsigned core, enum cpu_class class)
{
        struct topology *topology = &machine->topology;
        struct topology_core *there = &topology->cores[core];

        for (int t = 0; t < there->count; t++) {
                unsigned cpu = (unsigned)topology->core_cpus[there->first + t];
                for (int c = 0; c < CLASS_COUNT; c++)
                        cpu_set_remove(&machine->plan.classes[c], cpu);
                if (class < CLASS_COUNT) {
                        cpu_set_add(&machine->plan.classes[class], cpu);
                        continue;
                }
                cpu_set_remove(&topology->online, cpu);
                cpu_set_remove(&topology->nodes[there->node].cpus, cpu);
        }
        if (class == CLASS_COUNT)
                there->count = 0;
}

static void make_core(struct machine *machine, const struct machine_shape *shape, unsigned core)
{
        struct topology *topology = &machine->topology;
        unsigned node = core / shape->cores, local = core % shape->cores, all = shape->nodes * shape->cores;
        unsigned caches = shape->caches ? shape->caches : 1;

        topology->cores[core] = (struct topology_core){
                .node = (int)node,
                .l3 = (int)(node * caches + local * caches / shape->cores),
                .first = (int)(core * shape->threads),
                .count = (int)shape->threads,
        };
        for (unsigned t = 0; t < shape->threads; t++) {
                unsigned cpu = core + t * all;
                topology->core_cpus[core * shape->threads + t] = (int)cpu;
                topology->cpus[cpu] = (struct topology_cpu){.os_index = (int)cpu, .online = true, .core = (int)core};
                cpu_set_add(&topology->online, cpu);
                cpu_set_add(&topology->nodes[node].cpus, cpu);
        }
        if (local < shape->housekeeping)
                machine_set_core(machine, core, CLASS_HOUSEKEEPING);
        else if (local < shape->housekeeping + shape->dataplane)
                machine_set_core(machine, core, CLASS_DATAPLANE);
        else if (local < shape->housekeeping + shape->dataplane + shape->shared)
                machine_set_core(machine, core, CLASS_GUESTS_SHARED);
        else
                machine_set_core(machine, core, CLASS_GUESTS_DEDICATED);
}

static void make_node(struct machine *machine, const struct machine_shape *shape, unsigned i)
{
        struct topology_node *node = &machine->topology.nodes[i];

        node->os_index = (int)i;
        node->memory_bytes = shape->node_bytes;
        node->distances = calloc(shape->nodes, sizeof(*node->distances));
        for (unsigned j = 0; j < shape->nodes; j++) /* pairs of nodes are closer */
                node->distances[j] = i == j ? 10 : i / 2 == j / 2 ? 16 : 21;
        machine->plan.reserved_bytes[i] = shape->node_bytes / 16;
        if (shape->huge_count > 0)
                machine->plan.pages[machine->plan.page_count++] = (struct plan_pages){
                        .node = (int)i,
                        .page_bytes = shape->huge_bytes,
                        .count = shape->huge_count,
                        .dataplane = shape->dataplane > 0,
                };
}

struct machine *machine_new(const struct machine_shape *shape)
{
        struct machine *machine = calloc(1, sizeof(*machine));
        struct topology *topology = &machine->topology;
        unsigned cores = shape->nodes * shape->cores, cpus = cores * shape->threads;

        machine->threads = shape->threads;
        topology->node_count = shape->nodes;
        topology->core_count = cores;
        topology->cpu_count = cpus;
        topology->cpu_limit = (int)cpus;
        topology->nodes = calloc(shape->nodes, sizeof(*topology->nodes));
        topology->cores = calloc(cores, sizeof(*topology->cores));
        topology->cpus = calloc(cpus, sizeof(*topology->cpus));
        topology->core_cpus = calloc(cpus, sizeof(*topology->core_cpus));
        machine->plan.pages = calloc(shape->nodes, sizeof(*machine->plan.pages));
        machine->plan.reserved_bytes = calloc(shape->nodes, sizeof(*machine->plan.reserved_bytes));
        for (unsigned i = 0; i < shape->nodes; i++)
                make_node(machine, shape, i);
        for (unsigned i = 0; i < cores; i++)
                make_core(machine, shape, i);
        return machine;
}

struct machine *machine_free(struct machine *machine)
{
        for (size_t i = 0; i < machine->topology.node_count; i++)
                free(machine->topology.nodes[i].distances);
        free(machine->topology.nodes);
        free(machine->topology.cores);
        free(machine->topology.cpus);
        free(machine->topology.core_cpus);
        free(machine->plan.pages);
        free(machine->plan.reserved_bytes);
        free(machine);
        return NULL;
}
