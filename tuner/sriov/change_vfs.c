/* change_vfs() and change_verify() of change.h. Values come before drivers, since a kernel driver takes its VF's MAC
 * address when it starts. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bounded.h"
#include "change.h"
#include "driver.h"

/* After no driver has come for so long, no more are expected. */
#define DRIVERS_QUIET_MS 5000
/* A link that was just set up takes a while to come. */
#define CARRIER_MS 5000

/* One device's VFs, while they are changed. */
struct changing {
        struct change *change;
        const struct pf *pf;
        const struct pf_target *target;
        bool fresh;
        char name[PF_NAME_SIZE];
};

static bool is_wished(const struct change *change, unsigned number, enum vf_value value)
{
        return change->wish && number < change->wish->count && change->wish->vfs[number].values.known & VF_BIT(value);
}

/* ---- values ---- */

static bool is_vlan(enum vf_value value)
{
        return value == VF_VLAN || value == VF_QOS || value == VF_VLAN_PROTOCOL;
}

static bool is_rate(enum vf_value value)
{
        return value == VF_MIN_TX_RATE || value == VF_MAX_TX_RATE;
}

static bool together(enum vf_value a, enum vf_value b)
{
        return a == b || (is_vlan(a) && is_vlan(b)) || (is_rate(a) && is_rate(b));
}

/* Said, when the kernel has not come back at all. */
static bool is_stuck(struct changing *changing, int error, const char *pointer)
{
        return bounded_complain(changing->change->errors, error, pointer, changing->name, changing->pf->address);
}

static int complain_value(struct changing *changing, unsigned number, enum vf_value value, int error, const char *words)
{
        const char *driver = changing->pf->driver;
        char pointer[POINTER_SIZE], text[VF_TEXT_SIZE], expected[160];

        if (is_stuck(changing, error, wish_pointer(changing->change->wish, number, value, pointer)))
                return error;
        if (error == -EPROTONOSUPPORT)
                value = VF_VLAN_PROTOCOL; /* which was sent together with the VLAN */
        if (error == -EPROTONOSUPPORT)
                snprintf(expected, sizeof(expected), "802.1Q: the driver %s knows no other", driver);
        else if (error == -EOPNOTSUPP)
                snprintf(expected, sizeof(expected), "no %s: the driver %s cannot set it", vf_value_name(value),
                         driver);
        else if (is_rate(value))
                snprintf(expected, sizeof(expected),
                         "a rate that the driver %s takes: most want a link, not more than its speed", driver);
        else
                snprintf(expected, sizeof(expected), "a value that the driver %s takes", driver);
        errors_add(changing->change->errors, error, wish_pointer(changing->change->wish, number, value, pointer),
                   expected, "VF %u of %s: %s %s is refused: %s%s%s", number, changing->name, vf_value_name(value),
                   vf_value_text(value, changing->target->vfs[number].value[value], text), strerror(-error),
                   words[0] ? ": " : "", words);
        return error;
}

static int has_carrier(void *user, uint64_t *progress)
{
        const struct changing *changing = user;
        cleanup_free char *carrier = NULL;

        /* Newer kernels take the lock of all interfaces for it. */
        int r = patience_read(&changing->change->patience, changing->change->host, &carrier,
                              "/sys/class/net/%s/carrier", changing->pf->interface);
        return r == -ETIMEDOUT || r == -EBUSY ? r : r == 0 && strcmp(carrier, "1") == 0;
}

/* Drivers that know rates only by the link's speed refuse them until there is one; whether this driver does is for it
 * to say. */
static void await_carrier(struct changing *changing)
{
        struct patience patience = patience_of(CARRIER_MS);

        if (patience.end_ms > changing->change->patience.end_ms)
                patience = changing->change->patience;
        (void)patience_wait(&patience, 0, has_carrier, changing);
}

/* One value, with those that go with it: of these, what is there stays unless it is to change too. */
static int write_value(struct changing *changing, unsigned number, enum vf_value value)
{
        const struct vf_values *target = &changing->target->vfs[number];
        struct vf_values values = changing->pf->vfs[number].values;
        char words[LINK_WORDS_SIZE];

        for (enum vf_value other = 0; other < VF_DRIVER; other++) {
                if (!(target->known & VF_BIT(other)))
                        continue;
                values.known |= VF_BIT(other);
                values.value[other] = target->value[other];
        }
        if (is_rate(value) && values.value[value] > 0)
                await_carrier(changing);
        int r = bounded_write_vf(&changing->change->patience, changing->change->host, changing->pf->interface, number,
                                 value, &values, words);
        /* What the device neither tells nor can set, and nobody wishes for, is as it was. */
        if (r == -EOPNOTSUPP && !is_wished(changing->change, number, value))
                return 0;
        /* Nor that no address is set, which many drivers refuse to be told: any is as good (vf_value_satisfied()). */
        if (r < 0 && r != -ETIMEDOUT && value == VF_MAC_ADDRESS && values.value[value] == 0 &&
            !is_wished(changing->change, number, value))
                return 0;
        return r == 0 ? 0 : complain_value(changing, number, value, r, words);
}

static int write_values(struct changing *changing, unsigned number)
{
        uint32_t done = 0;

        for (enum vf_value value = 0; value < VF_DRIVER; value++) {
                if (done & VF_BIT(value) || !target_differs(changing->pf, changing->target, number, value))
                        continue;
                int r = write_value(changing, number, value);
                if (r < 0)
                        return r;
                for (enum vf_value other = 0; other < VF_DRIVER; other++)
                        done |= together(value, other) ? VF_BIT(other) : 0;
        }
        return 0;
}

/* ---- drivers ---- */

static int complain_driver(struct changing *changing, unsigned number, int error, const char *expected,
                           const char *words)
{
        char pointer[POINTER_SIZE];

        wish_pointer(changing->change->wish, number, VF_DRIVER, pointer);
        if (!pointer[0] && changing->change->wish) /* of those that are only there */
                snprintf(pointer, sizeof(pointer), "/spec/numvfs");
        if (is_stuck(changing, error, pointer))
                return error;
        errors_add(changing->change->errors, error, pointer, expected, "VF %u (%s) of %s: %s", number,
                   changing->pf->vfs[number].address, changing->name, words);
        return error;
}

/* Who is to drive it; false: whoever does now. */
static bool wanted_driver(const struct changing *changing, unsigned number, enum vf_driver *ret)
{
        const struct vf_values *target = &changing->target->vfs[number];

        if (target->known & VF_BIT(VF_DRIVER)) {
                *ret = (enum vf_driver)target->value[VF_DRIVER];
                return true;
        }
        /* As if it had been shown to drivers when it came. */
        *ret = DRIVER_KERNEL;
        return changing->fresh && changing->target->autoprobe;
}

/* A kernel driver that runs learns of a new MAC address only when it starts. */
static bool must_begin_anew(const struct changing *changing, unsigned number)
{
        return driver_class(changing->pf->vfs[number].driver) == DRIVER_KERNEL &&
               target_differs(changing->pf, changing->target, number, VF_MAC_ADDRESS);
}

static int bind_vf(struct changing *changing, unsigned number)
{
        struct change *change = changing->change;
        const char *address = changing->pf->vfs[number].address;
        char words[DRIVER_WORDS_SIZE] = "", expected[DRIVER_WORDS_SIZE] = "";
        const struct vf_values *target = &changing->target->vfs[number];
        const char *named = target->known & VF_BIT(VF_DRIVER) ? target->driver : "";
        enum vf_driver wanted = DRIVER_KERNEL;
        bool wants = wanted_driver(changing, number, &wanted), anew = must_begin_anew(changing, number);
        int r = 0;

        if (!wants && !anew)
                return 0;
        /* Made just now, it is nobody's yet. */
        if (!changing->fresh && changing->pf->vfs[number].driver[0])
                r = change_check_users(change, changing->pf->address, changing->target, (int)number);
        if (r < 0)
                return r;
        if (wants && wanted == DRIVER_VFIO) {
                r = driver_check_iommu(change->host, changing->pf->vfs[number].iommu_group, expected);
                snprintf(words, sizeof(words), "it is behind no IOMMU");
        }
        if (r == 0 && anew) {
                r = driver_unbind(change->host, &change->patience, address);
                snprintf(words, sizeof(words), "%s does not let go of it: %s", changing->pf->vfs[number].driver,
                         strerror(-r));
        }
        if (r == 0)
                r = driver_bind(change->host, &change->patience, address, wanted, named, words, expected);
        /* Who was merely shown to drivers may be taken by none. */
        bool must = changing->target->vfs[number].known & VF_BIT(VF_DRIVER) || anew || r == -ETIMEDOUT;
        return r == 0 || !must ? 0 : complain_driver(changing, number, r, expected, words);
}

static int all_driven(void *user, uint64_t *progress)
{
        const struct changing *changing = user;
        bool all = true;
        char driver[32];

        *progress = 0;
        for (unsigned i = 0; i < changing->target->count; i++) {
                const struct vf_values *target = &changing->target->vfs[i];

                if (!(target->known & VF_BIT(VF_DRIVER)) || target->value[VF_DRIVER] == DRIVER_NONE)
                        continue;
                device_driver(changing->change->host, changing->pf->vfs[i].address, driver);
                if (driver_class(driver) == target->value[VF_DRIVER])
                        ++*progress;
                else
                        all = false;
        }
        return all;
}

/* Whose driver has not come is told by change_verify(). */
static void await_drivers(struct changing *changing)
{
        (void)patience_wait(&changing->change->patience, DRIVERS_QUIET_MS, all_driven, changing);
}

static int check_groups(struct changing *changing)
{
        char words[DRIVER_WORDS_SIZE], message[DRIVER_WORDS_SIZE + 96];
        int result = 0;

        for (unsigned i = 0; i < changing->target->count; i++) {
                const struct vf *vf = &changing->pf->vfs[i];

                if (!is_wished(changing->change, i, VF_DRIVER) ||
                    changing->target->vfs[i].value[VF_DRIVER] != DRIVER_VFIO)
                        continue;
                int r = driver_check_group(changing->change->host, vf->iommu_group, words);
                if (r == 0)
                        continue;
                snprintf(message, sizeof(message), "its IOMMU group %d cannot go to a process: it also holds %s",
                         vf->iommu_group, words);
                result = complain_driver(changing, i, r,
                                         "a slot or firmware setting (ACS) that isolates the device, or vfio-pci for "
                                         "all that is in the group",
                                         message);
        }
        return result;
}

/* As it was before change_device(), or before a crash. Kernels before 4.12 have no such file. */
static int set_autoprobe(struct changing *changing)
{
        struct change *change = changing->change;
        int r;

        if (!changing->fresh && changing->pf->autoprobe == changing->target->autoprobe)
                return 0;
        r = patience_write(&change->patience, change->host, changing->target->autoprobe ? "1" : "0",
                           PCI_DEVICES "/%s/sriov_drivers_autoprobe", changing->pf->address);
        if (r == 0 || r == -ENOENT)
                return 0;
        errors_add(change->errors, r, change->wish ? "/spec/device" : "", "permission to write to sysfs",
                   "sriov_drivers_autoprobe of %s cannot be set to what it was: %s", changing->name, strerror(-r));
        return r;
}

int change_vfs(struct change *change, const struct pf *pf, const struct pf_target *target, bool fresh)
{
        struct changing changing = {.change = change, .pf = pf, .target = target, .fresh = fresh};
        int r = 0;

        pf_name(pf, changing.name);
        for (unsigned i = 0; r == 0 && pf->interface[0] && i < target->count; i++)
                r = write_values(&changing, i);
        if (r == 0)
                r = set_autoprobe(&changing);
        for (unsigned i = 0; r == 0 && i < target->count; i++)
                r = bind_vf(&changing, i);
        if (r == 0 && target->count > 0) {
                await_drivers(&changing);
                r = check_groups(&changing);
        }
        return r;
}

/* ---- reading back ---- */

struct verifying {
        struct change *change;
        const struct pf *pf;
        const struct pf_target *target;
        char name[PF_NAME_SIZE];
        int result;
};

/* Nobody asked for what is merely put back. */
static const char *of_wish(const struct verifying *verifying, const char *pointer)
{
        return verifying->change->wish ? pointer : "";
}

static void complain_difference(void *user, enum difference what, unsigned number, enum vf_value value)
{
        struct verifying *verifying = user;
        struct errors *errors = verifying->change->errors;
        char pointer[POINTER_SIZE], asked[VF_TEXT_SIZE], found[VF_TEXT_SIZE];
        const struct pf *pf = verifying->pf;

        verifying->result = -EIO;
        switch (what) {
        case DIFFERENT_COUNT:
                errors_add(errors, -EIO, of_wish(verifying, "/spec/numvfs"), "", "%s has %u VFs when read back, not %u",
                           verifying->name, pf_present(pf), verifying->target->count);
                break;
        case DIFFERENT_ESWITCH:
                errors_add(errors, -EIO, of_wish(verifying, "/spec/eswitch_mode"), "",
                           "%s is in eswitch mode %s when read back, not %s", verifying->name,
                           eswitch_mode_name(pf->eswitch), eswitch_mode_name(verifying->target->eswitch));
                break;
        case DIFFERENT_LINK:
                errors_add(errors, -EIO, of_wish(verifying, "/spec/device"), "", "interface %s is %s when read back",
                           pf->interface, pf->up ? "up" : "down");
                break;
        case DIFFERENT_VALUE:
                errors_add(errors, -EIO, wish_pointer(verifying->change->wish, number, value, pointer),
                           value == VF_DRIVER ? "its kernel module to be there and to take it"
                                              : "a value that the device keeps, and nobody else who sets it",
                           "VF %u (%s) of %s: %s reads back as %s, not %s", number, pf->vfs[number].address,
                           verifying->name, vf_value_name(value),
                           vf_value_text(value, pf->vfs[number].values.value[value], found),
                           vf_value_text(value, verifying->target->vfs[number].value[value], asked));
                break;
        }
}

int change_verify(struct change *change, const char *address, const struct pf_target *target)
{
        cleanup_(pf_free_p) struct pf *pf = NULL;
        struct verifying verifying = {.change = change, .target = target};
        int r = pf_read(change->host, address, target->eswitch != ESWITCH_UNKNOWN, &pf);

        if (r < 0) {
                pf_unreadable(change, address, r);
                return r;
        }
        if (!pf->interface[0] && wish_needs_interface(change->wish)) {
                errors_add(change->errors, -ENODEV, "/spec/device", "its interface in the host's network namespace",
                           "%s has no interface by which its VFs' values could be read back", address);
                return -ENODEV;
        }
        verifying.pf = pf;
        pf_name(pf, verifying.name);
        target_compare(pf, target, complain_difference, &verifying);
        return verifying.result;
}
