/* What a PCI id is called: from systemd's hardware database (hwdb.bin of udev, made of pci.ids). */
#include <stdio.h>
#include <systemd/sd-hwdb.h>

#include "private.h"
#include "socle/cleanup.h"

static void copy_property(sd_hwdb *hwdb, const char *modalias, const char *property, char *to, size_t size)
{
        const char *value;

        if (!*to && sd_hwdb_get(hwdb, modalias, property, &value) >= 0)
                snprintf(to, size, "%s", value);
}

void name_pci(struct topology_pci *pci, size_t count)
{
        sd_hwdb *hwdb = NULL;

        if (count == 0 || sd_hwdb_new(&hwdb) < 0)
                return;
        for (size_t i = 0; i < count; i++) {
                char modalias[64];

                snprintf(modalias, sizeof(modalias), "pci:v0000%04Xd0000%04Xsv*sd*bc*sc*i*", pci[i].vendor,
                         pci[i].device);
                copy_property(hwdb, modalias, "ID_VENDOR_FROM_DATABASE", pci[i].vendor_name,
                              sizeof(pci[i].vendor_name));
                copy_property(hwdb, modalias, "ID_MODEL_FROM_DATABASE", pci[i].device_name, sizeof(pci[i].device_name));
        }
        sd_hwdb_unref(hwdb);
}
