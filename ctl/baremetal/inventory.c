/* See inventory.h: the whole, and what is small. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "inventory.h"
#include "topology/sysfs.h"
#include "topology/topology.h"

#define LLDP_SOCKET "/run/lldpd.socket"

static json_t *text_or_nothing(char *text)
{
        json_t *json = text ? json_string(text) : NULL;

        free(text);
        return json;
}

json_t *inventory_pci(int root)
{
        cleanup_(sysfs_list_free_p) char **names = sysfs_list(root, "sys/bus/pci/devices");
        static const char *const members[][2] = {
                {"vendor_id", "vendor"}, {"product_id", "device"}, {"class", "class"}, {"revision", "revision"}};
        json_t *list = json_array();

        for (char **name = names; name && *name; name++) {
                json_t *device = json_object();

                for (size_t i = 0; i < ARRAY_LEN(members); i++) {
                        cleanup_free char *text = sysfs_read(root, "sys/bus/pci/devices/%s/%s", *name, members[i][1]);
                        if (text)
                                json_object_set_new(device, members[i][0],
                                                    json_string(strncmp(text, "0x", 2) == 0 ? text + 2 : text));
                }
                json_object_set_new(device, "bus", json_string(*name));
                json_array_append_new(list, device);
        }
        return list;
}

json_t *inventory_system_vendor(int root)
{
        static const char *const members[][2] = {
                {"product_name", "product_name"}, {"serial_number", "product_serial"}, {"manufacturer", "sys_vendor"}};
        static const char *const firmware[][2] = {
                {"vendor", "bios_vendor"}, {"version", "bios_version"}, {"build_date", "bios_date"}};
        json_t *vendor = json_object(), *inner = json_object();

        for (size_t i = 0; i < ARRAY_LEN(members); i++) {
                json_object_set_new(vendor, members[i][0],
                                    text_or_nothing(sysfs_read(root, "sys/class/dmi/id/%s", members[i][1])));
                json_object_set_new(inner, firmware[i][0],
                                    text_or_nothing(sysfs_read(root, "sys/class/dmi/id/%s", firmware[i][1])));
        }
        json_object_set_new(vendor, "firmware", inner);
        return vendor;
}

/* The interface that the loader booted from, if it says so (BOOTIF=01-aa-bb-…). */
static json_t *pxe_interface(int root)
{
        cleanup_free char *line = sysfs_read(root, "proc/cmdline");
        const char *word = line ? strstr(line, "BOOTIF=") : NULL;
        char mac[18];

        if (!word || strlen(word) < 7 + 20 || word[9] != '-')
                return json_null();
        snprintf(mac, sizeof(mac), "%.17s", word + 10);
        for (char *at = mac; *at; at++)
                if (*at == '-')
                        *at = ':';
        return json_string(mac);
}

json_t *inventory_boot(int root)
{
        return json_pack("{ss, so}", "current_boot_mode", sysfs_exists(root, "sys/firmware/efi") ? "uefi" : "bios",
                         "pxe_interface", pxe_interface(root));
}

/* ---- all of it ---- */

static bool some_sriov(const struct topology *topology)
{
        for (size_t i = 0; i < topology->pci_count; i++)
                if (topology->pci[i].sriov_total > 0)
                        return true;
        return false;
}

static json_t *page_sizes(const struct topology *topology)
{
        json_t *sizes = json_array();

        for (size_t i = 0; topology->node_count > 0 && i < topology->nodes[0].page_count; i++)
                json_array_append_new(sizes, json_integer((json_int_t)topology->nodes[0].pages[i].page_bytes));
        return sizes;
}

static json_t *agents_inventory(int root, const struct topology *topology, const atomic_bool *cancel,
                                json_t **ret_bonds)
{
        json_t *inventory = json_pack("{so, so, so, so, so, so}", "interfaces", inventory_interfaces(root, ret_bonds),
                                      "cpu", inventory_cpu(root, topology), "memory", inventory_memory(topology),
                                      "disks", inventory_disks(root), "system_vendor", inventory_system_vendor(root),
                                      "boot", inventory_boot(root));
        json_t *bmc = inventory_bmc(root, cancel);
        char name[256] = "";

        gethostname(name, sizeof(name) - 1);
        json_object_set_new(inventory, "hostname", json_string(name));
        json_object_set(inventory, "bmc_address", json_object_get(bmc, "address") ?: json_null());
        json_object_set(inventory, "bmc_mac", json_object_get(bmc, "mac"));
        if (json_object_get(bmc, "redfish"))
                json_object_set(inventory, "bmc_redfish", json_object_get(bmc, "redfish"));
        json_decref(bmc);
        return inventory;
}

/* The agent has each interface's TLVs in it too; what they come to is for people. */
static void add_lldp(json_t *document, json_t *lldp)
{
        json_t *interface, *links = json_object();
        size_t i;

        json_array_foreach (json_object_get(json_object_get(document, "inventory"), "interfaces"), i, interface) {
                const char *name = json_string_value(json_object_get(interface, "name"));
                json_object_set(interface, "lldp", json_object_get(lldp, name) ?: json_null());
                json_t *link = lldp_link(json_object_get(lldp, name));
                if (link)
                        json_object_set_new(links, name, link);
        }
        json_object_set_new(document, "lldp_raw", lldp);
        json_object_set_new(document, "links", links);
}

int inventory_read(json_t **ret, const struct inventory_source *source, struct errors *errors)
{
        const struct topology_source here = {.root = source->root};
        const char *path = source->root ?: "/";
        cleanup_(topology_free_p) struct topology *topology = NULL;
        cleanup_close int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        cleanup_free char *socket = NULL, *uuid = NULL;
        json_t *bonds = NULL, *notes;

        if (root < 0) {
                errors_add(errors, -errno, "", "", "cannot look into %s: %s", path, strerror(errno));
                return errors->code;
        }
        int r = topology_read(&topology, &here, errors);
        if (r < 0)
                return r;
        if (source->lldp_socket ? !(socket = strdup(source->lldp_socket))
                                : asprintf(&socket, "%s" LLDP_SOCKET, source->root ?: "") < 0)
                return -ENOMEM;
        json_t *inventory = agents_inventory(root, topology, source->cancel, &bonds);
        json_t *document =
                json_pack("{so, so, so, so, so, so, sb}", "inventory", inventory, "pci_devices", inventory_pci(root),
                          "numa_topology", inventory_numa(root, topology), "bonds", bonds, "cpu_flags",
                          inventory_cpu_flags(root), "hugepages", page_sizes(topology), "sriov", some_sriov(topology));
        notes = json_array();
        add_lldp(document, lldp_read(socket, notes));
        json_object_set_new(document, "notes", notes);
        uuid = inventory_uuid(root);
        if (uuid)
                json_object_set_new(document, "uuid", json_string(uuid));
        *ret = document;
        return 0;
}
