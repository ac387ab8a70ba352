/* See desired.h: where a BMC is, and who we are to it. Pure. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desired.h"
#include "values.h"

/* The address in "https://[fe80::1]:443", or in a text that is one. */
static void host_of(const char *text, char *ret, size_t size)
{
        const char *scheme = strstr(text, "://"), *host = scheme ? scheme + 3 : text;
        size_t length = scheme ? strcspn(host, ":/") : strlen(host);

        if (host[0] == '[')
                length = strcspn(++host, "]");
        snprintf(ret, size, "%.*s", (int)length, host);
}

/* Of use to this host alone (169.254.0.0/16, fe80::/10): Ironic is elsewhere. */
static bool is_link_local(const char *text)
{
        char host[INET6_ADDRSTRLEN];
        unsigned char v4[4], v6[16];

        host_of(text, host, sizeof(host));
        if (inet_pton(AF_INET, host, v4) == 1)
                return v4[0] == 169 && v4[1] == 254;
        return inet_pton(AF_INET6, host, v6) == 1 && v6[0] == 0xfe && (v6[1] & 0xc0) == 0x80;
}

/* Where the BMC is on its network, as it says itself; NULL: it does not, or only how this host reaches it. */
static const char *lan_address(const json_t *inner)
{
        const char *address = spec_string(inner, "bmc_address"), *near = spec_string(inner, "bmc_redfish");
        char host[INET6_ADDRSTRLEN] = "";

        if (near)
                host_of(near, host, sizeof(host));
        return address && !is_link_local(address) && strcmp(address, host) != 0 ? address : NULL;
}

/* What the host's firmware tells is how the host reaches its BMC: the second choice. https://host/ is what sushy wants:
 * no path. */
static json_t *redfish_info(const json_t *bmc, const json_t *inner)
{
        const char *address = spec_string(bmc, "address"), *lan = lan_address(inner),
                   *near = spec_string(inner, "bmc_redfish");
        char *made = NULL;
        json_t *info = NULL;

        if (!address && lan && asprintf(&made, strchr(lan, ':') ? "https://[%s]" : "https://%s", lan) > 0)
                address = made;
        if (!address && near && !is_link_local(near))
                address = near;
        if (address)
                info = json_pack("{ss%, ss}", "redfish_address", address,
                                 strlen(address) - (address[strlen(address) - 1] == '/'), "redfish_username",
                                 spec_string(bmc, "username"));
        free(made);
        if (info && spec_string(bmc, "system_id"))
                json_object_set(info, "redfish_system_id", json_object_get(bmc, "system_id"));
        if (info)
                json_object_set_new(info, "redfish_verify_ca",
                                    !spec_bool(bmc, "verify") ? json_false()
                                    : spec_string(bmc, "ca")  ? json_string(spec_string(bmc, "ca"))
                                                              : json_true());
        return info;
}

static json_t *ipmi_info(const json_t *bmc, const json_t *inner)
{
        const char *address = spec_string(bmc, "address") ?: spec_string(inner, "bmc_address");

        if (address && !spec_string(bmc, "address") && is_link_local(address))
                address = NULL;
        return address ? json_pack("{ss, ss, sI}", "ipmi_address", address, "ipmi_username",
                                   spec_string(bmc, "username"), "ipmi_port", (json_int_t)spec_int(bmc, "port", 623))
                       : NULL;
}

int desired_bmc(const json_t *spec, const json_t *inventory, const char **ret_driver, json_t **ret_info,
                const json_t **ret_secret, const char **ret_password_key, struct errors *errors)
{
        const json_t *inner = json_object_get(inventory, "inventory");
        json_t *bmc, *info;
        const char *way = spec_choice(json_object_get(spec, "bmc"), &bmc);
        bool redfish = strcmp(way, "redfish") == 0;

        if (strcmp(way, "none") == 0) {
                *ret_driver = spec_string(bmc, "driver");
                *ret_info = json_object();
                *ret_secret = NULL;
                *ret_password_key = NULL;
                return 0;
        }
        info = redfish ? redfish_info(bmc, inner) : ipmi_info(bmc, inner);
        if (!info) {
                errors_add(errors, -EINVAL, redfish ? "/spec/bmc/redfish/address" : "/spec/bmc/ipmi/address",
                           "the BMC's address, as Ironic reaches it",
                           spec_string(inner, "bmc_address")
                                   ? "this host tells of its BMC only an address that is good for itself (link-local)"
                                   : "this host does not tell where its BMC is");
                return -EINVAL;
        }
        *ret_driver = way;
        *ret_info = info;
        *ret_secret = json_object_get(bmc, "password");
        *ret_password_key = redfish ? "redfish_password" : "ipmi_password";
        return 0;
}
