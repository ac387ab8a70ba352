/* SriovDevice: the virtual functions of a NIC. How many, what each may do, who drives it; the tuner brings it about
 * (tuner/sriov/). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kind.h"
#include "model.h"
#include "socle/errors.h"
#include "values.h"

#define NUMVFS_MAX 65535 /* the PCI capability counts in 16 bits */
#define VF_ENTRIES 1024
#define RATE_MAX   10000000
#define HEX_DIGITS "0123456789abcdefABCDEF"

static const char *const eswitch_modes[] = {"legacy", "switchdev", NULL};
static const char *const vlan_protocols[] = {"802.1Q", "802.1ad", NULL};
static const char *const link_states[] = {"auto", "enable", "disable", NULL};
static const char *const drivers[] = {"kernel", "vfio-pci", NULL};

static const struct field pattern[] = {
        {"interface", FIELD_STRING, "Shell pattern of the kernel interface's name, such as ens*f0.", .min = 1,
         .max = 64},
        {"vendor", FIELD_STRING, "PCI vendor id, four hexadecimal digits, such as 8086.", .min = 4, .max = 4},
        {"device", FIELD_STRING, "PCI device id, four hexadecimal digits, such as 10c9.", .min = 4, .max = 4},
        {"driver", FIELD_STRING, "Kernel driver of the physical function, such as igb.", .min = 1, .max = 31},
        {},
};

static const struct field devices[] = {
        {"address", FIELD_PCI, "PCI address of the physical function."},
        {"interface", FIELD_IFNAME, "Kernel interface of the physical function."},
        {"pattern", FIELD_OBJECT,
         "Every physical function with SR-IOV to which all that is given applies; there must be one at least.",
         .fields = pattern},
        {},
};

static const struct field vf_fields[] = {
        {"first", FIELD_INT, "Number of the first VF that is meant; they are counted from 0.", .required = true,
         .min = 0, .max = NUMVFS_MAX - 1},
        {"last", FIELD_INT, "Number of the last VF that is meant; by default the first.", .min = 0,
         .max = NUMVFS_MAX - 1},
        {"mac_address", FIELD_MAC, "MAC address; of one VF, not of a range."},
        {"vlan", FIELD_INT, "VLAN that the device adds and removes; 0: none.", .min = 0, .max = 4094},
        {"qos", FIELD_INT, "Priority (PCP) in that VLAN's tag; 0 by default.", .min = 0, .max = 7},
        {"vlan_protocol", FIELD_STRING, "Protocol of that VLAN's tag; 802.1Q by default.", .choices = vlan_protocols},
        {"spoof_check", FIELD_BOOL, "The device drops what the VF sends from other MAC addresses than its own."},
        {"trust", FIELD_BOOL,
         "The VF may do what concerns others, such as change its MAC address or become promiscuous."},
        {"min_tx_rate", FIELD_INT, "Transmit rate that the VF is guaranteed; 0: none.", .unit = "Mbit/s", .min = 0,
         .max = RATE_MAX},
        {"max_tx_rate", FIELD_INT, "Transmit rate that the VF may not exceed; 0: no limit.", .unit = "Mbit/s", .min = 0,
         .max = RATE_MAX},
        {"link_state", FIELD_STRING, "Link that the VF sees; auto: that of the physical function.",
         .choices = link_states},
        {"driver", FIELD_STRING,
         "Who drives the VF: the kernel's driver for it, or vfio-pci for guests and DPDK. By default who takes it.",
         .choices = drivers},
        {},
};

static const struct field vf = {.name = "vf", .type = FIELD_OBJECT, .help = "What a VF is like.", .fields = vf_fields};

static const struct field fields[] = {
        {"device", FIELD_ONEOF, "The physical function, or several.", .required = true, .fields = devices},
        {"numvfs", FIELD_INT,
         "Number of VFs. The kernel changes it only by way of 0, so every VF is made anew; that is refused while one "
         "is in use.",
         .required = true, .min = 0, .max = NUMVFS_MAX},
        {"eswitch_mode", FIELD_STRING,
         "Mode of the device's switch (devlink), where it has one. By default as it is; changing it makes every VF "
         "anew.",
         .choices = eswitch_modes},
        {"vfs", FIELD_LIST,
         "What VFs are like, by number or range. What is not said stays as it is; of entries that speak of the same "
         "VF the later one holds.",
         .fallback = "[]", .max = VF_ENTRIES, .item = &vf},
        {"force", FIELD_BOOL, "Also takes VFs away from who uses them: a guest, an open vfio group, a bond.",
         .fallback = "false"},
        {},
};

static void complain(struct errors *errors, size_t entry, const char *member, const char *expected, const char *message)
{
        char pointer[64];

        snprintf(pointer, sizeof(pointer), "/spec/vfs/%zu/%s", entry, member);
        errors_add(errors, -EINVAL, pointer, expected, "%s", message);
}

static void check_range(const json_t *entry, size_t i, int64_t numvfs, struct errors *errors)
{
        int64_t first = spec_int(entry, "first", 0), last = spec_int(entry, "last", first);
        const char *member = json_object_get(entry, "last") ? "last" : "first";
        char expected[96], message[96];

        if (last < first) {
                snprintf(expected, sizeof(expected), "at least %" PRId64 ", which is first", first);
                snprintf(message, sizeof(message), "last is %" PRId64 ", before first", last);
                complain(errors, i, "last", expected, message);
        } else if (last >= numvfs) {
                if (numvfs > 0)
                        snprintf(expected, sizeof(expected), "at most %" PRId64 ", or a larger numvfs", numvfs - 1);
                else
                        snprintf(expected, sizeof(expected), "numvfs of at least %" PRId64, last + 1);
                snprintf(message, sizeof(message), "there is no VF %" PRId64 " of %" PRId64, last, numvfs);
                complain(errors, i, member, expected, message);
        }
        if (last > first && json_object_get(entry, "mac_address"))
                complain(errors, i, "mac_address", "an entry for each VF that is to have a MAC address",
                         "one MAC address for several VFs");
}

static void check_entry(const json_t *entry, size_t i, struct errors *errors)
{
        int64_t min = spec_int(entry, "min_tx_rate", 0), max = spec_int(entry, "max_tx_rate", 0);
        char expected[96], message[96];

        for (const char *const *member = (const char *const[]){"qos", "vlan_protocol", NULL}; *member; member++) {
                if (!json_object_get(entry, *member) || json_object_get(entry, "vlan"))
                        continue;
                snprintf(message, sizeof(message), "%s without a vlan", *member);
                complain(errors, i, *member, "vlan beside it", message);
        }
        if (max > 0 && min > max) {
                snprintf(expected, sizeof(expected), "at most %" PRId64 " Mbit/s, which is max_tx_rate", max);
                snprintf(message, sizeof(message), "min_tx_rate is %" PRId64 ", more than max_tx_rate", min);
                complain(errors, i, "min_tx_rate", expected, message);
        }
}

/* The same MAC address twice on one device is two VFs that take each other's frames, but in different VLANs. */
static void check_mac_addresses(const json_t *vfs, struct errors *errors)
{
        json_t *entry, *other;
        char message[96];
        size_t i, j;

        json_array_foreach ((json_t *)vfs, i, entry) {
                const char *mac = spec_string(entry, "mac_address");

                json_array_foreach ((json_t *)vfs, j, other) {
                        if (j >= i || !mac ||
                            !json_equal(json_object_get(entry, "mac_address"), json_object_get(other, "mac_address")))
                                continue;
                        if (spec_int(entry, "first", 0) == spec_int(other, "first", 0) ||
                            spec_int(entry, "vlan", 0) != spec_int(other, "vlan", 0))
                                continue;
                        snprintf(message, sizeof(message), "%s is the MAC address of VF %" PRId64 " already", mac,
                                 spec_int(other, "first", 0));
                        complain(errors, i, "mac_address", "a MAC address of its own, or another vlan", message);
                }
        }
}

static void check_pattern(const json_t *wanted, struct errors *errors)
{
        static const char *const ids[] = {"vendor", "device"};
        char pointer[64];

        if (json_object_size(wanted) == 0)
                errors_add(errors, -EINVAL, "/spec/device/pattern",
                           "one at least of: interface, vendor, device, driver", "an empty pattern is every device");
        for (size_t i = 0; i < 2; i++) {
                const char *id = spec_string(wanted, ids[i]);

                if (!id || strspn(id, HEX_DIGITS) == strlen(id))
                        continue;
                snprintf(pointer, sizeof(pointer), "/spec/device/pattern/%s", ids[i]);
                errors_add(errors, -EINVAL, pointer, "four hexadecimal digits such as 8086", "%s is the text \"%.60s\"",
                           ids[i], id);
        }
}

static void check(const struct model *model, const struct object *object, struct errors *errors)
{
        const json_t *vfs = json_object_get(object->spec, "vfs");
        json_t *device, *entry;
        size_t i;

        if (strcmp(spec_choice(json_object_get(object->spec, "device"), &device), "pattern") == 0)
                check_pattern(device, errors);
        json_array_foreach ((json_t *)vfs, i, entry) {
                check_range(entry, i, spec_int(object->spec, "numvfs", 0), errors);
                check_entry(entry, i, errors);
        }
        check_mac_addresses(vfs, errors);
}

/* The device itself may be an Underlay's too: only its VFs are claimed. That an address and a name mean the same device
 * is known on the host alone: sriov_apply() refuses that. */
static void keys(const struct model *model, const struct object *object, struct claims *claims)
{
        json_t *device;
        const char *type = spec_choice(json_object_get(object->spec, "device"), &device);

        if (strcmp(type, "address") == 0) {
                claims->claim(claims, "/spec/device/address", "SR-IOV of PCI function %s", json_string_value(device));
        } else if (strcmp(type, "interface") == 0) {
                claims->claim(claims, "/spec/device/interface", "SR-IOV of kernel interface %s",
                              json_string_value(device));
        } else {
                const char *parts[4];

                for (size_t i = 0; i < 4; i++)
                        parts[i] = spec_string(device, pattern[i].name) ?: "*";
                claims->claim(claims, "/spec/device/pattern",
                              "SR-IOV of devices like interface %s, ids %s:%s, driver %s", parts[0], parts[1],
                              parts[2], parts[3]);
        }
}

static struct kind sriov_device = {
        .name = "SriovDevice",
        .area = "host",
        .help = "The virtual functions (VFs) of a NIC: how many, what each may do, who drives it. Applied whole or not "
                "at all, read back, watched, made again at start; deleting it restores what was there before.",
        .write_role = ROLE_ADMIN,
        .fields = fields,
        .check = check,
        .keys = keys,
};
REGISTER_KIND(sriov_device)
