/* What the BPF program (noise.bpf.c) and the library that loads it (start.c, read.c) both know: the maps' records, and
 * the table of interrupt vectors' tracepoints. */
#pragma once

#include <linux/types.h>

#include "kind.h"

#define NOISE_CPU_WORDS   128 /* 64 CPUs each */
#define NOISE_FRAMES      8 /* a power of 2; task, softirq, its timer, an interrupt, its timer: Linux nests no deeper */
#define NOISE_SAMPLE_MASK 63 /* every 64th event is timed to tell what we cost ourselves */

/* X(tracepoint without _entry/_exit, kind): vectors of x86 that are no device's. Those a kernel lacks are left out. */
#define NOISE_VECTORS(X)                                                                                               \
        X(local_timer, NOISE_TIMER)                                                                                    \
        X(reschedule, NOISE_IPI)                                                                                       \
        X(call_function, NOISE_IPI)                                                                                    \
        X(call_function_single, NOISE_IPI)                                                                             \
        X(irq_work, NOISE_IPI)                                                                                         \
        X(x86_platform_ipi, NOISE_IPI)                                                                                 \
        X(thermal_apic, NOISE_IRQ)                                                                                     \
        X(threshold_apic, NOISE_IRQ)                                                                                   \
        X(deferred_error_apic, NOISE_IRQ)                                                                              \
        X(error_apic, NOISE_IRQ)                                                                                       \
        X(spurious_apic, NOISE_IRQ)

enum noise_vector {
#define X(name, kind) NOISE_VECTOR_##name,
        NOISE_VECTORS(X)
#undef X
                NOISE_VECTOR_COUNT
};

/* Who: a task is told by its pid, an interrupt by number and action (they may be shared), a softirq by its number, a
 * timer by its function, a vector by its tracepoint and number. */
struct noise_key {
        __u32 cpu;
        __u32 kind;    /* enum noise_kind */
        __u64 address; /* irqaction, timer's function, or 1 + enum noise_vector */
        __s32 id;      /* pid, irq, softirq or vector */
        __u32 zero;    /* no padding in a key */
};

/* Written by the CPU in its key only. Times are a source's own: what interrupted it is not in them. */
struct noise_value {
        __u64 count, total_ns, longest_ns;
        __u32 allowed_cpus;  /* a task's: on how many it may run */
        __u32 kernel_thread; /* a task's: 1 when it is one */
        char who[NOISE_WHO_SIZE];
        __u64 histogram[NOISE_BUCKETS];
};

/* What is under way: frame 0 is the task, those above it what interrupts it. */
struct noise_frame {
        struct noise_key key;
        __u64 cookie;   /* what entry and exit have in common */
        __u64 start_ns; /* of frame 0, 0: the task is not known yet */
        __u64 inner_ns; /* of it spent in further interruptions */
};

/* What a CPU is doing; written by that CPU only, see noise.bpf.c. */
struct noise_cpu {
        __u32 sequence; /* odd while the task changes: who reads then tries again */
        __u32 depth;    /* frames above the task */
        struct noise_frame frames[NOISE_FRAMES];
        __u32 allowed_cpus, kernel_thread; /* the task's, as in noise_value */
        char who[NOISE_WHO_SIZE];

        __u64 missed, missed_ns; /* what could be charged to nobody */
        __u64 events, sampled, sampled_ns;
};
