/* Objects by index and by id, for observers' answers. */
#include "names.h"
#include "objects.h"
#include "server.h"

static uint32_t port_id(uint16_t index, bool *ret_is_underlay)
{
        const struct port_object *object = index < DP_PORT_MAX ? port_objects[index] : NULL;

        *ret_is_underlay = object && object->is_underlay;
        return object ? object->id : 0;
}

static uint32_t network_id(uint16_t index)
{
        const struct network_object *object = index < DP_NETWORK_MAX ? network_objects[index] : NULL;

        return object ? object->record.id : 0;
}

static uint32_t peer_id(uint16_t tunnel)
{
        const struct tunnel_object *object = tunnel < DP_TUNNEL_MAX ? tunnel_objects[tunnel] : NULL;

        return object ? object->record.id : 0;
}

static uint16_t find_port(uint32_t id, bool is_underlay)
{
        return indices_find(&port_indices, port_key(is_underlay, id));
}

static uint16_t find_network(uint32_t id)
{
        return indices_find(&network_indices, id);
}

static bool connected(uint16_t port)
{
        const struct port_object *object = port < DP_PORT_MAX ? port_objects[port] : NULL;

        return object && object->open && object->io->connected;
}

static const struct record_table *records(void)
{
        return objects_in_force;
}

const struct observe_names control_names = {
        .port = port_id,
        .network = network_id,
        .peer = peer_id,
        .find_port = find_port,
        .find_network = find_network,
        .connected = connected,
        .records = records,
};
