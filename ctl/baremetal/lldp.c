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
#include "tlv.h"

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

