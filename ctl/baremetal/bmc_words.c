/* What a BMC's answers, and others' driver_info, mean. Pure; see bmc.h. */
#include <stdlib.h>
#include <string.h>

#include "bmc.h"
#include "socle/cleanup.h"
#include "values.h"

enum bmc_fault bmc_ipmi_words(const char *output)
{
        static const char *const denied[] = {"RAKP 2 HMAC is invalid", "RAKP 2 message indicates an error",
                                             "unauthorized name", "Invalid user name", "Invalid role",
                                             "insufficient privilege"};

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
        char host[256];
        long port;
        const char *system; /* Redfish: one service may have many */
};

/* "https://[::1]:8443/x": host ::1, port 8443. */
static struct where where_of(const char *driver, const json_t *info)
{
        bool redfish = strcmp(driver, "redfish") == 0;
        const char *address = spec_string(info, redfish ? "redfish_address" : "ipmi_address") ?: "";
        const char *host = strstr(address, "://") ? strstr(address, "://") + 3 : address, *end;
        bool bracketed = host[0] == '[';
        struct where where = {.system = redfish ? spec_string(info, "redfish_system_id") : NULL};

        where.port = redfish ? strncmp(address, "http://", 7) == 0 ? 80 : 443 : (long)spec_int(info, "ipmi_port", 623);
        host += bracketed;
        if (bracketed)
                end = host + strcspn(host, "]");
        else if (!redfish)
                end = host + strlen(host);
        else
                end = host + strcspn(host, ":/");
        const char *rest = *end == ']' ? end + 1 : end;
        if (*rest == ':')
                where.port = strtol(rest + 1, NULL, 10);
        if ((size_t)(end - host) < sizeof(where.host)) {
                memcpy(where.host, host, (size_t)(end - host));
                where.host[end - host] = 0;
        }
        return where;
}

bool bmc_same(const char *driver, const json_t *info, const char *other_driver, const json_t *other)
{
        struct where a = where_of(driver, info), b = where_of(other_driver, other);

        if (!a.host[0] || strcasecmp(a.host, b.host) != 0)
                return false;
        if (strcmp(driver, other_driver) != 0)
                return true; /* one host, by two protocols */
        return a.port == b.port && (!a.system || !b.system || strcmp(a.system, b.system) == 0);
}
