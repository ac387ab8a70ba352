/* See trace.h: what sessions, port security and security groups decide, in the order in which a person thinks of it. */
#include <stdio.h>
#include <string.h>

#include "admission.h"
#include "rules.h"
#include "tracer.h"

/* ---- the session ---- */

static const char *state_name(uint8_t state)
{
        return state < SOCLE_SESSION_STATE_COUNT ? socle_session_state_info[state].name : "unknown";
}

static void tell_session(struct tracer *t, const struct dp_admission *a)
{
        const struct dp_session *session = &a->before;
        const char *how = "";

        if (!a->found) {
                bool group = rte_is_multicast_ether_addr(rte_pktmbuf_mtod(t->m, const struct rte_ether_addr *));
                tracer_say(t, WIRE_STAGE_SESSION, TRACER_NO_OBJECT, "%s",
                           group ? "broadcast and multicast belong to no session" : "no session");
                return;
        }
        if (a->reopened)
                how = "; of a connection that is over: this begins a new one";
        else if (session->flags & DP_SESSION_CUT)
                how = "; cut, since the policy does not allow it any more: judged again";
        else if (a->decided)
                how = session->generation == a->policy->generation ? "; by another way or MAC: judged again"
                                                                   : "; of an older policy: judged again";
        tracer_say(t, WIRE_STAGE_SESSION, TRACER_NO_OBJECT,
                   "session found: %s, %u s old, %lu packets there, %lu back%s%s", state_name(a->before.state),
                   (a->now_ms - session->created_ms) / 1000, session->packets[dp_session_origin(session)],
                   session->packets[!dp_session_origin(session)], a->decided ? "" : ", allowed", how);
}

/* ---- port security ---- */

static void tell_guard(struct tracer *t, const struct dp_admission *a)
{
        const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(t->m, const struct rte_ether_hdr *);
        struct tracer_object port = tracer_port(t, t->m->port);
        char mac[WORDS_MAC], ip[WORDS_IP];

        words_mac(&ether->src_addr, mac);
        if (a->decision.guard != SOCLE_DROP_COUNT) {
                tracer_drop(t, WIRE_STAGE_GUARD, port, a->decision.guard, "%s%s%s: %s",
                            a->flow.words ? words_ip(a->flow.source, ip) : "", a->flow.words ? " with MAC " : "MAC ",
                            mac, socle_drop_info[a->decision.guard].help);
                return;
        }
        if (!a->decision.from)
                return;
        if (a->decision.trusted)
                tracer_say(t, WIRE_STAGE_GUARD, port, "what every guest may send: no rule is asked");
        else if (a->flow.words)
                tracer_say(t, WIRE_STAGE_GUARD, port, "source %s with MAC %s is one of the port's addresses",
                           words_ip(a->flow.source, ip), mac);
        else
                tracer_say(t, WIRE_STAGE_GUARD, port, "source MAC %s is one of the port's", mac);
}

/* ---- rules ---- */

/* Their names; of one whose record is not there, the id. */
static void list_groups(const struct tracer *t, const struct dp_policy *policy, const struct dp_port_policy *port,
                        char *text, size_t size)
{
        const struct record_table *records = t->trace->names->records();
        size_t used = 0;

        text[0] = 0;
        for (uint16_t i = 0; i < port->group_count && used + 1 < size; i++) {
                const struct dp_group *group = policy->groups[port->groups[i]];
                const struct wire_security_group *record =
                        group ? (const void *)record_table_get(records, WIRE_SECURITY_GROUP,
                                                               (const uint8_t *)&group->id)
                              : NULL;
                int n = 0;

                if (record)
                        n = snprintf(text + used, size - used, "%s%s", used ? ", " : "", record->name);
                else if (group)
                        n = snprintf(text + used, size - used, "%s%u", used ? ", " : "", group->id);
                used += n > 0 ? n : 0;
        }
}

static void tell_refusal(struct tracer *t, const struct dp_admission *a, const struct dp_port_policy *port,
                         enum dp_direction direction, enum wire_stage stage, enum socle_drop drop)
{
        struct dp_subject subject = dp_admit_subject(&a->flow, &a->decision, direction);
        struct tracer_object object = {WIRE_PORT, port->id, 0};
        char words[WORDS_LONG], groups[96];

        if (port->group_count == 0) {
                tracer_drop(t, stage, object, drop, "the port is in no security group: nothing comes in or goes out");
                return;
        }
        list_groups(t, a->policy, port, groups, sizeof(groups));
        tracer_drop(t, stage, object, drop, "no rule of its groups (%s) allows %s", groups,
                    words_subject(&subject, direction, words));
}

static void tell_verdict(struct tracer *t, const struct dp_admission *a, const struct dp_verdict *verdict,
                         const struct dp_port_policy *port, enum dp_direction direction)
{
        enum wire_stage stage = direction == DP_EGRESS ? WIRE_STAGE_EGRESS : WIRE_STAGE_INGRESS;
        struct dp_subject subject = dp_admit_subject(&a->flow, &a->decision, direction);
        const struct wire_rule *rule = NULL;
        char words[WORDS_LONG];

        if (!verdict->allowed) {
                tell_refusal(t, a, port, direction, stage,
                             direction == DP_EGRESS ? SOCLE_DROP_SG_EGRESS : SOCLE_DROP_SG_INGRESS);
                return;
        }
        if (verdict->group)
                rule = rules_find(t->trace->names->records(), verdict->group, direction, &subject);
        if (rule)
                tracer_say(t, stage, (struct tracer_object){WIRE_RULE, rule->group, rule->number}, "allowed: %s%s",
                           words_rule(rule, words), verdict->stateful ? "" : " (stateless)");
        else if (verdict->group)
                tracer_say(t, stage, (struct tracer_object){WIRE_SECURITY_GROUP, verdict->group, 0}, "allowed: %s",
                           words_subject(&subject, direction, words));
        else
                tracer_say(t, stage, (struct tracer_object){WIRE_PORT, port->id, 0}, "needs no rule");
}

static void tell_rules(struct tracer *t, const struct dp_admission *a)
{
        const struct dp_decision *decision = &a->decision;
        bool reversed = decision->initiator != a->flow.direction;
        const struct dp_port_policy *initiator = reversed ? decision->to : decision->from;
        const struct dp_port_policy *responder = reversed ? decision->from : decision->to;

        if (decision->picked_up)
                tracer_say(t, WIRE_STAGE_TRACK, TRACER_NO_OBJECT,
                           "judged as an answer of a connection from before the dataplane's start");
        if (decision->judged_egress)
                tell_verdict(t, a, &decision->egress, initiator, DP_EGRESS);
        if (t->next && decision->judged_ingress)
                tell_verdict(t, a, &decision->ingress, responder, DP_INGRESS);
}

/* ---- the protocol's word ---- */

static void tell_tcp_window(struct tracer *t, const struct dp_admission *a)
{
        const struct rte_tcp_hdr *tcp = rte_pktmbuf_mtod_offset(t->m, const struct rte_tcp_hdr *, a->flow.l4);
        const struct dp_tcp_peer *sender = &a->before_protocol.tcp.peers[a->flow.direction];
        const struct dp_tcp_peer *receiver = &a->before_protocol.tcp.peers[!a->flow.direction];

        tracer_drop(t, WIRE_STAGE_TRACK, TRACER_NO_OBJECT, SOCLE_DROP_SESSION_INVALID,
                    "sequence %u, acknowledgement %u do not fit %s: %u to %u, and at most %u would",
                    rte_be_to_cpu_32(tcp->sent_seq), rte_be_to_cpu_32(tcp->recv_ack), state_name(a->before.state),
                    sender->end - receiver->max_window, sender->max_end, receiver->end);
}

static const char *why_not_begin(const struct dp_admission *a)
{
        switch (a->flow.kind) {
        case DP_FLOW_ICMP_ANSWER:
                return "an ICMP answer to no question that is known";
        case DP_FLOW_ICMP_ERROR:
                return "an ICMP error about no packet of a session";
        case DP_FLOW_ICMP_OTHER:
                return "an ICMP message that is neither query nor error";
        default:
                break;
        }
        if (a->flow.protocol == IPPROTO_TCP)
                return dp_load(dp_session_settings)->tcp.loose
                               ? "the segment may not begin a session: its flags make no sense there"
                               : "only a SYN may begin a session (tcp_loose is off)";
        return "the packet may not begin a session";
}

static void tell_limit(struct tracer *t, const struct dp_admission *a, enum socle_drop drop)
{
        uint16_t owner = a->decision.ways[0].owner;
        const struct dp_port *port = dp_port_get(owner);

        if (drop == SOCLE_DROP_SESSION_LIMIT && port)
                tracer_drop(t, WIRE_STAGE_TRACK, tracer_port(t, owner), drop,
                            "the port holds %u sessions, its limit is %u",
                            __atomic_load_n(&dp_sessions.port_live[owner], __ATOMIC_RELAXED), port->session_limit);
        else if (drop == SOCLE_DROP_SESSION_RATE && port)
                tracer_drop(t, WIRE_STAGE_TRACK, tracer_port(t, owner), drop,
                            "the port begins more than its %u sessions a second", port->session_rate_limit);
        else
                tracer_drop(t, WIRE_STAGE_TRACK, TRACER_NO_OBJECT, drop, "%s", socle_drop_info[drop].help);
}

static void tell_track_drop(struct tracer *t, const struct dp_admission *a, enum socle_drop drop)
{
        bool tcp = a->tracked && a->track == DP_TRACK_INVALID && a->flow.protocol == IPPROTO_TCP;

        if (tcp && a->flow.kind == DP_FLOW_WHOLE && t->m->data_len >= a->flow.l4 + sizeof(struct rte_tcp_hdr))
                tell_tcp_window(t, a);
        else if (drop == SOCLE_DROP_SESSION_INVALID && !a->tracked)
                tracer_drop(t, WIRE_STAGE_TRACK, TRACER_NO_OBJECT, drop, "%s", why_not_begin(a));
        else if (drop == SOCLE_DROP_SESSION_INVALID)
                tracer_drop(t, WIRE_STAGE_TRACK, TRACER_NO_OBJECT, drop, "not valid in state %s",
                            state_name(a->before.state));
        else
                tell_limit(t, a, drop);
}

static void tell_track(struct tracer *t, const struct dp_admission *a)
{
        if (a->flow.kind == DP_FLOW_ICMP_ERROR && a->found)
                tracer_say(t, WIRE_STAGE_TRACK, TRACER_NO_OBJECT, "an ICMP error about a packet of that session");
        else if (a->decided && a->decision.make_session)
                tracer_say(t, WIRE_STAGE_TRACK, TRACER_NO_OBJECT, "begins a session: %s%s",
                           state_name(a->decision.state), a->decision.untracked ? ", stateless" : "");
        else if (a->tracked && a->before.state != a->copy.state)
                tracer_say(t, WIRE_STAGE_TRACK, TRACER_NO_OBJECT, "valid: %s becomes %s", state_name(a->before.state),
                           state_name(a->copy.state));
        else if (a->tracked)
                tracer_say(t, WIRE_STAGE_TRACK, TRACER_NO_OBJECT, "valid: it stays %s", state_name(a->copy.state));
}

/* ---- all of it ---- */

static enum wire_stage stage_of(enum socle_drop drop)
{
        switch (drop) {
        case SOCLE_DROP_MALFORMED:
                return WIRE_STAGE_RECEIVE;
        case SOCLE_DROP_ETHERTYPE:
                return WIRE_STAGE_GUARD;
        case SOCLE_DROP_SG_EGRESS:
                return WIRE_STAGE_EGRESS;
        case SOCLE_DROP_SG_INGRESS:
                return WIRE_STAGE_INGRESS;
        case SOCLE_DROP_SESSION_INVALID ... SOCLE_DROP_FRAGMENT_BAD:
                return WIRE_STAGE_TRACK;
        default:
                return WIRE_STAGE_FORWARD;
        }
}

/* A drop that no step before has told. */
static void tell_drop(struct tracer *t, const struct dp_admission *a)
{
        const struct dp_meta *meta = dp_meta(t->m);
        enum wire_stage stage = stage_of(meta->drop);
        uint16_t port = meta->flags & DP_META_COUNT_OUT ? meta->out : t->m->port;

        if (stage == WIRE_STAGE_TRACK)
                tell_track_drop(t, a, meta->drop);
        else if (stage == WIRE_STAGE_EGRESS || stage == WIRE_STAGE_INGRESS)
                tracer_drop(t, stage, tracer_port(t, port), meta->drop,
                            a->decision.judged_egress || a->decision.judged_ingress
                                    ? "the session is of a stateless group: the answer needs a rule of its own"
                                    : "its security groups are not in force yet");
        else
                tracer_drop(t, stage, tracer_port(t, port), meta->drop, "%s", socle_drop_info[meta->drop].help);
}

static void tell_decision(struct tracer *t, const struct dp_admission *a)
{
        tell_guard(t, a);
        if (!t->next)
                return;
        tracer_say_location(t, a->decision.location);
        tell_rules(t, a);
}

void tracer_session(struct tracer *t)
{
        struct dp_admission a = {.policy = dp_load(dp.policy),
                                 .m = t->m,
                                 .now_ms = t->trace->now_ms,
                                 .dry = true,
                                 .past = t->trace->past};
        rte_edge_t edge = dp_admission_run(&a);

        t->next = edge == DP_ADMISSION_KEPT ? "held" : dp_way_name(edge);
        if (a.flow.kind != DP_FLOW_MALFORMED && a.flow.kind != DP_FLOW_BAD_FRAGMENT) {
                tell_session(t, &a);
                if (a.decided)
                        tell_decision(t, &a);
        }
        if (!t->next)
                return;
        if (strcmp(t->next, "drop") == 0) {
                tell_drop(t, &a);
                return;
        }
        if (edge == DP_ADMISSION_KEPT) {
                tracer_say(t, WIRE_STAGE_TRACK, TRACER_NO_OBJECT,
                           "a fragment whose datagram's first one has not come: it waits for that, two seconds");
                t->next = NULL;
                return;
        }
        tell_track(t, &a);
}
