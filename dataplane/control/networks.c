/* Networks: their segment on the underlay, and who gets their floods. */
#include <errno.h>
#include <string.h>

#include <rte_malloc.h>

#include "objects.h"
#include "policy_control.h"
#include "rcu.h"

static void drop_segment(const struct dp_network *network)
{
        uint64_t key = dp_segment_key(network->underlay, network->vlan, network->tag);
        uint64_t owner = dp_map_get(&dp.segments, &key, 1);

        /* Another network may have taken the segment over in this very generation. */
        if (network->underlay != DP_INDEX_NONE && owner >> 1 == network->index)
                dp_map_remove(&dp.segments, &key);
}

/* Does a port of it take part in sessions? */
static bool is_secured(const struct network_object *object)
{
        for (uint16_t i = 0; i < object->port_count; i++) {
                const struct dp_port *port = dp.ports[object->ports[i]];
                if (port && port->secured && !port->guarded)
                        return true;
        }
        return false;
}

void network_secure(uint16_t network)
{
        if (network < DP_NETWORK_MAX && dp.networks[network] && network_objects[network])
                __atomic_store_n(&dp.networks[network]->secured, is_secured(network_objects[network]),
                                 __ATOMIC_RELAXED);
}

/* Publishes a new immutable network in place of the old one. */
static int publish(struct network_object *object, struct dp_flood *list)
{
        const struct wire_network *record = &object->record;
        struct dp_network *old = dp.networks[object->index];
        struct dp_network *network = rte_zmalloc("network", sizeof(*network), RTE_CACHE_LINE_SIZE);

        if (!network)
                return -ENOMEM;
        *network = (struct dp_network){
                .index = object->index,
                .underlay = indices_find(&port_indices, port_key(true, record->underlay)),
                .mtu = record->mtu,
                .vlan = record->encapsulation == WIRE_ENCAP_VLAN,
                .flood = record->flood,
                .secured = is_secured(object),
                .tag = record->tag,
                .list = list,
        };
        if (old && old->underlay != network->underlay)
                drop_segment(old);
        if (network->underlay != DP_INDEX_NONE) {
                uint64_t key = dp_segment_key(network->underlay, network->vlan, network->tag);
                if (dp_map_set(&dp.segments, &key, (uint64_t)object->index << 1 | 1) < 0) {
                        rte_free(network);
                        return -ENOMEM;
                }
        }
        dp_store(dp.networks[object->index], network);
        if (old && old->list != list)
                dp_rcu_defer(old->list, rte_free);
        dp_rcu_defer(old, rte_free);
        return 0;
}

int network_put(const struct wire_network *record, struct dp_io_error *error)
{
        uint16_t index = indices_find(&network_indices, record->id);
        struct network_object *object;

        if (index == DP_INDEX_NONE) {
                index = indices_take(&network_indices, record->id);
                object = index == DP_INDEX_NONE ? NULL : calloc(1, sizeof(*object));
                if (!object)
                        return dp_io_fail(error, ENOSPC, "no more than %u networks on a node", DP_NETWORK_MAX);
                object->index = index;
                network_objects[index] = object;
        } else {
                object = network_objects[index];
                if (object->record.tag != record->tag || object->record.encapsulation != record->encapsulation ||
                    object->record.underlay != record->underlay)
                        drop_segment(dp.networks[index]);
                if (object->record.flood && !record->flood)
                        learning_forget_network(index);
        }
        object->record = *record;
        policy_touch();
        int r = publish(object, dp.networks[index] ? dp.networks[index]->list : NULL);
        return r < 0 ? dp_io_fail(error, -r, "out of memory") : 0;
}

void network_remove(const struct wire_network *record)
{
        uint16_t index = indices_find(&network_indices, record->id);

        if (index == DP_INDEX_NONE)
                return;
        struct network_object *object = network_objects[index];
        struct dp_network *network = dp.networks[index];

        drop_segment(network);
        learning_forget_network(index);
        dp_store(dp.networks[index], NULL);
        dp_rcu_defer(network->list, rte_free);
        dp_rcu_defer(network, rte_free);
        /* A port that outlives its network is in none: its index may be another tenant's soon. */
        for (uint16_t i = 0; i < object->port_count; i++)
                if (dp.ports[object->ports[i]])
                        __atomic_store_n(&dp.ports[object->ports[i]]->network, DP_INDEX_NONE, __ATOMIC_RELAXED);
        free(object->ports);
        free(object->tunnels);
        free(object);
        network_objects[index] = NULL;
        policy_touch_index();
        indices_drop(&network_indices, record->id, index);
}

/* ---- members ---- */

static void add(uint16_t **list, uint16_t *count, uint16_t *room, uint16_t value)
{
        for (uint16_t i = 0; i < *count; i++)
                if ((*list)[i] == value)
                        return;
        if (*count == *room) {
                uint16_t more = *room ? *room * 2 : 8;
                uint16_t *grown = reallocarray(*list, more, sizeof(uint16_t));
                if (!grown)
                        return;
                *list = grown;
                *room = more;
        }
        (*list)[(*count)++] = value;
}

static void drop(uint16_t *list, uint16_t *count, uint16_t value)
{
        for (uint16_t i = 0; i < *count; i++)
                if (list[i] == value) {
                        list[i] = list[--*count];
                        return;
                }
}

void network_add_port(uint16_t network, uint16_t port)
{
        struct network_object *object = network < DP_NETWORK_MAX ? network_objects[network] : NULL;

        if (!object)
                return;
        add(&object->ports, &object->port_count, &object->port_room, port);
        object->dirty = true;
}

void network_drop_port(uint16_t network, uint16_t port)
{
        struct network_object *object = network < DP_NETWORK_MAX ? network_objects[network] : NULL;

        if (!object)
                return;
        drop(object->ports, &object->port_count, port);
        object->dirty = true;
}

int flood_put(const struct wire_flood *record, struct dp_io_error *error)
{
        uint16_t network = indices_find(&network_indices, record->network);
        uint16_t tunnel = indices_find(&tunnel_indices, record->peer);

        if (network == DP_INDEX_NONE || tunnel == DP_INDEX_NONE)
                return dp_io_fail(error, ENOENT, "flood entry names a network or peer that is not there");
        struct network_object *object = network_objects[network];
        add(&object->tunnels, &object->tunnel_count, &object->tunnel_room, tunnel);
        object->dirty = true;
        return 0;
}

void flood_remove(const struct wire_flood *record)
{
        uint16_t network = indices_find(&network_indices, record->network);
        uint16_t tunnel = indices_find(&tunnel_indices, record->peer);

        if (network == DP_INDEX_NONE || tunnel == DP_INDEX_NONE)
                return;
        drop(network_objects[network]->tunnels, &network_objects[network]->tunnel_count, tunnel);
        network_objects[network]->dirty = true;
}

static struct dp_flood *make_list(const struct network_object *object)
{
        size_t total = object->port_count + object->tunnel_count;
        struct dp_flood *list = rte_zmalloc("flood", sizeof(*list) + total * sizeof(uint16_t), RTE_CACHE_LINE_SIZE);

        if (!list)
                return NULL;
        list->port_count = object->port_count;
        list->tunnel_count = object->tunnel_count;
        if (object->port_count)
                memcpy(list->targets, object->ports, object->port_count * sizeof(uint16_t));
        if (object->tunnel_count)
                memcpy(list->targets + object->port_count, object->tunnels, object->tunnel_count * sizeof(uint16_t));
        return list;
}

void networks_settle(void)
{
        for (uint16_t i = 0; i < network_indices.next; i++) {
                struct network_object *object = network_objects[i];
                if (!object || !object->dirty)
                        continue;
                struct dp_flood *list = make_list(object);
                if (list && publish(object, list) == 0)
                        object->dirty = false;
                else
                        rte_free(list);
        }
}

void networks_refresh(void)
{
        for (uint16_t i = 0; i < network_indices.next; i++)
                if (network_objects[i])
                        publish(network_objects[i], dp.networks[i]->list);
}
