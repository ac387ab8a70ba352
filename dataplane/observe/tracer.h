/* A trace under way, shared by trace.c (the walk), trace_nodes.c, trace_session.c and trace_flood.c. */
#pragma once

#include "decide.h"
#include "trace.h"
#include "words.h"

struct tracer {
        const struct trace *trace;
        struct rte_mbuf *m;
        const char *next;     /* the node that the packet goes to; NULL: its way has ended */
        enum socle_drop drop; /* why, if it was dropped */
        bool delivered;
        bool located;        /* FORWARD was told already */
        unsigned int copies; /* of a flooded frame, told of */
};

#define TRACE_COPIES_MAX 16 /* of a flooded frame are told one by one */

/* An object, for a step. */
struct tracer_object {
        enum wire_type type; /* WIRE_NONE: no object */
        uint32_t id, number;
};

#define TRACER_NO_OBJECT ((struct tracer_object){WIRE_NONE, 0, 0})

struct tracer_object tracer_port(const struct tracer *t, uint16_t index);
struct tracer_object tracer_network(const struct tracer *t, uint16_t index);
struct tracer_object tracer_peer(const struct tracer *t, uint16_t tunnel);

/* A step that lets the packet go on. */
void tracer_say(struct tracer *t, enum wire_stage stage, struct tracer_object object, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* The step that ends it. */
void tracer_drop(struct tracer *t, enum wire_stage stage, struct tracer_object object, enum socle_drop drop,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Walks on from node t->next. */
void tracer_walk(struct tracer *t);

/* "fa:16:3e:00:00:02 is at a local port", if it is anywhere. */
void tracer_say_location(struct tracer *t, uint64_t location);

/* The nodes' steps: each tells what the node decides and sets t->next. */
void tracer_session(struct tracer *t);
void tracer_flood(struct tracer *t);
void tracer_bridge(struct tracer *t);
void tracer_neigh(struct tracer *t);
void tracer_underlay(struct tracer *t);
void tracer_punt(struct tracer *t);
void tracer_encap(struct tracer *t);
void tracer_wire(struct tracer *t);
void tracer_gso(struct tracer *t);
void tracer_too_big(struct tracer *t);
void tracer_tx(struct tracer *t);
