/* See target.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target.h"

static void put(struct vf_values *values, enum vf_value value, uint64_t number)
{
        values->known |= VF_BIT(value);
        values->value[value] = number;
}

static bool knows(const struct vf_values *values, enum vf_value value)
{
        return values->known & VF_BIT(value);
}

bool target_remakes(const struct pf *pf, const struct pf_target *target)
{
        return pf->count != target->count || pf_present(pf) != pf->count ||
               (target->eswitch != ESWITCH_UNKNOWN && target->eswitch != pf->eswitch);
}

static void copy(struct vf_values *ret, enum vf_value value, const struct vf_values *from)
{
        put(ret, value, from->value[value]);
        if (value == VF_DRIVER)
                memcpy(ret->driver, from->driver, sizeof(ret->driver));
}

/* Of a VF that is about to go, for its successor. */
static void keep(const struct vf *vf, enum vf_value value, struct vf_values *ret)
{
        if (knows(&vf->values, value))
                copy(ret, value, &vf->values);
}

static void target_vf(const struct pf *pf, const struct sriov_wish *wish, const struct pf_target *before_us,
                      unsigned number, bool remakes, struct vf_values *ret)
{
        const struct vf_values *wished = wish ? &wish->vfs[number].values : NULL;
        const struct vf_values *before = before_us && number < before_us->vf_count ? &before_us->vfs[number] : NULL;

        for (enum vf_value value = 0; value < VF_VALUE_COUNT; value++) {
                if (wished && knows(wished, value))
                        put(ret, value, wished->value[value]);
                else if (before && knows(before, value))
                        copy(ret, value, before);
                else if (remakes && number < pf->count)
                        keep(&pf->vfs[number], value, ret);
        }
}

int target_make(const struct pf *pf, const struct sriov_wish *wish, const struct pf_target *before_us,
                struct pf_target *ret)
{
        struct pf_target target = {.autoprobe = pf->autoprobe};

        target.count = wish ? wish->count : before_us->count;
        target.eswitch = wish ? wish->eswitch : ESWITCH_UNKNOWN;
        if (target.eswitch == ESWITCH_UNKNOWN && before_us)
                target.eswitch = before_us->eswitch;
        /* Some drivers make no VFs, or set no rates, while the interface is down. */
        if (wish)
                target.link = wish->count > 0 && pf->interface[0] ? LINK_UP : LINK_ANY;
        else
                target.link = before_us->link == LINK_DOWN ? LINK_DOWN : LINK_ANY;
        target.vf_count = target.count;
        target.vfs = calloc(target.count ?: 1, sizeof(*target.vfs));
        if (!target.vfs)
                return -ENOMEM;
        bool remakes = target_remakes(pf, &target);
        for (unsigned i = 0; i < target.count; i++)
                target_vf(pf, wish, before_us, i, remakes, &target.vfs[i]);
        *ret = target;
        return 0;
}

int target_of_state(const struct pf *pf, struct pf_target *ret)
{
        struct vf_values *vfs = calloc(pf->count ?: 1, sizeof(*vfs));

        if (!vfs)
                return -ENOMEM;
        for (unsigned i = 0; i < pf->count; i++)
                vfs[i] = pf->vfs[i].values;
        *ret = (struct pf_target){
                .count = pf->count,
                .link = !pf->interface[0] ? LINK_ANY
                        : pf->up          ? LINK_UP
                                          : LINK_DOWN,
                .autoprobe = pf->autoprobe,
                .eswitch = pf->eswitch,
                .vf_count = pf->count,
                .vfs = vfs,
        };
        return 0;
}

static int grow(struct pf_target *target, unsigned count)
{
        if (count <= target->vf_count)
                return 0;
        struct vf_values *more = reallocarray(target->vfs, count, sizeof(*more));
        if (!more)
                return -ENOMEM;
        for (unsigned i = target->vf_count; i < count; i++)
                more[i] = (struct vf_values){};
        target->vfs = more;
        target->vf_count = count;
        return 0;
}

/* What is wished for of one VF. */
static void remember_wished(const struct pf *pf, const struct pf *fresh, unsigned number, uint32_t wished,
                            struct vf_values *ret)
{
        const struct vf_values *then = number < pf->count ? &pf->vfs[number].values : &fresh->vfs[number].values;

        for (enum vf_value value = 0; value < VF_VALUE_COUNT; value++) {
                if (!(wished & VF_BIT(value)) || knows(ret, value))
                        continue;
                if (value == VF_DRIVER && number >= pf->count) /* not shown to drivers yet */
                        put(ret, value, pf->autoprobe ? DRIVER_KERNEL : DRIVER_NONE);
                else if (knows(then, value))
                        copy(ret, value, then);
                else if (knows(&fresh->vfs[number].values, value))
                        copy(ret, value, &fresh->vfs[number].values);
        }
}

int target_remember(const struct pf *pf, const struct pf *fresh, const struct sriov_wish *wish,
                    struct pf_target *before_us)
{
        int r = grow(before_us, wish->count > before_us->count ? wish->count : before_us->count);

        if (r < 0)
                return r;
        if (wish->eswitch != ESWITCH_UNKNOWN && before_us->eswitch == ESWITCH_UNKNOWN)
                before_us->eswitch = pf->eswitch;
        for (unsigned i = 0; i < wish->count && i < fresh->count; i++)
                remember_wished(pf, fresh, i, wish->vfs[i].values.known, &before_us->vfs[i]);
        /* VFs that were there before us and are not any more: all of them. */
        for (unsigned i = wish->count; i < before_us->count && i < pf->count; i++)
                for (enum vf_value value = 0; value < VF_VALUE_COUNT; value++)
                        if (!knows(&before_us->vfs[i], value))
                                keep(&pf->vfs[i], value, &before_us->vfs[i]);
        return 0;
}

bool target_remembered(const struct pf *pf, const struct sriov_wish *wish, const struct pf_target *before_us)
{
        for (unsigned i = 0; i < wish->count; i++) {
                uint32_t known = i < before_us->vf_count ? before_us->vfs[i].known : 0;
                uint32_t told = i < pf->count ? pf->vfs[i].values.known : UINT32_MAX;
                uint32_t wished = wish->vfs[i].values.known;

                if (known & ~wished || (wished & ~known & told))
                        return false;
        }
        return (wish->eswitch == ESWITCH_UNKNOWN) == (before_us->eswitch == ESWITCH_UNKNOWN);
}

void target_forget(const struct sriov_wish *wish, struct pf_target *before_us)
{
        for (unsigned i = 0; i < before_us->vf_count && i < wish->count; i++)
                before_us->vfs[i].known &= wish->vfs[i].values.known;
        if (wish->eswitch == ESWITCH_UNKNOWN)
                before_us->eswitch = ESWITCH_UNKNOWN;
}

bool target_differs(const struct pf *pf, const struct pf_target *target, unsigned number, enum vf_value value)
{
        const struct vf_values *wanted = &target->vfs[number], *found = &pf->vfs[number].values;

        return knows(wanted, value) && (!knows(found, value) || wanted->value[value] != found->value[value]);
}

/* What the device does not tell cannot be seen to differ. */
static bool unsatisfied(const struct vf_values *wanted, const struct vf_values *found, enum vf_value value)
{
        return knows(wanted, value) && knows(found, value) &&
               !vf_value_satisfied(value, wanted->value[value], found->value[value]);
}

void target_compare(const struct pf *pf, const struct pf_target *target,
                    void (*different)(void *user, enum difference what, unsigned number, enum vf_value value),
                    void *user)
{
        if (pf->count != target->count || pf_present(pf) != pf->count)
                different(user, DIFFERENT_COUNT, 0, 0);
        if (target->eswitch != ESWITCH_UNKNOWN && pf->eswitch != target->eswitch)
                different(user, DIFFERENT_ESWITCH, 0, 0);
        if (target->link != LINK_ANY && pf->interface[0] && pf->up != (target->link == LINK_UP))
                different(user, DIFFERENT_LINK, 0, 0);
        for (unsigned i = 0; i < pf->count && i < target->count; i++)
                for (enum vf_value value = 0; pf->vfs[i].address[0] && value < VF_VALUE_COUNT; value++)
                        if (unsatisfied(&target->vfs[i], &pf->vfs[i].values, value))
                                different(user, DIFFERENT_VALUE, i, value);
}

static void note_difference(void *user, enum difference what, unsigned number, enum vf_value value)
{
        *(bool *)user = false;
}

bool target_satisfied(const struct pf *pf, const struct pf_target *target)
{
        bool satisfied = true;

        target_compare(pf, target, note_difference, &satisfied);
        return satisfied;
}
