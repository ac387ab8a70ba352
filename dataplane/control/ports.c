/* Ports and underlays: a device each, opened, published, looked after and closed. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_malloc.h>

#include "assign.h"
#include "objects.h"
#include "policy_control.h"
#include "pool.h"
#include "rcu.h"
#include "socle/log.h"

/* ---- the device ---- */

static void free_io(void *pointer)
{
        struct dp_io *io = pointer;

        io->ops->close(io);
        rte_free(io);
}

static void free_port(void *pointer)
{
        struct dp_port *port = pointer;

        rte_free(port->counters);
        rte_free(port->underlay);
        rte_free(port);
}

static const struct wire_network *network_record(uint32_t id)
{
        uint16_t index = indices_find(&network_indices, id);

        return index == DP_INDEX_NONE || !network_objects[index] ? NULL : &network_objects[index]->record;
}

/* With the object among the journal's fields. */
static void say(int priority, const struct port_object *object, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
static void say(int priority, const struct port_object *object, const char *format, ...)
{
        const char *kind = object->is_underlay ? "underlay" : "port";
        char text[256], port[80], name[80], network[80], tag[24];
        const struct wire_network *in = object->is_underlay ? NULL : network_record(object->network);
        const char *const fields[] = {port, name, in ? network : NULL, in ? tag : NULL, NULL};
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        snprintf(port, sizeof(port), "%s=%s", object->is_underlay ? "UNDERLAY" : "PORT", object->name);
        snprintf(name, sizeof(name), "OBJECT=%s/%s", object->is_underlay ? "Underlay" : "Port", object->name);
        if (in) {
                snprintf(network, sizeof(network), "NETWORK=%s", in->name);
                snprintf(tag, sizeof(tag), "%s=%u", in->encapsulation == WIRE_ENCAP_VXLAN ? "VNI" : "VLAN", in->tag);
        }
        socle_log_fields(priority, fields, "%s %s: %s", kind, object->name, text);
}

bool port_say_failed(bool is_underlay, uint32_t id, const char *text)
{
        uint16_t index = indices_find(&port_indices, port_key(is_underlay, id));

        if (index == DP_INDEX_NONE || !port_objects[index])
                return false;
        say(LOG_WARNING, port_objects[index], "not in force: %s", text);
        return true;
}

static int open_device(struct port_object *object)
{
        const struct dp_io_ops *ops = dp_io_find(object->attachment.device);
        struct dp_io *io = rte_zmalloc("io", sizeof(*io), RTE_CACHE_LINE_SIZE);

        object->error = (struct dp_io_error){0};
        object->report = true;
        if (!ops || !io) {
                rte_free(io);
                return dp_io_fail(&object->error, ops ? ENOMEM : ENOTSUP,
                                  ops ? "out of memory" : "no such port type in this build");
        }
        io->ops = ops;
        io->port = object->port;
        io->pool = dp_pool_get(SOCKET_ID_ANY);
        io->mtu = object->is_underlay ? object->underlay.mtu : object->port->mtu;
        io->mac = object->port->mac;
        object->port->io = io;
        if (!io->pool || ops->open(io, &object->attachment, &object->error) < 0) {
                if (!object->error.error)
                        dp_io_fail(&object->error, ENOMEM, "no memory for packet buffers");
                ops->close(io);
                rte_free(io);
                object->port->io = NULL;
                return -object->error.error;
        }
        object->io = io;
        object->open = true;
        if (object->is_underlay)
                object->port->mac = io->mac;
        say(LOG_INFO, object, "%s open, %u queue(s)", ops->name, io->rxq_count);
        return 0;
}

/* What a port without a device does. */
static uint16_t absent_tx(struct dp_port *port, unsigned int worker, struct rte_mbuf **packets, uint16_t n,
                          enum socle_drop *ret_reason)
{
        *ret_reason = SOCLE_DROP_GUEST_ABSENT;
        return 0;
}

/* Takes the device away from the workers; it is closed after a grace period. The port stays. */
static void close_device(struct port_object *object)
{
        if (!object->open)
                return;
        assign_drop(object->io);
        dp_store(object->port->tx, absent_tx);
        dp_rcu_defer(object->io, free_io);
        object->io = NULL;
        object->open = false;
        object->report = true;
}

static struct dp_port *new_port(uint16_t index)
{
        struct dp_port *port = rte_zmalloc("port", sizeof(*port), RTE_CACHE_LINE_SIZE);

        if (!port)
                return NULL;
        port->index = index;
        port->network = DP_INDEX_NONE;
        port->tx = absent_tx;
        port->counters = rte_zmalloc("counters", sizeof(*port->counters) * dp.worker_count, RTE_CACHE_LINE_SIZE);
        if (!port->counters) {
                rte_free(port);
                return NULL;
        }
        return port;
}

/* Finds or makes the object; *ret_new tells which. */
static struct port_object *take_object(bool is_underlay, uint32_t id, bool *ret_new, struct dp_io_error *error)
{
        uint16_t index = indices_find(&port_indices, port_key(is_underlay, id));
        struct port_object *object;

        *ret_new = index == DP_INDEX_NONE;
        if (!*ret_new)
                return port_objects[index];

        index = indices_take(&port_indices, port_key(is_underlay, id));
        if (index == DP_INDEX_NONE) {
                dp_io_fail(error, ENOSPC, "no more than %u ports on a node", DP_PORT_MAX);
                return NULL;
        }
        object = calloc(1, sizeof(*object));
        if (!object || !(object->port = new_port(index))) {
                indices_drop(&port_indices, port_key(is_underlay, id), index);
                free(object);
                dp_io_fail(error, ENOMEM, "out of memory");
                return NULL;
        }
        object->id = id;
        object->index = index;
        object->is_underlay = is_underlay;
        object->port->role = is_underlay ? DP_ROLE_UNDERLAY : DP_ROLE_TENANT;
        port_objects[index] = object;
        dp_store(dp.ports[index], object->port);
        return object;
}

static void drop_object(struct port_object *object)
{
        close_device(object);
        if (object->attachment.device && dp_io_find(object->attachment.device)->remove)
                dp_io_find(object->attachment.device)->remove(&object->attachment);
        learning_forget(DP_PLACE_PORT, object->index);
        sessions_forget_port(object->index);
        dp_store(dp.ports[object->index], NULL);
        port_objects[object->index] = NULL;
        if (!object->is_underlay)
                policy_port_remove(object->id);
        policy_touch_index();
        indices_drop(&port_indices, port_key(object->is_underlay, object->id), object->index);
        dp_rcu_defer(object->port, free_port);
        free(object);
}

/* Lets workers at the device, once it is open. */
static void publish(struct port_object *object)
{
        if (!object->open)
                return;
        dp_store(object->port->tx, object->io->tx);
        if (object->io->ops->refresh(object->io))
                object->report = true;
        assign_add(object->io, object->attachment.workers);
}

/* The same device? Another set of workers alone only moves queues. */
static bool same_device(const struct wire_attachment *a, const struct wire_attachment *b)
{
        struct wire_attachment copy = *b;

        copy.workers = a->workers;
        return memcmp(a, &copy, sizeof(copy)) == 0;
}

void port_release(bool is_underlay, uint32_t id, const struct wire_attachment *wanted)
{
        uint16_t index = indices_find(&port_indices, port_key(is_underlay, id));

        if (index != DP_INDEX_NONE && !same_device(&port_objects[index]->attachment, wanted))
                close_device(port_objects[index]);
}

/* 1: the device is to be opened. port_release() has closed another one before, and its grace period is over. */
static int set_attachment(struct port_object *object, bool fresh, const struct wire_attachment *wanted,
                          const char *name)
{
        bool same = !fresh && same_device(&object->attachment, wanted);

        snprintf(object->name, sizeof(object->name), "%s", name);
        if (!fresh && !same) {
                const struct dp_io_ops *ops = dp_io_find(object->attachment.device);
                if (ops && ops->remove)
                        ops->remove(&object->attachment);
        }
        if (same && object->open && object->attachment.workers != wanted->workers)
                assign_restrict(object->io, wanted->workers);
        object->attachment = *wanted;
        return !same || !object->open;
}

/* ---- tenants' ports ---- */

static void leave_network(struct port_object *object)
{
        struct dp_port *port = object->port;
        uint16_t network = port->network;
        uint64_t key = dp_fdb_key(network, &port->mac);

        if (network == DP_INDEX_NONE)
                return;
        __atomic_store_n(&port->network, DP_INDEX_NONE, __ATOMIC_RELAXED);
        /* Unless another port has taken the MAC over in this very generation. */
        if ((uint32_t)dp_map_get(&dp.fdb, &key, 1) == (uint32_t)dp_location(DP_PLACE_PORT, port->index, false, 0)) {
                dp_map_remove(&dp.fdb, &key);
                policy_touch();
                fdb_restore(object->network, network, port->mac.addr_bytes);
        }
        network_drop_port(network, port->index);
        learning_forget(DP_PLACE_PORT, port->index);
}

static int join_network(struct port_object *object, uint16_t network, const uint8_t mac[6])
{
        struct dp_port *port = object->port;

        memcpy(&port->mac, mac, 6);
        int r = fdb_declare(network, &port->mac, dp_location(DP_PLACE_PORT, port->index, false, 0));
        if (r < 0)
                return r;
        __atomic_store_n(&port->network, network, __ATOMIC_RELAXED);
        network_add_port(network, port->index);
        return 0;
}

int port_put(const struct wire_port *record, struct dp_io_error *error)
{
        uint16_t network = indices_find(&network_indices, record->network);
        bool fresh;
        struct port_object *object = take_object(false, record->id, &fresh, error);

        if (!object)
                return -error->error;
        struct dp_port *port = object->port;
        bool moved =
                port->network == DP_INDEX_NONE || port->network != network || memcmp(&port->mac, record->mac, 6) != 0;
        bool resized = port->mtu != record->mtu || memcmp(&port->mac, record->mac, 6) != 0;

        __atomic_store_n(&port->mtu, record->mtu, __ATOMIC_RELAXED);
        __atomic_store_n(&port->admin_up, record->admin_up, __ATOMIC_RELAXED);
        __atomic_store_n(&port->session_limit, record->session_limit, __ATOMIC_RELAXED);
        __atomic_store_n(&port->session_rate_limit, record->session_rate_limit, __ATOMIC_RELAXED);
        object->report = true;
        if (policy_port_put(record, object->index, fresh) < 0)
                return dp_io_fail(error, ENOMEM, "out of memory");
        if (moved) {
                leave_network(object);
                object->network = record->network;
                if (network == DP_INDEX_NONE || join_network(object, network, record->mac) < 0)
                        return dp_io_fail(error, ENOENT, "port %s has no network", record->name);
        }

        int r = set_attachment(object, fresh, &record->attachment, record->name);
        if (r == 0 && resized && object->open && record->attachment.device == WIRE_DEVICE_TAP) {
                close_device(object); /* the tap takes its MAC and MTU when it is opened; being persistent it keeps its
                                         addresses */
                dp_rcu_reclaim();
                r = 1;
        }
        if (r == 1 && open_device(object) < 0) {
                *error = object->error;
                return -error->error;
        }
        if (r == 1)
                publish(object);
        return 0;
}

void port_remove(const struct wire_port *record)
{
        uint16_t index = indices_find(&port_indices, port_key(false, record->id));

        if (index == DP_INDEX_NONE)
                return;
        leave_network(port_objects[index]);
        drop_object(port_objects[index]);
}

/* ---- underlays ---- */

static int publish_underlay(struct port_object *object)
{
        const struct wire_underlay *record = &object->underlay;
        struct dp_underlay *old = object->port->underlay;
        struct dp_underlay *new = rte_zmalloc("underlay", sizeof(*new), RTE_CACHE_LINE_SIZE);

        if (!new)
                return -ENOMEM;
        *new = (struct dp_underlay){
                .udp_port = rte_cpu_to_be_16(record->udp_port),
                .has_vtep4 = !wire_ip_is_unset(record->vtep4),
                .has_vtep6 = !wire_ip_is_unset(record->vtep6),
                .ttl = record->ttl,
                .dscp = record->dscp,
                .mac = object->port->mac,
        };
        memcpy(new->vtep4, record->vtep4 + 12, 4);
        memcpy(new->vtep6, record->vtep6, 16);
        dp_store(object->port->underlay, new);
        dp_rcu_defer(old, rte_free);
        return 0;
}

int underlay_put(const struct wire_underlay *record, struct dp_io_error *error)
{
        bool fresh;
        struct port_object *object = take_object(true, record->id, &fresh, error);

        if (!object)
                return -error->error;
        bool resized = object->underlay.mtu != record->mtu;
        object->underlay = *record;
        object->port->admin_up = 1;
        __atomic_store_n(&object->port->mtu, record->mtu, __ATOMIC_RELAXED);

        int r = set_attachment(object, fresh, &record->attachment, record->name);
        if (r == 0 && object->open)
                object->io->mtu = record->mtu;
        if (r == 0 && resized && object->open && record->attachment.device != WIRE_DEVICE_AF_PACKET) {
                close_device(object);
                dp_rcu_reclaim();
                r = 1;
        }
        if (r == 1)
                r = open_device(object);
        if (publish_underlay(object) < 0)
                return dp_io_fail(error, ENOMEM, "out of memory");
        publish(object);
        networks_refresh();
        tunnels_refresh();
        if (r < 0)
                *error = object->error;
        return r;
}

void underlay_remove(const struct wire_underlay *record)
{
        uint16_t index = indices_find(&port_indices, port_key(true, record->id));

        if (index == DP_INDEX_NONE)
                return;
        drop_object(port_objects[index]);
        networks_refresh();
        tunnels_refresh();
}

/* ---- care ---- */

/* Tries to open what is closed. */
static void retry_open(struct port_object *object)
{
        struct dp_io_error before = object->error;

        if (open_device(object) < 0) {
                object->report = memcmp(&before, &object->error, sizeof(before)) != 0;
                return;
        }
        if (object->is_underlay) {
                publish_underlay(object);
                tunnels_refresh();
                networks_refresh();
        }
        publish(object);
}

void ports_look_after(bool retry)
{
        for (uint16_t i = 0; i < port_indices.next; i++) {
                struct port_object *object = port_objects[i];
                if (!object)
                        continue;
                if (!object->open && retry)
                        retry_open(object);
                if (!object->open || (!retry && !__atomic_load_n(&object->io->changed, __ATOMIC_ACQUIRE)))
                        continue;
                if (object->io->ops->refresh(object->io)) {
                        object->report = true;
                        assign_add(object->io, object->attachment.workers);
                }
                if (__atomic_load_n(&object->io->broken, __ATOMIC_ACQUIRE)) {
                        say(LOG_WARNING, object, "its device is gone; trying to open it again every second");
                        dp_io_fail(&object->error, ENODEV, "the device is gone");
                        close_device(object);
                }
        }
}
