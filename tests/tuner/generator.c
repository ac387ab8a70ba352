/* See generator.h. */
#include <stdio.h>
#include <stdlib.h>

#include "generator.h"
#include "machine.h"
#include "socle/cleanup.h"

#define MIB (UINT64_C(1) << 20)

/* splitmix64 (Steele, Lea, Flood 2014) */
uint64_t random_next(uint64_t *seed)
{
        uint64_t z = (*seed += 0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
}

unsigned random_below(uint64_t *seed, unsigned bound)
{
        return random_next(seed) % bound;
}

static bool one_in(uint64_t *seed, unsigned n)
{
        return random_below(seed, n) == 0;
}

#define PICK(seed, list) ((list)[random_below(seed, ARRAY_LEN(list))])

struct shape {
        uint64_t *seed;
        struct topology *t;
        int nodes, cores, threads;
        bool holes, hybrid, offline, interleaved;
        int next_cpu;
};

static void add_core(struct shape *s, int node, int core)
{
        int threads = s->threads, first, stride = 1;

        if (s->holes && one_in(s->seed, 4))
                s->next_cpu += 1 + random_below(s->seed, 3);
        if (s->offline && one_in(s->seed, 8)) { /* the whole core */
                for (int i = 0; i < threads; i++)
                        machine_add_offline(s->t, s->next_cpu++);
                return;
        }
        first = s->next_cpu;
        if (s->interleaved) { /* as Linux numbers: siblings far apart */
                first = node * s->cores + core;
                stride = s->nodes * s->cores;
        } else if (s->offline && threads > 1 && one_in(s->seed, 4)) { /* its last thread */
                threads--;
                machine_add_offline(s->t, s->next_cpu + threads);
        }
        machine_add_core(s->t, node % (int)s->t->package_count, node, s->hybrid ? (int)random_below(s->seed, 3) : 0,
                         first, threads, stride);
        s->next_cpu += s->threads;
}

static void add_node(struct shape *s, int node, int *number)
{
        static const int gib[] = {0, 1, 2, 8, 64, 256, 1024};
        uint64_t memory = one_in(s->seed, 8) ? 300 * MIB : PICK(s->seed, gib) * 1024 * MIB;
        bool no_cpus = s->nodes > 1 && one_in(s->seed, 8);

        *number += s->holes ? 1 + random_below(s->seed, 3) : 1;
        machine_add_node(s->t, *number, memory);
        for (int core = 0; core < s->cores && !no_cpus; core++)
                add_core(s, node, core);
}

static void add_devices(struct shape *s)
{
        unsigned nics = random_below(s->seed, 4), disks = random_below(s->seed, 6);

        for (unsigned i = 0; i < nics; i++)
                machine_add_nic(s->t, one_in(s->seed, 4) ? -1 : (int)random_below(s->seed, s->nodes),
                                one_in(s->seed, 2) ? 8 : 0);
        for (unsigned i = 0; i < disks; i++)
                machine_add_disk(s->t, random_below(s->seed, 3),
                                 one_in(s->seed, 4) ? -1 : (int)random_below(s->seed, s->nodes));
        for (int i = 0; i < s->nodes; i++)
                for (int j = 0; j < i; j++) {
                        int distance = 11 + random_below(s->seed, 40);
                        machine_set_distance(s->t, i, j, distance);
                        machine_set_distance(s->t, j, i, distance);
                }
}

struct topology *random_machine(uint64_t seed)
{
        static const int nodes[] = {1, 1, 1, 2, 2, 4, 8, 16, 32}, cores[] = {1, 1, 2, 3, 4, 8, 16, 24};
        static const int threads[] = {1, 2, 2, 4};
        static const char *const models[] = {"Intel(R) Xeon(R)", "AMD EPYC", ""};
        uint64_t start = seed;
        struct shape s = {.seed = &seed,
                          .nodes = PICK(&seed, nodes),
                          .cores = PICK(&seed, cores),
                          .threads = PICK(&seed, threads),
                          .holes = one_in(&seed, 3),
                          .hybrid = one_in(&seed, 5),
                          .offline = one_in(&seed, 3),
                          .interleaved = one_in(&seed, 3)};
        int number = -1, packages = 1 + random_below(&seed, 2);
        char name[64];

        while (s.nodes * s.cores * s.threads > 1024)
                s.cores = (s.cores + 1) / 2;
        if (s.interleaved)
                s.holes = s.offline = false; /* of CPUs: those would meet siblings of others */
        snprintf(name, sizeof(name), "machine %llu", (unsigned long long)start);
        s.t = machine_new(name);
        for (int i = 0; i < packages; i++)
                machine_add_package(s.t, PICK(&seed, models));
        for (int node = 0; node < s.nodes; node++)
                add_node(&s, node, &number);
        if (s.t->core_count == 0) /* bad luck: all offline, or no node has any */
                machine_add_core(s.t, 0, 0, 0, s.next_cpu + 1, 1, 1);
        add_devices(&s);
        machine_done(s.t);
        if (one_in(&seed, 5))
                for (unsigned i = 0; i < s.t->cpu_count; i++)
                        if (one_in(&seed, 6) && cpu_set_count(&s.t->allowed) > 1)
                                machine_forbid(s.t, s.t->cpus[i].os_index);
        return s.t;
}

/* ---- profiles ---- */

static void set(json_t *spec, const char *section, const char *name, json_t *value)
{
        json_t *at = json_object_get(spec, section);

        if (!at)
                json_object_set_new(spec, section, at = json_object());
        json_object_set_new(at, name, value);
}

/* Some whole cores, as a list. */
static json_t *random_cores(uint64_t *seed, const struct topology *t)
{
        struct cpu_set cpus = {0};
        unsigned count = 1 + random_below(seed, 3);

        for (unsigned i = 0; i < count; i++) {
                const struct topology_core *core = &t->cores[random_below(seed, t->core_count)];

                for (int c = 0; c < core->count; c++)
                        cpu_set_add(&cpus, t->core_cpus[core->first + c]);
        }
        if (one_in(seed, 20)) /* not whole any more */
                cpu_set_remove(&cpus, cpu_set_next(&cpus, -1));
        cleanup_free char *list = cpu_set_to_list(&cpus);
        return json_string(list);
}

static json_t *random_class(uint64_t *seed, const struct topology *t)
{
        switch (random_below(seed, 3)) {
        case 0:
                return json_pack("{s:o}", "cpus", random_cores(seed, t));
        case 1:
                return json_pack("{s:i}", "cores", random_below(seed, 1 + t->core_count / 3 + 2));
        default:
                return json_pack("{s:i}", "cores_per_node", random_below(seed, 4));
        }
}

static void random_classes(uint64_t *seed, const struct topology *t, json_t *spec)
{
        json_t *guests = json_object(), *dataplane = json_object();

        if (one_in(seed, 4)) {
                json_t *housekeeping = random_class(seed, t);

                if (json_integer_value(json_object_get(housekeeping, "cores")) == 0 &&
                    json_integer_value(json_object_get(housekeeping, "cores_per_node")) == 0 &&
                    !json_object_get(housekeeping, "cpus"))
                        json_object_clear(housekeeping);
                set(spec, "classes", "housekeeping", housekeeping);
        }
        if (one_in(seed, 3)) {
                json_decref(dataplane);
                dataplane = random_class(seed, t);
        }
        if (one_in(seed, 3))
                json_object_set_new(dataplane, "siblings", json_string("idle"));
        if (one_in(seed, 3))
                json_object_set_new(dataplane, "nodes", json_string("all"));
        if (one_in(seed, 3))
                json_object_set_new(guests, "dedicated", random_class(seed, t));
        if (one_in(seed, 4))
                json_object_set_new(guests, "shared", random_class(seed, t));
        if (one_in(seed, 6))
                set(spec, "classes", "storage", random_class(seed, t));
        set(spec, "classes", "dataplane", dataplane);
        set(spec, "classes", "guests", guests);
}

static void random_memory(uint64_t *seed, const struct topology *t, json_t *spec)
{
        static const char *const sizes[] = {"2MiB", "2MiB", "1GiB"};
        static const char *const formulas[] = {"socle", "ovs_shared", "ovs_per_port", "director"};

        set(spec, "dataplane", "formula", json_string(PICK(seed, formulas)));
        if (one_in(seed, 4))
                set(spec, "dataplane", "mtus", json_pack("[i,i]", 1500, 9000));
        if (one_in(seed, 4))
                set(spec, "hugepages", "default_size", json_string(PICK(seed, sizes)));
        if (one_in(seed, 3))
                set(spec, "guests", "page_size", json_string(PICK(seed, sizes)));
        if (one_in(seed, 3))
                set(spec, "guests", "count", json_integer(random_below(seed, 40)));
        if (one_in(seed, 2))
                set(spec, "guests", "memory", json_integer(256 << random_below(seed, 8)));
        if (one_in(seed, 5))
                set(spec, "memory", "reserved", json_integer(64 << random_below(seed, 8)));
        if (one_in(seed, 5))
                set(spec, "hugepages", "pages",
                    json_pack("[{s:s, s:i, s:i}]", "size", PICK(seed, sizes), "count", random_below(seed, 300), "node",
                              t->nodes[random_below(seed, t->node_count)].os_index));
        if (one_in(seed, 8))
                set(spec, "hugepages", "pages",
                    json_pack("[{s:s, s:i}]", "size", PICK(seed, sizes), "count", random_below(seed, 300)));
}

json_t *random_profile(uint64_t seed, const struct topology *t)
{
        json_t *spec = json_object();

        if (one_in(&seed, 8))
                return spec;
        random_classes(&seed, t, spec);
        random_memory(&seed, t, spec);
        if (one_in(&seed, 4))
                set(spec, "storage", "osds",
                    json_pack("{s:i, s:i, s:i}", "hdd", random_below(&seed, 4), "ssd", random_below(&seed, 3), "nvme",
                              random_below(&seed, 5)));
        if (one_in(&seed, 2))
                set(spec, "isolation", "boot", json_boolean(one_in(&seed, 2)));
        if (one_in(&seed, 3))
                set(spec, "isolation", "partition", json_boolean(one_in(&seed, 2)));
        if (one_in(&seed, 10))
                set(spec, "isolation", "cpus", random_cores(&seed, t));
        return spec;
}
