/* Peers: the tunnel to each, with its outer headers prebuilt. */
#include <errno.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include "objects.h"
#include "policy_control.h"
#include "rcu.h"

/* Where packets for the peer are to go next: itself where on-link, else the gateway. */
static void find_next_hop(struct tunnel_object *tunnel, const struct wire_underlay *underlay)
{
        const uint8_t *vtep = tunnel->record.vtep;
        bool v4 = wire_ip_is_v4(vtep);
        const uint8_t *local = v4 ? underlay->vtep4 : underlay->vtep6;
        const uint8_t *gateway = v4 ? underlay->gateway4 : underlay->gateway6;
        uint8_t before[16];
        unsigned int prefix = v4 ? 96 + underlay->prefix4 : underlay->prefix6;
        bool on_link = true;

        memcpy(before, tunnel->next_hop, 16);
        for (unsigned int bit = 0; bit < prefix && on_link; bit++)
                on_link = !((vtep[bit / 8] ^ local[bit / 8]) & (0x80 >> bit % 8));
        if (on_link || wire_ip_is_unset(gateway))
                memcpy(tunnel->next_hop, vtep, 16);
        else
                memcpy(tunnel->next_hop, gateway, 16);
        if (memcmp(before, tunnel->next_hop, 16) != 0) {
                tunnel->resolved = false; /* the MAC is another's */
                tunnel->probes = 0;
        }
}

static void build_ipv4(struct dp_tunnel *tunnel, const struct dp_underlay *underlay, const uint8_t vtep[16])
{
        struct rte_ipv4_hdr *ip = (void *)(tunnel->outer + sizeof(struct rte_ether_hdr));

        *ip = (struct rte_ipv4_hdr){
                .version_ihl = RTE_IPV4_VHL_DEF,
                .fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
                .time_to_live = underlay->ttl,
                .next_proto_id = IPPROTO_UDP,
        };
        memcpy(&ip->src_addr, underlay->vtep4, 4);
        memcpy(&ip->dst_addr, vtep + 12, 4);
        tunnel->outer_l3_len = sizeof(*ip);
}

static void build_ipv6(struct dp_tunnel *tunnel, const struct dp_underlay *underlay, const uint8_t vtep[16])
{
        struct rte_ipv6_hdr *ip = (void *)(tunnel->outer + sizeof(struct rte_ether_hdr));

        *ip = (struct rte_ipv6_hdr){
                .vtc_flow = RTE_BE32(6u << 28),
                .hop_limits = underlay->ttl,
                .proto = IPPROTO_UDP,
        };
        memcpy(ip->src_addr, underlay->vtep6, 16);
        memcpy(ip->dst_addr, vtep, 16);
        tunnel->outer_l3_len = sizeof(*ip);
}

static void build(struct dp_tunnel *tunnel, const struct tunnel_object *object, const struct dp_underlay *underlay)
{
        struct rte_ether_hdr *ether = (void *)tunnel->outer;
        bool v4 = wire_ip_is_v4(object->record.vtep);

        if (v4 ? !underlay->has_vtep4 : !underlay->has_vtep6)
                return;
        ether->src_addr = underlay->mac;
        ether->dst_addr = object->mac;
        ether->ether_type = v4 ? RTE_BE16(RTE_ETHER_TYPE_IPV4) : RTE_BE16(RTE_ETHER_TYPE_IPV6);
        if (v4)
                build_ipv4(tunnel, underlay, object->record.vtep);
        else
                build_ipv6(tunnel, underlay, object->record.vtep);

        struct rte_udp_hdr *udp = (void *)(tunnel->outer + sizeof(*ether) + tunnel->outer_l3_len);
        struct rte_vxlan_hdr *vxlan = (void *)(udp + 1);
        udp->dst_port = underlay->udp_port;
        vxlan->vx_flags = RTE_BE32(0x08000000);
        tunnel->outer_len = sizeof(*ether) + tunnel->outer_l3_len + sizeof(*udp) + sizeof(*vxlan);
        tunnel->dscp = underlay->dscp;
}

void tunnel_publish(struct tunnel_object *object)
{
        uint16_t underlay = indices_find(&port_indices, port_key(true, object->record.underlay));
        struct dp_tunnel *old = dp.tunnels[object->index];
        struct dp_tunnel *tunnel = rte_zmalloc("tunnel", sizeof(*tunnel), RTE_CACHE_LINE_SIZE);

        if (!tunnel)
                return;
        tunnel->index = object->index;
        tunnel->underlay = underlay;
        if (underlay != DP_INDEX_NONE && port_objects[underlay]->port->underlay) {
                find_next_hop(object, &port_objects[underlay]->underlay);
                build(tunnel, object, port_objects[underlay]->port->underlay);
        }
        tunnel->resolved = object->resolved;
        dp_store(dp.tunnels[object->index], tunnel);
        dp_rcu_defer(old, rte_free);
        object->report = true;
}

/* Forgets under which underlay the peer's address was known, which may be gone by now. */
static void drop_vtep(struct tunnel_object *object)
{
        uint64_t key[DP_VTEP_WORDS];

        if (object->vtep_underlay == DP_INDEX_NONE)
                return;
        dp_vtep_key(key, object->vtep_underlay, object->record.vtep);
        if (dp_map_get(&dp.vteps, key, DP_VTEP_WORDS) >> 1 == object->index)
                dp_map_remove(&dp.vteps, key);
        object->vtep_underlay = DP_INDEX_NONE;
}

static void set_vtep(struct tunnel_object *object)
{
        uint64_t key[DP_VTEP_WORDS];
        uint16_t underlay = indices_find(&port_indices, port_key(true, object->record.underlay));

        if (object->vtep_underlay != underlay)
                drop_vtep(object);
        dp_vtep_key(key, underlay, object->record.vtep);
        if (underlay != DP_INDEX_NONE && dp_map_set(&dp.vteps, key, (uint64_t)object->index << 1 | 1) == 0)
                object->vtep_underlay = underlay;
}

int peer_put(const struct wire_peer *record, struct dp_io_error *error)
{
        uint16_t index = indices_find(&tunnel_indices, record->id);
        struct tunnel_object *object;

        if (index == DP_INDEX_NONE) {
                index = indices_take(&tunnel_indices, record->id);
                object = index == DP_INDEX_NONE ? NULL : calloc(1, sizeof(*object));
                if (!object)
                        return dp_io_fail(error, ENOSPC, "no more than %u peers on a node", DP_TUNNEL_MAX);
                object->index = index;
                object->vtep_underlay = DP_INDEX_NONE;
                tunnel_objects[index] = object;
        } else {
                object = tunnel_objects[index];
                drop_vtep(object);
                object->resolved = false;
        }
        object->record = *record;
        object->next_probe_ms = 0;
        object->probes = 0;
        set_vtep(object);
        tunnel_publish(object);
        return 0;
}

void peer_remove(const struct wire_peer *record)
{
        uint16_t index = indices_find(&tunnel_indices, record->id);

        if (index == DP_INDEX_NONE)
                return;
        struct tunnel_object *object = tunnel_objects[index];
        struct dp_tunnel *tunnel = dp.tunnels[index];

        drop_vtep(object);
        learning_forget(DP_PLACE_TUNNEL, index);
        dp_store(dp.tunnels[index], NULL);
        dp_rcu_defer(tunnel, rte_free);
        free(object);
        tunnel_objects[index] = NULL;
        policy_touch_index();
        indices_drop(&tunnel_indices, record->id, index);
}

void tunnels_refresh(void)
{
        for (uint16_t i = 0; i < tunnel_indices.next; i++) {
                if (!tunnel_objects[i])
                        continue;
                set_vtep(tunnel_objects[i]);
                tunnel_objects[i]->next_probe_ms = 0;
                tunnel_publish(tunnel_objects[i]);
        }
}
