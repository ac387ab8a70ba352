/* SMBIOS type 42, a management controller's host interface: where the host reaches its BMC's Redfish. Pure; see
 * inventory.h. */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "inventory.h"

/* DSP0134 7.43 and DSP0270 8.3: after the header (4 bytes) the interface's type and data, the number of protocol
 * records, and those: type 4 is Redfish over IP. Offsets are of its data: the service's UUID (16), the host's address
 * with how it is assigned, format and mask (34), then the same of the service, its port, VLAN and host name. */
enum { REDFISH_OVER_IP = 4, FORMAT_V4 = 1, FORMAT_V6 = 2, AT_FORMAT = 51, AT_ADDRESS = 52, AT_PORT = 84, AT_SIZE = 91 };

static json_t *redfish_of(const unsigned char *data)
{
        char address[INET6_ADDRSTRLEN], url[96];
        bool v6 = data[AT_FORMAT] == FORMAT_V6;
        static const unsigned char none[16];
        unsigned port = data[AT_PORT] | (unsigned)data[AT_PORT + 1] << 8;

        if ((data[AT_FORMAT] != FORMAT_V4 && !v6) || memcmp(data + AT_ADDRESS, none, v6 ? 16 : 4) == 0)
                return NULL;
        inet_ntop(v6 ? AF_INET6 : AF_INET, data + AT_ADDRESS, address, sizeof(address));
        snprintf(url, sizeof(url), v6 ? "https://[%s]:%u" : "https://%s:%u", address, port ?: 443);
        return json_pack("{ss, ss}", "address", address, "redfish", url);
}

json_t *smbios_host_interface(const unsigned char *record, size_t size)
{
        if (size < 7 || record[0] != 42 || record[1] > size)
                return NULL;
        size_t end = record[1], at = 6 + (size_t)record[5];
        int count = at < end ? record[at] : 0;

        for (at++; count-- > 0 && at + 2 <= end; at += 2 + (size_t)record[at + 1])
                if (record[at] == REDFISH_OVER_IP && record[at + 1] >= AT_SIZE && at + 2 + AT_SIZE <= end)
                        return redfish_of(record + at + 2);
        return NULL;
}
