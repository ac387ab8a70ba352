/* See desired.h: the node, its ports and port groups. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desired.h"
#include "inventory.h"
#include "ironic.h"
#include "socle/cleanup.h"
#include "values.h"

#define GIB          (INT64_C(1) << 30)
#define ROOT_DISK_GB 4 /* smaller ones are no root disks, says the agent */

const char *made_by(const json_t *thing)
{
        return spec_string(json_object_get(json_object_get(thing, "extra"), "socle"), "by") ?: "";
}

static json_t *marker(const char *by, const char *object)
{
        return json_pack("{s{ss, ss}}", "socle", "by", by, "object", object);
}

/* ---- properties ---- */

/* As Ironic's inspection has it: the smallest disk that a system fits on, less a gigabyte for partitioning. */
static int64_t root_disk_gb(const json_t *disks)
{
        int64_t best = 0;
        json_t *disk;
        size_t i;

        json_array_foreach ((json_t *)disks, i, disk) {
                int64_t gb = spec_int(disk, "size", 0) / GIB;
                if (gb >= ROOT_DISK_GB && (best == 0 || gb < best))
                        best = gb;
        }
        return best > 0 ? best - 1 : 0;
}

static json_t *properties_of(const json_t *spec, const json_t *inventory)
{
        const json_t *other = json_object_get(spec, "hardware"), *inner = json_object_get(inventory, "inventory");
        const json_t *cpu = json_object_get(inner, "cpu");
        json_t *capabilities = capabilities_of(spec, inventory);
        cleanup_free char *text = capabilities_format(capabilities);
        json_t *properties = other ? json_pack("{ss, sI, sI, sI}", "cpu_arch", spec_string(other, "cpu_arch"), "cpus",
                                               (json_int_t)spec_int(other, "cpus", 0), "memory_mb",
                                               (json_int_t)spec_int(other, "memory", 0), "local_gb",
                                               (json_int_t)spec_int(other, "disk", 0))
                                   : json_pack("{ss, sI, sI, sI}", "cpu_arch", spec_string(cpu, "architecture"), "cpus",
                                               (json_int_t)spec_int(cpu, "count", 0), "memory_mb",
                                               (json_int_t)spec_int(json_object_get(inner, "memory"), "physical_mb", 0),
                                               "local_gb", (json_int_t)root_disk_gb(json_object_get(inner, "disks")));

        json_decref(capabilities);
        if (text && text[0])
                json_object_set_new(properties, "capabilities", json_string(text));
        return properties;
}

/* ---- ports ---- */

/* What the spec says of an interface; NULL: nothing. */
static const json_t *said_of(const json_t *spec, const char *interface)
{
        json_t *entry;
        size_t i;

        json_array_foreach (json_object_get(spec, "ports"), i, entry)
                if (strcmp(spec_string(entry, "interface"), interface) == 0)
                        return entry;
        return NULL;
}

static const char *bond_of(const json_t *inventory, const char *interface)
{
        json_t *bond, *member;
        size_t i, j;

        json_array_foreach (json_object_get(inventory, "bonds"), i, bond)
                json_array_foreach (json_object_get(bond, "interfaces"), j, member)
                        if (strcmp(json_string_value(member), interface) == 0)
                                return spec_string(bond, "name");
        return NULL;
}

static void lower(char *text)
{
        for (; *text; text++)
                *text = (char)tolower((unsigned char)*text);
}

/* The switch in lower case, as Ironic has it. */
static json_t *link_of(const json_t *said, const json_t *interface)
{
        json_t *link = json_deep_copy(json_object_get(said, "link"));
        cleanup_free char *id = link ? strdup(spec_string(link, "switch_id")) : NULL;

        if (id) {
                lower(id);
                json_object_set_new(link, "switch_id", json_string(id));
        }
        return link ?: lldp_link(json_object_get(interface, "lldp"));
}

/* Ironic wants names of port groups to be unique in all of it. */
static json_t *group_name(const char *node, const char *bond)
{
        return json_sprintf("%s-%s", node, bond);
}

static json_t *port_of(const json_t *spec, const json_t *inventory, const json_t *interface, int version,
                       const char *by, const char *node)
{
        const char *name = spec_string(interface, "name");
        const json_t *said = said_of(spec, name);
        const char *bond = bond_of(inventory, name);
        json_t *extra = marker(by, name);
        json_t *port = json_pack("{ss, so}", "address", spec_string(interface, "mac_address"), "extra", extra);
        json_t *link = link_of(said, interface);

        if (version >= API_LINK) {
                if (json_object_get(said, "pxe_enabled"))
                        json_object_set(port, "pxe_enabled", json_object_get(said, "pxe_enabled"));
                if (link)
                        json_object_set(port, "local_link_connection", link);
        }
        json_decref(link);
        if (version >= API_NETWORK && spec_string(said, "physical_network"))
                json_object_set(port, "physical_network", json_object_get(said, "physical_network"));
        if (version >= API_GROUPS && bond)
                json_object_set_new(port, "portgroup", group_name(node, bond));
        return port;
}

static bool has_address(const json_t *ports, const char *mac)
{
        json_t *port;
        size_t i;

        json_array_foreach ((json_t *)ports, i, port)
                if (strcmp(spec_string(port, "address"), mac) == 0)
                        return true;
        return false;
}

/* Why an interface is no port; NULL: it is one. */
static const char *not_a_port(const json_t *spec, const json_t *interface, const json_t *ports)
{
        const json_t *said = said_of(spec, spec_string(interface, "name"));
        const char *mac = spec_string(interface, "mac_address");

        if (said && !spec_bool(said, "enroll"))
                return "the spec says so";
        if (!mac || strcmp(mac, "00:00:00:00:00:00") == 0)
                return "it has no MAC address";
        if (!said && json_is_true(json_object_get(interface, "usb")))
                return "it is on USB, and the spec does not name it";
        return has_address(ports, mac) ? "another has the same MAC address" : NULL;
}

static json_t *ports_of(const json_t *spec, const json_t *inventory, int version, const char *by, const char *node,
                        json_t *notes)
{
        const json_t *interfaces = json_object_get(json_object_get(spec, "hardware"), "interfaces")
                                           ?: json_object_get(json_object_get(inventory, "inventory"), "interfaces");
        json_t *ports = json_array(), *interface;
        size_t i;

        json_array_foreach ((json_t *)interfaces, i, interface) {
                const char *why = not_a_port(spec, interface, ports);
                if (why)
                        json_array_append_new(notes,
                                              json_sprintf("%s is no port: %s", spec_string(interface, "name"), why));
                else
                        json_array_append_new(ports, port_of(spec, inventory, interface, version, by, node));
        }
        return ports;
}

/* Interfaces that the spec takes out, by their names, and by their MAC addresses if they are there. */
static json_t *excluded_of(const json_t *spec, const json_t *inventory)
{
        json_t *excluded = json_array(), *said, *interface;
        size_t i;

        json_array_foreach (json_object_get(spec, "ports"), i, said)
                if (!spec_bool(said, "enroll"))
                        json_array_append(excluded, json_object_get(said, "interface"));
        json_array_foreach (json_object_get(json_object_get(inventory, "inventory"), "interfaces"), i, interface) {
                said = (json_t *)said_of(spec, spec_string(interface, "name"));
                if (said && !spec_bool(said, "enroll"))
                        json_array_append(excluded, json_object_get(interface, "mac_address"));
        }
        return excluded;
}

static json_t *portgroups_of(const json_t *inventory, int version, const char *by, const char *node)
{
        json_t *groups = json_array(), *bond;
        size_t i;

        json_array_foreach (json_object_get(inventory, "bonds"), i, bond)
                if (version >= API_GROUPS && json_array_size(json_object_get(bond, "interfaces")) > 0)
                        json_array_append_new(groups,
                                              json_pack("{so, ss, ss, sO, so}", "name",
                                                        group_name(node, spec_string(bond, "name")), "address",
                                                        spec_string(bond, "address"), "mode", spec_string(bond, "mode"),
                                                        "properties", json_object_get(bond, "properties"), "extra",
                                                        marker(by, spec_string(bond, "name"))));
        return groups;
}

/* ---- the whole ---- */

/* In lower case, as Ironic has it. False: complained. */
static bool find_uuid(const json_t *spec, const json_t *inventory, char ret[37], struct errors *errors)
{
        const char *uuid = spec_string(json_object_get(spec, "hardware"), "uuid") ?: spec_string(spec, "uuid");

        uuid = uuid ?: spec_string(inventory, "uuid");
        snprintf(ret, 37, "%s", uuid ?: "");
        lower(ret);
        if (!uuid)
                errors_add(errors, -EINVAL, "/spec/uuid", "a UUID for it, which it then keeps",
                           "this host's SMBIOS has no UUID of its own");
        return uuid != NULL;
}

static json_t *extra_of(const json_t *spec, const json_t *inventory, const char *by, const char *name,
                        const json_t *traits)
{
        json_t *extra = marker(by, name);
        const json_t *vendor = json_object_get(json_object_get(inventory, "inventory"), "system_vendor");

        json_object_set(json_object_get(extra, "socle"), "traits", (json_t *)traits);
        if (!json_object_get(spec, "hardware") && vendor)
                json_object_set(extra, "system_vendor", (json_t *)vendor);
        return extra;
}

int desired_make(json_t **ret, const char *name, const json_t *spec, const json_t *inventory, int version,
                 const char *by, struct errors *errors)
{
        const json_t *about = json_object_get(spec, "hardware") ? NULL : inventory;
        const char *driver = NULL, *key;
        char uuid[37];
        const json_t *secret;
        json_t *info = NULL, *notes = json_array();
        json_t *ports = ports_of(spec, about, version, by, name, notes);

        if (!find_uuid(spec, about, uuid, errors) ||
            desired_bmc(spec, about, &driver, &info, &secret, &key, errors) < 0 || json_array_size(ports) == 0) {
                if (json_array_size(ports) == 0)
                        errors_add(errors, -EINVAL, "/spec/ports", "a NIC at least", "there is no NIC to enrol");
                json_decref(info);
                json_decref(ports);
                json_decref(notes);
                return -EINVAL;
        }
        json_t *traits = version >= API_TRAITS ? traits_of(spec, about) : json_array();
        json_t *node =
                json_pack("{ss, ss, ss, so, so, so}", "uuid", uuid, "name", name, "driver", driver, "driver_info", info,
                          "properties", properties_of(spec, about), "extra", extra_of(spec, about, by, name, traits));
        if (version >= API_CLASS && spec_string(spec, "resource_class"))
                json_object_set(node, "resource_class", json_object_get(spec, "resource_class"));
        if (version >= API_DESCRIPTION && spec_string(spec, "description"))
                json_object_set(node, "description", json_object_get(spec, "description"));
        json_array_extend(notes, json_object_get(about, "notes"));
        *ret = json_pack("{so, so, so, so, so, so, sb}", "node", node, "ports", ports, "portgroups",
                         portgroups_of(about, version, by, name), "traits", traits, "notes", notes, "excluded",
                         excluded_of(spec, about), "complete", about == NULL);
        return 0;
}
