/* sriov_status() of sriov.h: what is there, and what of it is not as wished. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bounded.h"
#include "target.h"
#include "usage.h"

static void set_text(json_t *json, const char *name, const char *text)
{
        if (text && text[0])
                json_object_set_new(json, name, json_string(text));
}

static void set_number(json_t *json, const char *name, int number)
{
        if (number >= 0)
                json_object_set_new(json, name, json_integer(number));
}

static json_t *vf_to_json(struct usage *usage, const struct vf *vf, unsigned number)
{
        json_t *json = json_object();

        set_number(json, "number", (int)number);
        set_text(json, "address", vf->address);
        set_text(json, "driver", vf->driver);
        for (enum vf_value value = 0; value < VF_DRIVER; value++)
                if (vf->values.known & VF_BIT(value))
                        json_object_set_new(json, vf_value_name(value),
                                            vf_value_to_json(value, vf->values.value[value]));
        set_number(json, "iommu_group", vf->iommu_group);
        set_number(json, "node", vf->node);
        set_text(json, "user", usage_glance(usage, vf));
        return json;
}

static json_t *device_to_json(struct usage *usage, const struct pf *pf)
{
        json_t *json = json_object(), *vfs = json_array();

        set_text(json, "address", pf->address);
        set_text(json, "interface", pf->interface);
        set_text(json, "driver", pf->driver);
        set_number(json, "node", pf->node);
        set_number(json, "sriov_total", (int)pf->total);
        set_number(json, "sriov_count", (int)pf_present(pf));
        if (pf->interface[0])
                set_text(json, "link", pf->up ? "up" : "down");
        if (pf->eswitch != ESWITCH_UNKNOWN)
                set_text(json, "eswitch_mode", eswitch_mode_name(pf->eswitch));
        for (unsigned i = 0; i < pf->count; i++)
                json_array_append_new(vfs, vf_to_json(usage, &pf->vfs[i], i));
        json_object_set_new(json, "vfs", vfs);
        return json;
}

struct drift {
        json_t *list;
        const struct sriov_wish *wish;
        const struct pf *pf;
        const struct pf_target *target;
};

static void append(struct drift *drift, const char *pointer, int vf, json_t *wanted, json_t *found)
{
        json_t *entry = json_pack("{s:s, s:s, s:o, s:o}", "pointer", pointer, "device", drift->pf->address, "wanted",
                                  wanted, "found", found);

        set_number(entry, "vf", vf);
        json_array_append_new(drift->list, entry);
}

static void append_difference(void *user, enum difference what, unsigned number, enum vf_value value)
{
        struct drift *drift = user;
        const struct pf *pf = drift->pf;
        char pointer[POINTER_SIZE];

        switch (what) {
        case DIFFERENT_COUNT:
                append(drift, "/spec/numvfs", -1, json_integer(drift->target->count), json_integer(pf_present(pf)));
                break;
        case DIFFERENT_ESWITCH:
                append(drift, "/spec/eswitch_mode", -1, json_string(eswitch_mode_name(drift->target->eswitch)),
                       json_string(eswitch_mode_name(pf->eswitch)));
                break;
        case DIFFERENT_LINK:
                append(drift, "/spec/device", -1, json_string("up"), json_string("down"));
                break;
        case DIFFERENT_VALUE:
                append(drift, wish_pointer(drift->wish, number, value, pointer), (int)number,
                       vf_value_to_json(value, drift->target->vfs[number].value[value]),
                       vf_value_to_json(value, pf->vfs[number].values.value[value]));
                break;
        }
}

/* Adds a device to the answer. */
static int add(struct usage *usage, const struct sriov_wish *wish, const char *address, json_t *devices, json_t *drift)
{
        cleanup_(pf_free_p) struct pf *pf = NULL;
        cleanup_(pf_target_clear) struct pf_target target = {};
        int r = pf_read(usage->host, address, wish->eswitch != ESWITCH_UNKNOWN, &pf);

        if (r == 0)
                r = target_make(pf, wish, NULL, &target);
        if (r < 0)
                return r;
        json_array_append_new(devices, device_to_json(usage, pf));
        struct drift finding = {drift, wish, pf, &target};
        target_compare(pf, &target, append_difference, &finding);
        return 0;
}

int sriov_status(const struct host *host, const struct sriov_wish *wish, const struct sriov_users *users, json_t **ret,
                 struct errors *errors)
{
        json_t *devices = json_array(), *drift = json_array();
        cleanup_(usage_clear) struct usage usage = {host, users};
        cleanup_names char **addresses = NULL;
        int r = wish_devices(host, wish, &addresses, errors);

        for (size_t i = 0; r == 0 && addresses[i]; i++) {
                r = add(&usage, wish, addresses[i], devices, drift);
                if (r < 0) {
                        char words[PATIENCE_WORDS_SIZE];

                        errors_add(errors, r, "/spec/device", "a device that can be read", "%s cannot be read: %s",
                                   addresses[i], bounded_failure(r, addresses[i], words));
                }
        }
        if (r == 0) {
                *ret = json_pack("{s:o, s:o}", "devices", devices, "drift", drift);
                return *ret ? 0 : -ENOMEM;
        }
        json_decref(devices);
        json_decref(drift);
        return r;
}
