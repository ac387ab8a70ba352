/* sriov_plan() of sriov.h: the differences between what is there and what is to be, as steps with their reasons. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "transaction.h"

struct planning {
        json_t *steps;
        const struct part *part;
};

/* Takes over `from` and `to`. */
static void add(struct planning *planning, const char *step, json_t *from, json_t *to, const char *why)
{
        json_array_append_new(planning->steps, json_pack("{s:s, s:s, s:o, s:o, s:s}", "device", planning->part->address,
                                                         "step", step, "from", from, "to", to, "why", why));
}

static void plan_device(struct planning *planning)
{
        const struct pf *pf = planning->part->before;
        const struct pf_target *target = &planning->part->target;
        const struct sriov_wish *wish = planning->part->wish;
        const char *gone = wish ? NULL : "was so before";

        if (target->link != LINK_ANY && pf->interface[0] && pf->up != (target->link == LINK_UP))
                add(planning, "link", json_string(pf->up ? "up" : "down"),
                    json_string(target->link == LINK_UP ? "up" : "down"),
                    gone ?: "VFs, and the rates of VFs, need the interface up");
        if (target->eswitch != ESWITCH_UNKNOWN && target->eswitch != pf->eswitch)
                add(planning, "eswitch_mode", json_string(eswitch_mode_name(pf->eswitch)),
                    json_string(eswitch_mode_name(target->eswitch)),
                    wish && wish->eswitch != ESWITCH_UNKNOWN ? "asked for by /spec/eswitch_mode" : "was so before");
        if (!target_remakes(pf, target))
                return;
        add(planning, "numvfs", json_integer(pf_present(pf)), json_integer(target->count),
            pf->count == 0      ? gone ?: "asked for by /spec/numvfs"
            : target->count > 0 ? "all VFs are made anew: the kernel changes their number, and drivers the switch's "
                                  "mode, only while there are none"
                                : gone ?: "asked for by /spec/numvfs");
}

static void plan_value(struct planning *planning, unsigned number, enum vf_value value, bool anew)
{
        const struct part *part = planning->part;
        const struct vf_values *before = number < part->before->count ? &part->before->vfs[number].values : NULL;
        bool known = before && before->known & VF_BIT(value);
        char step[48], pointer[POINTER_SIZE], why[POINTER_SIZE + 32];

        if (wish_pointer(part->wish, number, value, pointer)[0])
                snprintf(why, sizeof(why), "asked for by %s", pointer);
        else
                snprintf(why, sizeof(why), anew ? "was so before the VFs are made anew" : "was so before");
        snprintf(step, sizeof(step), "vf %u %s", number, vf_value_name(value));
        add(planning, step, known ? vf_value_to_json(value, before->value[value]) : json_null(),
            vf_value_to_json(value, part->target.vfs[number].value[value]), why);
}

static void plan_part(json_t *steps, const struct part *part)
{
        struct planning planning = {steps, part};
        bool anew = target_remakes(part->before, &part->target);

        plan_device(&planning);
        for (unsigned i = 0; i < part->target.count; i++)
                for (enum vf_value value = 0; value < VF_VALUE_COUNT; value++)
                        if (anew ? part->target.vfs[i].known & VF_BIT(value)
                                 : target_differs(part->before, &part->target, i, value))
                                plan_value(&planning, i, value, anew);
}

int sriov_plan(const struct host *host, const char *name, const struct sriov_wish *wish,
               const struct sriov_users *users, json_t **ret, struct errors *errors)
{
        cleanup_(sriov_transaction_clear) struct transaction transaction = {};
        json_t *steps;
        int r = sriov_transaction_begin(&transaction, host, name, users, errors);

        if (r == 0)
                r = sriov_transaction_add_meant(&transaction, wish);
        if (r == 0)
                r = sriov_transaction_add_former(&transaction);
        if (r == 0)
                r = sriov_transaction_check(&transaction);
        if (r < 0)
                return r;
        steps = json_array();
        if (!steps)
                return sriov_no_memory(errors);
        for (size_t i = 0; i < transaction.count; i++)
                plan_part(steps, &transaction.parts[i]);
        *ret = steps;
        return 0;
}
