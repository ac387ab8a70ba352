/* Where declared MACs and addresses are. What is local (a port's own) wins over what is remote (a peer's); when the
 * local one goes, the remote one comes back from the records in force. */
#include <errno.h>
#include <string.h>

#include "objects.h"
#include "policy_control.h"

static bool is_local(uint64_t location)
{
        return location & 1 && dp_location_place(location) == DP_PLACE_PORT && !(location & DP_LOCATION_LEARNED);
}

int fdb_declare(uint16_t network, const struct rte_ether_addr *mac, uint64_t location)
{
        uint64_t key = dp_fdb_key(network, mac);
        uint64_t before = dp_map_get(&dp.fdb, &key, 1);
        int r = dp_map_set(&dp.fdb, &key, location);

        if (r == 0 && before != location)
                policy_touch();
        if (r == 0 && before & DP_LOCATION_LEARNED)
                learning_displaced(network);
        return r;
}

int fdb_put(const struct wire_fdb *record, struct dp_io_error *error)
{
        uint16_t network = indices_find(&network_indices, record->network);
        uint16_t tunnel = indices_find(&tunnel_indices, record->peer);
        struct rte_ether_addr mac;

        if (network == DP_INDEX_NONE || tunnel == DP_INDEX_NONE)
                return dp_io_fail(error, ENOENT, "MAC entry names a network or peer that is not there");
        memcpy(&mac, record->mac, sizeof(mac));
        uint64_t key = dp_fdb_key(network, &mac);
        if (is_local(dp_map_get(&dp.fdb, &key, 1)))
                return 0;
        if (fdb_declare(network, &mac, dp_location(DP_PLACE_TUNNEL, tunnel, false, 0)) < 0)
                return dp_io_fail(error, ENOMEM, "out of memory");
        return 0;
}

void fdb_remove(const struct wire_fdb *record)
{
        uint16_t network = indices_find(&network_indices, record->network);
        struct rte_ether_addr mac;

        if (network == DP_INDEX_NONE)
                return;
        memcpy(&mac, record->mac, sizeof(mac));
        uint64_t key = dp_fdb_key(network, &mac);
        if (is_local(dp_map_get(&dp.fdb, &key, 1)))
                return;
        dp_map_remove(&dp.fdb, &key);
        policy_touch();
}

void fdb_restore(uint32_t network_id, uint16_t network, const uint8_t mac[6])
{
        struct wire_fdb key;
        struct dp_io_error error;

        wire_init(&key, WIRE_FDB);
        key.network = network_id;
        memcpy(key.mac, mac, 6);
        const struct wire_header *record = record_table_get(objects_in_force, WIRE_FDB, wire_key(&key.header));
        if (record)
                fdb_put((const struct wire_fdb *)record, &error);
}

/* The record for the same address of the other origin, if there is one. */
static const struct wire_neigh *other_origin(const struct wire_neigh *record)
{
        struct wire_neigh key = *record;

        key.origin = record->origin == WIRE_ORIGIN_LOCAL ? WIRE_ORIGIN_REMOTE : WIRE_ORIGIN_LOCAL;
        return (const void *)record_table_get(objects_in_force, WIRE_NEIGH, wire_key(&key.header));
}

int neigh_put(const struct wire_neigh *record, struct dp_io_error *error)
{
        uint16_t network = indices_find(&network_indices, record->network);
        uint64_t key[DP_NEIGH_WORDS];

        if (network == DP_INDEX_NONE)
                return dp_io_fail(error, ENOENT, "address entry names a network that is not there");
        if (record->origin == WIRE_ORIGIN_REMOTE && other_origin(record))
                return 0;
        dp_neigh_key(key, network, record->ip);
        if (dp_map_set(&dp.neigh, key, dp_neigh_value(record->mac)) < 0)
                return dp_io_fail(error, ENOMEM, "out of memory");
        return 0;
}

void neigh_remove(const struct wire_neigh *record)
{
        uint16_t network = indices_find(&network_indices, record->network);
        const struct wire_neigh *other = other_origin(record);
        uint64_t key[DP_NEIGH_WORDS];

        if (network == DP_INDEX_NONE)
                return;
        dp_neigh_key(key, network, record->ip);
        if (!other)
                dp_map_remove(&dp.neigh, key);
        else if (record->origin == WIRE_ORIGIN_LOCAL)
                dp_map_set(&dp.neigh, key, dp_neigh_value(other->mac));
}
