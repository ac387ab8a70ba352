/* Network interfaces that have hardware behind them (no virtual functions, which are guests'), and bonds of them. */
#include <ifaddrs.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "inventory.h"
#include "topology/sysfs.h"

#define NET "sys/class/net"

static bool has_hardware(int root, const char *name)
{
        return sysfs_exists(root, NET "/%s/device", name) && !sysfs_exists(root, NET "/%s/device/physfn", name);
}

/* A bond gives all its interfaces one MAC address; /proc knows their own. */
static char *permanent_address(int root, const char *name)
{
        cleanup_free char *master = sysfs_link(root, NET "/%s/master", name);
        const char *bond = master && strrchr(master, '/') ? strrchr(master, '/') + 1 : NULL;
        cleanup_free char *text = bond ? sysfs_read(root, "proc/net/bonding/%s", bond) : NULL;
        char mac[18] = "", slave[64];

        snprintf(slave, sizeof(slave), "Slave Interface: %s\n", name);
        const char *at = text ? strstr(text, slave) : NULL;
        at = at ? strstr(at, "Permanent HW addr: ") : NULL;
        if (at)
                snprintf(mac, sizeof(mac), "%.17s", at + strlen("Permanent HW addr: "));
        return strlen(mac) == 17 ? strdup(mac) : sysfs_read(root, NET "/%s/address", name);
}

static void set_text(json_t *object, const char *name, const char *text)
{
        json_object_set_new(object, name, text && text[0] ? json_string(text) : json_null());
}

/* The first address of each family; only the host itself has any. */
static void set_addresses(json_t *interface, const char *name, const struct ifaddrs *addresses)
{
        for (const struct ifaddrs *at = addresses; at; at = at->ifa_next) {
                int family = at->ifa_addr ? at->ifa_addr->sa_family : AF_UNSPEC;
                const char *member = family == AF_INET ? "ipv4_address" : "ipv6_address";
                char text[NI_MAXHOST];

                if (strcmp(at->ifa_name, name) != 0 || (family != AF_INET && family != AF_INET6) ||
                    !json_is_null(json_object_get(interface, member)))
                        continue;
                if (getnameinfo(at->ifa_addr, family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6),
                                text, sizeof(text), NULL, 0, NI_NUMERICHOST) == 0) {
                        text[strcspn(text, "%")] = 0;
                        json_object_set_new(interface, member, json_string(text));
                }
        }
}

static json_t *read_interface(int root, const char *name, const struct ifaddrs *addresses)
{
        cleanup_free char *mac = permanent_address(root, name), *vendor = sysfs_read(root, NET "/%s/device/vendor", name);
        cleanup_free char *product = sysfs_read(root, NET "/%s/device/device", name);
        cleanup_free char *path = sysfs_link(root, NET "/%s", name);
        char driver[32] = "", pci[32] = "", subsystem[16] = "";
        long long carrier = 0, speed = 0;
        json_t *interface = json_pack("{ss, sn, sn}", "name", name, "ipv4_address", "ipv6_address");

        sysfs_number(root, 0, 1, &carrier, NET "/%s/carrier", name);
        sysfs_number(root, 1, INT32_MAX, &speed, NET "/%s/speed", name);
        sysfs_link_name(root, driver, sizeof(driver), NET "/%s/device/driver", name);
        sysfs_link_name(root, subsystem, sizeof(subsystem), NET "/%s/device/subsystem", name);
        sysfs_link_name(root, pci, sizeof(pci), NET "/%s/device", name);
        set_text(interface, "mac_address", mac);
        set_text(interface, "vendor", vendor);
        set_text(interface, "product", product);
        set_text(interface, "driver", driver);
        set_text(interface, "pci_address", strlen(pci) == 12 && pci[4] == ':' ? pci : NULL);
        json_object_set_new(interface, "has_carrier", json_boolean(carrier));
        json_object_set_new(interface, "speed_mbps", speed > 0 ? json_integer(speed) : json_null());
        json_object_set_new(interface, "biosdevname", json_null());
        json_object_set_new(interface, "client_id", json_null());
        /* a BMC's USB interface, and every dongle: many have one and the same MAC address */
        json_object_set_new(interface, "usb",
                            json_boolean(strcmp(subsystem, "usb") == 0 || (path && strstr(path, "/usb"))));
        set_addresses(interface, name, addresses);
        return interface;
}

/* ---- bonds ---- */

/* "802.3ad 4": the first word. */
static char *bond_setting(int root, const char *name, const char *setting)
{
        char *text = sysfs_read(root, NET "/%s/bonding/%s", name, setting);

        if (text)
                text[strcspn(text, " \n")] = 0;
        return text;
}

static json_t *read_bond(int root, const char *name)
{
        static const char *const settings[] = {"miimon", "xmit_hash_policy", "lacp_rate", "updelay", "downdelay"};
        cleanup_free char *mode = bond_setting(root, name, "mode"), *mac = sysfs_read(root, NET "/%s/address", name);
        cleanup_free char *slaves = sysfs_read(root, NET "/%s/bonding/slaves", name);
        json_t *interfaces = json_array(), *properties = json_object();
        char *rest = slaves, *word;

        while (slaves && (word = strsep(&rest, " \n")))
                if (word[0])
                        json_array_append_new(interfaces, json_string(word));
        for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
                cleanup_free char *value = bond_setting(root, name, settings[i]);
                if (value && value[0])
                        json_object_set_new(properties, settings[i], json_string(value));
        }
        return json_pack("{ss, ss, ss, so, so}", "name", name, "mode", mode ?: "", "address", mac ?: "", "interfaces",
                         interfaces, "properties", properties);
}

json_t *inventory_interfaces(int root, json_t **ret_bonds)
{
        cleanup_(sysfs_list_free_p) char **names = sysfs_list(root, NET);
        json_t *interfaces = json_array(), *bonds = json_array();
        struct ifaddrs *addresses = NULL;

        (void)getifaddrs(&addresses);
        for (char **name = names; name && *name; name++) {
                if (has_hardware(root, *name))
                        json_array_append_new(interfaces, read_interface(root, *name, addresses));
                else if (sysfs_exists(root, NET "/%s/bonding", *name))
                        json_array_append_new(bonds, read_bond(root, *name));
        }
        freeifaddrs(addresses);
        *ret_bonds = bonds;
        return interfaces;
}
