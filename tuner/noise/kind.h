/* What noise is made of: shared by noise.h and, in the kernel, noise.bpf.c. */
#pragma once

#define NOISE_BUCKETS  32 /* of a histogram: bucket i counts durations of 2^i … 2^(i+1)-1 ns, the last all above too */
#define NOISE_WHO_SIZE 32

enum noise_kind { NOISE_TASK, NOISE_IRQ, NOISE_SOFTIRQ, NOISE_TIMER, NOISE_IPI, NOISE_KIND_COUNT };
