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
        json_array_append_new(patch, json_pack("{ss, so, sO}", "op", "add", "path", json_sprintf("%s/%s", parent, name),
                                               "value", value));
}

static void patch_remove(json_t *patch, const char *parent, const char *name)
{
        json_array_append_new(patch,
                              json_pack("{ss, so}", "op", "remove", "path", json_sprintf("%s/%s", parent, name)));
}

/* Ironic writes hardware addresses in its own way. */
static bool is_otherwise(const char *name, const json_t *wanted, const json_t *seen)
{
        const char *a = json_string_value(wanted), *b = json_string_value(seen);

        if (a && b && ONE_OF(name, "address", "switch_id"))
                return strcasecmp(a, b) != 0;
        return !json_equal(wanted, seen);
}

/* Members of `wanted` that are otherwise in `seen`. */
static void patch_members(json_t *patch, const char *parent, const json_t *wanted, const json_t *seen)
{
        const char *name;
        json_t *value;

        json_object_foreach ((json_t *)wanted, name, value)
                if (is_otherwise(name, value, json_object_get(seen, name)))
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

/* Ironic's conductor changes what a node is, and what it is plugged into, in these states alone. */
static bool is_open(const struct view *view)
{
        return ONE_OF(seen_state(view->node), "enroll", "manageable", "inspecting", "inspect wait");
}

/* A resource class that is counted already has to wait for another state; told. */
static bool must_wait(const struct view *view, const char *name)
{
        if (strcmp(name, "resource_class") != 0 || !spec_string(view->node, name) || is_open(view) ||
            strcmp(seen_state(view->node), "available") == 0)
                return false;
        plan_note(view, "%s waits for manageable: Ironic does not change it in the state \"%.60s\"", name,
                  seen_state(view->node));
        return true;
}

static bool has_new_driver(const struct view *view)
{
        const json_t *wanted = json_object_get(view->desired, "node");

        return !json_equal(json_object_get(wanted, "driver"), json_object_get(view->node, "driver"));
}

/* The last driver's address, user and password are of no use to the next one. */
static void patch_old_driver(json_t *patch, const json_t *wanted, const json_t *seen)
{
        const char *driver = spec_string(seen, "driver") ?: "", *name;
        const char *prefix = strcmp(driver, "redfish") == 0 ? "redfish_" : strcmp(driver, "ipmi") == 0 ? "ipmi_" : NULL;
        json_t *value;

        json_object_foreach (json_object_get(seen, "driver_info"), name, value)
                if (prefix && strncmp(name, prefix, strlen(prefix)) == 0 && !strpbrk(name, "/~") &&
                    !json_object_get(json_object_get(wanted, "driver_info"), name))
                        patch_remove(patch, "/driver_info", name);
}

static json_t *node_patch(const struct view *view)
{
        static const char *const plain[] = {"name", "driver", "resource_class", "description"};
        const json_t *wanted = json_object_get(view->desired, "node"), *seen = view->node;
        json_t *patch = json_array();
        json_t *properties =
                merged_properties(json_object_get(wanted, "properties"), json_object_get(seen, "properties"));
        json_t *extra = merged_extra(json_object_get(wanted, "extra"), json_object_get(seen, "extra"));

        for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
                json_t *value = json_object_get(wanted, plain[i]);
                if (value && !json_equal(value, json_object_get(seen, plain[i])) && !must_wait(view, plain[i]))
                        patch_add(patch, "", plain[i], value);
        }
        patch_members(patch, "/properties", properties, json_object_get(seen, "properties"));
        if (has_new_driver(view))
                patch_old_driver(patch, wanted, seen);
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

static void patch_plain(json_t *patch, const char *const *names, const json_t *body, const json_t *seen)
{
        for (; *names; names++) {
                json_t *value = json_object_get(body, *names);
                if (value && is_otherwise(*names, value, json_object_get(seen, *names)))
                        patch_add(patch, "", *names, value);
        }
}

/* How a port is connected; left as it is, and told, while Ironic would refuse it. */
static void patch_connection(const struct view *view, json_t *patch, const json_t *body, const json_t *seen)
{
        static const char *const plain[] = {"pxe_enabled", "physical_network", "portgroup_uuid", NULL};
        json_t *more = json_array();

        patch_plain(more, plain, body, seen);
        patch_members(more, "/local_link_connection", json_object_get(body, "local_link_connection"),
                      json_object_get(seen, "local_link_connection"));
        if (is_open(view) || json_is_true(json_object_get(view->node, "maintenance")))
                json_array_extend(patch, more);
        else if (json_array_size(more) > 0)
                plan_note(
                        view,
                        "what port %.64s is plugged into waits for manageable: Ironic does not change it in the state "
                        "\"%.60s\"",
                        spec_string(seen, "address"), seen_state(view->node));
        json_decref(more);
}

static json_t *thing_patch(const struct view *view, const json_t *body, const json_t *seen)
{
        static const char *const plain[] = {"mode", "address", NULL};
        json_t *patch = json_array();

        patch_plain(patch, plain, body, seen);
        patch_members(patch, "/properties", json_object_get(body, "properties"), json_object_get(seen, "properties"));
        patch_connection(view, patch, body, seen);
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
                json_t *patch = seen ? thing_patch(view, body, seen) : NULL;

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

/* The interface or bond that it was made for; "": it does not say. */
static const char *made_for(const json_t *thing)
{
        return spec_string(json_object_get(json_object_get(thing, "extra"), "socle"), "object") ?: "";
}

static bool has_text(const json_t *list, const char *text)
{
        json_t *entry;
        size_t i;

        json_array_foreach ((json_t *)list, i, entry)
                if (json_is_string(entry) && strcmp(json_string_value(entry), text) == 0)
                        return true;
        return false;
}

/* Does the spec say so? That a NIC or bond of this host is not seen says little: a guest may have it. */
static bool is_unwanted(const struct view *view, const struct things *things, const json_t *seen)
{
        const json_t *excluded = json_object_get(view->desired, "excluded");

        if (json_is_true(json_object_get(view->desired, "complete")))
                return true;
        if (things->ports &&
            (has_text(excluded, made_for(seen)) || has_text(excluded, spec_string(seen, "address") ?: "")))
                return true;
        plan_note(view, "%s %.64s%s%.60s%s is not seen at present, and stays", things->word,
                  spec_string(seen, things->id), made_for(seen)[0] ? " (" : "", made_for(seen),
                  made_for(seen)[0] ? ")" : "");
        return false;
}

/* What we made and is no longer wanted. */
static bool delete_surplus(const struct view *view, const struct things *things, struct next *ret)
{
        json_t *seen;
        char step[STEP_SIZE];
        size_t i;

        json_array_foreach ((json_t *)things->seen, i, seen) {
                const char *id = spec_string(seen, things->id), *uuid = spec_string(seen, "uuid");
                if (strcmp(made_by(seen), view->by) != 0 || !is_uuid(uuid) || find_by(things->wanted, things->id, id) ||
                    !id || !is_unwanted(view, things, seen))
                        continue;
                snprintf(step, sizeof(step), "delete %s %.64s", things->word, id);
                next_request(ret, "DELETE", NULL, step, "/v1/%s/%s", things->path, uuid);
                return true;
        }
        return false;
}

/* ---- traits ---- */

/* Ours as wanted, and those of others: what is there but was not ours. */
static bool write_traits(const struct view *view, struct next *ret)
{
        const json_t *before =
                json_object_get(json_object_get(json_object_get(view->node, "extra"), "socle"), "traits");
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
        const struct things groups = {"portgroups",     "port group", "name", json_object_get(desired, "portgroups"),
                                      view->portgroups, false};
        const struct things ports = {"ports", "port", "address", json_object_get(desired, "ports"), view->ports, true};

        if (write_traits(view, ret))
                return true;
        json_t *patch = node_patch(view);
        if (patch) {
                bool reset = has_new_driver(view) && view->version >= API_RESET; /* the last one's interfaces */
                next_request(ret, "PATCH", patch, "change node", "/v1/nodes/%s%s", spec_string(view->node, "uuid"),
                             reset ? "?reset_interfaces=true" : "");
                ret->password = view->new_password;
                return true;
        }
        return write_missing(view, &groups, ret) || write_missing(view, &ports, ret) ||
               delete_surplus(view, &ports, ret) || delete_surplus(view, &groups, ret);
}
