/* Makes a report of the BPF program's maps: adds what is under way to what is done, finds the CPUs' owners, and takes
 * them out of the noise. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "private.h"
#include "socle/cleanup.h"

#define TRIES        100 /* to see a CPU that is not just switching tasks */
#define TRY_AGAIN_US 100

/* A copy of the maps. */
struct reading {
        const struct noise *noise;
        uint64_t now_ns;
        struct noise_key *keys;
        struct noise_value *values;
        size_t count;
        struct noise_cpu *cpus; /* see cpu_of() */
        size_t *best;           /* by CPU: 1 + index of the owner that is guessed, 0: none */
};

static void reading_clear(struct reading *reading)
{
        free(reading->keys);
        free(reading->values);
        free(reading->cpus);
        free(reading->best);
}

/* A per-CPU map's values are those of the CPUs that are possible, one after the other, whatever their numbers. */
static struct noise_cpu *cpu_of(const struct reading *reading, struct noise_cpu *cpus, int number)
{
        const uint64_t *words = reading->noise->possible.words;
        size_t below = (size_t)__builtin_popcountll(words[number / 64] & ((1ULL << (number % 64)) - 1));

        for (int i = 0; i < number / 64; i++)
                below += (size_t)__builtin_popcountll(words[i]);
        return &cpus[below];
}

/* ---- the maps ---- */

static int read_sources(struct reading *reading)
{
        uint32_t count = reading->noise->sources_max, batch;
        int r = bpf_map_lookup_batch(reading->noise->sources_fd, NULL, &batch, reading->keys, reading->values, &count,
                                     NULL);

        reading->count = count;
        return r == -ENOENT ? 0 : r; /* ENOENT: that was the last of them */
}

/* A task that runs right now has done so since its last switch, of which the table knows nothing yet. */
static void add_under_way(struct reading *reading, int number)
{
        const struct noise_cpu *cpu = cpu_of(reading, reading->cpus, number);
        const struct noise_frame *task = &cpu->frames[0];
        uint64_t ran = reading->now_ns - task->start_ns;
        size_t at = 0;

        if (!task->start_ns || task->start_ns > reading->now_ns || task->key.id == 0)
                return;
        ran = ran > task->inner_ns ? ran - task->inner_ns : 0;
        while (at < reading->count && (reading->keys[at].kind != NOISE_TASK || reading->keys[at].cpu != number ||
                                       reading->keys[at].id != task->key.id))
                at++;
        struct noise_value *value = &reading->values[at];
        if (at == reading->count) {
                reading->count++;
                reading->keys[at] = (struct noise_key){.cpu = number, .kind = NOISE_TASK, .id = task->key.id};
                *value = (struct noise_value){
                        .allowed_cpus = cpu->allowed_cpus,
                        .kernel_thread = cpu->kernel_thread,
                };
                memcpy(value->who, cpu->who, sizeof(value->who));
        }
        value->count++;
        value->total_ns += ran;
        if (ran > value->longest_ns)
                value->longest_ns = ran;
        value->histogram[ran >> 32 ? NOISE_BUCKETS - 1 : ran ? 63 - __builtin_clzll(ran) : 0]++;
}

/* Each CPU writes its state while we copy it: what we saw of its task is believed when nothing had changed in a second
 * copy. Takes those CPUs out of `left`. */
static int take_steady(struct reading *reading, struct noise_cpu *first, struct noise_cpu *second, struct cpu_set *left)
{
        uint32_t zero = 0;
        int r = bpf_map_lookup_elem(reading->noise->cpus_fd, &zero, first);

        reading->now_ns = noise_now_ns();
        if (r == 0)
                r = bpf_map_lookup_elem(reading->noise->cpus_fd, &zero, second);
        for (int cpu = cpu_set_next(left, -1); r == 0 && cpu >= 0; cpu = cpu_set_next(left, cpu)) {
                const struct noise_cpu *state = cpu_of(reading, first, cpu);
                *cpu_of(reading, reading->cpus, cpu) = *state;
                if (state->sequence % 2 || state->sequence != cpu_of(reading, second, cpu)->sequence)
                        continue;
                add_under_way(reading, cpu);
                cpu_set_remove(left, (unsigned)cpu);
        }
        return r;
}

static int read_cpus(struct reading *reading, size_t possible)
{
        cleanup_free struct noise_cpu *first = calloc(possible, sizeof(*first));
        cleanup_free struct noise_cpu *second = calloc(possible, sizeof(*second));
        struct cpu_set left = reading->noise->cpus;
        int r = first && second ? 0 : -ENOMEM;

        for (int i = 0; r == 0 && i < TRIES && !cpu_set_empty(&left); i++) {
                if (i > 0)
                        usleep(TRY_AGAIN_US);
                r = take_steady(reading, first, second, &left);
        }
        return r;
}

static int read_maps(struct reading *reading)
{
        size_t possible = cpu_set_count(&reading->noise->possible);
        size_t room = reading->noise->sources_max + cpu_set_count(&reading->noise->cpus); /* those under way too */

        _Static_assert(sizeof(*reading->cpus) % 8 == 0, "as the kernel aligns the values of a per-CPU map");
        reading->keys = calloc(room, sizeof(*reading->keys));
        reading->values = calloc(room, sizeof(*reading->values));
        reading->cpus = calloc(possible, sizeof(*reading->cpus));
        reading->best = calloc(CPU_MAX, sizeof(*reading->best));
        if (!reading->keys || !reading->values || !reading->cpus || !reading->best)
                return -ENOMEM;
        int r = read_sources(reading);
        if (r == 0)
                r = read_cpus(reading, possible);
        return r;
}

/* ---- owners ---- */

static void guess_owners(struct reading *reading)
{
        unsigned asked = cpu_set_count(&reading->noise->cpus);

        for (size_t i = 0; i < reading->count; i++) {
                const struct noise_value *value = &reading->values[i];
                size_t *best = &reading->best[reading->keys[i].cpu];
                if (reading->keys[i].kind != NOISE_TASK || value->kernel_thread || value->allowed_cpus > asked)
                        continue;
                if (!*best || value->total_ns > reading->values[*best - 1].total_ns)
                        *best = i + 1;
        }
}

static bool is_owner(const struct reading *reading, size_t index)
{
        const struct noise_key *key = &reading->keys[index];
        const struct noise *noise = reading->noise;

        if (key->kind != NOISE_TASK)
                return false;
        if (noise->own_count == 0)
                return reading->best[key->cpu] == index + 1;
        for (size_t low = 0, high = noise->own_count; low < high;) {
                size_t middle = (low + high) / 2;
                if (noise->own[middle] == key->id)
                        return true;
                if (noise->own[middle] < key->id)
                        low = middle + 1;
                else
                        high = middle;
        }
        return false;
}

/* ---- the report ---- */

/* Anybody may call a task anything. */
static void take_name(char who[NOISE_WHO_SIZE], const char from[NOISE_WHO_SIZE])
{
        size_t i;

        for (i = 0; i < NOISE_WHO_SIZE - 1 && from[i]; i++)
                who[i] = (from[i] >= ' ' && from[i] <= '~') ? from[i] : '?';
        who[i] = 0;
}

static void add_source(struct noise_report *report, const struct noise_key *key, const struct noise_value *value)
{
        struct noise_source *source = &report->sources[report->count++];

        *source = (struct noise_source){
                .cpu = (int)key->cpu,
                .kind = key->kind,
                .id = key->id,
                .count = value->count,
                .total_ns = value->total_ns,
                .longest_ns = value->longest_ns,
        };
        take_name(source->who, value->who);
        noise_name(key, source->who);
        for (size_t i = 0; i < NOISE_BUCKETS; i++)
                report->histogram[i] += value->histogram[i];
}

static void add_owner(struct noise_report *report, const struct noise_key *key, const struct noise_value *value)
{
        struct noise_owner *owner = &report->owners[report->owner_count++];

        *owner = (struct noise_owner){.cpu = (int)key->cpu, .pid = key->id, .ran_ns = value->total_ns};
        take_name(owner->who, value->who);
}

static int by_cost(const void *a, const void *b)
{
        const struct noise_source *left = a, *right = b;

        return (left->total_ns < right->total_ns) - (left->total_ns > right->total_ns);
}

static int by_cpu(const void *a, const void *b)
{
        const struct noise_owner *left = a, *right = b;

        return left->cpu != right->cpu ? left->cpu - right->cpu
                                       : (left->ran_ns < right->ran_ns) - (left->ran_ns > right->ran_ns);
}

static void sum_cpus(const struct reading *reading, struct noise_report *report)
{
        const struct cpu_set *wanted = &reading->noise->cpus;

        for (int number = cpu_set_next(wanted, -1); number >= 0; number = cpu_set_next(wanted, number)) {
                const struct noise_cpu *cpu = cpu_of(reading, reading->cpus, number);
                report->missed += cpu->missed;
                report->missed_ns += cpu->missed_ns;
                report->events += cpu->events;
                if (cpu->sampled > 0)
                        report->cost_ns +=
                                (uint64_t)((double)cpu->sampled_ns / (double)cpu->sampled * (double)cpu->events);
        }
}

static int make_report(struct reading *reading, struct noise_report *report)
{
        const struct noise *noise = reading->noise;

        report->sources = calloc(reading->count + 1, sizeof(*report->sources));
        report->owners = calloc(reading->count + 1, sizeof(*report->owners));
        if (!report->sources || !report->owners)
                return -ENOMEM;
        report->cpus = noise->cpus;
        report->window_ns = reading->now_ns - noise->started_ns;
        memcpy(report->missing, noise->missing, sizeof(report->missing));
        report->missing_count = noise->missing_count;
        guess_owners(reading);
        for (size_t i = 0; i < reading->count; i++)
                if (is_owner(reading, i))
                        add_owner(report, &reading->keys[i], &reading->values[i]);
                else
                        add_source(report, &reading->keys[i], &reading->values[i]);
        qsort(report->sources, report->count, sizeof(*report->sources), by_cost);
        qsort(report->owners, report->owner_count, sizeof(*report->owners), by_cpu);
        sum_cpus(reading, report);
        return 0;
}

int noise_read(struct noise *noise, struct noise_report *ret, struct errors *errors)
{
        cleanup_(reading_clear) struct reading reading = {.noise = noise};
        cleanup_(noise_report_clear) struct noise_report report = {};
        int r = read_maps(&reading);

        if (r == 0)
                r = make_report(&reading, &report);
        if (r < 0) {
                errors_add(errors, r, "", "", "what was counted cannot be read from the kernel: %s", strerror(-r));
                return r;
        }
        *ret = report;
        report = (struct noise_report){};
        return 0;
}
