/* See plan.h: Ironic's node against the desired one, and the first thing that must be written. What others have put
 * there (keys of properties, traits, ports) is left alone. */
#include <stdio.h>
#include <string.h>

#include "desired.h"
#include "ironic.h"
#include "plan.h"
#include "socle/cleanup.h"
#include "values.h"

/* ---- patches (RFC 6902; "add" also replaces, and does not mind what is not there) ---- */

static void patch_add(json_t *patch, const char *parent, const char *name, json_t *value)
{
        json_array_append_new(patch, json_pack("{ss, so, sO}", "op", "add", "path",
                                               json_sprintf("%s/%s", parent, name), "value", value));
}

/* Members of `wanted` that are otherwise in `seen`. */
static void patch_members(json_t *patch, const char *parent, const json_t *wanted, const json_t *seen)
{
        const char *name;
        json_t *value;

        json_object_foreach ((json_t *)wanted, name, value)
                if (!json_equal(value, json_object_get(seen, name)))
                        patch_add(patch, parent, name, value);
}

/* NULL and freed when it is empty. */
static json_t *patch_or_nothing(json_t *patch)
{
        if (json_array_size(patch) > 0)
                return patch;
        json_decref(patch);
        return NULL;
}

/* ---- the node ---- */

/* Capabilities of others stay; they are one text. */
static json_t *merged_properties(const json_t *wanted, const json_t *seen)
{
        json_t *all = json_copy((json_t *)wanted);
        json_t *capabilities = capabilities_parse(spec_string(seen, "capabilities"));
        json_t *before = json_copy(capabilities), *ours = capabilities_parse(spec_string(wanted, "capabilities"));

        json_object_update(capabilities, ours);
        if (json_equal(capabilities, before)) {
                json_object_del(all, "capabilities"); /* whatever their order is */
        } else {
                cleanup_free char *text = capabilities_format(capabilities);
                json_object_set_new(all, "capabilities", json_string(text));
        }
        json_decref(capabilities);
        json_decref(before);
        json_decref(ours);
        return all;
}

/* Who made a node is said when it is made, and never changed. */
static json_t *merged_extra(const json_t *wanted, const json_t *seen)
{
        json_t *all = json_deep_copy(wanted), *socle = json_object_get(all, "socle");
        json_t *by = json_object_get(json_object_get(seen, "socle"), "by");

        if (by)
                json_object_set(socle, "by", by);
        else
                json_object_del(socle, "by");
        return all;
}

static json_t *node_patch(const struct view *view)
{
        static const char *const plain[] = {"name", "driver", "resource_class", "description"};
        const json_t *wanted = json_object_get(view->desired, "node"), *seen = view->node;
        json_t *patch = json_array();
        json_t *properties = merged_properties(json_object_get(wanted, "properties"), json_object_get(seen, "properties"));
        json_t *extra = merged_extra(json_object_get(wanted, "extra"), json_object_get(seen, "extra"));

        for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
                json_t *value = json_object_get(wanted, plain[i]);
                if (value && !json_equal(value, json_object_get(seen, plain[i])))
                        patch_add(patch, "", plain[i], value);
        }
        patch_members(patch, "/properties", properties, json_object_get(seen, "properties"));
        patch_members(patch, "/driver_info", json_object_get(wanted, "driver_info"),
                      json_object_get(seen, "driver_info"));
        patch_members(patch, "/extra", extra, json_object_get(seen, "extra"));
        json_decref(properties);
        json_decref(extra);
        if (view->new_password)
                return patch; /* which comes in later */
        return patch_or_nothing(patch);
}

/* ---- ports and port groups ---- */

static json_t *find_by(const json_t *list, const char *member, const char *value)
{
        json_t *entry;
        size_t i;

        json_array_foreach ((json_t *)list, i, entry) {
                const char *text = spec_string(entry, member);
                if (text && value && strcasecmp(text, value) == 0)
                        return entry;
        }
        return NULL;
}

/* One of Ironic's: it has a UUID, which goes into paths. */
static json_t *find_seen(const json_t *list, const char *member, const char *value)
{
        json_t *entry = find_by(list, member, value);

        return is_uuid(spec_string(entry, "uuid")) ? entry : NULL;
}

/* As Ironic takes it: a port names its group by UUID. */
static json_t *port_body(const struct view *view, const json_t *wanted)
{
        json_t *body = json_copy((json_t *)wanted);
        const json_t *group = find_seen(view->portgroups, "name", spec_string(wanted, "portgroup"));

        json_object_del(body, "portgroup");
        if (group)
                json_object_set(body, "portgroup_uuid", json_object_get(group, "uuid"));
        return body;
}

/* `what`: "ports" or "portgroups"; `id`: the member by which one is known. */
static json_t *thing_patch(const json_t *body, const json_t *seen)
{
        static const char *const plain[] = {"pxe_enabled", "physical_network", "portgroup_uuid", "mode", "address"};
        json_t *patch = json_array();

        for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
                json_t *value = json_object_get(body, plain[i]);
                if (value && !json_equal(value, json_object_get(seen, plain[i])))
                        patch_add(patch, "", plain[i], value);
        }
        patch_members(patch, "/local_link_connection", json_object_get(body, "local_link_connection"),
                      json_object_get(seen, "local_link_connection"));
        patch_members(patch, "/properties", json_object_get(body, "properties"), json_object_get(seen, "properties"));
        return patch_or_nothing(patch);
}

struct things {
        const char *path, *word, *id;
        const json_t *wanted, *seen;
        bool ports;
};

static bool write_missing(const struct view *view, const struct things *things, struct next *ret)
{
        json_t *wanted;
        char step[STEP_SIZE];
        size_t i;

        json_array_foreach ((json_t *)things->wanted, i, wanted) {
                const char *id = spec_string(wanted, things->id);
                const json_t *seen = find_seen(things->seen, things->id, id);
                json_t *body = things->ports ? port_body(view, wanted) : json_copy(wanted);
                json_t *patch = seen ? thing_patch(body, seen) : NULL;

                if (!seen) {
                        json_object_set(body, "node_uuid", json_object_get(view->node, "uuid"));
                        snprintf(step, sizeof(step), "create %s %.64s", things->word, id);
                        next_request(ret, "POST", body, step, "/v1/%s", things->path);
                        return true;
                }
                json_decref(body);
                if (patch) {
                        snprintf(step, sizeof(step), "change %s %.64s", things->word, id);
                        next_request(ret, "PATCH", patch, step, "/v1/%s/%s", things->path, spec_string(seen, "uuid"));
                        return true;
                }
        }
        return false;
}

/* What we made and is no longer there. */
static bool delete_surplus(const struct view *view, const struct things *things, struct next *ret)
{
        json_t *seen;
        char step[STEP_SIZE];
        size_t i;

        json_array_foreach ((json_t *)things->seen, i, seen) {
                const char *id = spec_string(seen, things->id), *uuid = spec_string(seen, "uuid");
                if (strcmp(made_by(seen), view->by) != 0 || !is_uuid(uuid) || find_by(things->wanted, things->id, id) ||
                    !id)
                        continue;
                snprintf(step, sizeof(step), "delete %s %.64s", things->word, id);
                next_request(ret, "DELETE", NULL, step, "/v1/%s/%s", things->path, uuid);
                return true;
        }
        return false;
}

/* ---- traits ---- */

static bool has_text(const json_t *list, const char *text)
{
        json_t *entry;
        size_t i;

        json_array_foreach ((json_t *)list, i, entry)
                if (json_is_string(entry) && strcmp(json_string_value(entry), text) == 0)
                        return true;
        return false;
}

/* Ours as wanted, and those of others: what is there but was not ours. */
static bool write_traits(const struct view *view, struct next *ret)
{
        const json_t *before = json_object_get(
                json_object_get(json_object_get(view->node, "extra"), "socle"), "traits");
        json_t *all = json_copy(json_object_get(view->desired, "traits")), *trait;
        bool differ = false;
        size_t i;

        json_array_foreach ((json_t *)view->traits, i, trait) {
                const char *name = json_string_value(trait);
                if (!name || has_text(all, name))
                        continue;
                if (has_text(before, name))
                        differ = true;
                else
                        json_array_append(all, trait);
        }
        json_array_foreach (all, i, trait)
                differ = differ || !has_text(view->traits, json_string_value(trait));
        if (!differ || view->version < API_TRAITS) {
                json_decref(all);
                return false;
        }
        next_request(ret, "PUT", json_pack("{so}", "traits", all), "traits", "/v1/nodes/%s/traits",
                     spec_string(view->node, "uuid"));
        return true;
}

/* Traits before the node, whose `extra` says which were ours. The groups before the ports that name them. */
bool plan_differences(const struct view *view, struct next *ret)
{
        const json_t *desired = view->desired;
        const struct things groups = {"portgroups", "port group", "name", json_object_get(desired, "portgroups"),
                                      view->portgroups, false};
        const struct things ports = {"ports", "port", "address", json_object_get(desired, "ports"), view->ports, true};

        if (write_traits(view, ret))
                return true;
        json_t *patch = node_patch(view);
        if (patch) {
                next_request(ret, "PATCH", patch, "change node", "/v1/nodes/%s", spec_string(view->node, "uuid"));
                ret->password = view->new_password;
                return true;
        }
        return write_missing(view, &groups, ret) || write_missing(view, &ports, ret) ||
               delete_surplus(view, &ports, ret) || delete_surplus(view, &groups, ret);
}
