/* A report as JSON, and as a verdict. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "private.h"
#include "socle/cleanup.h"

#define WORST_SHOWN 5

void noise_report_clear(struct noise_report *report)
{
        free(report->sources);
        free(report->owners);
        *report = (struct noise_report){};
}

/* ---- JSON ---- */

static double share_of(const struct noise_report *report, uint64_t ns)
{
        return report->window_ns > 0 ? (double)ns / (double)report->window_ns : 0;
}

static json_t *sources_to_json(const struct noise_report *report)
{
        json_t *list = json_array();

        for (size_t i = 0; i < report->count; i++) {
                const struct noise_source *source = &report->sources[i];
                json_array_append_new(list, json_pack("{s:i, s:s, s:s, s:i, s:I, s:I, s:I, s:f}", "cpu", source->cpu,
                                                      "kind", noise_kind_names[source->kind], "who", source->who, "id",
                                                      source->id, "count", (json_int_t)source->count, "total_ns",
                                                      (json_int_t)source->total_ns, "longest_ns",
                                                      (json_int_t)source->longest_ns, "share",
                                                      share_of(report, source->total_ns)));
        }
        return list;
}

static json_t *owners_to_json(const struct noise_report *report)
{
        json_t *list = json_array();

        for (size_t i = 0; i < report->owner_count; i++) {
                const struct noise_owner *owner = &report->owners[i];
                json_array_append_new(list, json_pack("{s:i, s:s, s:i, s:I, s:f}", "cpu", owner->cpu, "who", owner->who,
                                                      "pid", owner->pid, "ran_ns", (json_int_t)owner->ran_ns, "share",
                                                      share_of(report, owner->ran_ns)));
        }
        return list;
}

/* Only buckets with something in them. */
static json_t *histogram_to_json(const struct noise_report *report)
{
        json_t *list = json_array();

        for (int i = 0; i < NOISE_BUCKETS; i++)
                if (report->histogram[i] > 0)
                        json_array_append_new(list,
                                              json_pack("{s:I, s:I}", "from_ns", (json_int_t)(i > 0 ? 1LL << i : 0),
                                                        "count", (json_int_t)report->histogram[i]));
        return list;
}

json_t *noise_report_to_json(const struct noise_report *report)
{
        cleanup_free char *cpus = cpu_set_to_list(&report->cpus);
        json_t *not_seen = json_array();

        for (size_t i = 0; i < report->missing_count; i++)
                json_array_append_new(not_seen, json_string(report->missing[i]));
        return json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:I, s:I, s{s:I, s:I}}", "cpus", cpus ?: "", "window_ns",
                         (json_int_t)report->window_ns, "owners", owners_to_json(report), "sources",
                         sources_to_json(report), "histogram", histogram_to_json(report), "not_seen", not_seen,
                         "missed", (json_int_t)report->missed, "missed_ns", (json_int_t)report->missed_ns, "cost",
                         "events", (json_int_t)report->events, "ns", (json_int_t)report->cost_ns);
}

/* ---- the verdict ---- */

static int by_longest(const void *a, const void *b)
{
        const struct noise_source *left = *(const struct noise_source *const *)a;
        const struct noise_source *right = *(const struct noise_source *const *)b;

        return (left->longest_ns < right->longest_ns) - (left->longest_ns > right->longest_ns);
}

static void print_offender(FILE *out, const struct noise_source *source)
{
        fprintf(out, "CPU %d: %s %s", source->cpu, noise_kind_names[source->kind], source->who);
        if (source->kind == NOISE_TASK || source->kind == NOISE_IRQ)
                fprintf(out, " (%d)", source->id);
        fprintf(out, " %llu times, %.1f µs at the longest; ", (unsigned long long)source->count,
                (double)source->longest_ns / 1000);
}

static void print_worst(FILE *out, const struct noise_report *report, uint64_t limit_ns)
{
        cleanup_free const struct noise_source **worst = calloc(report->count + 1, sizeof(*worst));
        size_t count = 0;

        for (size_t i = 0; worst && i < report->count; i++)
                if (report->sources[i].longest_ns > limit_ns)
                        worst[count++] = &report->sources[i];
        if (count == 0)
                return;
        qsort(worst, count, sizeof(*worst), by_longest);
        for (size_t i = 0; i < count && i < WORST_SHOWN; i++)
                print_offender(out, worst[i]);
        if (count > WORST_SHOWN)
                fprintf(out, "and %zu more; ", count - WORST_SHOWN);
}

bool noise_proves_isolation(const struct noise_report *report, uint64_t limit_ns, char *words, size_t size)
{
        cleanup_free char *cpus = cpu_set_to_list(&report->cpus);
        uint64_t longest = 0;
        bool proven;

        for (size_t i = 0; i < report->count; i++)
                if (report->sources[i].longest_ns > longest)
                        longest = report->sources[i].longest_ns;
        proven = longest <= limit_ns && report->missed == 0;

        FILE *out = fmemopen(words, size, "w");
        if (!out)
                return proven;
        if (longest > limit_ns)
                print_worst(out, report, limit_ns);
        if (report->missed > 0)
                fprintf(out, "%llu interruptions could be charged to nobody; ", (unsigned long long)report->missed);
        fprintf(out, "%s %.1f µs in %.1f s on CPUs %s", proven ? "nothing took longer than" : "the limit is",
                (double)limit_ns / 1000, (double)report->window_ns / 1e9, cpus ?: "?");
        fclose(out);
        words[size - 1] = 0;
        size_t end = strlen(words);
        for (bool cut = end == size - 1; cut && end > 0 && words[end - 1] & 0x80; end--)
                words[end - 1] = 0; /* the rest of a µ */
        return proven;
}
