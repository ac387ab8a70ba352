/* What Ironic wants of a neighbour's TLVs: the switch and its port. Pure; see inventory.h. */
#include <lldp-const.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inventory.h"
#include "tlv.h"

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
