/* A plan in the making: what the files of this folder share. Steps, in the order in which plan_make() takes them:
 *
 *      underlay.c   which nodes have an underlay's NIC
 *      cores.c      which core may be had, lists of CPUs, taking cores of a node
 *      classes.c    how many cores of which node each class gets; storage.c: where OSDs are; publish.c
 *      isolation.c  what is isolated, where interrupts go
 *      memory.c     what is left to the OS, OSDs, guests; hugepage_size.c, hugepages.c: how many of them are where
 *      switches.c   kernel's switches, cache; kernel_arguments.c
 *
 * Each complains into `errors` and goes on, so that all that is wrong is said at once; formulas are files of their own.
 */
#pragma once

#include "plan.h"

#define CORE_FREE (-1)

/* Of one node, while planning. A machine whose platform tells no node is one node. */
struct node_state {
        bool underlay;
        int first, count; /* its cores: entries of strong[] and weak[] */
        unsigned osds[3]; /* by device type */
        unsigned osd_cpus;
        uint64_t dataplane_bytes; /* in huge pages, from whichever node its cores are of */
        int dataplane_shares;     /* nodes whose workers have their memory here */
        uint64_t memory_bytes;
};

struct planner {
        const struct topology *topology;
        const struct host_profile *profile;
        struct plan *plan;
        struct errors *errors;

        struct node_state *nodes;
        int node_count; /* at least 1 */
        int *owner;     /* a core: enum cpu_class, or CORE_FREE */
        bool *foreign;  /* a core: (partly) forbidden to us, left to the OS */
        int *strong;    /* cores by node, the most powerful first, then by CPU */
        int *weak;      /* cores by node, the least powerful first; the boot CPU's before all */
        int boot_core;
        int kind_max;
        uint64_t dataplane_page_bytes; /* 0: ordinary pages */
        size_t reason_room;
        size_t errors_before; /* the caller's */
};

void planner_reason(struct planner *planner, const char *subject, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
void planner_no_memory(struct planner *planner);
bool planner_failed(const struct planner *planner); /* something was complained of */

/* ---- cores.c ---- */
int cores_init(struct planner *planner); /* orders, foreign cores */
int core_node(const struct planner *planner, int core);
int core_first_cpu(const struct planner *planner, int core);
bool core_is_strong(const struct planner *planner, int core);                 /* of the most powerful kind there is */
void core_cpus(const struct planner *planner, int core, struct cpu_set *set); /* added to the set */
/* The cores that a list of CPUs means, as `class`; complains of what is no whole core, offline, not ours, … */
void cores_claim_list(struct planner *planner, enum cpu_class class, const struct cpu_set *cpus, const char *pointer);
bool wants_strong(enum cpu_class class); /* performance cores only, unless they are listed */
/* Free ones of a node that the class may have when it is counted, not listed. */
unsigned cores_free(const struct planner *planner, enum cpu_class class, int node);
/* The best of these; false: none is left. */
bool cores_take(struct planner *planner, enum cpu_class class, int node);
unsigned cores_owned(const struct planner *planner, enum cpu_class class, int node);
unsigned cpus_owned(const struct planner *planner, enum cpu_class class, int node);
unsigned cores_usable(const struct planner *planner, int node); /* not foreign, whoever has them */
/* Whether a list of CPUs is all online, ours and whole cores; complains. */
bool cpus_are_whole(struct planner *planner, const struct cpu_set *cpus, const char *pointer);

/* ---- the other steps ---- */
enum class_form form_of(const struct planner *planner, enum cpu_class class);
bool node_knows_pages(const struct planner *planner, int node, uint64_t page_bytes);
void complain_page_size(struct planner *planner, int node, uint64_t page_bytes, const char *pointer);
void underlay_find(struct planner *planner);
void classes_assign(struct planner *planner);
void storage_place(struct planner *planner);   /* OSDs to nodes, and cores to OSDs where that is derived */
void classes_publish(struct planner *planner); /* owners become sets of CPUs */
void isolation_plan(struct planner *planner);
void memory_plan(struct planner *planner);
void hugepages_choose(struct planner *planner); /* the dataplane's size; its bytes become whole pages */
void hugepages_plan(struct planner *planner);
void switches_plan(struct planner *planner);
void kernel_arguments_plan(struct planner *planner);

uint64_t guest_bytes(const struct planner *planner); /* memory of a guest, in whole pages */
/* The node with memory that is nearest, itself if it has some; −1: none has. */
int nearest_with_memory(const struct planner *planner, int node);
/* ACPI's distance; 10: itself. */
unsigned node_distance(const struct planner *planner, int from, int to);
/* The kernel's number of a node. */
int node_number(const struct planner *planner, int node);
