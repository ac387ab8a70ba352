/* A placement as a value: made, freed, told as JSON and read from it. See placement.h. */
#include <stdlib.h>

#include "placement.h"
#include "socle/cleanup.h"

struct guest_placement *guest_placement_new(unsigned vcpus, unsigned cells)
{
        struct guest_placement *placement = calloc(1, sizeof(*placement));

        if (!placement)
                return NULL;
        placement->vcpus = vcpus;
        placement->cell_count = cells;
        placement->vcpu_cpus = calloc(vcpus + 1UL, sizeof(*placement->vcpu_cpus));
        placement->cells = calloc(cells + 1UL, sizeof(*placement->cells));
        return placement->vcpu_cpus && placement->cells ? placement : guest_placement_free(placement);
}

struct guest_placement *guest_placement_free(struct guest_placement *placement)
{
        if (!placement)
                return NULL;
        free(placement->vcpu_cpus);
        free(placement->cells);
        free(placement);
        return NULL;
}

static json_t *list(const struct cpu_set *set)
{
        cleanup_free char *text = cpu_set_to_list(set);

        return text ? json_string(text) : NULL;
}

json_t *guest_placement_to_json(const struct guest_placement *placement, const struct topology *topology)
{
        json_t *vcpus = json_array(), *cells = json_array(), *nodes = json_array();
        struct cpu_set seen = {};

        for (unsigned v = 0; v < placement->vcpus; v++)
                json_array_append_new(
                        vcpus, json_pack("{s:I, s:o}", "vcpu", (json_int_t)v, "cpus", list(&placement->vcpu_cpus[v])));
        for (unsigned i = 0; i < placement->cell_count; i++) {
                const struct guest_cell *cell = &placement->cells[i];
                int node = cell->node >= 0 ? topology->nodes[cell->node].os_index : -1;
                json_array_append_new(cells, json_pack("{s:i, s:o, s:I}", "node", node, "vcpus", list(&cell->vcpus),
                                                       "memory_bytes", (json_int_t)cell->memory_bytes));
                if (node >= 0 && !cpu_set_has(&seen, (unsigned)cell->node))
                        json_array_append_new(nodes, json_integer(node));
                cpu_set_add(&seen, (unsigned)cell->node);
        }
        return json_pack("{s:o, s:o, s:o, s:o, s:I, s:o, s:o}", "vcpus", vcpus, "emulator", list(&placement->emulator),
                         "iothreads", list(&placement->iothreads), "taken", list(&placement->taken), "page_bytes",
                         (json_int_t)placement->page_bytes, "cells", cells, "nodes", nodes);
}

static bool read_set(const json_t *text, struct cpu_set *ret)
{
        return json_is_string(text) && cpu_set_from_list(json_string_value(text), ret) == 0;
}

static bool read_cell(const json_t *json, const struct topology *topology, struct guest_cell *ret)
{
        int node = (int)json_integer_value(json_object_get(json, "node"));

        ret->node = node < 0 ? -1 : topology_find_node(topology, node);
        ret->memory_bytes = (uint64_t)json_integer_value(json_object_get(json, "memory_bytes"));
        return read_set(json_object_get(json, "vcpus"), &ret->vcpus);
}

struct guest_placement *guest_placement_from_json(const json_t *json, const struct topology *topology)
{
        const json_t *vcpus = json_object_get(json, "vcpus"), *cells = json_object_get(json, "cells");
        struct guest_placement *placement;
        bool right = true;

        if (json_array_size(vcpus) > CPU_MAX || json_array_size(cells) > CPU_MAX)
                return NULL;
        placement = guest_placement_new((unsigned)json_array_size(vcpus), (unsigned)json_array_size(cells));
        for (unsigned v = 0; placement && v < placement->vcpus; v++)
                right &= read_set(json_object_get(json_array_get(vcpus, v), "cpus"), &placement->vcpu_cpus[v]);
        for (unsigned i = 0; placement && i < placement->cell_count; i++)
                right &= read_cell(json_array_get(cells, i), topology, &placement->cells[i]);
        if (!placement || !right || !read_set(json_object_get(json, "emulator"), &placement->emulator) ||
            !read_set(json_object_get(json, "iothreads"), &placement->iothreads) ||
            !read_set(json_object_get(json, "taken"), &placement->taken))
                return guest_placement_free(placement);
        placement->page_bytes = (uint64_t)json_integer_value(json_object_get(json, "page_bytes"));
        return placement;
}
