/* Is a machine that a spec describes (`hardware`) the very host that socled runs on, by itself or by its BMC? Cleaning
 * would then wipe it without its having been emptied. See inventory.h. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

#include "bmc.h"
#include "inventory.h"
#include "socle/cleanup.h"
#include "values.h"

/* MAC addresses of USB interfaces are those of many machines. */
static bool has_mac(const json_t *interfaces, const char *mac)
{
        json_t *interface;
        size_t i;

        json_array_foreach ((json_t *)interfaces, i, interface) {
                const char *own = spec_string(interface, "mac_address");
                if (own && strcasecmp(own, mac) == 0 && !json_is_true(json_object_get(interface, "usb")))
                        return true;
        }
        return false;
}

static bool has_some_mac(int root, const json_t *hardware)
{
        json_t *bonds = NULL, *interfaces = inventory_interfaces(root, &bonds), *nic;
        bool found = false;
        size_t i;

        json_array_foreach (json_object_get(hardware, "interfaces"), i, nic)
                found = found || has_mac(interfaces, spec_string(nic, "mac_address"));
        json_decref(interfaces);
        json_decref(bonds);
        return found;
}

bool inventory_is_here(const char *path, const json_t *hardware)
{
        cleanup_close int root = open(path ?: "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        cleanup_free char *uuid = root >= 0 ? inventory_uuid(root) : NULL;

        if (root < 0)
                return true; /* nobody knows: rather not */
        return (uuid && strcasecmp(uuid, spec_string(hardware, "uuid")) == 0) || has_some_mac(root, hardware);
}

/* ---- its BMC ---- */

static bool is_address(const struct sockaddr *address, const char *own)
{
        unsigned char bytes[16];

        const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        const struct in_addr *v4 = &((const struct sockaddr_in *)(const void *)address)->sin_addr;

        if (address->sa_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(v6))
                return inet_pton(AF_INET6, own, bytes) == 1 && memcmp(v6, bytes, 16) == 0;
        return inet_pton(AF_INET, own, bytes) == 1 &&
               memcmp(address->sa_family == AF_INET6 ? v6->s6_addr + 12 : (const void *)v4, bytes, 4) == 0;
}

/* `own` is an address; `host` may be one in another spelling, or a name. */
static bool is_same_host(const char *host, const char *own)
{
        const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
        struct addrinfo *found = NULL;
        bool same = strcasecmp(host, own) == 0;

        if (same || getaddrinfo(host, NULL, &hints, &found) != 0)
                return same;
        for (const struct addrinfo *at = found; at && !same; at = at->ai_next)
                same = is_address(at->ai_addr, own);
        freeaddrinfo(found);
        return same;
}

bool inventory_is_own_bmc(const char *path, const json_t *info, const atomic_bool *cancel)
{
        cleanup_close int root = open(path ?: "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        char host[BMC_HOST], near[BMC_HOST];

        if (!bmc_host(info, host))
                return false;
        if (root < 0)
                return true;
        json_t *bmc = inventory_bmc(root, cancel);
        json_t *redfish = json_pack("{ss*}", "redfish_address", spec_string(bmc, "redfish"));
        const char *lan = spec_string(bmc, "address");
        bool own = (lan && is_same_host(host, lan)) || (bmc_host(redfish, near) && is_same_host(host, near));
        json_decref(redfish);
        json_decref(bmc);
        return own;
}
