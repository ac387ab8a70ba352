/* A set of CPUs by the kernel's numbers: a plain value, to be copied and compared. In text as the kernel writes it:
 * "0-3,8,10-11" (cpuset lists, isolcpus, /sys), or as a mask "ff,00000003" (smp_affinity, workqueue). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPU_MAX 8192 /* CONFIG_NR_CPUS of Debian's amd64 kernel */

struct cpu_set {
        uint64_t words[CPU_MAX / 64];
};

static inline bool cpu_set_has(const struct cpu_set *set, unsigned cpu)
{
        return cpu < CPU_MAX && (set->words[cpu / 64] >> (cpu % 64) & 1);
}

static inline void cpu_set_add(struct cpu_set *set, unsigned cpu)
{
        if (cpu < CPU_MAX)
                set->words[cpu / 64] |= 1ULL << (cpu % 64);
}

static inline void cpu_set_remove(struct cpu_set *set, unsigned cpu)
{
        if (cpu < CPU_MAX)
                set->words[cpu / 64] &= ~(1ULL << (cpu % 64));
}

unsigned cpu_set_count(const struct cpu_set *set);
bool cpu_set_empty(const struct cpu_set *set);
bool cpu_set_equal(const struct cpu_set *a, const struct cpu_set *b);
bool cpu_set_intersects(const struct cpu_set *a, const struct cpu_set *b);
bool cpu_set_within(const struct cpu_set *inner, const struct cpu_set *outer);
void cpu_set_or(struct cpu_set *set, const struct cpu_set *other);
void cpu_set_and(struct cpu_set *set, const struct cpu_set *other);
void cpu_set_and_not(struct cpu_set *set, const struct cpu_set *other);

/* The lowest CPU above `previous` (-1: the lowest of all); -1: none. */
int cpu_set_next(const struct cpu_set *set, int previous);

/* "0-3,8"; "" of an empty set. A new string, NULL: no memory. */
char *cpu_set_to_list(const struct cpu_set *set);
/* Groups of 32 bits in hexadecimal, highest first, as many as `cpus` CPUs take (the kernel wants no more):
 * "f,0000000f". */
char *cpu_set_to_mask(const struct cpu_set *set, unsigned cpus);
/* Strides ("0-10:2/4"), white space at the end and an empty text are understood, as the kernel does. -EINVAL: not a
 * list; -ERANGE: a CPU of CPU_MAX or above. */
int cpu_set_from_list(const char *text, struct cpu_set *ret);
int cpu_set_from_mask(const char *text, struct cpu_set *ret);
