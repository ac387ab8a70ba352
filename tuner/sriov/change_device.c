/* change_device() and change_settle() of change.h. New VFs appear without drivers (sriov_drivers_autoprobe is off
 * meanwhile): what is for vfio-pci is not first grabbed by a kernel driver, and a kernel driver finds the VF's MAC
 * address set. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bounded.h"
#include "change.h"
#include "driver.h"

/* After no VF has come for so long, no more are expected. */
#define QUIET_MS 3000

/* What the kernel has refused; or, where it has not come back at all, that. */
static int complain(struct change *change, const struct pf *pf, int code, const char *pointer, const char *expected,
                    const char *message)
{
        char name[PF_NAME_SIZE];

        pointer = change->wish ? pointer : "";
        if (!bounded_complain(change->errors, code, pointer, pf_name(pf, name), pf->address))
                errors_add(change->errors, code, pointer, expected, "%s", message);
        return code;
}

static int set_link(struct change *change, const struct pf *pf, const struct pf_target *target)
{
        bool up = target->link == LINK_UP;
        char words[LINK_WORDS_SIZE], message[320];

        if (target->link == LINK_ANY || !pf->interface[0] || pf->up == up)
                return 0;
        int r = bounded_set_up(&change->patience, change->host, pf->interface, up, words);
        if (r == 0)
                return 0;
        snprintf(message, sizeof(message), "interface %s cannot be set %s: %s%s%s", pf->interface, up ? "up" : "down",
                 strerror(-r), words[0] ? ": " : "", words);
        return complain(change, pf, r, "/spec/device", "an interface that can be set up, as its VFs need it", message);
}

static int set_eswitch(struct change *change, const struct pf *pf, const struct pf_target *target)
{
        char words[LINK_WORDS_SIZE], message[320], name[PF_NAME_SIZE];

        if (target->eswitch == ESWITCH_UNKNOWN || target->eswitch == pf->eswitch)
                return 0;
        int r = bounded_write_eswitch(&change->patience, change->host, pf->address, target->eswitch, words);
        if (r == 0)
                return 0;
        snprintf(message, sizeof(message), "eswitch mode %s is refused by %s: %s%s%s",
                 eswitch_mode_name(target->eswitch), pf_name(pf, name), strerror(-r), words[0] ? ": " : "", words);
        return complain(change, pf, r, "/spec/eswitch_mode", "a mode that the device's driver can do", message);
}

/* What to do about a refusal of so many VFs. */
static const char *remedy(int error)
{
        switch (error) {
        case -ENOSPC:
        case -ENOMEM:
                return "fewer VFs, or room for them: SR-IOV and large BARs enabled in the firmware's setup, the kernel "
                       "argument pci=realloc or pci=assign-busses";
        case -ENOENT:
                return "a driver of the device that makes VFs; this one cannot, or none is bound";
        case -EBUSY:
                return "nobody else who makes VFs of the device at the same time";
        case -EACCES:
        case -EPERM:
        case -EROFS:
                return "permission to write to sysfs (as root, not in an unprivileged container)";
        default:
                return "a number that the device's driver can do; the kernel's log says more";
        }
}

static int write_count(struct change *change, const struct pf *pf, unsigned count)
{
        char text[12], message[200], name[PF_NAME_SIZE];

        snprintf(text, sizeof(text), "%u", count);
        int r = patience_write(&change->patience, change->host, text, PCI_DEVICES "/%s/sriov_numvfs", pf->address);
        if (r == 0)
                return 0;
        snprintf(message, sizeof(message), "%s refuses %u VFs: %s", pf_name(pf, name), count, strerror(-r));
        return complain(change, pf, r, "/spec/numvfs", remedy(r), message);
}

struct appearing {
        const struct host *host;
        const struct pf *pf;
        unsigned wanted, present;
};

static int all_there(void *user, uint64_t *progress)
{
        struct appearing *appearing = user;
        char address[PCI_ADDRESS_SIZE];

        appearing->present = 0;
        for (unsigned i = 0; i < appearing->wanted; i++)
                if (device_link(appearing->host, address, sizeof(address), PCI_DEVICES "/%s/virtfn%u",
                                appearing->pf->address, i) == 0 &&
                    host_exists(appearing->host, PCI_DEVICES "/%s/driver_override", address))
                        appearing->present++;
        *progress = appearing->present;
        return appearing->present == appearing->wanted;
}

static int await_vfs(struct change *change, const struct pf *pf, unsigned count)
{
        struct appearing appearing = {change->host, pf, count, 0};
        char message[200], expected[128], name[PF_NAME_SIZE];
        int r = patience_wait(&change->patience, QUIET_MS, all_there, &appearing);
        cleanup_free char *said = NULL;

        if (patience_read(&change->patience, change->host, &said, PCI_DEVICES "/%s/sriov_numvfs", pf->address) < 0)
                said = NULL;
        if (r > 0 && said && strtoul(said, NULL, 10) == count)
                return 0;
        snprintf(expected, sizeof(expected), "all %u of them; the kernel's log says more, and some drivers need %s",
                 count, pf->up ? "a link" : "the interface up");
        snprintf(message, sizeof(message), "%u of %u VFs of %s have appeared; its driver says %s", appearing.present,
                 count, pf_name(pf, name), said ?: "nothing");
        return complain(change, pf, -ENODEV, "/spec/numvfs", expected, message);
}

/* Who may take the VF, before drivers see it. */
static int reserve(struct change *change, const struct pf *pf, const struct pf_target *target)
{
        char address[PCI_ADDRESS_SIZE], message[160];
        int r = 0;

        for (unsigned i = 0; r == 0 && i < target->count; i++) {
                const struct vf_values *values = &target->vfs[i];

                if (!(values->known & VF_BIT(VF_DRIVER)) || values->value[VF_DRIVER] != DRIVER_VFIO)
                        continue;
                r = device_link(change->host, address, sizeof(address), PCI_DEVICES "/%s/virtfn%u", pf->address, i);
                if (r == 0)
                        r = driver_reserve(change->host, &change->patience, address, DRIVER_VFIO);
                snprintf(message, sizeof(message), "VF %u cannot be reserved for vfio-pci: %s", i, strerror(-r));
        }
        return r == 0 ? 0 : complain(change, pf, r, "/spec/numvfs", "VFs that stay while they are set up", message);
}

int change_device(struct change *change, const struct pf *pf, const struct pf_target *target)
{
        bool remakes = target_remakes(pf, target);
        int r = target->link == LINK_UP ? set_link(change, pf, target) : 0;

        if (r == 0 && remakes && pf->count > 0)
                r = change_check_users(change, pf->address, target, -1);
        if (r == 0 && remakes && pf->count > 0)
                r = write_count(change, pf, 0);
        if (r == 0 && remakes)
                r = set_eswitch(change, pf, target);
        if (r == 0 && remakes && target->count > 0) {
                /* Kernels before 4.12 have no such file: their VFs are probed as they come, and change hands then. */
                (void)patience_write(&change->patience, change->host, "0", PCI_DEVICES "/%s/sriov_drivers_autoprobe",
                                     pf->address);
                r = write_count(change, pf, target->count);
                if (r == 0)
                        r = await_vfs(change, pf, target->count);
                if (r == 0)
                        r = reserve(change, pf, target);
        }
        return r;
}

int change_settle(struct change *change, const struct pf *pf, const struct pf_target *target)
{
        return target->link == LINK_DOWN ? set_link(change, pf, target) : 0;
}
