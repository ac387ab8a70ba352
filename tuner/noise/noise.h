/* Who steals time from the pinned CPUs: a BPF program of ours (CO-RE, libbpf) on the scheduler's, interrupts',
 * softirqs', timers' and IPIs' tracepoints counts and times each interruption, by CPU and by who it was, over a window.
 *
 * What is noise: every stint of a task, and every interrupt, softirq, timer and IPI, on a CPU asked for. Each is
 * charged with its own time: a softirq inside a task, or a timer inside a softirq, is in the inner one's time only. Not
 * noise are the idle task and the CPU's owner: the threads named by noise_own(); when none are, of the user's threads
 * that may run on no more CPUs than were asked for (so that they were put there) the one that has run most on the CPU.
 * A kernel thread is never an owner.
 *
 * Charged to nobody, but counted, is what comes from sources beyond the table (256 a CPU, at least 1024), and what the
 * kernel did not tell of: a busy 6.18 leaves out 1 in 500 calls of its tracepoints, its own counters are the witness.
 *
 * What cannot be seen: NMIs and SMIs, what a hypervisor takes away, the kernel's few instructions around the
 * tracepoints. Needs CAP_BPF and CAP_PERFMON, and a kernel with BTF, 5.13 or later. */
#pragma once

#include <jansson.h>
#include <sys/types.h>

#include "kind.h"
#include "socle/errors.h"
#include "topology/cpu_set.h"

#define NOISE_MISSING_MAX 24

extern const char *const noise_kind_names[NOISE_KIND_COUNT]; /* "task", "irq", "softirq", "timer", "ipi" */

struct noise_source {
        int cpu;
        enum noise_kind kind;
        char who[NOISE_WHO_SIZE]; /* task's comm, interrupt's, softirq's or IPI's name, timer's function */
        int id;                   /* pid, irq, softirq, vector; 0 of a timer's function */
        uint64_t count, total_ns, longest_ns;
};

/* Who has a CPU for itself. (Names are printable ASCII: what else a task calls itself, shows as '?'.) */
struct noise_owner {
        int cpu;
        int pid;
        char who[NOISE_WHO_SIZE];
        uint64_t ran_ns;
};

struct noise_report {
        struct cpu_set cpus;
        uint64_t window_ns;
        struct noise_source *sources; /* the costliest first */
        size_t count;
        struct noise_owner *owners; /* by CPU; none of a CPU that nobody owns */
        size_t owner_count;
        uint64_t histogram[NOISE_BUCKETS];               /* of all sources' interruptions by their own time */
        uint64_t missed, missed_ns;                      /* charged to nobody, see above: in no other figure */
        char missing[NOISE_MISSING_MAX][NOISE_WHO_SIZE]; /* tracepoints that this kernel lacks: "reschedule", … */
        size_t missing_count;
        uint64_t events, cost_ns; /* what counting took on these CPUs, from a sample: part of the sources' times */
};

struct noise;
/* Starts counting; takes some 50 ms. -EPERM, -ENOSYS (no BTF, no BPF), -EINVAL (no CPU, or one that is not there):
 * words in `errors`. */
int noise_start(struct noise **ret, const struct cpu_set *cpus, struct errors *errors);
/* These threads own the CPUs that they run on, and nobody is guessed. Any time before noise_read. -ENOMEM. */
int noise_own(struct noise *noise, const pid_t *threads, size_t count);
/* What was counted so far; may be called again. `ret` is the caller's to clear. */
int noise_read(struct noise *noise, struct noise_report *ret, struct errors *errors);
struct noise *noise_stop(struct noise *noise);

void noise_report_clear(struct noise_report *report);
json_t *noise_report_to_json(const struct noise_report *report);
/* Whether no interruption took longer than `limit_ns`, and all of them were seen; `words` says so for a status, or who
 * the worst offenders are: "CPU 3: task kworker/3:1 (4711) 12 times, 310.2 µs at the longest; …". */
bool noise_proves_isolation(const struct noise_report *report, uint64_t limit_ns, char *words, size_t size);

/* Online and isolated now: by the kernel's command line (isolcpus) and by isolated cgroup v2 partitions, whether the
 * kernel lists them (6.7 and later) or not. `root`: of the file system, "" in earnest. -ENOMEM, or what reading sysfs
 * came to. */
int noise_isolated_cpus(const char *root, struct cpu_set *ret);
