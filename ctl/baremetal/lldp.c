/* What the neighbours tell, from lldpd by its library. lldpd has taken the frames apart: the TLVs are put together again
 * (IEEE 802.1AB 8.5) as the agent passes them on. No lldpd, no neighbours: no error. */
#include <lldp-const.h>
#include <lldpctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inventory.h"
#include "socle/cleanup.h"

enum tlv { TLV_CHASSIS = 1, TLV_PORT, TLV_TTL, TLV_PORT_DESCRIPTION, TLV_SYSTEM_NAME, TLV_SYSTEM_DESCRIPTION };

/* ---- from lldpd ---- */

static void add_tlv(json_t *tlvs, enum tlv type, int subtype, const uint8_t *data, size_t size)
{
        char hex[2 * 512 + 1] = "";
        size_t n = 0;

        if (subtype >= 0)
                n += snprintf(hex, sizeof(hex), "%02x", subtype);
        for (size_t i = 0; i < size && n + 3 < sizeof(hex); i++)
                n += snprintf(hex + n, sizeof(hex) - n, "%02x", data[i]);
        json_array_append_new(tlvs, json_pack("[is]", (int)type, hex));
}

static void add_text(json_t *tlvs, enum tlv type, lldpctl_atom_t *atom, lldpctl_key_t key)
{
        const char *text = lldpctl_atom_get_str(atom, key);

        if (text && text[0])
                add_tlv(tlvs, type, -1, (const uint8_t *)text, strlen(text));
}

static void add_id(json_t *tlvs, enum tlv type, lldpctl_atom_t *atom, lldpctl_key_t subtype, lldpctl_key_t id)
{
        size_t size = 0;
        const uint8_t *data = lldpctl_atom_get_buffer(atom, id, &size);

        if (data)
                add_tlv(tlvs, type, (int)lldpctl_atom_get_int(atom, subtype), data, size);
}

static json_t *neighbour_tlvs(lldpctl_atom_t *neighbour)
{
        lldpctl_atom_t *chassis = lldpctl_atom_get(neighbour, lldpctl_k_port_chassis);
        long ttl = lldpctl_atom_get_int(neighbour, lldpctl_k_port_ttl);
        const uint8_t seconds[] = {(uint8_t)(ttl >> 8), (uint8_t)ttl};
        json_t *tlvs = json_array();

        if (chassis)
                add_id(tlvs, TLV_CHASSIS, chassis, lldpctl_k_chassis_id_subtype, lldpctl_k_chassis_id);
        add_id(tlvs, TLV_PORT, neighbour, lldpctl_k_port_id_subtype, lldpctl_k_port_id);
        add_tlv(tlvs, TLV_TTL, -1, seconds, sizeof(seconds));
        add_text(tlvs, TLV_PORT_DESCRIPTION, neighbour, lldpctl_k_port_descr);
        if (chassis) {
                add_text(tlvs, TLV_SYSTEM_NAME, chassis, lldpctl_k_chassis_name);
                add_text(tlvs, TLV_SYSTEM_DESCRIPTION, chassis, lldpctl_k_chassis_descr);
                lldpctl_atom_dec_ref(chassis);
        }
        return tlvs;
}

/* The first neighbour: of several, nobody knows which one is the switch. */
static void read_interface(json_t *all, lldpctl_atom_t *interface)
{
        const char *name = lldpctl_atom_get_str(interface, lldpctl_k_interface_name);
        lldpctl_atom_t *port = lldpctl_get_port(interface), *neighbour;
        lldpctl_atom_t *neighbours = port ? lldpctl_atom_get(port, lldpctl_k_port_neighbors) : NULL;

        if (neighbours)
                lldpctl_atom_foreach(neighbours, neighbour)
                        if (name && !json_object_get(all, name))
                                json_object_set_new(all, name, neighbour_tlvs(neighbour));
        if (neighbours)
                lldpctl_atom_dec_ref(neighbours);
        if (port)
                lldpctl_atom_dec_ref(port);
}

static void say_nothing(int severity, const char *text)
{
}

json_t *lldp_read(const char *socket)
{
        json_t *all = json_object();

        if (access(socket, R_OK | W_OK) < 0)
                return all;
        lldpctl_log_callback(say_nothing);
        lldpctl_conn_t *connection = lldpctl_new_name(socket, NULL, NULL, NULL);
        lldpctl_atom_t *interfaces = connection ? lldpctl_get_interfaces(connection) : NULL, *interface;
        if (interfaces) {
                lldpctl_atom_foreach(interfaces, interface)
                        read_interface(all, interface);
                lldpctl_atom_dec_ref(interfaces);
        }
        if (connection)
                lldpctl_release(connection);
        return all;
}

/* ---- what Ironic wants of it ---- */

/* Bytes of a hexadecimal text; -1: it is none, or too long. */
static int bytes_of(const char *hex, uint8_t *ret, size_t size)
{
        size_t length = strlen(hex);

        if (length % 2 || length / 2 > size || strspn(hex, "0123456789abcdefABCDEF") != length)
                return -1;
        for (size_t i = 0; i < length / 2; i++) {
                const char digits[] = {hex[2 * i], hex[2 * i + 1], 0};
                ret[i] = (uint8_t)strtoul(digits, NULL, 16);
        }
        return (int)(length / 2);
}

/* The data of the first TLV of a type; its length, -1: there is none. */
static int find_tlv(const json_t *tlvs, enum tlv type, uint8_t *ret, size_t size)
{
        json_t *tlv;
        size_t i;

        json_array_foreach ((json_t *)tlvs, i, tlv) {
                const char *hex = json_string_value(json_array_get(tlv, 1));
                if (json_integer_value(json_array_get(tlv, 0)) == type && hex)
                        return bytes_of(hex, ret, size);
        }
        return -1;
}

static json_t *mac_json(const uint8_t *mac)
{
        char text[18];

        snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
        return json_string(text);
}

json_t *lldp_link(const json_t *tlvs)
{
        uint8_t chassis[512], port[512], name[512];
        int chassis_size = find_tlv(tlvs, TLV_CHASSIS, chassis, sizeof(chassis));
        int port_size = find_tlv(tlvs, TLV_PORT, port, sizeof(port));
        int name_size = find_tlv(tlvs, TLV_SYSTEM_NAME, name, sizeof(name));

        if (chassis_size != 7 || chassis[0] != LLDP_CHASSISID_SUBTYPE_LLADDR || port_size < 2)
                return NULL;
        json_t *port_id = port[0] == LLDP_PORTID_SUBTYPE_LLADDR && port_size == 7
                                  ? mac_json(port + 1)
                                  : json_stringn((const char *)port + 1, (size_t)port_size - 1);
        if (!port_id)
                return NULL; /* no text */
        json_t *link = json_pack("{so, so}", "switch_id", mac_json(chassis + 1), "port_id", port_id);
        json_t *switch_info = name_size > 0 ? json_stringn((const char *)name, (size_t)name_size) : NULL;
        if (switch_info)
                json_object_set_new(link, "switch_info", switch_info);
        return link;
}
