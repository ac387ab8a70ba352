/* What a BMC's answers, and others' driver_info, mean. Pure; see bmc.h. */
#include <stdlib.h>
#include <string.h>

#include "bmc.h"
#include "socle/cleanup.h"
#include "values.h"

enum bmc_fault bmc_ipmi_words(const char *output)
{
        static const char *const denied[] = {"RAKP 2 HMAC is invalid", "RAKP 2 message indicates an error",
                                             "unauthorized name",      "Invalid user name",
                                             "Invalid role",           "insufficient privilege"};

        for (size_t i = 0; i < ARRAY_LEN(denied); i++)
                if (strcasestr(output, denied[i]))
                        return BMC_PASSWORD;
        if (strcasestr(output, "Unable to establish") || strcasestr(output, "Address lookup") ||
            strcasestr(output, "Could not open socket") || strcasestr(output, "no response"))
                return BMC_UNREACHABLE;
        return BMC_ODD;
}

/* ---- the same? ---- */

struct where {
        char host[BMC_HOST];
        long port;
        const char *system; /* Redfish: one service may have many */
};

/* Where Ironic's drivers keep a BMC's address, whatever the node's driver is: some take several of these. */
static const char *const addresses[] = {"redfish_address", "ipmi_address", "drac_address", "ilo_address",
                                        "irmc_address"};
enum { AT_REDFISH, AT_IPMI };

static long port_of(size_t at, const char *address, const json_t *info)
{
        if (at == AT_IPMI)
                return (long)spec_int(info, "ipmi_port", 623);
        return at == AT_REDFISH && strncmp(address, "http://", 7) == 0 ? 80 : 443;
}

/* "https://[::1]:8443/x": host ::1, port 8443. No host: it is not there. */
static struct where where_of(size_t at, const json_t *info)
{
        const char *address = spec_string(info, addresses[at]) ?: "", *scheme = strstr(address, "://");
        const char *host = scheme ? scheme + 3 : address, *end;
        struct where where = {.port = port_of(at, address, info),
                              .system = at == AT_REDFISH ? spec_string(info, "redfish_system_id") : NULL};

        if (host[0] == '[') {
                host++;
                end = host + strcspn(host, "]");
        } else
                end = host + (scheme || at == AT_REDFISH ? strcspn(host, ":/") : strlen(host));
        const char *rest = *end == ']' ? end + 1 : end;
        if (*rest == ':')
                where.port = strtol(rest + 1, NULL, 10);
        if ((size_t)(end - host) < sizeof(where.host)) {
                memcpy(where.host, host, (size_t)(end - host));
                where.host[end - host] = 0;
        }
        return where;
}

static bool is_same(size_t i, const json_t *info, size_t j, const json_t *other)
{
        struct where a = where_of(i, info), b = where_of(j, other);

        if (!a.host[0] || strcasecmp(a.host, b.host) != 0)
                return false;
        if (i != j)
                return true; /* one host, by two protocols */
        return a.port == b.port && (!a.system || !b.system || strcmp(a.system, b.system) == 0);
}

bool bmc_is_known(const json_t *info)
{
        for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
                if (where_of(i, info).host[0])
                        return true;
        return false;
}

bool bmc_host(const json_t *info, char ret[BMC_HOST])
{
        for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
                struct where where = where_of(i, info);
                if (!where.host[0])
                        continue;
                memcpy(ret, where.host, BMC_HOST);
                return true;
        }
        return false;
}

bool bmc_same(const json_t *info, const json_t *other)
{
        for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
                for (size_t j = 0; j < ARRAY_LEN(addresses); j++)
                        if (is_same(i, info, j, other))
                                return true;
        return false;
}
