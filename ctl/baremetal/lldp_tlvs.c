/* A neighbour's TLVs. lldpd has taken the frame apart: they are put together again as they were sent (IEEE 802.1AB 8.5;
 * IEEE 802.1Q D.2 and IEEE 802.3 79.3 for those of the organisations), as the agent passes them on. */
#include <arpa/inet.h>
#include <lldp-const.h>
#include <lldpctl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "inventory.h"
#include "socle/cleanup.h"
#include "tlv.h"

#define TLV_MAX 511

struct bytes {
        uint8_t data[TLV_MAX];
        size_t count;
};

static void put(struct bytes *bytes, const void *data, size_t size)
{
        if (size > sizeof(bytes->data) - bytes->count)
                size = sizeof(bytes->data) - bytes->count;
        memcpy(bytes->data + bytes->count, data, size);
        bytes->count += size;
}

/* Of `size` bytes, the most significant first. */
static void put_number(struct bytes *bytes, unsigned long value, size_t size)
{
        for (size_t i = size; i-- > 0;) {
                const uint8_t byte = (uint8_t)(value >> 8 * i);
                put(bytes, &byte, 1);
        }
}

static void add(json_t *tlvs, enum tlv type, const struct bytes *bytes)
{
        char hex[2 * TLV_MAX + 1] = "";

        for (size_t i = 0; i < bytes->count; i++)
                snprintf(hex + 2 * i, 3, "%02x", bytes->data[i]);
        json_array_append_new(tlvs, json_pack("[is]", (int)type, hex));
}

/* ---- what every neighbour tells ---- */

static void add_text(json_t *tlvs, enum tlv type, lldpctl_atom_t *atom, lldpctl_key_t key)
{
        const char *text = lldpctl_atom_get_str(atom, key);
        struct bytes bytes = {};

        if (!text || !text[0])
                return;
        put(&bytes, text, strlen(text));
        add(tlvs, type, &bytes);
}

static void add_id(json_t *tlvs, enum tlv type, lldpctl_atom_t *atom, lldpctl_key_t subtype, lldpctl_key_t id)
{
        size_t size = 0;
        const uint8_t *data = lldpctl_atom_get_buffer(atom, id, &size);
        struct bytes bytes = {};

        if (!data)
                return;
        put_number(&bytes, (unsigned long)lldpctl_atom_get_int(atom, subtype), 1);
        put(&bytes, data, size);
        add(tlvs, type, &bytes);
}

static void add_ttl(json_t *tlvs, lldpctl_atom_t *neighbour)
{
        struct bytes bytes = {};

        put_number(&bytes, (unsigned long)lldpctl_atom_get_int(neighbour, lldpctl_k_port_ttl), 2);
        add(tlvs, TLV_TTL, &bytes);
}

static void add_capabilities(json_t *tlvs, lldpctl_atom_t *chassis)
{
        long available = lldpctl_atom_get_int(chassis, lldpctl_k_chassis_cap_available);
        long enabled = lldpctl_atom_get_int(chassis, lldpctl_k_chassis_cap_enabled);
        struct bytes bytes = {};

        if (available <= 0)
                return;
        put_number(&bytes, (unsigned long)available, 2);
        put_number(&bytes, enabled > 0 ? (unsigned long)enabled : 0, 2);
        add(tlvs, TLV_CAPABILITIES, &bytes);
}

/* Families as IANA numbers them: 1 IPv4, 2 IPv6; interfaces by their index (2), or unknown (1); no OID. */
static void add_address(json_t *tlvs, lldpctl_atom_t *address)
{
        const char *text = lldpctl_atom_get_str(address, lldpctl_k_mgmt_ip);
        long index = lldpctl_atom_get_int(address, lldpctl_k_mgmt_iface_index);
        bool v6 = text && strchr(text, ':');
        struct bytes bytes = {};
        uint8_t ip[16];

        if (!text || inet_pton(v6 ? AF_INET6 : AF_INET, text, ip) != 1)
                return;
        put_number(&bytes, v6 ? 17 : 5, 1);
        put_number(&bytes, v6 ? 2 : 1, 1);
        put(&bytes, ip, v6 ? 16 : 4);
        put_number(&bytes, index > 0 ? 2 : 1, 1);
        put_number(&bytes, index > 0 ? (unsigned long)index : 0, 4);
        put_number(&bytes, 0, 1);
        add(tlvs, TLV_MANAGEMENT_ADDRESS, &bytes);
}

static void each(json_t *tlvs, lldpctl_atom_t *of, lldpctl_key_t key, void (*call)(json_t *, lldpctl_atom_t *))
{
        lldpctl_atom_t *list = lldpctl_atom_get(of, key), *entry;

        if (!list)
                return;
        lldpctl_atom_foreach(list, entry) call(tlvs, entry);
        lldpctl_atom_dec_ref(list);
}

static void add_chassis(json_t *tlvs, lldpctl_atom_t *chassis)
{
        add_text(tlvs, TLV_SYSTEM_NAME, chassis, lldpctl_k_chassis_name);
        add_text(tlvs, TLV_SYSTEM_DESCRIPTION, chassis, lldpctl_k_chassis_descr);
        add_capabilities(tlvs, chassis);
        each(tlvs, chassis, lldpctl_k_chassis_mgmt, add_address);
}

/* ---- of organisations ---- */

static const uint8_t ieee_802_1[] = {0x00, 0x80, 0xc2}, ieee_802_3[] = {0x00, 0x12, 0x0f};

static struct bytes begin(const uint8_t organisation[3], unsigned subtype)
{
        struct bytes bytes = {};

        put(&bytes, organisation, 3);
        put_number(&bytes, subtype, 1);
        return bytes;
}

static void add_number(json_t *tlvs, const uint8_t organisation[3], unsigned subtype, lldpctl_atom_t *atom,
                       lldpctl_key_t key)
{
        long value = lldpctl_atom_get_int(atom, key);
        struct bytes bytes = begin(organisation, subtype);

        if (value <= 0)
                return;
        put_number(&bytes, (unsigned long)value, 2);
        add(tlvs, TLV_ORGANISATION, &bytes);
}

static void add_vlan(json_t *tlvs, lldpctl_atom_t *vlan)
{
        const char *name = lldpctl_atom_get_str(vlan, lldpctl_k_vlan_name) ?: "";
        struct bytes bytes = begin(ieee_802_1, 3);

        put_number(&bytes, (unsigned long)lldpctl_atom_get_int(vlan, lldpctl_k_vlan_id), 2);
        put_number(&bytes, strlen(name), 1);
        put(&bytes, name, strlen(name));
        add(tlvs, TLV_ORGANISATION, &bytes);
}

static void add_mac_phy(json_t *tlvs, lldpctl_atom_t *neighbour)
{
        long supported = lldpctl_atom_get_int(neighbour, lldpctl_k_port_dot3_autoneg_support);
        long enabled = lldpctl_atom_get_int(neighbour, lldpctl_k_port_dot3_autoneg_enabled);
        long advertised = lldpctl_atom_get_int(neighbour, lldpctl_k_port_dot3_autoneg_advertised);
        long type = lldpctl_atom_get_int(neighbour, lldpctl_k_port_dot3_mautype);
        struct bytes bytes = begin(ieee_802_3, 1);

        if (supported <= 0 && type <= 0)
                return;
        put_number(&bytes, (unsigned)(supported > 0) | (unsigned)(enabled > 0) << 1, 1);
        put_number(&bytes, advertised > 0 ? (unsigned long)advertised : 0, 2);
        put_number(&bytes, type > 0 ? (unsigned long)type : 0, 2);
        add(tlvs, TLV_ORGANISATION, &bytes);
}

/* Capable and enabled: lldpd keeps the port's id alone. */
static void add_aggregation(json_t *tlvs, lldpctl_atom_t *neighbour)
{
        long id = lldpctl_atom_get_int(neighbour, lldpctl_k_port_dot3_aggregid);
        struct bytes bytes = begin(ieee_802_3, 3);

        if (id <= 0)
                return;
        put_number(&bytes, 3, 1);
        put_number(&bytes, (unsigned long)id, 4);
        add(tlvs, TLV_ORGANISATION, &bytes);
}

static void add_custom(json_t *tlvs, lldpctl_atom_t *custom)
{
        size_t organisation_size = 0, size = 0;
        const uint8_t *organisation = lldpctl_atom_get_buffer(custom, lldpctl_k_custom_tlv_oui, &organisation_size);

        if (!organisation || organisation_size != 3)
                return;
        struct bytes bytes =
                begin(organisation, (unsigned)lldpctl_atom_get_int(custom, lldpctl_k_custom_tlv_oui_subtype));
        const uint8_t *data = lldpctl_atom_get_buffer(custom, lldpctl_k_custom_tlv_oui_info_string, &size);
        if (data)
                put(&bytes, data, size);
        add(tlvs, TLV_ORGANISATION, &bytes);
}

/* ---- all of them ---- */

json_t *lldp_tlvs(void *user)
{
        lldpctl_atom_t *neighbour = user, *chassis = lldpctl_atom_get(neighbour, lldpctl_k_port_chassis);
        json_t *tlvs = json_array();

        if (chassis)
                add_id(tlvs, TLV_CHASSIS, chassis, lldpctl_k_chassis_id_subtype, lldpctl_k_chassis_id);
        add_id(tlvs, TLV_PORT, neighbour, lldpctl_k_port_id_subtype, lldpctl_k_port_id);
        add_ttl(tlvs, neighbour);
        add_text(tlvs, TLV_PORT_DESCRIPTION, neighbour, lldpctl_k_port_descr);
        if (chassis) {
                add_chassis(tlvs, chassis);
                lldpctl_atom_dec_ref(chassis);
        }
        add_number(tlvs, ieee_802_1, 1, neighbour, lldpctl_k_port_vlan_pvid);
        each(tlvs, neighbour, lldpctl_k_port_vlans, add_vlan);
        add_mac_phy(tlvs, neighbour);
        add_aggregation(tlvs, neighbour);
        add_number(tlvs, ieee_802_3, 4, neighbour, lldpctl_k_port_dot3_mfs);
        each(tlvs, neighbour, lldpctl_k_custom_tlvs, add_custom);
        return tlvs;
}
