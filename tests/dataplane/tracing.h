/* Traces on the harness, and security groups for it. Ids: a port's is its index + 1, a network's its index + 101, a
 * peer's its tunnel + 201. */
#pragma once

#include "harness.h"
#include "policy.h"
#include "socle/record_table.h"
#include "trace.h"

#define TRACING_STEPS_MAX 64

struct traced {
        unsigned int count;
        struct wire_trace_step steps[TRACING_STEPS_MAX];
        struct wire_trace_end end;
};

extern const struct observe_names tracing_names;
extern struct record_table *tracing_records;
extern bool tracing_absent[HARNESS_PORTS]; /* nobody is there to take what is sent to the port */

void tracing_init(void);

/* Traces what the port would receive; takes the packet. */
void tracing_trace(unsigned int port, struct rte_mbuf *m, struct traced *ret);

/* The first step of that stage, or NULL. */
const struct wire_trace_step *tracing_step(const struct traced *traced, enum wire_stage stage);

/* Traces a packet, then lets the port receive it, and compares: what is said must be what happens, and the trace must
 * have changed nothing. Returns NULL, or what is wrong in words. Clears the harness. */
const char *tracing_agrees(unsigned int port, struct rte_mbuf *m);

/* For debugging, and when something is wrong. */
void tracing_print(const struct traced *traced);

/* One rule of a group that any remote may use; protocol 256: any. */
struct tracing_rule {
        enum dp_direction direction;
        uint16_t protocol, first, last;
};

/* A policy of a later generation, in force: A and B have a security group each, 100 and 101, with these rules for both
 * families. Port security of a port that is not `secured` is off. */
struct tracing_port {
        bool secured, stateful;
        unsigned int count;
        const struct tracing_rule *rules;
};
void tracing_policy(const struct tracing_port *a, const struct tracing_port *b);
