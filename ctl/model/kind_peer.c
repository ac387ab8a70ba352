/* Peer: another node's tunnel endpoint, and what lives behind it in each network. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "derive.h"
#include "socle/errors.h"
#include "member.h"
#include "port_security.h"
#include "values.h"

static const struct field address = {.name = "ip_address", .type = FIELD_IP, .help = "An address of the host."};

static const struct field pair_fields[] = {
        {"ip_address", FIELD_PREFIX, "An address or a prefix.", .required = true},
        {},
};

static const struct field address_pair = {
        .name = "pair", .type = FIELD_OBJECT, .help = "An address beside its own.", .fields = pair_fields};

static const struct field host_fields[] = {
        {"mac_address", FIELD_MAC, "MAC address of the remote guest.", .required = true},
        {"ip_addresses", FIELD_LIST, "Its addresses; ARP and neighbour solicitations for them are answered here.",
         .fallback = "[]", .max = 256, .item = &address},
        {"security_groups", FIELD_LIST,
         "The groups that it is in over there, as far as rules here speak of them: its addresses are their members.",
         .max = SECURITY_GROUPS_MAX, .item = &port_security_group},
        {"allowed_address_pairs", FIELD_LIST, "What else it may send from: members of its groups too.",
         .max = ADDRESS_PAIRS_MAX, .item = &address_pair},
        {},
};

static const struct field host = {
        .name = "host", .type = FIELD_OBJECT, .help = "A remote guest.", .fields = host_fields};

static const struct field network_fields[] = {
        {"network", FIELD_REF, "A VXLAN network on the same underlay.", .required = true, .ref_kind = "Network"},
        {"flood", FIELD_BOOL, "Broadcast and multicast of the network go there too.", .fallback = "true"},
        {"hosts", FIELD_LIST, "The remote guests of this network.", .fallback = "[]", .max = 1000000, .item = &host},
        {},
};

static const struct field peer_network = {
        .name = "network", .type = FIELD_OBJECT, .help = "What the peer has of one network.", .fields = network_fields};

static const struct field fields[] = {
        {"underlay", FIELD_REF, "How it is reached.", .required = true, .ref_kind = "Underlay"},
        {"vtep", FIELD_IP, "Its tunnel endpoint.", .required = true},
        {"networks", FIELD_LIST, "The networks that it takes part in.", .fallback = "[]", .max = 65536,
         .item = &peer_network},
        {},
};

static void check_vtep(const struct object *object, const struct object *underlay, struct errors *errors)
{
        const char *vtep = spec_string(object->spec, "vtep");
        uint8_t remote[16], local[16], prefix;
        char expected[200];

        spec_ip(object->spec, "vtep", remote);
        bool v4 = wire_ip_is_v4(remote);
        const char *gateway = v4 ? "gateway_ipv4" : "gateway_ipv6";

        if (!underlay_vtep(underlay, v4, local, &prefix)) {
                snprintf(expected, sizeof(expected), "an address of the other family, or %s of Underlay %s",
                         v4 ? "vtep_ipv4" : "vtep_ipv6", underlay->name);
                errors_add(errors, -EINVAL, "/spec/vtep", expected,
                           "%s is an %s address, and the underlay has none of that", vtep, v4 ? "IPv4" : "IPv6");
        } else if (memcmp(remote, local, sizeof(remote)) == 0) {
                errors_add(errors, -EINVAL, "/spec/vtep", "the other node's address",
                           "%s is this node's own, of Underlay %s", vtep, underlay->name);
        } else if (!ip_within(remote, local, prefix) && !spec_string(underlay->spec, gateway)) {
                snprintf(expected, sizeof(expected), "an address in the subnet of %s, or %s of Underlay %s",
                         spec_string(underlay->spec, v4 ? "vtep_ipv4" : "vtep_ipv6"), gateway, underlay->name);
                errors_add(errors, -EINVAL, "/spec/vtep", expected, "%s is in another subnet, and there is no gateway",
                           vtep);
        }
}

static void check(const struct model *model, const struct object *object, struct errors *errors)
{
        const char *name = spec_string(object->spec, "underlay");
        char pointer[64], expected[160];
        json_t *entry;
        size_t i;

        check_vtep(object, model_find(model, "Underlay", name), errors);
        json_array_foreach (json_object_get(object->spec, "networks"), i, entry) {
                const struct object *network = model_find(model, "Network", spec_string(entry, "network"));

                snprintf(pointer, sizeof(pointer), "/spec/networks/%zu/network", i);
                snprintf(expected, sizeof(expected), "a network with a vni on Underlay %s", name);
                if (!json_object_get(network->spec, "vni"))
                        errors_add(errors, -EINVAL, pointer, expected, "Network %s is a VLAN, and has no tunnels",
                                   network->name);
                else if (strcmp(spec_string(network->spec, "underlay"), name) != 0)
                        errors_add(errors, -EINVAL, pointer, expected, "Network %s is on Underlay %s", network->name,
                                   spec_string(network->spec, "underlay"));
        }
}

static void claim_network(const json_t *entry, size_t i, struct claims *claims)
{
        const char *network = spec_string(entry, "network");
        char pointer[128];
        size_t j, k;
        json_t *member, *ip;

        json_array_foreach (json_object_get(entry, "hosts"), j, member) {
                snprintf(pointer, sizeof(pointer), "/spec/networks/%zu/hosts/%zu/mac_address", i, j);
                claims->claim(claims, pointer, "remote MAC address %s in network %s",
                              spec_string(member, "mac_address"), network);
                json_array_foreach (json_object_get(member, "ip_addresses"), k, ip) {
                        snprintf(pointer, sizeof(pointer), "/spec/networks/%zu/hosts/%zu/ip_addresses/%zu", i, j, k);
                        claims->claim(claims, pointer, "remote address %s in network %s", json_string_value(ip),
                                      network);
                }
        }
}

static void keys(const struct model *model, const struct object *object, struct claims *claims)
{
        char pointer[64];
        json_t *entry;
        size_t i;

        claims->claim(claims, "/spec/vtep", "peer VTEP %s on underlay %s", spec_string(object->spec, "vtep"),
                      spec_string(object->spec, "underlay"));
        json_array_foreach (json_object_get(object->spec, "networks"), i, entry) {
                snprintf(pointer, sizeof(pointer), "/spec/networks/%zu/network", i);
                claims->claim(claims, pointer, "network %s of peer %s", spec_string(entry, "network"), object->name);
                claim_network(entry, i, claims);
        }
}

static void compile_members(const struct model *model, const json_t *guest, uint32_t peer, struct emit *emit)
{
        json_t *name, *entry;
        size_t g, i;

        json_array_foreach (json_object_get(guest, "security_groups"), g, name) {
                uint32_t group = model_find(model, "SecurityGroup", json_string_value(name))->id;

                json_array_foreach (json_object_get(guest, "ip_addresses"), i, entry)
                        member_compile(json_string_value(entry), group, peer, emit);
                json_array_foreach (json_object_get(guest, "allowed_address_pairs"), i, entry)
                        member_compile(spec_string(entry, "ip_address"), group, peer, emit);
        }
}

static void compile_host(const json_t *member, uint32_t network, uint32_t peer, struct emit *emit)
{
        struct wire_fdb fdb;
        struct wire_neigh neigh;
        json_t *ip;
        size_t i;

        wire_init(&fdb, WIRE_FDB);
        fdb.network = network;
        mac_parse(spec_string(member, "mac_address"), fdb.mac);
        fdb.peer = peer;
        emit->record(emit, &fdb);
        json_array_foreach (json_object_get(member, "ip_addresses"), i, ip) {
                wire_init(&neigh, WIRE_NEIGH);
                neigh.network = network;
                neigh.origin = WIRE_ORIGIN_REMOTE;
                ip_parse(json_string_value(ip), neigh.ip);
                memcpy(neigh.mac, fdb.mac, sizeof(neigh.mac));
                emit->record(emit, &neigh);
        }
}

static void compile(const struct model *model, const struct object *object, struct emit *emit)
{
        struct wire_peer record;
        json_t *entry, *member;
        size_t i, j;

        wire_init(&record, WIRE_PEER);
        record.id = object->id;
        record.underlay = model_find(model, "Underlay", spec_string(object->spec, "underlay"))->id;
        spec_ip(object->spec, "vtep", record.vtep);
        snprintf(record.name, sizeof(record.name), "%s", object->name);
        emit->record(emit, &record);

        json_array_foreach (json_object_get(object->spec, "networks"), i, entry) {
                uint32_t network = model_find(model, "Network", spec_string(entry, "network"))->id;
                struct wire_flood flood;

                if (spec_bool(entry, "flood")) {
                        wire_init(&flood, WIRE_FLOOD);
                        flood.network = network;
                        flood.peer = object->id;
                        emit->record(emit, &flood);
                }
                json_array_foreach (json_object_get(entry, "hosts"), j, member) {
                        compile_host(member, network, object->id, emit);
                        compile_members(model, member, object->id, emit);
                }
        }
}

static struct kind peer = {
        .name = "Peer",
        .area = "network",
        .help = "Another node's tunnel endpoint, and what lives behind it: MAC and IP addresses by network, for "
                "unicast and "
                "for ARP and neighbour answers, and the networks whose broadcasts it gets.",
        .write_role = ROLE_OPERATE,
        .fields = fields,
        .check = check,
        .keys = keys,
        .compile = compile,
};
REGISTER_KIND(peer)
