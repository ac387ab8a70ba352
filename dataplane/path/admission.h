/* A packet before admit: what is looked up, decided and done, as the node does it, or (dry) as a trace asks for it:
 * then only the packet's metadata change. */
#pragma once

#include "admit.h"
#include "way.h"

/* The packet is kept: it leaves the graph without an edge. */
#define DP_ADMISSION_KEPT ((rte_edge_t)-1)

struct dp_admission {
        struct dp_worker *worker;
        const struct dp_policy *policy;
        struct rte_mbuf *m;
        uint32_t now_ms;
        bool dry;
        bool past; /* dry: now_ms is when the packet came: sessions begun then or later are its own, or later ones' */

        struct dp_flow flow;
        struct dp_session *session;
        struct dp_decision decision;

        /* What a trace tells. */
        bool found;    /* dry: there was one in the table, `before` */
        bool decided;  /* `decision` is valid: the session, if there was one, did not simply fit */
        bool tracked;  /* `track` is: it was compared with its session */
        bool reopened; /* it began a connection in place of its dead one */
        enum dp_track track;
        struct dp_session before; /* dry: the session as it was found */
        struct dp_session copy;   /* dry: what `session` points to, so that tracking leaves no trace */
        union dp_session_protocol before_protocol, copy_protocol; /* theirs */
};

/* Runs the admission of a->m. Returns the edge by enum dp_way_edge, or DP_ADMISSION_KEPT. */
rte_edge_t dp_admission_run(struct dp_admission *a);

/* The name of the node at an edge of enum dp_way_edge. */
const char *dp_way_name(rte_edge_t edge);
