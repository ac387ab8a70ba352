/* See bmc.h. */
#include <stdlib.h>
#include <string.h>

#include "bmc.h"
#include "socle/cleanup.h"
#include "values.h"

const char *bmc_fault_name(enum bmc_fault fault)
{
        static const char *const names[] = {[BMC_OK] = "ok",
                                            [BMC_UNREACHABLE] = "unreachable",
                                            [BMC_CERTIFICATE] = "bad certificate",
                                            [BMC_PASSWORD] = "wrong password",
                                            [BMC_ODD] = "odd answer"};

        return names[fault];
}

enum bmc_fault bmc_probe(const char *driver, const json_t *info, const char *ca, const char *password,
                         const atomic_bool *cancel, char words[BMC_WORDS])
{
        if (strcmp(driver, "redfish") == 0)
                return bmc_probe_redfish(info, ca, password, cancel, words);
        if (strcmp(driver, "ipmi") == 0)
                return bmc_probe_ipmi(info, password, words);
        return BMC_OK;
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
        struct where where = {.system = redfish ? spec_string(info, "redfish_system_id") : NULL};

        where.port = redfish ? strncmp(address, "http://", 7) == 0 ? 80 : 443 : (long)spec_int(info, "ipmi_port", 623);
        if (host[0] == '[')
                end = ++host + strcspn(host, "]");
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
