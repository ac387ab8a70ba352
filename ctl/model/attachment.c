/* See attachment.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "attachment.h"
#include "socle/errors.h"
#include "values.h"

#define NETNS_HELP                                                                                                     \
        "Network namespace of the tap, by its name (as ip-netns(8) knows it) or its absolute path; the dataplane's "   \
        "own if absent."

const struct field attachment_pci[] = {
        {"address", FIELD_PCI,
         "PCI address of the function; it is bound to vfio-pci, or to another driver that DPDK can use.",
         .required = true},
        {},
};

const struct field attachment_interface[] = {
        {"interface", FIELD_IFNAME, "The kernel's network interface, in the dataplane's network namespace.",
         .required = true},
        {},
};

const struct field attachment_tap[] = {
        {"name", FIELD_IFNAME, "Name of the tap; it is made if it is not there.", .required = true},
        {"netns", FIELD_STRING, NETNS_HELP, .min = 1, .max = WIRE_PATH_SIZE - 1},
        {},
};

const struct field attachment_port_tap[] = {
        {"name", FIELD_IFNAME, "Name of the tap; it is made if it is not there.", .required = true},
        {"netns", FIELD_STRING, NETNS_HELP, .min = 1, .max = WIRE_PATH_SIZE - 1},
        {"queues", FIELD_INT, "Queue pairs.", .fallback = "1", .min = 1, .max = QUEUES_MAX},
        {},
};

#define VHOST_USER_FIELDS                                                                                              \
        {"socket", FIELD_PATH,                                                                                         \
         "The unix socket on which the guest's QEMU listens; the dataplane connects, and reconnects.",                 \
         .required = true, .max = WIRE_PATH_SIZE - 1},                                                                 \
        {                                                                                                              \
                "queues", FIELD_INT, "Queue pairs at most; the guest uses as many as it likes.",                       \
                        .fallback = "1", .min = 1, .max = QUEUES_MAX                                                   \
        }

const struct field attachment_vhost_user[] = {VHOST_USER_FIELDS, {}};

const struct field attachment_port_vhost_user[] = {
        VHOST_USER_FIELDS,
        {"guest", FIELD_REF,
         "The guest whose domain gets the interface: a vhostuser interface with the port's MAC address, socket and "
         "queues. Without it, who makes the domain sees to that.",
         .ref_kind = "Guest"},
        {},
};

const struct field attachment_devices[] = {
        {"pci", FIELD_OBJECT, "A PCI function, driven by DPDK.", .fields = attachment_pci},
        {"af_packet", FIELD_OBJECT, "A kernel interface, through AF_PACKET.", .fields = attachment_interface},
        {"af_xdp", FIELD_OBJECT, "A kernel interface, through AF_XDP.", .fields = attachment_interface},
        {},
};

const struct field attachment_worker = {.name = "worker",
                                        .type = FIELD_INT,
                                        .help = "Index of a worker of the dataplane.",
                                        .min = 0,
                                        .max = WORKERS_MAX - 1};

/* The innermost {"tap": {…}} of {"device": {"tap": {…}}} too, with its pointer. */
static const char *innermost(const json_t *attachment, const char *pointer, json_t **ret, char path[256])
{
        const char *type = spec_choice(attachment, ret);

        snprintf(path, 256, "%s/%s", pointer, type);
        if (strcmp(type, "device") == 0) {
                type = spec_choice(*ret, ret);
                snprintf(path, 256, "%s/device/%s", pointer, type);
        }
        return type;
}

void attachment_check(const json_t *attachment, const char *pointer, struct errors *errors)
{
        char path[256], place[300];
        json_t *device;
        const char *type = innermost(attachment, pointer, &device, path);
        const char *netns = strcmp(type, "tap") == 0 ? spec_string(device, "netns") : NULL;

        if (!netns || netns_valid(netns))
                return;
        snprintf(place, sizeof(place), "%s/netns", path);
        errors_add(errors, -EINVAL, place, "a name as in `ip netns`, or an absolute path",
                   "netns is the text \"%.60s\"", netns);
}

/* The same namespace has one path, however it is written. */
static void netns_path(const char *netns, char *buffer, size_t size)
{
        if (!netns)
                snprintf(buffer, size, "the dataplane's network namespace");
        else if (netns[0] != '/')
                snprintf(buffer, size, "network namespace /run/netns/%s", netns);
        else
                snprintf(buffer, size, "network namespace %s", strncmp(netns, "/var/run/", 9) == 0 ? netns + 4 : netns);
}

void attachment_claim(const json_t *attachment, const char *pointer, struct claims *claims)
{
        char path[256], place[300], netns[200];
        json_t *device;
        const char *type = innermost(attachment, pointer, &device, path);

        if (strcmp(type, "pci") == 0) {
                snprintf(place, sizeof(place), "%s/address", path);
                claims->claim(claims, place, "PCI function %s", spec_string(device, "address"));
        } else if (strcmp(type, "tap") == 0) {
                snprintf(place, sizeof(place), "%s/name", path);
                netns_path(spec_string(device, "netns"), netns, sizeof(netns));
                claims->claim(claims, place, "tap %s in %s", spec_string(device, "name"), netns);
        } else if (strcmp(type, "vhost_user") == 0) {
                snprintf(place, sizeof(place), "%s/socket", path);
                claims->claim(claims, place, "vhost-user socket %s", spec_string(device, "socket"));
        } else {
                snprintf(place, sizeof(place), "%s/interface", path);
                claims->claim(claims, place, "kernel interface %s", spec_string(device, "interface"));
        }
}

static void copy(char *to, size_t size, const char *from)
{
        snprintf(to, size, "%s", from ? from : "");
}

void attachment_compile(const json_t *attachment, uint32_t queues, const json_t *workers, struct wire_attachment *ret)
{
        static const struct {
                const char *type;
                enum wire_device device;
                const char *name, *path; /* members that go there */
        } devices[] = {
                {"pci", WIRE_DEVICE_PCI, "address", NULL},
                {"af_packet", WIRE_DEVICE_AF_PACKET, "interface", NULL},
                {"af_xdp", WIRE_DEVICE_AF_XDP, "interface", NULL},
                {"tap", WIRE_DEVICE_TAP, "name", "netns"},
                {"vhost_user", WIRE_DEVICE_VHOST_USER, NULL, "socket"},
        };
        char path[256];
        json_t *device, *worker;
        const char *type = innermost(attachment, "", &device, path);
        size_t i;

        for (i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
                if (strcmp(devices[i].type, type) != 0)
                        continue;
                ret->device = devices[i].device;
                copy(ret->name, sizeof(ret->name), devices[i].name ? spec_string(device, devices[i].name) : NULL);
                copy(ret->path, sizeof(ret->path), devices[i].path ? spec_string(device, devices[i].path) : NULL);
        }
        ret->queues = spec_int(device, "queues", queues);
        json_array_foreach ((json_t *)workers, i, worker)
                ret->workers |= UINT64_C(1) << json_integer_value(worker);
}

void attachment_check_workers(const json_t *workers, const char *pointer, struct errors *errors)
{
        uint64_t seen = 0;
        char place[300];
        json_t *worker;
        size_t i;

        json_array_foreach ((json_t *)workers, i, worker) {
                uint64_t bit = UINT64_C(1) << json_integer_value(worker);

                if (seen & bit) {
                        snprintf(place, sizeof(place), "%s/%zu", pointer, i);
                        errors_add(errors, -EINVAL, place, "each worker once", "worker %" PRId64 " is there twice",
                                   (int64_t)json_integer_value(worker));
                }
                seen |= bit;
        }
}
