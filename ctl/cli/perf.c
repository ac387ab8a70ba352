/* See perf.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "perf.h"

static bool is_node(const json_t *node, const char *name, long worker)
{
        return strcmp(member_text(node, "name"), name) == 0 &&
               json_integer_value(json_object_get(node, "worker")) == worker;
}

static const json_t *find_node(const json_t *stats, const json_t *wanted)
{
        long worker = (long)json_integer_value(json_object_get(wanted, "worker"));
        json_t *node;
        size_t i;

        json_array_foreach (json_object_get(stats, "nodes"), i, node)
                if (is_node(node, member_text(wanted, "name"), worker))
                        return node;
        return NULL;
}

/* Counters that went back count from zero: the dataplane was restarted. */
static double grown(const json_t *before, const json_t *after, const char *key)
{
        json_int_t old = json_integer_value(json_object_get(before, key)),
                   new = json_integer_value(json_object_get(after, key));

        return (double)(new >= old ? new - old : new);
}

/* The sum's entry of that name; a new one when there is none. */
static struct node_use *entry_of(struct perf *perf, const char *name)
{
        for (size_t i = 0; i < perf->count; i++)
                if (strcmp(perf->nodes[i].name, name) == 0)
                        return &perf->nodes[i];
        perf->nodes[perf->count] = (struct node_use){.name = name};
        return &perf->nodes[perf->count++];
}

static void add_node(struct perf *perf, const json_t *before, const json_t *after)
{
        double calls = grown(before, after, "calls");
        struct node_use *use;

        if (calls == 0)
                return;
        use = entry_of(perf, member_text(after, "name"));
        use->calls += calls;
        use->packets += grown(before, after, "packets");
        use->cycles += grown(before, after, "cycles");
        use->io_cycles += grown(before, after, "io_cycles");
}

static int costlier_first(const void *a, const void *b)
{
        const struct node_use *one = a, *other = b;

        return one->cycles < other->cycles ? 1 : one->cycles > other->cycles ? -1 : strcmp(one->name, other->name);
}

int perf_between(struct perf *ret, const json_t *before, const json_t *after, long worker)
{
        const json_t *nodes = json_object_get(after, "nodes"), *workers = json_object_get(after, "workers");
        struct perf perf = {.worker = worker};
        json_t *entry;
        size_t i;

        perf.seconds = (member_number(after, "taken_ns") - member_number(before, "taken_ns")) / 1e9;
        if (perf.seconds <= 0)
                return -EAGAIN;
        perf.nodes = calloc(json_array_size(nodes) + 1, sizeof(*perf.nodes));
        if (!perf.nodes)
                return -ENOMEM;
        json_array_foreach (nodes, i, entry)
                if (worker < 0 || json_integer_value(json_object_get(entry, "worker")) == worker)
                        add_node(&perf, find_node(before, entry), entry);
        json_array_foreach (workers, i, entry)
                if (worker < 0 || json_integer_value(json_object_get(entry, "index")) == worker)
                        perf.packets += grown(json_array_get(json_object_get(before, "workers"), i), entry, "packets");
        for (i = 0; i < perf.count; i++) {
                perf.total.cycles += perf.nodes[i].cycles;
                perf.total.io_cycles += perf.nodes[i].io_cycles;
        }
        qsort(perf.nodes, perf.count, sizeof(*perf.nodes), costlier_first);
        *ret = perf;
        return 0;
}

void perf_done(struct perf *perf)
{
        free(perf->nodes);
        *perf = (struct perf){0};
}

static json_t *quotient(double value, double by)
{
        return by > 0 ? json_real(value / by) : json_null();
}

static json_t *node_to_json(const struct perf *perf, const struct node_use *node)
{
        json_t *json = json_pack("{s:s, s:o, s:o}", "name", node->name, "calls_per_second",
                                 quotient(node->calls, perf->seconds), "packets_per_second",
                                 quotient(node->packets, perf->seconds));

        json_object_set_new(json, "packets_per_call", quotient(node->packets, node->calls));
        json_object_set_new(json, "cycles_per_packet", quotient(node->cycles, node->packets));
        json_object_set_new(json, "io_cycles_per_packet", quotient(node->io_cycles, node->packets));
        json_object_set_new(json, "cycles", json_integer((json_int_t)node->cycles));
        return json;
}

json_t *perf_to_json(const struct perf *perf)
{
        double outside = perf->total.cycles - perf->total.io_cycles;
        json_t *nodes = json_array();

        for (size_t i = 0; i < perf->count; i++)
                json_array_append_new(nodes, node_to_json(perf, &perf->nodes[i]));
        return json_pack("{s:o, s:f, s:o, s:o, s:o, s:o, s:o}", "worker",
                         perf->worker < 0 ? json_null() : json_integer(perf->worker), "seconds", perf->seconds,
                         "packets_per_second", quotient(perf->packets, perf->seconds), "cycles_per_packet",
                         quotient(perf->total.cycles, perf->packets), "io_cycles_per_packet",
                         quotient(perf->total.io_cycles, perf->packets), "outside_io_cycles_per_packet",
                         quotient(outside, perf->packets), "nodes", nodes);
}
