/* Contradictions: settings that are each right and together wrong (irqaffinity= against isolcpus=, isolcpus against the
 * partition, siblings split, a VF on another node than its guest, irqbalance that moves interrupts back, …). Facts
 * about the host come from knobs, topology, guests and devices; this only compares. */
#pragma once

#include <jansson.h>

#include "knob.h"

struct audit_finding {
        char rule[48];    /* "irqaffinity-isolcpus" */
        char severity[8]; /* "error", "warning", "info" */
        char subject[64]; /* "CPU 3", "irq 24", "Guest db1" */
        char text[256];   /* what, and why it matters */
        char remedy[256]; /* what would be right */
};

/* What is known beside knobs; members may be NULL. JSON as guest_status() and sriov_status() make it. */
struct audit_facts {
        const struct host *host;
        const struct topology *topology;
        const struct plan *plan;
        const json_t *guests, *devices;
        const json_t *isolation; /* {proven, verdict, …}: was it looked for who disturbs the isolated CPUs? */
};

int audit(const struct audit_facts *facts, struct audit_finding **ret, size_t *ret_count);
json_t *audit_to_json(const struct audit_finding *findings, size_t count);
