/* change_check() of change.h: what can be seen to be impossible, or to take something from somebody, before anything is
 * touched. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bounded.h"
#include "change.h"
#include "driver.h"

struct checking {
        struct change *change;
        const struct pf *pf;
        const struct pf_target *target;
        char name[PF_NAME_SIZE];
        int result;
};

void pf_unreadable(struct change *change, const char *address, int error)
{
        char words[PATIENCE_WORDS_SIZE];

        errors_add(change->errors, error, change->wish ? "/spec/device" : "", "a device that stays while it is set up",
                   "%s cannot be read any more: %s", address, bounded_failure(error, address, words));
}

static void complain(struct checking *checking, int code, const char *pointer, const char *expected,
                     const char *message)
{
        errors_add(checking->change->errors, code, checking->change->wish ? pointer : "", expected, "%s", message);
        checking->result = checking->result ?: code;
}

static void check_count(struct checking *checking)
{
        const struct pf *pf = checking->pf;
        char expected[96], message[160];

        if (checking->target->count <= pf->total)
                return;
        snprintf(expected, sizeof(expected), "at most %u, or more enabled in the device's firmware", pf->total);
        snprintf(message, sizeof(message), "%s can have %u VFs, not %u", checking->name, pf->total,
                 checking->target->count);
        complain(checking, -ERANGE, "/spec/numvfs", expected, message);
}

static void check_eswitch(struct checking *checking)
{
        const struct pf *pf = checking->pf;
        char expected[128], message[160];

        if (checking->target->eswitch == ESWITCH_UNKNOWN || pf->eswitch != ESWITCH_UNKNOWN)
                return;
        snprintf(expected, sizeof(expected), "no eswitch_mode, or a device whose driver has one for devlink%s%s%s",
                 pf->driver[0] ? " (" : "", pf->driver, pf->driver[0] ? " has none)" : "");
        snprintf(message, sizeof(message), "%s has no switch with modes", checking->name);
        complain(checking, -EOPNOTSUPP, "/spec/eswitch_mode", expected, message);
}

/* Is something wished for that the interface alone can do? */
static void check_interface(struct checking *checking)
{
        const struct sriov_wish *wish = checking->change->wish;
        char pointer[POINTER_SIZE], message[200];

        if (checking->pf->interface[0] || !wish)
                return;
        for (unsigned i = 0; i < wish->count; i++) {
                for (enum vf_value value = 0; value < VF_DRIVER; value++) {
                        if (!(wish->vfs[i].values.known & VF_BIT(value)))
                                continue;
                        snprintf(message, sizeof(message),
                                 "%s has no interface in this network namespace (its driver: %s), by which %s is set",
                                 checking->name, checking->pf->driver[0] ? checking->pf->driver : "none",
                                 vf_value_name(value));
                        complain(checking, -ENODEV, wish_pointer(wish, i, value, pointer),
                                 "the device with its kernel driver, and its interface in the host's network namespace",
                                 message);
                        return;
                }
        }
}

/* VFs are not there yet to be asked; where their device is in no group, nor will they be. */
static void check_iommu(struct checking *checking)
{
        const struct sriov_wish *wish = checking->change->wish;
        char expected[DRIVER_WORDS_SIZE], pointer[POINTER_SIZE], message[160];
        int r;

        for (unsigned i = 0; wish && i < wish->count; i++) {
                const struct vf_values *values = &wish->vfs[i].values;

                if (!(values->known & VF_BIT(VF_DRIVER)) || values->value[VF_DRIVER] != DRIVER_VFIO)
                        continue;
                r = driver_check_iommu(checking->change->host, checking->pf->iommu_group, expected);
                if (r == 0)
                        return;
                snprintf(message, sizeof(message), "%s is behind no IOMMU, so a process cannot have VF %u by vfio-pci",
                         checking->name, i);
                complain(checking, r, wish_pointer(wish, i, VF_DRIVER, pointer), expected, message);
                return;
        }
}

/* What cuts a user off, or lets others in: a switch of the device's that is set underneath him. */
static const struct {
        enum vf_value value;
        const char *words;
} noticed[] = {
        {VF_MAC_ADDRESS, "is to have another MAC address"},
        {VF_VLAN, "is to be in another VLAN"},
        {VF_QOS, "is to have another priority in its VLAN"},
        {VF_VLAN_PROTOCOL, "is to have another VLAN protocol"},
        {VF_TRUST, "is to be trusted otherwise"},
        {VF_LINK_STATE, "is to have another link state"},
};

/* What the device does not tell cannot be seen to change. */
static bool is_to_change(const struct vf *vf, const struct pf_target *target, unsigned number, enum vf_value value)
{
        const struct vf_values *wanted = number < target->vf_count ? &target->vfs[number] : NULL;

        return wanted && wanted->known & vf->values.known & VF_BIT(value) &&
               !vf_value_satisfied(value, wanted->value[value], vf->values.value[value]);
}

/* What would happen to a VF that its user would notice; NULL: nothing. */
static const char *harm(const struct pf *pf, const struct pf_target *target, unsigned number, bool remakes,
                        enum vf_value *ret_value)
{
        const struct vf *vf = &pf->vfs[number];

        *ret_value = VF_DRIVER;
        if (remakes)
                return target->count == 0 ? "is to be removed" : "would be removed, since all are made anew";
        if (is_to_change(vf, target, number, VF_DRIVER))
                return "is to have another driver";
        for (size_t i = 0; i < ARRAY_LEN(noticed); i++) {
                *ret_value = noticed[i].value;
                if (is_to_change(vf, target, number, noticed[i].value))
                        return noticed[i].words;
        }
        return NULL;
}

static void check_users(struct checking *checking, bool remakes, int number)
{
        const struct change *change = checking->change;
        char pointer[POINTER_SIZE], message[256];
        enum vf_value value;

        for (unsigned i = 0; !change->force && i < checking->pf->count; i++) {
                if (number >= 0 && i != (unsigned)number)
                        continue;
                const struct vf *vf = &checking->pf->vfs[i];
                const char *what = harm(checking->pf, checking->target, i, remakes, &value);
                const char *user = what ? usage_of(change->usage, vf) : NULL;

                if (!user)
                        continue;
                snprintf(message, sizeof(message), "VF %u (%s) of %s %s, and is used by %s", i, vf->address,
                         checking->name, what, user);
                complain(checking, -EBUSY, remakes ? "/spec/numvfs" : wish_pointer(change->wish, i, value, pointer),
                         "nobody who uses it, or force: true", message);
        }
}

int change_check(struct change *change, const struct pf *pf, const struct pf_target *target)
{
        struct checking checking = {.change = change, .pf = pf, .target = target};

        pf_name(pf, checking.name);
        check_count(&checking);
        check_eswitch(&checking);
        check_interface(&checking);
        check_iommu(&checking);
        check_users(&checking, target_remakes(pf, target), -1);
        return checking.result;
}

int change_check_users(struct change *change, const char *address, const struct pf_target *target, int number)
{
        struct checking checking = {.change = change, .target = target};
        cleanup_(pf_free_p) struct pf *pf = NULL;
        int r;

        if (change->force)
                return 0;
        usage_clear(change->usage);
        r = pf_read(change->host, address, false, &pf);
        if (r < 0) {
                pf_unreadable(change, address, r);
                return r;
        }
        checking.pf = pf;
        pf_name(pf, checking.name);
        check_users(&checking, number < 0, number);
        return checking.result;
}
