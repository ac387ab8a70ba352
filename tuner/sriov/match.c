/* Which devices a wish means (wish.h): one by its address or its interface, or all that are like a pattern. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bounded.h"
#include "wish.h"

struct list {
        char **names; /* NULL-terminated */
        size_t count;
};

static int add(struct list *list, const char *address)
{
        char **more = reallocarray(list->names, list->count + 2, sizeof(*more));

        if (!more)
                return -ENOMEM;
        list->names = more;
        more[list->count] = strdup(address);
        more[list->count + 1] = NULL;
        return more[list->count++] ? 0 : -ENOMEM;
}

/* A single one, by either name of it. */
static int add_one(const struct host *host, const char *address, const char *said, const char *pointer,
                   struct list *list, struct errors *errors)
{
        char parent[PCI_ADDRESS_SIZE];

        if (device_link(host, parent, sizeof(parent), PCI_DEVICES "/%s/physfn", address) == 0) {
                char expected[96];

                snprintf(expected, sizeof(expected), "the physical function, %s", parent);
                errors_add(errors, -EINVAL, pointer, expected, "%s is a VF itself", said);
                return -EINVAL;
        }
        if (!host_exists(host, PCI_DEVICES "/%s/sriov_totalvfs", address)) {
                errors_add(errors, -EOPNOTSUPP, pointer,
                           "a device with SR-IOV; some need it to be enabled in the firmware's setup",
                           "%s has no SR-IOV", said);
                return -EOPNOTSUPP;
        }
        return add(list, address);
}

static int match_address(const struct host *host, const char *address, struct list *list, struct errors *errors)
{
        if (!host_exists(host, PCI_DEVICES "/%s", address)) {
                errors_add(errors, -ENOENT, "/spec/device/address", "the address of a device as lspci -D shows it",
                           "there is no PCI device %s", address);
                return -ENOENT;
        }
        return add_one(host, address, address, "/spec/device/address", list, errors);
}

static int match_interface(const struct host *host, const char *interface, struct list *list, struct errors *errors)
{
        static const char pointer[] = "/spec/device/interface";
        char device[64];

        if (!host_exists(host, "/sys/class/net/%s", interface)) {
                errors_add(errors, -ENOENT, pointer, "an interface of this host's network namespace",
                           "there is no interface %s", interface);
                return -ENOENT;
        }
        if (device_link(host, device, sizeof(device), "/sys/class/net/%s/device", interface) < 0 ||
            !host_exists(host, PCI_DEVICES "/%s", device)) {
                errors_add(errors, -EOPNOTSUPP, pointer, "the interface of a PCI device", "%s is no PCI device",
                           interface);
                return -EOPNOTSUPP;
        }
        return add_one(host, device, interface, pointer, list, errors);
}

/* Is a text absent, or as wanted? */
static bool alike(const json_t *pattern, const char *member, const char *found)
{
        const char *wanted = json_string_value(json_object_get(pattern, member));

        return !wanted || fnmatch(wanted, found, FNM_CASEFOLD) == 0;
}

static bool like_pattern(const struct pf *pf, const json_t *pattern)
{
        return alike(pattern, "interface", pf->interface) && alike(pattern, "vendor", pf->vendor) &&
               alike(pattern, "device", pf->device) && alike(pattern, "driver", pf->driver);
}

static int match_pattern(const struct host *host, const json_t *pattern, struct list *list, struct errors *errors)
{
        cleanup_names char **names = NULL;
        const char *reading = PCI_DEVICES;
        char words[PATIENCE_WORDS_SIZE];
        int r = host_list(host, &names, PCI_DEVICES);

        for (size_t i = 0; r == 0 && names[i]; i++) {
                struct pf pf = {};

                if (!host_exists(host, PCI_DEVICES "/%s/sriov_totalvfs", names[i]))
                        continue;
                reading = names[i];
                r = pf_identify(host, names[i], &pf);
                if (r == 0 && like_pattern(&pf, pattern))
                        r = add(list, names[i]);
        }
        if ((r == 0 || r == -ENOENT) && list->count == 0) {
                errors_add(errors, -ENOENT, "/spec/device/pattern", "a pattern that a device with SR-IOV is like",
                           "no device with SR-IOV is like it");
                return -ENOENT;
        }
        if (r < 0)
                errors_add(errors, r, "/spec/device/pattern", "devices that can be read", "%s cannot be read: %s",
                           reading, bounded_failure(r, reading, words));
        return r;
}

int wish_devices(const struct host *host, const struct sriov_wish *wish, char ***ret, struct errors *errors)
{
        const char *address = json_string_value(json_object_get(wish->device, "address"));
        const char *interface = json_string_value(json_object_get(wish->device, "interface"));
        struct list list = {};
        int r;

        if (address)
                r = match_address(host, address, &list, errors);
        else if (interface)
                r = match_interface(host, interface, &list, errors);
        else
                r = match_pattern(host, json_object_get(wish->device, "pattern"), &list, errors);
        if (r < 0)
                strings_free(list.names);
        else
                *ret = list.names;
        return r;
}
