/* Is a machine that a spec describes (`hardware`) the very host that socled runs on? Cleaning would then wipe it
 * without its having been emptied. See inventory.h. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

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
