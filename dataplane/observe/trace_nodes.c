/* See trace.h: what the nodes that forward decide. Each calls the node's own function, and tells from the packet,
 * before and after it, what that was. */
#include <string.h>

#include <rte_vxlan.h>

#include "headers.h"
#include "tracer.h"

static bool is(const char *node, const char *name)
{
        return strcmp(node, name) == 0;
}

/* ---- the bridge ---- */

void tracer_say_location(struct tracer *t, uint64_t location)
{
        const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(t->m, const struct rte_ether_hdr *);
        const char *how = location & DP_LOCATION_LEARNED ? ", as learned" : "";
        uint16_t index = dp_location_index(location);
        char mac[WORDS_MAC];

        if (!(location & 1) || t->located)
                return;
        t->located = true;
        words_mac(&ether->dst_addr, mac);
        switch (dp_location_place(location)) {
        case DP_PLACE_PORT:
                tracer_say(t, WIRE_STAGE_FORWARD, tracer_port(t, index), "%s is at this port%s", mac, how);
                break;
        case DP_PLACE_TUNNEL:
                tracer_say(t, WIRE_STAGE_FORWARD, tracer_peer(t, index), "%s is behind this peer%s", mac, how);
                break;
        default:
                tracer_say(t, WIRE_STAGE_FORWARD, tracer_network(t, dp_meta(t->m)->network),
                           "%s is on the network's VLAN%s", mac, how);
        }
}

static enum wire_stage stage_of(enum socle_drop drop)
{
        switch (drop) {
        case SOCLE_DROP_MALFORMED:
                return WIRE_STAGE_RECEIVE;
        case SOCLE_DROP_SPOOFED_MAC ... SOCLE_DROP_ETHERTYPE:
                return WIRE_STAGE_GUARD;
        case SOCLE_DROP_SG_EGRESS:
                return WIRE_STAGE_EGRESS;
        default:
                return WIRE_STAGE_FORWARD;
        }
}

static void tell_bridge_drop(struct tracer *t)
{
        const struct dp_meta *meta = dp_meta(t->m);
        enum wire_stage stage = stage_of(meta->drop);
        struct tracer_object object = tracer_port(t, t->m->port);

        if (stage == WIRE_STAGE_FORWARD && meta->drop != SOCLE_DROP_NO_NETWORK)
                object = tracer_network(t, meta->network);
        tracer_drop(t, stage, object, meta->drop, "%s", socle_drop_info[meta->drop].help);
}

static void tell_guard(struct tracer *t)
{
        tracer_say(t, WIRE_STAGE_GUARD, tracer_port(t, t->m->port), "the source is one of the port's own");
        tracer_say(t, WIRE_STAGE_EGRESS, tracer_port(t, t->m->port),
                   "one of its security groups is stateless and allows everything: no session is kept");
}

void tracer_bridge(struct tracer *t)
{
        struct dp_meta *meta = dp_meta(t->m);
        bool guarded = meta->flags & DP_META_GUARD;
        const char *next = dp_bridge_next(t->m);
        uint64_t key, location;

        if (t->m->data_len >= sizeof(struct rte_ether_hdr) && !is(next, "drop")) {
                if (guarded && !t->located)
                        tell_guard(t);
                key = dp_fdb_key(meta->network, rte_pktmbuf_mtod(t->m, const struct rte_ether_addr *));
                location = dp_map_get(&dp.fdb, &key, 1);
                tracer_say_location(t, location);
                if (!(location & 1) && (is(next, "wire") || is(next, "gso")))
                        tracer_say(t, WIRE_STAGE_FORWARD, tracer_network(t, meta->network),
                                   "nobody here has the MAC: the VLAN leads to everybody else");
        }
        t->next = next;
        if (is(next, "drop"))
                tell_bridge_drop(t);
}

void tracer_neigh(struct tracer *t)
{
        t->next = dp_neigh_next(t->m);
        if (is(t->next, "drop"))
                tracer_drop(t, WIRE_STAGE_ANSWER, tracer_port(t, t->m->port), dp_meta(t->m)->drop,
                            "an ARP or IPv6 header that is truncated");
        else if (is(t->next, "tx"))
                tracer_say(t, WIRE_STAGE_ANSWER, tracer_network(t, dp_meta(t->m)->network),
                           "the address is declared in the network: answered in place");
}

void tracer_too_big(struct tracer *t)
{
        const struct dp_meta *meta = dp_meta(t->m);
        uint16_t mtu, type, ether_len = dp_ether_len(t->m, &type);
        struct rte_mbuf *answer = dp_too_big_answer(t->m, &mtu);

        if (answer)
                tracer_say(t, WIRE_STAGE_ANSWER, tracer_port(t, t->m->port),
                           "the sender is told in ICMP: at most %u bytes", mtu);
        tracer_drop(t, WIRE_STAGE_OUTPUT, tracer_network(t, meta->network), SOCLE_DROP_MTU_EXCEEDED,
                    "%u bytes of IP, and the way takes %u%s", dp_l3_size(t->m, ether_len), mtu,
                    answer ? "" : "; the sender cannot be told");
        rte_pktmbuf_free(answer);
}

/* ---- the underlay ---- */

/* The outer addresses, if it looks like VXLAN. */
static void outer_words(const struct rte_mbuf *m, char source[WORDS_IP], char destination[WORDS_IP], uint32_t *ret_vni)
{
        const uint16_t l2 = sizeof(struct rte_ether_hdr);
        const struct rte_ipv4_hdr *ip4 = dp_ipv4(m, l2);
        const struct rte_ipv6_hdr *ip6 = dp_ipv6(m, l2);
        uint16_t at = l2 + (ip4 ? rte_ipv4_hdr_len(ip4) : sizeof(*ip6)) + sizeof(struct rte_udp_hdr);
        uint8_t from[16] = {0}, to[16] = {0};

        if (ip4) {
                dp_ip_mapped(from, &ip4->src_addr);
                dp_ip_mapped(to, &ip4->dst_addr);
        } else if (ip6) {
                memcpy(from, ip6->src_addr, 16);
                memcpy(to, ip6->dst_addr, 16);
        }
        words_ip(from, source);
        words_ip(to, destination);
        *ret_vni = 0;
        if (m->data_len >= at + sizeof(struct rte_vxlan_hdr))
                *ret_vni = rte_be_to_cpu_32(rte_pktmbuf_mtod_offset(m, const struct rte_vxlan_hdr *, at)->vx_vni) >> 8;
}

static void tell_underlay_drop(struct tracer *t, const char *source, uint32_t vni)
{
        enum socle_drop drop = dp_meta(t->m)->drop;
        struct tracer_object object = tracer_port(t, t->m->port);

        if (drop == SOCLE_DROP_UNKNOWN_VTEP)
                tracer_drop(t, WIRE_STAGE_RECEIVE, object, drop, "VXLAN from %s, which is no peer's VTEP", source);
        else if (drop == SOCLE_DROP_NO_NETWORK && dp_meta(t->m)->tunnel != DP_INDEX_NONE)
                tracer_drop(t, WIRE_STAGE_RECEIVE, object, drop, "VXLAN from %s: no network has VNI %u", source, vni);
        else
                tracer_drop(t, WIRE_STAGE_RECEIVE, object, drop, "%s", socle_drop_info[drop].help);
}

void tracer_underlay(struct tracer *t)
{
        const struct dp_meta *meta = dp_meta(t->m);
        char source[WORDS_IP], destination[WORDS_IP], packet[WORDS_LONG];
        uint32_t vni;

        outer_words(t->m, source, destination, &vni);
        t->next = dp_underlay_next(t->m);
        if (is(t->next, "drop")) {
                tell_underlay_drop(t, source, vni);
                return;
        }
        if (is(t->next, "punt"))
                return;
        if (meta->tunnel != DP_INDEX_NONE)
                tracer_say(t, WIRE_STAGE_RECEIVE, tracer_peer(t, meta->tunnel), "VXLAN from %s to %s, VNI %u", source,
                           destination, vni);
        tracer_say(t, WIRE_STAGE_RECEIVE, tracer_network(t, meta->network), "%s, %u bytes", words_packet(t->m, packet),
                   t->m->pkt_len);
}

void tracer_punt(struct tracer *t)
{
        tracer_say(t, WIRE_STAGE_ANSWER, tracer_port(t, t->m->port),
                   "ARP, neighbour discovery or ICMP for the VTEP itself: handed to the control thread");
        t->delivered = true;
        t->next = NULL;
}

void tracer_encap(struct tracer *t)
{
        uint16_t out = dp_meta(t->m)->out;
        char source[WORDS_IP], destination[WORDS_IP], mac[WORDS_MAC];
        uint32_t vni;

        t->next = dp_encap_next(t->m);
        if (is(t->next, "drop")) {
                tracer_drop(t, WIRE_STAGE_OUTPUT, tracer_peer(t, out), dp_meta(t->m)->drop, "%s",
                            socle_drop_info[dp_meta(t->m)->drop].help);
                return;
        }
        outer_words(t->m, source, destination, &vni);
        tracer_say(t, WIRE_STAGE_OUTPUT, tracer_peer(t, out), "VXLAN from %s to %s, VNI %u, next hop %s", source,
                   destination, vni, words_mac(rte_pktmbuf_mtod(t->m, const struct rte_ether_addr *), mac));
}

void tracer_wire(struct tracer *t)
{
        uint16_t index = dp_meta(t->m)->network;
        const struct dp_network *network = dp_network_get(index);

        t->next = dp_wire_next(t->m);
        if (is(t->next, "drop"))
                tracer_drop(t, WIRE_STAGE_OUTPUT, tracer_network(t, index), dp_meta(t->m)->drop, "%s",
                            socle_drop_info[dp_meta(t->m)->drop].help);
        else if (network->tag)
                tracer_say(t, WIRE_STAGE_OUTPUT, tracer_network(t, index), "tagged with VLAN %u", network->tag);
        else
                tracer_say(t, WIRE_STAGE_OUTPUT, tracer_network(t, index), "untagged");
}

void tracer_gso(struct tracer *t)
{
        uint32_t pieces;

        t->next = dp_gso_next(t->m, &pieces);
        if (is(t->next, "drop"))
                tracer_drop(t, WIRE_STAGE_OUTPUT, tracer_port(t, t->m->port), dp_meta(t->m)->drop, "%s",
                            socle_drop_info[dp_meta(t->m)->drop].help);
        else
                tracer_say(t, WIRE_STAGE_OUTPUT, TRACER_NO_OBJECT, "a large segment: cut into %u", pieces);
}

void tracer_tx(struct tracer *t)
{
        uint16_t out = dp_meta(t->m)->out;
        enum socle_drop drop = dp_tx_refuses(t->m);

        if (drop == SOCLE_DROP_COUNT && !t->trace->names->connected(out))
                drop = SOCLE_DROP_GUEST_ABSENT;
        if (drop != SOCLE_DROP_COUNT) {
                tracer_drop(t, WIRE_STAGE_OUTPUT, tracer_port(t, out), drop, "%s", socle_drop_info[drop].help);
                return;
        }
        tracer_say(t, WIRE_STAGE_OUTPUT, tracer_port(t, out), "sent, %u bytes", t->m->pkt_len);
        t->delivered = true;
        t->next = NULL;
}
