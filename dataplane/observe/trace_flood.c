/* See trace.h: a flooded frame, copy by copy. */
#include "headers.h"
#include "tracer.h"

/* Walks a copy on from the node `next`, to `out`. */
static void follow_copy(struct tracer *t, const char *next, uint16_t out, uint8_t flags)
{
        struct tracer copy = {.trace = t->trace, .next = next, .drop = SOCLE_DROP_COUNT};

        copy.m = dp_packet_copy(t->m);
        if (!copy.m)
                return;
        dp_meta(copy.m)->out = out;
        dp_meta(copy.m)->flags |= flags;
        tracer_walk(&copy);
        rte_pktmbuf_free(copy.m);
        t->delivered |= copy.delivered;
        if (copy.drop != SOCLE_DROP_COUNT)
                t->drop = copy.drop;
}

/* One target more. false: so many were told that this one is only counted. */
static bool count_target(struct tracer *t, unsigned int *targets)
{
        ++*targets;
        return ++t->copies <= TRACE_COPIES_MAX;
}

static void to_port(struct tracer *t, const struct dp_port *port, uint32_t size, unsigned int *targets)
{
        enum socle_drop drop = dp_flood_to_port(t->m, port, size);
        uint32_t need = t->m->ol_flags & RTE_MBUF_F_TX_IPV6 ? DP_TX_TSO6 : DP_TX_TSO4;

        if (drop == SOCLE_DROP_SAME_PORT)
                return;
        if (drop == SOCLE_DROP_COUNT && count_target(t, targets))
                follow_copy(t, t->m->ol_flags & RTE_MBUF_F_TX_TCP_SEG && !(port->tx_caps & need) ? "gso" : "tx",
                            port->index, 0);
        else if (drop == SOCLE_DROP_SG_INGRESS && ++t->copies <= TRACE_COPIES_MAX)
                tracer_say(t, WIRE_STAGE_INGRESS, tracer_port(t, port->index),
                           "no copy: none of its security groups lets it in");
        else if (drop == SOCLE_DROP_MTU_EXCEEDED && ++t->copies <= TRACE_COPIES_MAX)
                tracer_say(t, WIRE_STAGE_OUTPUT, tracer_port(t, port->index), "no copy: the port's MTU is %u",
                           port->mtu);
}

static void to_wire(struct tracer *t, const struct dp_network *network, unsigned int *targets)
{
        bool segment = t->m->ol_flags & RTE_MBUF_F_TX_TCP_SEG;
        const struct dp_flood *list = network->list;

        if (network->vlan && count_target(t, targets))
                follow_copy(t, segment ? "gso" : "wire", DP_INDEX_NONE, 0);
        for (uint16_t i = 0; !network->vlan && list && i < list->tunnel_count; i++)
                if (count_target(t, targets))
                        follow_copy(t, segment ? "gso" : "encap", list->targets[list->port_count + i], DP_META_ENCAP);
}

static void flood(struct tracer *t, const struct dp_network *network, uint16_t ether_len)
{
        struct tracer_object object = tracer_network(t, network->index);
        const struct dp_flood *list = network->list;
        unsigned int targets = 0;

        tracer_say(t, WIRE_STAGE_FORWARD, object, "%s",
                   rte_is_multicast_ether_addr(rte_pktmbuf_mtod(t->m, const struct rte_ether_addr *))
                           ? "broadcast or multicast: a copy to every other port and peer of the network"
                           : "nobody is known to have the MAC: flooded");
        for (uint16_t i = 0; list && i < list->port_count; i++)
                to_port(t, dp_port_get(list->targets[i]), dp_l3_size(t->m, ether_len), &targets);
        if (!(dp_meta(t->m)->flags & DP_META_FROM_WIRE))
                to_wire(t, network, &targets);
        if (targets == 0) {
                tracer_drop(t, WIRE_STAGE_FORWARD, object, SOCLE_DROP_NO_FLOOD_TARGET, "nobody else is to have a copy");
                return;
        }
        if (t->copies > TRACE_COPIES_MAX) {
                tracer_say(t, WIRE_STAGE_OUTPUT, object, "and %u more ports and peers", t->copies - TRACE_COPIES_MAX);
                t->delivered = true;
        }
        if (t->delivered)
                t->drop = SOCLE_DROP_COUNT;
}

void tracer_flood(struct tracer *t)
{
        const struct dp_network *network = dp_network_get(dp_meta(t->m)->network);
        uint16_t type, ether_len = dp_ether_len(t->m, &type);
        enum socle_drop refused = dp_flood_refuses(t->m, ether_len);

        t->next = NULL;
        if (refused != SOCLE_DROP_COUNT)
                tracer_drop(t, WIRE_STAGE_FORWARD, tracer_network(t, dp_meta(t->m)->network), refused, "%s",
                            socle_drop_info[refused].help);
        else
                flood(t, network, ether_len);
}
