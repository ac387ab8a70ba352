/* Topology and profile in, plan out: a pure function. No file, no clock, no host. The plan says which CPU is what, how
 * many huge pages of which size are where, what is reserved, and why; knob/ turns it into what is to be written where.
 *
 * Invariants, whatever comes in: each online CPU is in exactly one class; the siblings of a core are never split;
 * dataplane cores are on nodes that have an underlay NIC (all nodes with CPUs, if there is none); housekeeping has at
 * least one core a node (or in all, if so asked); huge pages leave what the OS, the OSDs and the guests' overhead need;
 * no class is negative, none empty that was asked for. What cannot be is an error that says which number would do.
 *
 * What a plan itself changes on a host (huge pages, VFs, free memory, an IOMMU in use) is not looked at: planned again
 * after it was applied, it is the same plan. One thing only the caller can know: CPUs that our own isolated partition
 * has taken from the cgroup we are in are ours all the same, and belong into topology->allowed. */
#pragma once

#include <jansson.h>

#include "profile.h"

/* Which CPU is what: enum cpu_class, cpu_class_names in profile.h. */

struct plan_pages {
        int node; /* index into the topology's nodes */
        uint64_t page_bytes;
        uint64_t count;
        uint64_t dataplane; /* of these, for socle-dataplane */
};

struct plan_reason {
        char subject[64]; /* "class dataplane node 0", "hugepages node 1 1GiB" */
        char text[256];   /* why, with the formula's numbers in it and its source */
};

/* Switches of the host that are wanted; -1: not asked, leave as it is. */
struct plan_switches {
        int thp; /* 0 never, 1 madvise, 2 always */
        int ksm, numa_balancing, nmi_watchdog, irqbalance;
        int stat_interval_s; /* vm.stat_interval */
        int rt_runtime_us;   /* sched_rt_runtime_us; -1 is the kernel's "no limit": see rt_set */
        bool rt_set;
        int swappiness;
        int deepest_cstate_us; /* C-states with a longer exit latency are off on isolated CPUs; -1: not asked */
        char governor[32];     /* "performance"; "": not asked */
        char epp[32];          /* energy_performance_preference; "": not asked */
        int uncore_min_mhz, uncore_max_mhz;
};

struct plan_cache { /* resctrl: one group a class; mask 0: not asked */
        uint32_t l3_mask[CLASS_COUNT];
        int mb_percent[CLASS_COUNT]; /* 0: not asked */
};

/* What is left of a node's memory beside huge pages, and for whom. */
struct plan_node {
        uint64_t os_bytes, osd_bytes, overhead_bytes, session_bytes; /* reserved_bytes is their sum */
        unsigned osds, guests;                                       /* that these were reckoned with */
        bool underlay; /* an underlay's NIC is here, or nearer to here than to any other node with CPUs */
};

struct plan {
        /* Tiny machines have no guests_shared, nor guests_dedicated: guests then float on housekeeping. */
        struct cpu_set classes[CLASS_COUNT];
        struct cpu_set workers; /* of dataplane: where its workers run, one each; the other siblings stay idle */
        struct cpu_set isolated; /* dataplane ∪ dedicated (and what the profile adds): out of the scheduler's domains */
        struct cpu_set irq;      /* where interrupts may go */
        bool partition;          /* a cgroup v2 isolated partition (at run time) for them */
        bool boot_isolation;     /* and isolcpus=, nohz_full=, rcu_nocbs= on the kernel's command line */
        struct plan_pages *pages;
        size_t page_count;
        uint64_t default_hugepage_bytes; /* for the command line; 0: the kernel's own will do */
        uint64_t *reserved_bytes;        /* a node: left for the OS, OSDs, overhead of guests */
        struct plan_node *nodes;         /* a node of the topology */
        size_t node_count;
        struct plan_switches switches;
        struct plan_cache cache;
        char **kernel_arguments; /* NULL-terminated: "isolcpus=managed_irq,domain,2-7", and what the profile adds */
        struct plan_reason *reasons;
        size_t reason_count;
        double storage_overcommit; /* hyper-converged: vCPU ratio that is left for Nova; 0: no storage class */
};

/* 0; -EINVAL and all that is wrong in `errors`, with JSON pointers into the profile ("/spec/classes/dataplane/cores")
 * and what would do. */
int plan_make(struct plan **ret, const struct topology *topology, const struct host_profile *profile,
              struct errors *errors);
struct plan *plan_free(struct plan *plan);
DEFINE_CLEANUP(struct plan *, plan_free)

/* As `soclectl plan -o json` shows it and the status keeps it; a new reference. */
json_t *plan_to_json(const struct plan *plan, const struct topology *topology);
