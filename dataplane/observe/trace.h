/* What would become of a packet: each stage's decision in words, with the object or rule that says so. Runs the nodes'
 * own functions (path/decide.h, path/admission.h) on a packet of ours; sends, counts, learns and remembers nothing. */
#pragma once

#include <rte_mbuf.h>

#include "names.h"
#include "socle/wire.h"

struct trace {
        const struct observe_names *names;
        uint64_t cookie, packet; /* as the records have them */
        uint32_t now_ms;         /* on the workers' clock: when the packet comes */
        bool past;               /* it came then, and has gone its way */
        /* Takes TRACE_STEPs, then one TRACE_END. */
        void (*put)(void *user, const void *record);
        void *user;
};

/* m: as received from the port or underlay with this index; in one's own buffers, with room for outer headers in front.
 * Frees it. */
void trace_packet(const struct trace *trace, uint16_t port, struct rte_mbuf *m);

/* Answers a TRACE. */
void trace_answer(const struct wire_trace *wanted, const struct observe_names *names, struct wire_writer *writer);
