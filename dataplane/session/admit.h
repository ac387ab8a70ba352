/* May this packet pass, and may it begin a session? The slow way, for the first packet of a conversation and whenever
 * something changed: port security, forwarding, security groups, protocol. dp_admit_decide() only decides: the path
 * acts on its decision, and a trace tells it. */
#pragma once

#include "socle/drop.h"

#include "flow.h"
#include "policy.h"
#include "session.h"
#include "settings.h"

struct dp_decision {
        /* What was found, in the order in which it was looked at. */
        enum socle_drop guard;             /* SOCLE_DROP_COUNT: passed, or not asked */
        bool trusted;                      /* what every guest may send */
        const struct dp_port_policy *from; /* port security at the sending port; NULL: none, or it is remote */
        const struct dp_port_policy *to;   /* at the receiving port */
        uint64_t location;                 /* of the destination MAC; 0: not known */
        bool judged_egress, judged_ingress;
        struct dp_verdict egress, ingress; /* of the initiator's port, of the responder's */
        bool picked_up;                    /* judged as the answer to a connection that was there before we were */

        /* What to do. */
        enum socle_drop drop;          /* SOCLE_DROP_COUNT: it passes */
        bool refused_by_out;           /* the drop is counted at ways[direction].out */
        bool cut;                      /* the session that was there is no longer allowed */
        bool replace;                  /* it is, but is to be tracked from now on: delete it and decide anew */
        bool hold;                     /* a fragment that came before its first */
        bool make_session;             /* it begins one */
        bool untracked;                /* stateless groups only: rules without protocol state */
        uint8_t initiator;             /* direction of the session's first packet */
        struct dp_session_way ways[2]; /* by direction of the key; valid for unicast */

        /* Of the session it begins. */
        uint8_t state, timeout_state;
        union {
                struct dp_tcp tcp;
                struct dp_sctp sctp;
        };
};

/* `session`: the one that flow's key finds, though of an older policy or other MACs, or NULL. `now_ms`: the workers'
 * clock. Pure but for what it reads of dp (forwarding table, ports); any thread that is known to RCU. */
void dp_admit_decide(const struct dp_policy *policy, const struct rte_mbuf *m, const struct dp_flow *flow,
                     const struct dp_session *session, uint32_t now_ms, struct dp_decision *ret);

/* What the rules of the initiator's (EGRESS) or the responder's port (INGRESS) were asked about. Points into `flow`. */
struct dp_subject dp_admit_subject(const struct dp_flow *flow, const struct dp_decision *decision,
                                   enum dp_direction direction);

/* Would dp_admit_begin() find room: the owner's limits, the table's? SOCLE_DROP_COUNT: as things are. Changes nothing.
 */
enum socle_drop dp_admit_may_begin(const struct dp_decision *decision);

/* Makes the session that was decided and puts it into the table; counts it against its port. Returns it, or the one
 * that another worker has made meanwhile (*ret_new tells), or NULL with *ret_drop. */
struct dp_session *dp_admit_begin(unsigned int worker, const struct dp_policy *policy, const struct rte_mbuf *m,
                                  const struct dp_flow *flow, const struct dp_decision *decision, uint32_t now_ms,
                                  bool *ret_new, enum socle_drop *ret_drop);

/* Brings a session up to date with a decision about it: ways, MACs, generation. One that was cut stays in the table and
 * allows nothing, or the other side's next segment would begin it anew. */
void dp_admit_renew(struct dp_session *session, const struct dp_policy *policy, const struct rte_mbuf *m,
                    const struct dp_flow *flow, const struct dp_decision *decision);

/* The datagram of a first fragment: the later ones share its fate, `drop` (SOCLE_DROP_COUNT: they pass). */
void dp_admit_datagram(unsigned int worker, const struct dp_policy *policy, const struct rte_mbuf *m,
                       const struct dp_flow *flow, const struct dp_session_way *way, enum socle_drop drop,
                       uint32_t now_ms);
