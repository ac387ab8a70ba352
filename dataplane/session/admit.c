/* See admit.h: the decision. */
#include <string.h>

#include "admit.h"
#include "guard.h"
#include "nd.h"
#include "track.h"

/* The two ends of a conversation as it began, with what its rules see. */
struct conversation {
        const struct dp_port_policy *initiator, *responder; /* NULL: no port security there */
        struct dp_subject forward, answer; /* as the initiator's egress sees it: `remote` is the responder; and back */
        const uint8_t *initiator_ip;
        bool initiator_trusted, responder_trusted;
};

/* ---- forwarding ---- */

static uint8_t place_of(uint64_t location)
{
        static const uint8_t places[] = {[DP_PLACE_PORT] = DP_SESSION_PORT,
                                         [DP_PLACE_TUNNEL] = DP_SESSION_TUNNEL,
                                         [DP_PLACE_WIRE] = DP_SESSION_WIRE};

        /* What was learned may move without a word: looked up for every packet. */
        if (!(location & 1) || location & DP_LOCATION_LEARNED)
                return DP_SESSION_BRIDGE;
        return places[dp_location_place(location)];
}

static void set_in(const struct rte_mbuf *m, struct dp_session_way *way)
{
        const struct dp_meta *meta = dp_meta_const(m);

        way->in = m->port;
        way->in_place = DP_SESSION_PORT;
        if (meta->tunnel != DP_INDEX_NONE) {
                way->in = meta->tunnel;
                way->in_place = DP_SESSION_TUNNEL;
        } else if (meta->flags & DP_META_FROM_WIRE) {
                way->in_place = DP_SESSION_WIRE;
        }
}

static uint64_t find_mac(uint16_t network, const struct rte_ether_addr *mac)
{
        uint64_t key = dp_fdb_key(network, mac);

        return dp_map_get(&dp.fdb, &key, 1);
}

/* The ways of both directions, as far as they are known. */
static void find_ways(const struct rte_mbuf *m, uint16_t network, uint8_t d, struct dp_decision *decision)
{
        const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
        uint64_t source = find_mac(network, &ether->src_addr);
        struct dp_session_way *way = &decision->ways[d], *back = &decision->ways[!d];

        const struct dp_network *object = network < DP_NETWORK_MAX ? dp_load(dp.networks[network]) : NULL;

        decision->location = find_mac(network, &ether->dst_addr);
        way->word = back->word = 0;
        way->owner = back->owner = DP_INDEX_NONE;
        set_in(m, way);
        way->out_place = place_of(decision->location);
        way->out = dp_location_index(decision->location);

        back->out_place = place_of(source);
        back->out = dp_location_index(source);
        back->in = way->out;
        back->in_place = way->out_place == DP_SESSION_PORT || way->out_place == DP_SESSION_TUNNEL ? way->out_place
                                                                                                  : DP_SESSION_NOWHERE;
        if (object && object->flood) /* the bridge learns sources, so it has to see every packet */
                way->out_place = back->out_place = DP_SESSION_BRIDGE;
        /* Two MACs behind one way would see a session sent back to where it came from. */
        if (back->out_place != way->in_place || back->out != way->in)
                back->out_place = DP_SESSION_BRIDGE;
}

/* ---- rules ---- */

static struct dp_verdict judge_end(const struct dp_policy *policy, const struct dp_port_policy *port, bool trusted,
                                   enum dp_direction direction, const struct dp_subject *subject)
{
        if (!port || trusted)
                return (struct dp_verdict){.allowed = true, .stateful = trusted};
        return dp_policy_check(policy, port, direction, subject);
}

/* Judges the conversation; ret->ways[].allowed for both directions. false: not allowed. */
static bool judge(const struct dp_policy *policy, const struct conversation *c, struct dp_decision *ret)
{
        struct dp_subject seen = c->forward;
        uint8_t forward = ret->initiator;

        ret->egress = judge_end(policy, c->initiator, c->initiator_trusted, DP_EGRESS, &c->forward);
        ret->judged_egress = c->initiator != NULL;
        if (!ret->egress.allowed) {
                ret->drop = SOCLE_DROP_SG_EGRESS;
                return false;
        }
        seen.remote = c->initiator_ip;
        ret->ingress = judge_end(policy, c->responder, c->responder_trusted, DP_INGRESS, &seen);
        ret->judged_ingress = c->responder != NULL;
        if (!ret->ingress.allowed) {
                ret->drop = SOCLE_DROP_SG_INGRESS;
                return false;
        }

        /* Answers: allowed by a stateful rule, else by rules of their own. */
        bool answers = true;
        ret->untracked = !(c->initiator && ret->egress.stateful) && !(c->responder && ret->ingress.stateful);
        if (c->responder && !ret->ingress.stateful) {
                seen = c->answer;
                seen.remote = c->initiator_ip;
                answers = dp_policy_check(policy, c->responder, DP_EGRESS, &seen).allowed;
        }
        if (answers && c->initiator && !ret->egress.stateful)
                answers = dp_policy_check(policy, c->initiator, DP_INGRESS, &c->answer).allowed;
        ret->ways[forward].allowed = true;
        ret->ways[forward].initiator = true;
        ret->ways[!forward].allowed = answers;
        ret->drop = SOCLE_DROP_COUNT;
        return true;
}

/* The conversation that the packet belongs to, begun by the sender of the packet or (reversed) by its receiver. */
static struct conversation conversation(const struct dp_flow *flow, const struct dp_decision *decision, bool reversed,
                                        bool trusted_in)
{
        bool icmp = flow->kind == DP_FLOW_ICMP_ANSWER || flow->answer_type;
        uint16_t answer_port = icmp ? flow->answer_type << 8 : flow->source_port;
        struct conversation c = {
                .initiator = reversed ? decision->to : decision->from,
                .responder = reversed ? decision->from : decision->to,
                .initiator_ip = reversed ? flow->destination : flow->source,
                .initiator_trusted = reversed ? trusted_in : decision->trusted,
                .responder_trusted = reversed ? decision->trusted : trusted_in,
        };

        c.forward = c.answer = (struct dp_subject){
                .v6 = flow->v6,
                .protocol = flow->protocol,
                .remote = reversed ? flow->source : flow->destination,
        };
        c.forward.port = reversed ? answer_port : flow->destination_port;
        c.answer.port = reversed ? flow->destination_port : answer_port;
        return c;
}

struct dp_subject dp_admit_subject(const struct dp_flow *flow, const struct dp_decision *decision,
                                   enum dp_direction direction)
{
        struct conversation c = conversation(flow, decision, decision->initiator != flow->direction, false);

        if (direction == DP_INGRESS)
                c.forward.remote = c.initiator_ip;
        return c.forward;
}

/* ---- the protocol's word ---- */

static bool tcp_may_begin(const struct rte_mbuf *m, const struct dp_flow *flow, bool loose, struct dp_decision *ret)
{
        struct dp_tcp_settings settings = dp_load(dp_session_settings)->tcp;
        struct dp_tcp_segment segment;

        settings.loose |= loose;
        return dp_track_segment(m, flow->l4, flow->l4_length, &segment) &&
               dp_tcp_begin(&ret->tcp, flow->direction, &segment, &settings, &ret->state, &ret->timeout_state) ==
                       DP_TCP_ACCEPT;
}

static bool other_may_begin(const struct rte_mbuf *m, const struct dp_flow *flow, bool loose, struct dp_decision *ret)
{
        if (flow->kind == DP_FLOW_ICMP_ANSWER || flow->kind == DP_FLOW_ICMP_OTHER || flow->kind == DP_FLOW_ICMP_ERROR) {
                ret->state = SOCLE_SESSION_ICMP;
                return flow->kind == DP_FLOW_ICMP_ANSWER && loose;
        }
        switch (flow->protocol) {
        case IPPROTO_TCP:
                ret->state = SOCLE_SESSION_TCP_ESTABLISHED;
                return true;
        case IPPROTO_SCTP:
                ret->state = SOCLE_SESSION_SCTP_ESTABLISHED;
                return ret->untracked ||
                       dp_sctp_begin(&ret->sctp, flow->direction, rte_pktmbuf_mtod_offset(m, const uint8_t *, flow->l4),
                                     RTE_MIN(flow->l4_length, m->data_len - flow->l4), &ret->state) == DP_SCTP_ACCEPT;
        case IPPROTO_UDP:
        case IPPROTO_UDPLITE:
                ret->state = SOCLE_SESSION_UDP;
                return true;
        case IPPROTO_ICMP:
        case IPPROTO_ICMPV6:
                ret->state = SOCLE_SESSION_ICMP;
                return true;
        default:
                ret->state = SOCLE_SESSION_GENERIC;
                return true;
        }
}

/* May the packet begin a session, by its protocol? `loose`: also in the middle of a conversation. */
static bool may_begin(const struct rte_mbuf *m, const struct dp_flow *flow, bool loose, struct dp_decision *ret)
{
        if (flow->protocol == IPPROTO_TCP && !ret->untracked)
                return tcp_may_begin(m, flow, loose, ret);
        if (!other_may_begin(m, flow, loose, ret))
                return false;
        ret->timeout_state = ret->state;
        return true;
}

/* ---- the decision ---- */

static enum socle_drop refuse(struct dp_decision *ret, enum socle_drop reason)
{
        ret->drop = reason;
        return reason;
}

/* Broadcast and multicast: never a session. The receivers' rules are asked copy by copy, when it is flooded. */
static void decide_group(const struct dp_policy *policy, const struct dp_flow *flow, struct dp_decision *ret)
{
        struct dp_subject subject = {.v6 = flow->v6,
                                     .protocol = flow->protocol,
                                     .port = flow->destination_port,
                                     .remote = flow->destination};

        if (!ret->from || ret->trusted)
                return;
        ret->judged_egress = true;
        ret->egress = dp_policy_check(policy, ret->from, DP_EGRESS, &subject);
        if (!ret->egress.allowed)
                ret->drop = SOCLE_DROP_SG_EGRESS;
}

/* An error about a session's packet may pass against it; an error about anything else needs a stateless rule. */
static void decide_error(const struct dp_policy *policy, const struct dp_flow *flow, const struct dp_session *session,
                         bool trusted_in, struct dp_decision *ret)
{
        struct conversation c = conversation(flow, ret, false, trusted_in);

        if (session && !(session->flags & DP_SESSION_UNTRACKED)) {
                if (!session->ways[flow->direction].allowed)
                        ret->drop = SOCLE_DROP_SESSION_INVALID;
                return;
        }
        if (judge(policy, &c, ret) && !ret->untracked)
                ret->drop = SOCLE_DROP_SESSION_INVALID;
}

/* A session that is there: is what it began with still allowed? */
static void decide_again(const struct dp_policy *policy, const struct dp_flow *flow, const struct dp_session *session,
                         bool trusted_in, struct dp_decision *ret)
{
        unsigned int origin = dp_session_origin(session);
        struct conversation c = conversation(flow, ret, origin != flow->direction, trusted_in);
        bool untracked = session->flags & DP_SESSION_UNTRACKED;

        ret->initiator = origin;
        ret->cut = !judge(policy, &c, ret);
        ret->replace = !ret->cut && untracked && !ret->untracked;
        ret->untracked = untracked;
        if (ret->drop == SOCLE_DROP_COUNT && !ret->ways[flow->direction].allowed)
                ret->drop = flow->direction == origin || !ret->from ? SOCLE_DROP_SG_INGRESS : SOCLE_DROP_SG_EGRESS;
}

static void decide_new(const struct dp_policy *policy, const struct rte_mbuf *m, const struct dp_flow *flow,
                       bool trusted_in, bool pickup, struct dp_decision *ret)
{
        struct conversation c = conversation(flow, ret, false, trusted_in);

        ret->initiator = flow->direction;
        if (judge(policy, &c, ret)) {
                if (may_begin(m, flow, pickup || ret->untracked, ret)) {
                        ret->make_session = true;
                        return;
                }
                if (flow->kind == DP_FLOW_ICMP_OTHER && ret->untracked)
                        return;
                refuse(ret, SOCLE_DROP_SESSION_INVALID);
        }
        if (!pickup)
                return;

        /* We have not been here for long: is it the answer of a connection from before? */
        struct dp_decision answer = *ret;
        c = conversation(flow, ret, true, trusted_in);
        answer.initiator = !flow->direction;
        answer.ways[0].initiator = answer.ways[1].initiator = false;
        bool begins = flow->protocol == IPPROTO_TCP &&
                      (rte_pktmbuf_mtod_offset(m, const struct rte_tcp_hdr *, flow->l4)->tcp_flags &
                       (RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG)) == RTE_TCP_SYN_FLAG;
        bool request = flow->answer_type && flow->kind != DP_FLOW_ICMP_ANSWER;
        if (begins || request || !judge(policy, &c, &answer) || answer.untracked || !may_begin(m, flow, true, &answer))
                return;
        answer.make_session = answer.picked_up = true;
        *ret = answer;
}

static bool find_ends(const struct dp_policy *policy, const struct rte_mbuf *m, bool group, struct dp_decision *ret)
{
        const struct dp_meta *meta = dp_meta_const(m);
        const struct dp_port *port = m->port < DP_PORT_MAX ? dp_load(dp.ports[m->port]) : NULL;

        if (!(meta->flags & DP_META_FROM_WIRE)) {
                ret->from = policy->ports[m->port];
                if (!ret->from && port && port->secured)
                        return refuse(ret, SOCLE_DROP_SG_EGRESS) == SOCLE_DROP_COUNT; /* its policy is not here yet */
        }
        if (group || !(ret->location & 1) || dp_location_place(ret->location) != DP_PLACE_PORT)
                return true;
        uint16_t out = dp_location_index(ret->location);
        port = out < DP_PORT_MAX ? dp_load(dp.ports[out]) : NULL;
        ret->to = out < DP_PORT_MAX ? policy->ports[out] : NULL;
        if (!ret->to && port && port->secured)
                return refuse(ret, SOCLE_DROP_SG_INGRESS) == SOCLE_DROP_COUNT;
        return true;
}

/* Who is charged for the session. */
static void set_owner(struct dp_decision *ret)
{
        const struct dp_session_way *begins = &ret->ways[ret->initiator];
        uint16_t owner = DP_INDEX_NONE;

        if (begins->in_place == DP_SESSION_PORT)
                owner = begins->in;
        else if (begins->out_place == DP_SESSION_PORT)
                owner = begins->out;
        ret->ways[0].owner = ret->ways[1].owner = owner;
}

static void decide_unicast(const struct dp_policy *policy, const struct rte_mbuf *m, const struct dp_flow *flow,
                           const struct dp_session *session, uint32_t now_ms, struct dp_decision *ret)
{
        const struct dp_session_settings *settings = dp_load(dp_session_settings);
        bool trusted_in = ret->to && dp_guard_trusted_in_flow(m, flow);

        if ((!ret->from || ret->from->open) && (!ret->to || ret->to->open))
                return; /* no rules to ask */
        if ((!ret->from || ret->trusted) && (!ret->to || trusted_in))
                return;
        switch (flow->kind) {
        case DP_FLOW_NOT_IP:
                refuse(ret, SOCLE_DROP_ETHERTYPE);
                return;
        case DP_FLOW_LATER_FRAGMENT:
                ret->hold = !session;
                if (session && !session->ways[flow->direction].allowed)
                        refuse(ret, session->ways[flow->direction].drop);
                return;
        case DP_FLOW_ICMP_ERROR:
                decide_error(policy, flow, session, trusted_in, ret);
                return;
        default:
                if (session)
                        decide_again(policy, flow, session, trusted_in, ret);
                else
                        decide_new(policy, m, flow, trusted_in, now_ms < settings->pickup_ms, ret);
                if (ret->make_session)
                        set_owner(ret);
        }
}

void dp_admit_decide(const struct dp_policy *policy, const struct rte_mbuf *m, const struct dp_flow *flow,
                     const struct dp_session *session, uint32_t now_ms, struct dp_decision *ret)
{
        const struct dp_meta *meta = dp_meta_const(m);
        const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);

        /* In place: an initializer would be made on the stack first. */
        memset(ret, 0, sizeof(*ret));
        ret->guard = ret->drop = SOCLE_DROP_COUNT;
        ret->initiator = flow->direction;
        if (flow->kind == DP_FLOW_MALFORMED || flow->kind == DP_FLOW_BAD_FRAGMENT) {
                refuse(ret, flow->kind == DP_FLOW_MALFORMED ? SOCLE_DROP_MALFORMED : SOCLE_DROP_FRAGMENT_BAD);
                return;
        }
        bool group = rte_is_multicast_ether_addr(&ether->dst_addr);
        if (!group)
                find_ways(m, meta->network, flow->direction, ret);
        if (!find_ends(policy, m, group, ret))
                return;
        if (ret->from) {
                ret->guard = dp_guard_check_flow(ret->from, m, flow, &ret->trusted);
                if (ret->guard != SOCLE_DROP_COUNT) {
                        refuse(ret, ret->guard);
                        return;
                }
        }
        if (group)
                decide_group(policy, flow, ret);
        else
                decide_unicast(policy, m, flow, session, now_ms, ret);
        ret->refused_by_out = ret->drop == SOCLE_DROP_SG_INGRESS && !group;
}
