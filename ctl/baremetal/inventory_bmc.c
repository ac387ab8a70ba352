/* Which machine this is, and which BMC it has: SMBIOS as the kernel shows it, and the BMC over its system interface. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "inventory.h"
#include "topology/sysfs.h"

/* ---- the machine's UUID ---- */

/* Set by makers who set none. */
static const char *const shared_uuids[] = {
        "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "03000200-0400-0500-0006-000700080009", "00020003-0004-0005-0006-000700080009",
        "12345678-1234-5678-90ab-cddeefaabbcc",
};

char *inventory_uuid(int root)
{
        cleanup_free char *text = sysfs_read(root, "sys/class/dmi/id/product_uuid");

        if (!text || strlen(text) != 36)
                return NULL;
        for (char *at = text; *at; at++)
                *at = (char)tolower((unsigned char)*at);
        for (size_t i = 0; i < ARRAY_LEN(shared_uuids); i++)
                if (strcmp(text, shared_uuids[i]) == 0)
                        return NULL;
        return TAKE_PTR(text);
}

/* ---- SMBIOS type 42: a management controller's host interface ---- */

static json_t *redfish_interface(int root)
{
        cleanup_(sysfs_list_free_p) char **names = sysfs_list(root, "sys/firmware/dmi/entries");

        for (char **name = names; name && *name; name++) {
                unsigned char record[256];
                char path[128];

                if (strncmp(*name, "42-", 3) != 0)
                        continue;
                snprintf(path, sizeof(path), "sys/firmware/dmi/entries/%.20s/raw", *name);
                cleanup_close int fd = openat(root, path, O_RDONLY | O_CLOEXEC);
                ssize_t n = fd >= 0 ? read(fd, record, sizeof(record)) : -1;
                json_t *found = n > 0 ? smbios_host_interface(record, (size_t)n) : NULL;
                if (found)
                        return found;
        }
        return NULL;
}

/* ---- the BMC itself ---- */

/* "IP Address              : 10.0.0.5" */
static void take_line(json_t *bmc, const char *member, const char *text, const char *name)
{
        size_t length = strlen(name);

        for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
                const char *colon = line + length + strspn(line + length, " ");
                if (strncmp(line, name, length) != 0 || *colon != ':')
                        continue;
                cleanup_free char *value = strndup(colon + 2, strcspn(colon + 2, " \n"));
                if (value && value[0] && strcmp(value, "0.0.0.0") != 0)
                        json_object_set_new(bmc, member, json_string(value));
                return;
        }
}

json_t *inventory_bmc(int root, const atomic_bool *cancel)
{
        static const char *const devices[] = {"dev/ipmi0", "dev/ipmi/0", "dev/ipmidev/0"};
        json_t *redfish = redfish_interface(root), *bmc = NULL;
        cleanup_free char *output = NULL;

        for (size_t i = 0; i < ARRAY_LEN(devices) && !output; i++)
                if (sysfs_exists(root, "%s", devices[i]))
                        (void)command_output(&output, 20, NULL, cancel, COMMAND("/usr/bin/ipmitool", "lan", "print"));
        if (output) {
                bmc = json_object();
                take_line(bmc, "address", output, "IP Address");
                take_line(bmc, "mac", output, "MAC Address");
        }
        if (!bmc)
                return redfish;
        if (redfish)
                json_object_set(bmc, "redfish", json_object_get(redfish, "redfish"));
        json_decref(redfish);
        return bmc;
}
