/* What the rules of the audit share: the facts, read once, and how a finding is made. */
#pragma once

#include "arguments.h"
#include "audit.h"
#include "topology/cpu_set.h"

struct auditor {
        const struct audit_facts *facts;
        struct audit_finding *list;
        size_t count, room;
        bool no_memory;

        char **command_line; /* of the running kernel, in normal form; never NULL */
        struct cpu_set boot_isolated, nohz_full, irqaffinity;
        struct cpu_set partition; /* empty: none is in force */
        struct cpu_set isolated;  /* wanted by the plan; of the kernel, when there is no plan */
};

enum audit_severity { AUDIT_ERROR, AUDIT_WARNING, AUDIT_INFO };

void audit_add(struct auditor *auditor, enum audit_severity severity, const char *rule, const char *subject,
               const char *remedy, const char *text, ...) __attribute__((format(printf, 6, 7)));

/* Of these CPUs those that are in the other set too: "3,5"; NULL: none. The caller's. */
char *audit_overlap(const struct cpu_set *set, const struct cpu_set *other);

/* The rules, by what they look at. */
void audit_boot(struct auditor *auditor);       /* audit_boot.c: the kernel's command line */
void audit_cpus(struct auditor *auditor);       /* audit_cpus.c: classes, siblings, partition */
void audit_interrupts(struct auditor *auditor); /* audit_interrupts.c */
void audit_guests(struct auditor *auditor);     /* audit_guests.c: vCPUs, emulators, VFs */
void audit_noise(struct auditor *auditor);      /* audit_noise.c: is isolation proven? */
