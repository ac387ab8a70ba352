/* What is seen: an object's status from what the dataplane has said of it, and `info`'s view of the dataplane. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network_private.h"

static json_t *mac_to_json(const uint8_t mac[6])
{
        return json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static bool mac_is_set(const uint8_t mac[6])
{
        static const uint8_t zero[6];

        return memcmp(mac, zero, sizeof(zero)) != 0;
}

static json_t *error_status(const char *text)
{
        return json_pack("{ss, ss}", "state", "error", "error", text);
}

static const char *error_text(uint32_t error, const char *text)
{
        return text[0] ? text : strerror(error);
}

static json_t *port_status(const struct wire_port_state *seen)
{
        json_t *status;

        if (!seen)
                return json_pack("{ss, sb, sb, si, si}", "state", "down", "link", 0, "connected", 0, "queues", 0,
                                 "features", 0);
        status = json_pack("{ss, sb, sb, si, sI}", "state",
                           seen->error  ? "error"
                           : seen->link ? "up"
                                        : "down",
                           "link", seen->link, "connected", seen->connected, "queues", seen->queues, "features",
                           (json_int_t)seen->features);
        if (seen->error)
                json_object_set_new(status, "error", json_string(error_text(seen->error, seen->text)));
        return status;
}

static json_t *underlay_status(const struct wire_underlay_state *seen)
{
        json_t *status;

        if (!seen)
                return json_pack("{ss, sb}", "state", "down", "link", 0);
        status = json_pack("{ss, sb}", "state", seen->error ? "error" : seen->link ? "up" : "down", "link", seen->link);
        if (mac_is_set(seen->mac))
                json_object_set_new(status, "mac_address", mac_to_json(seen->mac));
        if (seen->error)
                json_object_set_new(status, "error", json_string(error_text(seen->error, seen->text)));
        return status;
}

static json_t *peer_status(const struct wire_peer_state *seen)
{
        json_t *status = json_pack("{ss}", "state", seen && seen->reachable ? "reachable" : "unresolved");

        if (seen && mac_is_set(seen->mac))
                json_object_set_new(status, "next_hop_mac", mac_to_json(seen->mac));
        return status;
}

static json_t *entry_status(const struct entry *entry)
{
        const void *seen = entry->seen && entry->seen->type == (entry->type == WIRE_PORT       ? WIRE_PORT_STATE
                                                                : entry->type == WIRE_UNDERLAY ? WIRE_UNDERLAY_STATE
                                                                                               : WIRE_PEER_STATE)
                                   ? entry->seen
                                   : NULL;

        if (entry->failure)
                return error_status(entry->failure);
        if (!entry->in_force)
                return json_pack("{ss}", "state", "pending");
        switch (entry->type) {
        case WIRE_PORT:
                return port_status(seen);
        case WIRE_UNDERLAY:
                return underlay_status(seen);
        case WIRE_PEER:
                return peer_status(seen);
        default:
                return json_pack("{ss}", "state", "active");
        }
}

void network_update_status(struct network *network, struct entry *entry)
{
        struct object *object = model_find_id(network->model, entry->id);

        if (object)
                model_set_status(network->model, object, entry_status(entry));
}

int network_seen(struct network *network, const struct wire_header *record)
{
        uint32_t id;

        memcpy(&id, record + 1, sizeof(id)); /* first in all three */
        struct entry *entry = entry_find(&network->entries, id);
        if (!entry)
                return 0; /* deleted meanwhile */
        struct wire_header *copy = malloc(record->length);
        if (!copy)
                return -ENOMEM;
        memcpy(copy, record, record->length);
        free(entry->seen);
        entry->seen = copy;
        network_update_status(network, entry);
        return 0;
}

static void add_error(json_t *errors, struct network const *network, const struct entry *entry)
{
        const struct object *object = model_find_id(network->model, entry->id);

        if (object)
                json_array_append_new(errors, json_pack("{ss, ss, ss}", "kind", object->kind->name, "name",
                                                        object->name, "message", entry->failure));
}

json_t *network_info(const struct network *network)
{
        static const char *const states[] = {
                [DATAPLANE_CONNECTING] = "connecting",
                [DATAPLANE_CONNECTED] = "connected",
                [DATAPLANE_INCOMPATIBLE] = "incompatible",
        };
        json_t *info = json_pack("{ss}", "state", states[dataplane_client_state(network->client)]);
        json_t *errors = json_array();

        if (network_connected(network)) {
                json_object_set_new(info, "pid", json_integer(network->hello.pid));
                json_object_set_new(info, "version", json_string(network->hello.software));
                json_object_set_new(info, "workers", json_integer(network->hello.workers));
                json_object_set_new(info, "hugepages", json_boolean(network->hello.hugepages));
                json_object_set_new(info, "generation", json_integer(network->in_force ?: network->hello.generation));
                json_object_set_new(info, "in_flight", json_boolean(network->flying));
        } else if (dataplane_client_state(network->client) == DATAPLANE_INCOMPATIBLE) {
                json_object_set_new(info, "wire_version", json_integer(dataplane_client_peer_version(network->client)));
                json_object_set_new(info, "wire_version_wanted", json_integer(WIRE_VERSION));
        }
        json_object_set_new(info, "in_force_revision", json_integer(network->in_force));
        if (network->has_last_commit) {
                const struct wire_committed *last = &network->last_commit;
                json_object_set_new(info, "last_commit",
                                    json_pack("{sf, si, si, si, si, si}", "took_ms", last->took_ns / 1e6, "adopted",
                                              last->adopted, "added", last->added, "changed", last->changed, "removed",
                                              last->removed, "failed", last->failed));
        }
        json_object_set_new(info, "commits",
                            json_pack("{sI, sf}", "count", (json_int_t)network->commits, "seconds",
                                      (double)network->commits_ns / 1e9));
        for (struct entry *e = NULL; json_array_size(errors) < 32 && (e = entry_next(&network->entries, e));)
                if (e->failure)
                        add_error(errors, network, e);
        json_object_set_new(info, "errors", errors);
        return info;
}
