/* See wish.h: the spec into a wish. */
#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wish.h"

struct sriov_wish *sriov_wish_free(struct sriov_wish *wish)
{
        if (wish) {
                json_decref(wish->device);
                free(wish->vfs);
                free(wish);
        }
        return NULL;
}

const char *wish_pointer(const struct sriov_wish *wish, unsigned number, enum vf_value value, char buffer[POINTER_SIZE])
{
        buffer[0] = '\0';
        if (wish && number < wish->count && wish->vfs[number].values.known & VF_BIT(value))
                snprintf(buffer, POINTER_SIZE, "/spec/vfs/%u/%s", wish->vfs[number].entry[value],
                         vf_value_name(wish->vfs[number].implied & VF_BIT(value) ? VF_VLAN : value));
        return buffer;
}

bool wish_needs_interface(const struct sriov_wish *wish)
{
        for (unsigned i = 0; wish && i < wish->count; i++)
                if (wish->vfs[i].values.known & VF_NETLINK)
                        return true;
        return false;
}

static void set(struct vf_wish *vf, enum vf_value value, uint64_t number, size_t entry)
{
        vf->values.known |= VF_BIT(value);
        vf->values.value[value] = number;
        vf->entry[value] = (uint16_t)entry;
        vf->implied &= ~VF_BIT(value);
}

/* What an entry says, into one VF. */
static int overlay(struct vf_wish *vf, const json_t *entry, size_t index, struct errors *errors)
{
        char pointer[POINTER_SIZE];

        /* A VLAN is said as a whole: what an earlier entry said of its priority was about another one. */
        if (json_object_get(entry, vf_value_name(VF_VLAN))) {
                set(vf, VF_QOS, 0, index);
                set(vf, VF_VLAN_PROTOCOL, ETH_P_8021Q, index);
                vf->implied |= VF_BIT(VF_QOS) | VF_BIT(VF_VLAN_PROTOCOL);
        }
        for (enum vf_value value = 0; value < VF_VALUE_COUNT; value++) {
                const json_t *member = json_object_get(entry, vf_value_name(value));
                uint64_t number;

                if (!member)
                        continue;
                if (vf_value_from_json(value, member, &number) < 0) {
                        snprintf(pointer, sizeof(pointer), "/spec/vfs/%zu/%s", index, vf_value_name(value));
                        errors_add(errors, -EINVAL, pointer, "a value as `explain SriovDevice` tells it", "%s is none",
                                   vf_value_name(value));
                        return -EINVAL;
                }
                set(vf, value, number, index);
        }
        return 0;
}

static int parse_entry(struct sriov_wish *wish, const json_t *entry, size_t index, struct errors *errors)
{
        json_int_t first = json_integer_value(json_object_get(entry, "first"));
        json_t *last_given = json_object_get(entry, "last");
        json_int_t last = last_given ? json_integer_value(last_given) : first;
        char pointer[POINTER_SIZE];
        int r = 0;

        if (first < 0 || last < first || last >= wish->count) {
                snprintf(pointer, sizeof(pointer), "/spec/vfs/%zu/%s", index, last_given ? "last" : "first");
                errors_add(errors, -EINVAL, pointer, "the number of a VF, from 0 to numvfs - 1",
                           "there is no VF %" JSON_INTEGER_FORMAT " of %u", last, wish->count);
                return -EINVAL;
        }
        for (json_int_t i = first; i <= last && r == 0; i++)
                r = overlay(&wish->vfs[i], entry, index, errors);
        return r;
}

/* Of entries that are right one by one, together. */
static int check_rates(const struct sriov_wish *wish, struct errors *errors)
{
        uint32_t both = VF_BIT(VF_MIN_TX_RATE) | VF_BIT(VF_MAX_TX_RATE);
        char pointer[POINTER_SIZE];

        for (unsigned i = 0; i < wish->count; i++) {
                const struct vf_values *values = &wish->vfs[i].values;
                uint64_t max = values->value[VF_MAX_TX_RATE];

                if ((values->known & both) != both || max == 0 || values->value[VF_MIN_TX_RATE] <= max)
                        continue;
                errors_add(errors, -EINVAL, wish_pointer(wish, i, VF_MIN_TX_RATE, pointer),
                           "at most what max_tx_rate is",
                           "min_tx_rate of VF %u is %" PRIu64 " Mbit/s, more than its max_tx_rate of %" PRIu64, i,
                           values->value[VF_MIN_TX_RATE], max);
                return -EINVAL;
        }
        return 0;
}

int sriov_wish_from_json(struct sriov_wish **ret, const json_t *spec, struct errors *errors)
{
        cleanup_(sriov_wish_free_p) struct sriov_wish *wish = calloc(1, sizeof(*wish));
        json_int_t count = json_integer_value(json_object_get(spec, "numvfs"));
        json_t *entry;
        size_t i;
        int r;

        if (!wish)
                return -ENOMEM;
        if (count < 0 || count > UINT16_MAX) {
                errors_add(errors, -EINVAL, "/spec/numvfs", "0 to 65535", "numvfs is out of range");
                return -EINVAL;
        }
        wish->count = (unsigned)count;
        wish->device = json_deep_copy(json_object_get(spec, "device"));
        wish->eswitch = eswitch_mode_from_name(json_string_value(json_object_get(spec, "eswitch_mode")));
        wish->force = json_is_true(json_object_get(spec, "force"));
        wish->vfs = calloc(wish->count ?: 1, sizeof(*wish->vfs));
        if (!wish->vfs || !wish->device)
                return -ENOMEM;
        json_array_foreach (json_object_get(spec, "vfs"), i, entry) {
                r = parse_entry(wish, entry, i, errors);
                if (r < 0)
                        return r;
        }
        r = check_rates(wish, errors);
        if (r == 0)
                *ret = TAKE_PTR(wish);
        return r;
}
