/* Who steals time from the pinned CPUs: a BPF program of ours (CO-RE, libbpf) on the scheduler's, interrupts',
 * softirqs', timers' and IPIs' tracepoints counts and times each interruption, by CPU and by who it was, over a window.
 */
#pragma once

#include <jansson.h>

#include "socle/errors.h"
#include "topology/cpu_set.h"

enum noise_kind { NOISE_TASK, NOISE_IRQ, NOISE_SOFTIRQ, NOISE_TIMER, NOISE_IPI, NOISE_KIND_COUNT };
extern const char *const noise_kind_names[NOISE_KIND_COUNT];

#define NOISE_BUCKETS 32 /* of a histogram: bucket i counts durations of 2^i … 2^(i+1)-1 ns */

struct noise_source {
        int cpu;
        enum noise_kind kind;
        char who[32]; /* task's comm, interrupt's or softirq's name, timer's function */
        int id;       /* pid, irq number, vector */
        uint64_t count, total_ns, longest_ns;
};

struct noise_report {
        struct cpu_set cpus;
        uint64_t window_ns;
        struct noise_source *sources; /* the costliest first */
        size_t count;
        uint64_t histogram[NOISE_BUCKETS];
        uint64_t missed; /* distinct sources beyond the table */
};

struct noise;
/* Starts counting. -EPERM, -ENOSYS (no BTF, no BPF): words in `errors`. */
int noise_start(struct noise **ret, const struct cpu_set *cpus, struct errors *errors);
/* What was counted so far; may be called again. */
int noise_read(struct noise *noise, struct noise_report *ret, struct errors *errors);
struct noise *noise_stop(struct noise *noise);
void noise_report_clear(struct noise_report *report);
json_t *noise_report_to_json(const struct noise_report *report);
