/* Port: where a guest, or a device, meets its network. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "attachment.h"
#include "derive.h"
#include "socle/errors.h"
#include "port_security.h"
#include "values.h"

#define LIMIT_MAX 1000000000

static const struct field attachments[] = {
        {"vhost_user", FIELD_OBJECT, "A guest's virtio NIC over a vhost-user socket.",
         .fields = attachment_port_vhost_user},
        {"tap", FIELD_OBJECT, "A tap: a kernel's network stack as the guest.", .fields = attachment_port_tap},
        {"device", FIELD_ONEOF, "A device of the host, such as a virtual function.", .fields = attachment_devices},
        {},
};

static const struct field fixed_ip = {.name = "fixed_ip", .type = FIELD_IP, .help = "An address of the guest."};

static const struct field fields[] = {
        {"network", FIELD_REF, "The network it is in.", .required = true, .immutable = true, .ref_kind = "Network"},
        {"mac_address", FIELD_MAC, "The guest's MAC address.", .required = true},
        {"fixed_ips", FIELD_LIST, "The guest's addresses; ARP and neighbour solicitations for them are answered here.",
         .fallback = "[]", .max = FIXED_IPS_MAX, .item = &fixed_ip},
        {"admin_state_up", FIELD_BOOL, "False: no frame passes.", .fallback = "true"},
        {"mtu", FIELD_INT, "Largest IP packet of the guest; by default the network's.", .unit = "bytes", .min = 68,
         .max = NETWORK_MTU_MAX},
        {"attachment", FIELD_ONEOF, "What it is attached to.", .required = true, .fields = attachments},
        {"port_security", FIELD_BOOL,
         "True: the guest sends from its own addresses only, and gets and sends what its security groups allow; "
         "without a group, nothing. False: all passes.",
         .fallback = "true"},
        {"security_groups", FIELD_LIST, "The groups that it is in: what one of them allows is allowed.",
         .fallback = "[]", .max = SECURITY_GROUPS_MAX, .item = &port_security_group},
        {"allowed_address_pairs", FIELD_LIST,
         "What else the guest may send from, such as addresses that it takes over from another or routes for; "
         "members of its groups as the fixed addresses are.",
         .fallback = "[]", .max = ADDRESS_PAIRS_MAX, .item = &port_security_pair},
        {"session_limit", FIELD_INT,
         "Sessions at most that the guest has begun, of the node's; 0: no limit of its own.", .fallback = "0", .min = 0,
         .max = LIMIT_MAX},
        {"session_rate_limit", FIELD_INT, "Sessions at most that the guest begins in a second; 0: no limit.",
         .fallback = "0", .min = 0, .max = LIMIT_MAX},
        {"workers", FIELD_LIST, "Workers that may serve the receive queues; empty: the dataplane chooses.",
         .fallback = "[]", .max = WORKERS_MAX, .item = &attachment_worker},
        {},
};

/* One domain gets the interface, so the guest must be one. */
static void check_guest(const struct model *model, const struct object *object, struct errors *errors)
{
        const json_t *vhost_user = json_object_get(json_object_get(object->spec, "attachment"), "vhost_user");
        const char *name = spec_string(vhost_user, "guest");
        const struct object *guest = name ? model_find(model, "Guest", name) : NULL;
        json_t *domain;

        if (guest && strcmp(spec_choice(json_object_get(guest->spec, "domain"), &domain), "pattern") == 0)
                errors_add(errors, -EINVAL, "/spec/attachment/vhost_user/guest",
                           "a Guest that names its domain by name or uuid",
                           "Guest %s means every domain like \"%s\", and only one can have the interface", name,
                           json_string_value(domain));
}

static void check(const struct model *model, const struct object *object, struct errors *errors)
{
        const char *name = spec_string(object->spec, "network");
        uint32_t bound = network_mtu(model, model_find(model, "Network", name));
        char expected[160];

        if (spec_int(object->spec, "mtu", 0) > bound) {
                snprintf(expected, sizeof(expected), "at most %" PRIu32 " bytes, the mtu of Network %s", bound, name);
                errors_add(errors, -EINVAL, "/spec/mtu", expected, "mtu is %" PRId64 ", more than the network's",
                           spec_int(object->spec, "mtu", 0));
        }
        check_guest(model, object, errors);
        port_security_check(object, errors);
        attachment_check(json_object_get(object->spec, "attachment"), "/spec/attachment", errors);
        attachment_check_workers(json_object_get(object->spec, "workers"), "/spec/workers", errors);
}

static void keys(const struct model *model, const struct object *object, struct claims *claims)
{
        const char *network = spec_string(object->spec, "network");
        char pointer[64];
        json_t *ip;
        size_t i;

        claims->claim(claims, "/spec/mac_address", "port MAC address %s in network %s",
                      spec_string(object->spec, "mac_address"), network);
        json_array_foreach (json_object_get(object->spec, "fixed_ips"), i, ip) {
                snprintf(pointer, sizeof(pointer), "/spec/fixed_ips/%zu", i);
                claims->claim(claims, pointer, "port address %s in network %s", json_string_value(ip), network);
        }
        attachment_claim(json_object_get(object->spec, "attachment"), "/spec/attachment", claims);
}

static void compile_neighbours(const struct wire_port *port, const json_t *fixed_ips, struct emit *emit)
{
        struct wire_neigh neigh;
        json_t *ip;
        size_t i;

        json_array_foreach ((json_t *)fixed_ips, i, ip) {
                wire_init(&neigh, WIRE_NEIGH);
                neigh.network = port->network;
                neigh.origin = WIRE_ORIGIN_LOCAL;
                ip_parse(json_string_value(ip), neigh.ip);
                memcpy(neigh.mac, port->mac, sizeof(neigh.mac));
                emit->record(emit, &neigh);
        }
}

static void compile(const struct model *model, const struct object *object, struct emit *emit)
{
        const struct object *network = model_find(model, "Network", spec_string(object->spec, "network"));
        struct wire_port record;

        wire_init(&record, WIRE_PORT);
        record.id = object->id;
        record.network = network->id;
        attachment_compile(json_object_get(object->spec, "attachment"), 1, json_object_get(object->spec, "workers"),
                           &record.attachment);
        record.mtu = spec_int(object->spec, "mtu", network_mtu(model, network));
        mac_parse(spec_string(object->spec, "mac_address"), record.mac);
        record.admin_up = spec_bool(object->spec, "admin_state_up");
        record.port_security = spec_bool(object->spec, "port_security");
        record.session_limit = spec_int(object->spec, "session_limit", 0);
        record.session_rate_limit = spec_int(object->spec, "session_rate_limit", 0);
        snprintf(record.name, sizeof(record.name), "%s", object->name);
        emit->record(emit, &record);

        compile_neighbours(&record, json_object_get(object->spec, "fixed_ips"), emit);
        if (record.port_security)
                port_security_compile(model, object, &record, emit);
}

static struct kind port = {
        .name = "Port",
        .area = "network",
        .help = "Where a guest meets its network: a vhost-user socket, a tap, or a device of the host.",
        .write_role = ROLE_OPERATE,
        .fields = fields,
        .check = check,
        .keys = keys,
        .compile = compile,
};
REGISTER_KIND(port)
