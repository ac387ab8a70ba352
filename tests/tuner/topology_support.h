/* What tests of topologies share: reading one that must be there, and what is true of any. Included after cmocka.h. */
#pragma once

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "socle/cleanup.h"
#include "topology/topology.h"

static inline struct topology *read_source(const struct topology_source *source)
{
        struct topology *t = NULL;
        struct errors errors = {};
        int r = topology_read(&t, source, &errors);

        if (r < 0)
                print_error("%s (%d)\n", errors.count ? errors.list[0].message : "no words", r);
        assert_int_equal(r, 0);
        assert_int_equal(errors.count, 0);
        return t;
}

static inline struct topology *read_synthetic(const char *text)
{
        return read_source(&(struct topology_source){.synthetic = text});
}

static inline struct topology *read_file(const char *file)
{
        return read_source(&(struct topology_source){.file = file});
}

/* Refused with this code and words that contain `says`, nothing touched. */
static inline void expect_refusal(const struct topology_source *source, int code, const char *says)
{
        struct topology *untouched = (struct topology *)&code, *t = untouched;
        struct errors errors = {};

        assert_int_equal(topology_read(&t, source, &errors), code);
        assert_ptr_equal(t, untouched);
        assert_int_equal(errors.code, code);
        assert_int_equal(errors.count, 1);
        if (!strstr(errors.list[0].message, says))
                fail_msg("\"%s\" is not in: %s", says, errors.list[0].message);
}

static inline void check_cpus(const struct topology *t)
{
        for (size_t i = 0; i < t->cpu_count; i++) {
                const struct topology_cpu *cpu = &t->cpus[i];

                assert_true(i == 0 || cpu->os_index > t->cpus[i - 1].os_index);
                assert_int_equal(topology_find_cpu(t, cpu->os_index), i);
                assert_int_equal(cpu->online, cpu_set_has(&t->online, cpu->os_index));
                assert_int_equal(cpu->core >= 0, cpu->online);
                assert_true(cpu->node >= -1 && cpu->node < (int)t->node_count);
                assert_true(cpu->package >= -1 && cpu->package < (int)t->package_count);
                assert_true(cpu->online || (cpu->node < 0 && cpu->package < 0 && cpu->l3 < 0));
                if (cpu->node >= 0)
                        assert_true(cpu_set_has(&t->nodes[cpu->node].cpus, cpu->os_index));
                if (cpu->package >= 0)
                        assert_true(cpu_set_has(&t->packages[cpu->package].cpus, cpu->os_index));
        }
        assert_int_equal(t->cpu_count, cpu_set_count(&t->present));
        assert_int_equal(t->cpu_limit, t->cpus[t->cpu_count - 1].os_index + 1);
        assert_true(cpu_set_within(&t->online, &t->present) && cpu_set_within(&t->allowed, &t->online));
        assert_false(cpu_set_empty(&t->allowed));
}

static inline void check_cores(const struct topology *t)
{
        struct cpu_set seen = {};
        bool smt = false;
        int next = 0;

        for (size_t i = 0; i < t->core_count; i++) {
                const struct topology_core *core = &t->cores[i];

                assert_int_equal(core->first, next);
                assert_true(core->count > 0);
                next += core->count;
                smt |= core->count > 1;
                for (int c = 0; c < core->count; c++) {
                        int number = t->core_cpus[core->first + c];
                        const struct topology_cpu *cpu = &t->cpus[topology_find_cpu(t, number)];

                        assert_true(c == 0 || number > t->core_cpus[core->first + c - 1]);
                        assert_false(cpu_set_has(&seen, number));
                        cpu_set_add(&seen, number);
                        assert_int_equal(cpu->core, i);
                }
        }
        assert_true(cpu_set_equal(&seen, &t->online));
        assert_int_equal(smt, t->smt);
}

static inline void check_nodes(const struct topology *t)
{
        struct cpu_set seen = {};
        uint64_t memory_bytes = 0;

        assert_true(t->node_count > 0);
        for (size_t i = 0; i < t->node_count; i++) {
                const struct topology_node *node = &t->nodes[i];

                assert_true(i == 0 || node->os_index > t->nodes[i - 1].os_index);
                assert_int_equal(topology_find_node(t, node->os_index), i);
                assert_false(cpu_set_intersects(&seen, &node->cpus));
                cpu_set_or(&seen, &node->cpus);
                memory_bytes += node->memory_bytes;
                assert_true(node->free_bytes <= node->memory_bytes);
                for (size_t p = 0; p < node->page_count; p++)
                        assert_true(node->pages[p].page_bytes > (p ? node->pages[p - 1].page_bytes : t->page_bytes) &&
                                    node->pages[p].free <= node->pages[p].count);
                for (size_t j = 0; j < t->node_count; j++)
                        assert_true(node->distances[j] > 0);
        }
        assert_true(cpu_set_within(&seen, &t->online));
        assert_int_equal(memory_bytes, t->memory_bytes);
}

static inline void check_devices(const struct topology *t)
{
        for (size_t i = 0; i < t->pci_count; i++) {
                const struct topology_pci *pci = &t->pci[i];

                assert_int_equal(topology_find_pci(t, pci->address), i);
                assert_true(pci->node >= -1 && pci->node < (int)t->node_count);
                assert_true(pci->sriov_count <= pci->sriov_total);
                assert_true(pci->physical_function >= -1 && pci->physical_function < (int)t->pci_count);
                assert_int_equal(pci->physical_function < 0, pci->vf_number < 0);
        }
        for (size_t i = 0; i < t->disk_count; i++)
                assert_true(t->disks[i].node >= -1 && t->disks[i].node < (int)t->node_count &&
                            t->disks[i].size_bytes > 0);
}

/* The document names each CPU that is online in exactly one core. */
static inline void check_json(const struct topology *t)
{
        json_t *json = topology_to_json(t), *core;
        struct cpu_set all = {};
        size_t i;

        assert_non_null(json);
        json_array_foreach (json_object_get(json, "cores"), i, core) {
                struct cpu_set cpus;
                assert_int_equal(cpu_set_from_list(json_string_value(json_object_get(core, "cpus")), &cpus), 0);
                assert_false(cpu_set_intersects(&all, &cpus));
                cpu_set_or(&all, &cpus);
        }
        assert_true(cpu_set_equal(&all, &t->online));
        assert_int_equal(json_array_size(json_object_get(json, "nodes")), t->node_count);
        assert_int_equal(json_array_size(json_object_get(json, "pci")), t->pci_count);
        json_decref(json);
}

static inline void check_consistent(const struct topology *t)
{
        check_cpus(t);
        check_cores(t);
        check_nodes(t);
        check_devices(t);
        check_json(t);
}
