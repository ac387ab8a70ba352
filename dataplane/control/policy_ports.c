/* Ports with port security: their groups, their addresses, and when workers may know of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "objects.h"
#include "policy_private.h"
#include "socle/cleanup.h"

static struct dp_map ports; /* id → struct port_rules */
static STAILQ_HEAD(, port_rules) dirty = STAILQ_HEAD_INITIALIZER(dirty);

int ports_init(void)
{
        return dp_map_init(&ports, 1, 256);
}

/* ---- the port ---- */

static struct port_rules *find(uint32_t id)
{
        uint64_t key = id;

        return policy_find(&ports, &key);
}

static void mark(struct port_rules *port)
{
        if (port->dirty)
                return;
        port->dirty = true;
        STAILQ_INSERT_TAIL(&dirty, port, dirty_entry);
}

int policy_port_put(const struct wire_port *record, uint16_t index, bool fresh)
{
        struct port_rules *port = find(record->id);
        uint64_t key = record->id;

        if (!port) {
                port = calloc(1, sizeof(*port));
                if (!port || dp_map_set(&ports, &key, policy_value(port)) < 0) {
                        free(port);
                        return -ENOMEM;
                }
                port->id = record->id;
                port->index = DP_INDEX_NONE;
        }
        if (port->index != index || port->secured != record->port_security ||
            memcmp(&port->mac, record->mac, sizeof(port->mac)) != 0)
                mark(port);
        port->index = index;
        port->secured = record->port_security;
        memcpy(&port->mac, record->mac, sizeof(port->mac));
        if (fresh)
                __atomic_store_n(&dp.ports[index]->secured, port->secured, __ATOMIC_RELAXED);
        return 0;
}

void policy_port_remove(uint32_t id)
{
        struct port_rules *port = find(id);

        if (!port)
                return;
        if (port->index != DP_INDEX_NONE) {
                policy_retire(policy_in_force.ports[port->index]);
                policy_in_force.ports[port->index] = NULL;
                policy_touch_index();
        }
        port->index = DP_INDEX_NONE;
        mark(port);
}

/* ---- its groups ---- */

static struct membership *find_membership(const struct port_rules *port, uint32_t group)
{
        struct membership *membership;

        LIST_FOREACH (membership, &port->groups, of_port)
                if (membership->group->id == group)
                        return membership;
        return NULL;
}

int port_group_put(const struct wire_port_group *record, struct dp_io_error *error)
{
        struct port_rules *port = find(record->port);
        struct group *group = group_find(record->group);

        if (!port || port->index == DP_INDEX_NONE)
                return dp_io_fail(error, ENOENT, "security group %u is wanted for port %u, which is not there",
                                  record->group, record->port);
        if (!group || !group->declared)
                return dp_io_fail(error, ENOENT, "the port is to be in security group %u, which is not there",
                                  record->group);
        if (find_membership(port, record->group))
                return 0;
        struct membership *membership = port->group_count < UINT16_MAX ? malloc(sizeof(*membership)) : NULL;
        if (!membership)
                return dp_io_fail(error, ENOMEM, "out of memory");
        *membership = (struct membership){.group = group, .port = port};
        LIST_INSERT_HEAD(&port->groups, membership, of_port);
        LIST_INSERT_HEAD(&group->members, membership, of_group);
        port->group_count++;
        mark(port);
        return 0;
}

void port_group_remove(const struct wire_port_group *record)
{
        struct port_rules *port = find(record->port);
        struct membership *membership = port ? find_membership(port, record->group) : NULL;

        if (!membership)
                return;
        LIST_REMOVE(membership, of_port);
        LIST_REMOVE(membership, of_group);
        port->group_count--;
        group_release(membership->group);
        free(membership);
        mark(port);
}

void ports_of_group_changed(struct group *group)
{
        struct membership *membership;

        LIST_FOREACH (membership, &group->members, of_group)
                mark(membership->port);
}

/* ---- its addresses ---- */

static struct port_allowed *find_allowed(const struct port_rules *port, const struct port_allowed *wanted)
{
        for (uint16_t i = 0; i < port->allowed_count; i++)
                if (memcmp(&port->allowed[i], wanted, sizeof(*wanted)) == 0)
                        return &port->allowed[i];
        return NULL;
}

static struct port_allowed allowed_of(const struct wire_allowed *record)
{
        struct port_allowed allowed = {.prefix = RTE_MIN(record->prefix, 128)};

        memcpy(allowed.ip, record->ip, sizeof(allowed.ip));
        memcpy(&allowed.mac, record->mac, sizeof(allowed.mac));
        return allowed;
}

int allowed_put(const struct wire_allowed *record, struct dp_io_error *error)
{
        struct port_rules *port = find(record->port);
        struct port_allowed allowed = allowed_of(record);

        if (!port || port->index == DP_INDEX_NONE)
                return dp_io_fail(error, ENOENT, "an address is allowed to port %u, which is not there", record->port);
        if (find_allowed(port, &allowed))
                return 0;
        if (port->allowed_count == port->allowed_room) {
                uint32_t room = port->allowed_room ? port->allowed_room * 2 : 4;
                struct port_allowed *grown =
                        room < UINT16_MAX ? reallocarray(port->allowed, room, sizeof(*grown)) : NULL;
                if (!grown)
                        return dp_io_fail(error, ENOMEM, "no room for more than %u addresses of a port",
                                          port->allowed_count);
                port->allowed = grown;
                port->allowed_room = room;
        }
        port->allowed[port->allowed_count++] = allowed;
        mark(port);
        return 0;
}

void allowed_remove(const struct wire_allowed *record)
{
        struct port_rules *port = find(record->port);
        struct port_allowed wanted = allowed_of(record);
        struct port_allowed *allowed = port ? find_allowed(port, &wanted) : NULL;

        if (!allowed)
                return;
        *allowed = port->allowed[--port->allowed_count];
        mark(port);
}

/* ---- the snapshot's part ---- */

static const struct dp_port_policy *in_force(const struct port_rules *port)
{
        return port->index == DP_INDEX_NONE ? NULL : policy_in_force.ports[port->index];
}

/* 1: it differs from what is in force. */
static int build(struct port_rules *port)
{
        const struct dp_port_policy *before = in_force(port);
        struct dp_port_policy *made = NULL;

        if (port->secured && port->index != DP_INDEX_NONE && !(made = port_policy_build(port)))
                return -ENOMEM;
        bool same = port_policy_same(made, before);
        if (same)
                free(TAKE_PTR(made));
        port->fresh = same ? before : made;
        return !same;
}

int ports_build(void)
{
        struct port_rules *port;
        int any = 0;

        STAILQ_FOREACH (port, &dirty, dirty_entry) {
                int r = build(port);
                if (r < 0)
                        return r;
                any |= r;
        }
        return any;
}

void ports_discard(void)
{
        struct port_rules *port;

        STAILQ_FOREACH (port, &dirty, dirty_entry) {
                if (port->fresh != in_force(port))
                        free((void *)(uintptr_t)port->fresh);
                port->fresh = NULL;
        }
}

/* Sets the flag and tells whether it was another. */
static bool set_flag(uint8_t *flag, bool value)
{
        bool before = __atomic_load_n(flag, __ATOMIC_RELAXED);

        __atomic_store_n(flag, value, __ATOMIC_RELEASE);
        return before != value;
}

/* The flags that are to fall, or those that are to rise. */
static void set_flags(const struct port_rules *port, bool value)
{
        struct dp_port *object = port->index == DP_INDEX_NONE ? NULL : dp.ports[port->index];
        const struct dp_port_policy *wanted = port->fresh;
        bool changed = false;

        if (!object)
                return;
        if (port->secured == value)
                changed |= set_flag(&object->secured, value);
        if ((wanted && wanted->open) == value)
                changed |= set_flag(&object->guarded, value);
        if (changed)
                network_secure(object->network);
}

void ports_lower(void)
{
        const struct port_rules *port;

        STAILQ_FOREACH (port, &dirty, dirty_entry)
                set_flags(port, false);
}

void ports_apply(void)
{
        struct port_rules *port;

        STAILQ_FOREACH (port, &dirty, dirty_entry) {
                if (port->index == DP_INDEX_NONE || port->fresh == in_force(port))
                        continue;
                policy_retire(in_force(port));
                policy_in_force.ports[port->index] = port->fresh;
        }
}

static void forget_if_unwanted(struct port_rules *port)
{
        uint64_t key = port->id;

        if (port->index != DP_INDEX_NONE || !LIST_EMPTY(&port->groups) || port->allowed_count > 0)
                return;
        dp_map_remove(&ports, &key);
        free(port->allowed);
        free(port);
}

void ports_raise(void)
{
        struct port_rules *port;

        while ((port = STAILQ_FIRST(&dirty))) {
                STAILQ_REMOVE_HEAD(&dirty, dirty_entry);
                set_flags(port, true);
                port->dirty = false;
                port->fresh = NULL;
                forget_if_unwanted(port);
        }
}
