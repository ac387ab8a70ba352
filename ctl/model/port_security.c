/* See port_security.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "socle/errors.h"
#include "member.h"
#include "model.h"
#include "port_security.h"
#include "values.h"

const struct field port_security_group = {
        .name = "security_group", .type = FIELD_REF, .help = "A group that it is in.", .ref_kind = "SecurityGroup"};

static const struct field pair_fields[] = {
        {"ip_address", FIELD_PREFIX, "An address or a prefix that the guest may send from.", .required = true},
        {"mac_address", FIELD_MAC,
         "With this source MAC; by default the port's. Frames to another MAC reach the guest in networks that flood."},
        {},
};

const struct field port_security_pair = {
        .name = "pair", .type = FIELD_OBJECT, .help = "An address beside the fixed ones.", .fields = pair_fields};

static const char *pair_mac(const struct object *port, const json_t *pair)
{
        const char *mac = spec_string(pair, "mac_address");

        return mac ? mac : spec_string(port->spec, "mac_address");
}

/* What port security is needed for. */
static void check_secured(const struct object *object, const char *member, struct errors *errors)
{
        char pointer[64];

        if (json_array_size(json_object_get(object->spec, member)) == 0)
                return;
        snprintf(pointer, sizeof(pointer), "/spec/%s", member);
        errors_add(errors, -EINVAL, pointer, "port_security true, or none of them",
                   "%s without port_security would do nothing", member);
}

static void check_groups(const struct object *object, struct errors *errors)
{
        const json_t *groups = json_object_get(object->spec, "security_groups");
        char pointer[64];

        for (size_t i = 1; i < json_array_size(groups); i++)
                for (size_t j = 0; j < i; j++) {
                        if (!json_equal(json_array_get(groups, i), json_array_get(groups, j)))
                                continue;
                        snprintf(pointer, sizeof(pointer), "/spec/security_groups/%zu", i);
                        errors_add(errors, -EINVAL, pointer, "each group once", "SecurityGroup %s is there twice",
                                   json_string_value(json_array_get(groups, i)));
                        break;
                }
}

static bool same_pair(const struct object *object, const json_t *a, const json_t *b)
{
        return json_equal(json_object_get(a, "ip_address"), json_object_get(b, "ip_address")) &&
               strcmp(pair_mac(object, a), pair_mac(object, b)) == 0;
}

static void check_pairs(const struct object *object, struct errors *errors)
{
        const json_t *pairs = json_object_get(object->spec, "allowed_address_pairs");
        char pointer[64];

        for (size_t i = 1; i < json_array_size(pairs); i++)
                for (size_t j = 0; j < i; j++) {
                        const json_t *pair = json_array_get(pairs, i);

                        if (!same_pair(object, pair, json_array_get(pairs, j)))
                                continue;
                        snprintf(pointer, sizeof(pointer), "/spec/allowed_address_pairs/%zu", i);
                        errors_add(errors, -EINVAL, pointer, "each pair once", "%s with %s is there twice",
                                   spec_string(pair, "ip_address"), pair_mac(object, pair));
                        break;
                }
}

void port_security_check(const struct object *object, struct errors *errors)
{
        if (!spec_bool(object->spec, "port_security")) {
                check_secured(object, "security_groups", errors);
                check_secured(object, "allowed_address_pairs", errors);
        }
        check_groups(object, errors);
        check_pairs(object, errors);
}

/* All that the guest may send from, each once. */
struct addresses {
        size_t count;
        struct {
                const char *member; /* the prefix; NULL: it is there already, with another MAC */
                struct wire_allowed allowed;
        } list[FIXED_IPS_MAX + ADDRESS_PAIRS_MAX];
};

static void add_address(struct addresses *addresses, uint32_t port, const char *prefix, const char *mac)
{
        struct wire_allowed *allowed = &addresses->list[addresses->count].allowed;
        bool member = true;

        wire_init(allowed, WIRE_ALLOWED);
        allowed->port = port;
        mac_parse(mac, allowed->mac);
        spec_prefix(prefix, allowed->ip, &allowed->prefix);
        for (size_t i = 0; i < addresses->count; i++) {
                const struct wire_allowed *other = &addresses->list[i].allowed;

                if (memcmp(other, allowed, sizeof(*allowed)) == 0)
                        return;
                if (other->prefix == allowed->prefix && memcmp(other->ip, allowed->ip, sizeof(other->ip)) == 0)
                        member = false;
        }
        addresses->list[addresses->count++].member = member ? prefix : NULL;
}

static void gather_addresses(const struct object *object, const struct wire_port *port, struct addresses *ret)
{
        json_t *entry;
        size_t i;

        ret->count = 0;
        json_array_foreach (json_object_get(object->spec, "fixed_ips"), i, entry)
                add_address(ret, port->id, json_string_value(entry), spec_string(object->spec, "mac_address"));
        json_array_foreach (json_object_get(object->spec, "allowed_address_pairs"), i, entry)
                add_address(ret, port->id, spec_string(entry, "ip_address"), pair_mac(object, entry));
}

void port_security_compile(const struct model *model, const struct object *object, const struct wire_port *port,
                           struct emit *emit)
{
        struct addresses addresses;
        struct wire_port_group in;
        json_t *name;
        size_t g;

        gather_addresses(object, port, &addresses);
        for (size_t i = 0; i < addresses.count; i++)
                emit->record(emit, &addresses.list[i].allowed);
        json_array_foreach (json_object_get(object->spec, "security_groups"), g, name) {
                wire_init(&in, WIRE_PORT_GROUP);
                in.port = port->id;
                in.group = model_find(model, "SecurityGroup", json_string_value(name))->id;
                emit->record(emit, &in);
                for (size_t i = 0; i < addresses.count; i++)
                        if (addresses.list[i].member)
                                member_compile(addresses.list[i].member, in.group, port->id, emit);
        }
}
