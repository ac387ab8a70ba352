/* CPUs and cores of a topology, once it is known which there are: the part that reading hwloc (cpus.c) and reading a
 * document (topology_from_json.c) share. See private.h. */
#include <errno.h>
#include <stdlib.h>

#include "private.h"
#include "socle/cleanup.h"

int make_cpus(struct topology *t)
{
        t->cpus = calloc(cpu_set_count(&t->present), sizeof(*t->cpus));
        if (!t->cpus)
                return -ENOMEM;
        for (int cpu = cpu_set_next(&t->present, -1); cpu >= 0; cpu = cpu_set_next(&t->present, cpu)) {
                t->cpus[t->cpu_count++] = (struct topology_cpu){
                        .os_index = cpu,
                        .online = cpu_set_has(&t->online, (unsigned)cpu),
                        .core = -1,
                        .node = -1,
                        .package = -1,
                        .l3 = -1,
                };
                t->cpu_limit = cpu + 1;
        }
        return 0;
}

void set_nodes(struct topology *t)
{
        for (size_t node = 0; node < t->node_count; node++) {
                const struct cpu_set *set = &t->nodes[node].cpus;

                for (int cpu = cpu_set_next(set, -1); cpu >= 0; cpu = cpu_set_next(set, cpu))
                        t->cpus[topology_find_cpu(t, cpu)].node = (int)node;
        }
}

int number_tags(const struct topology *t, int *tags, int tag_count)
{
        cleanup_free int *numbers = malloc((size_t)tag_count * sizeof(*numbers));
        int next = 0;

        if (!numbers && tag_count > 0)
                return -ENOMEM;
        for (int i = 0; i < tag_count; i++)
                numbers[i] = -1;
        for (size_t i = 0; i < t->cpu_count; i++) {
                if (tags[i] < 0)
                        continue;
                if (numbers[tags[i]] < 0)
                        numbers[tags[i]] = next++;
                tags[i] = numbers[tags[i]];
        }
        return next;
}

static void set_core(struct topology *t, struct topology_cpu *cpu, int index)
{
        struct topology_core *core = &t->cores[index];

        cpu->core = index;
        if (core->count++ == 0) {
                core->node = cpu->node;
                core->package = cpu->package;
                core->l3 = cpu->l3;
                core->kind = cpu->kind;
        }
        t->smt |= core->count > 1;
}

static int lay_out_cores(struct topology *t, const int *tags, int count)
{
        int first = 0;

        t->cores = calloc((size_t)count, sizeof(*t->cores));
        t->core_cpus = calloc(t->cpu_count, sizeof(*t->core_cpus));
        if (!t->cores || !t->core_cpus)
                return -ENOMEM;
        t->core_count = (size_t)count;
        for (size_t i = 0; i < t->cpu_count; i++)
                if (tags[i] >= 0)
                        set_core(t, &t->cpus[i], tags[i]);
        for (int i = 0; i < count; i++) {
                t->cores[i].first = first;
                first += t->cores[i].count;
                t->cores[i].count = 0;
        }
        for (size_t i = 0; i < t->cpu_count; i++)
                if (tags[i] >= 0) {
                        struct topology_core *core = &t->cores[tags[i]];
                        t->core_cpus[core->first + core->count++] = t->cpus[i].os_index;
                }
        return 0;
}

int make_cores(struct topology *t, int *tags, int tag_count)
{
        int count = number_tags(t, tags, tag_count);

        return count < 0 ? count : lay_out_cores(t, tags, count);
}
