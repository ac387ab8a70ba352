/* See plan.h: the way to the wanted state. States and verbs: Ironic's "Bare Metal State Machine". */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "desired.h"
#include "plan.h"
#include "ironic.h"
#include "socle/cleanup.h"
#include "values.h"
#include "wording.h"

#define VERB_ATTEMPTS 3 /* a conductor may be restarted in the middle of one */

/* ---- making a step ---- */

void next_clear(struct next *next)
{
        json_decref(next->body);
        *next = (struct next){};
}

void next_request(struct next *next, const char *method, json_t *body, const char *step, const char *path, ...)
{
        va_list args;

        *next = (struct next){.type = NEXT_REQUEST, .method = method, .body = body};
        snprintf(next->step, sizeof(next->step), "%s", step);
        va_start(args, path);
        vsnprintf(next->path, sizeof(next->path), path, args);
        va_end(args);
}

void next_say(struct next *next, enum next_type type, const char *step, const char *words, ...)
{
        va_list args;

        *next = (struct next){.type = type};
        snprintf(next->step, sizeof(next->step), "%s", step);
        va_start(args, words);
        vsnprintf(next->words, sizeof(next->words), words, args);
        va_end(args);
        wording_repair(next->words);
}

void plan_note(const struct view *view, const char *format, ...)
{
        char text[PLAN_WORDS];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        wording_repair(text);
        if (view->notes)
                json_array_append_new(view->notes, json_string(text));
}

/* ---- what is seen ---- */

bool is_uuid(const char *text)
{
        if (!text || strlen(text) != 36)
                return false;
        for (size_t i = 0; i < 36; i++) {
                bool dash = i == 8 || i == 13 || i == 18 || i == 23;
                if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
                        return false;
        }
        return true;
}

const char *seen_state(const json_t *node)
{
        return spec_string(node, "provision_state") ?: "";
}

bool plan_is_ours(const struct view *view)
{
        return strcmp(made_by(view->node), view->by) == 0;
}

bool one_of(const char *text, const char *const *list)
{
        for (; *list; list++)
                if (strcmp(text, *list) == 0)
                        return true;
        return false;
}

/* Those that Ironic leaves by itself. */
static bool is_passing_state(const char *state)
{
        return ONE_OF(state, "verifying", "inspecting", "inspect wait", "cleaning", "clean wait", "adopting",
                      "deploying", "wait call-back", "deleting", "unrescuing", "rescuing", "rescue wait", "servicing",
                      "service wait");
}

bool plan_busy(const struct view *view, struct next *ret)
{
        const char *state = seen_state(view->node), *by = spec_string(view->node, "reservation");

        if (is_passing_state(state))
                next_say(ret, NEXT_WAIT, state, "Ironic is at it");
        else if (by)
                next_say(ret, NEXT_WAIT, "unlock", "the node is locked by conductor %.200s", by);
        else
                return false;
        return true;
}

/* ---- failures of Ironic's ---- */

static const char *last_error(const struct view *view)
{
        return spec_string(view->node, "last_error") ?: "Ironic does not say why";
}

static bool is_spent(const struct view *view, const char *verb)
{
        return view->asked >= VERB_ATTEMPTS && strcmp(view->verb ?: "", verb) == 0;
}

void plan_verb(const struct view *view, const char *verb, struct next *ret)
{
        if (is_spent(view, verb)) {
                next_say(ret, NEXT_FAIL, verb, "Ironic could not do \"%s\": %.480s", verb, last_error(view));
                return;
        }
        next_request(ret, "PUT", json_pack("{ss}", "target", verb), verb, "/v1/nodes/%s/states/provision",
                     spec_string(view->node, "uuid"));
        ret->verb = verb;
}

/* ---- state by state ---- */

/* Only a node that Ironic can manage is asked to be verified. */
static void from_enroll(const struct view *view, struct next *ret)
{
        if (view->validated)
                plan_verb(view, "manage", ret);
        else
                next_say(ret, NEXT_VALIDATE, "validate", "%s", "");
}

static void give_away(const struct view *view, struct next *ret)
{
        if (view->released)
                plan_verb(view, "provide", ret);
        else
                next_say(ret, NEXT_RELEASE, "release", "%s", "");
}

/* Some deploy interfaces refuse to adopt what has no image. */
static bool needs_image(const struct view *view)
{
        const json_t *info = json_object_get(view->node, "instance_info");

        return view->image_source && strcmp(spec_string(info, "image_source") ?: "", view->image_source) != 0;
}

static void adopt(const struct view *view, struct next *ret)
{
        const char *uuid = spec_string(view->node, "uuid");

        if (needs_image(view))
                next_request(ret, "PATCH",
                             json_pack("[{ss, ss, ss}]", "op", "add", "path", "/instance_info/image_source", "value",
                                       view->image_source),
                             "image of the instance", "/v1/nodes/%s", uuid);
        else
                plan_verb(view, "adopt", ret);
}

static void from_manageable(const struct view *view, struct next *ret)
{
        if (strcmp(view->target, "available") == 0)
                give_away(view, ret);
        else if (strcmp(view->target, "active") == 0)
                adopt(view, ret);
        else
                next_say(ret, NEXT_DONE, "manageable", "%s", "");
}

static void from_available(const struct view *view, struct next *ret)
{
        if (strcmp(view->target, "available") == 0)
                next_say(ret, NEXT_DONE, "available", "%s", "");
        else
                plan_verb(view, "manage", ret);
}

/* Cleaning is not begun again by itself: it wipes disks. */
static void from_failure(const struct view *view, const char *state, struct next *ret)
{
        bool cleaning = strcmp(state, "clean failed") == 0 && strcmp(view->target, "available") == 0;
        bool adopting = strcmp(state, "adopt failed") == 0 && strcmp(view->target, "active") == 0;

        if (cleaning || (adopting && is_spent(view, "adopt")))
                next_say(ret, NEXT_FAIL, state, "%s: %.400s%s", state, last_error(view),
                         cleaning ? "; set the target to manageable, and see to it" : "");
        else
                plan_verb(view, adopting ? "adopt" : "manage", ret);
}

static void from_active(const struct view *view, struct next *ret)
{
        if (strcmp(view->target, "active") == 0)
                next_say(ret, NEXT_DONE, "active", "%s", "");
        else
                next_say(ret, NEXT_BLOCKED, "active",
                         "the node is in use%s%.100s: undeploy it in Ironic first, or delete this object",
                         spec_string(view->node, "instance_uuid") ? " by instance " : "",
                         spec_string(view->node, "instance_uuid") ?: "");
}

static void plan_state(const struct view *view, struct next *ret)
{
        const char *state = seen_state(view->node);

        if (view->settled)
                next_say(ret, NEXT_DONE, state, "%s", "");
        else if (strcmp(state, "enroll") == 0)
                from_enroll(view, ret);
        else if (strcmp(state, "manageable") == 0)
                from_manageable(view, ret);
        else if (strcmp(state, "available") == 0)
                from_available(view, ret);
        else if (ONE_OF(state, "clean failed", "inspect failed", "adopt failed"))
                from_failure(view, state, ret);
        else if (strcmp(state, "active") == 0)
                from_active(view, ret);
        else
                next_say(ret, NEXT_BLOCKED, state[0] ? state : "state",
                         "the node is in the state \"%.60s\", which is not ours to change", state);
}

/* ---- all of it ---- */

static void create_node(const struct view *view, struct next *ret)
{
        if (view->settled) {
                next_say(ret, NEXT_FAIL, "node",
                         "the node is no longer in Ironic: somebody deleted it, or hides it from these credentials; "
                         "change or make this object anew to enrol it again");
                return;
        }
        next_request(ret, "POST", json_deep_copy(json_object_get(view->desired, "node")), "create node", "/v1/nodes");
        ret->password = true;
}

/* Ironic lets nobody change much of a node that is deployed, and it is not ours then. */
static bool may_differ(const struct view *view)
{
        const char *state = seen_state(view->node);

        return ONE_OF(state, "enroll", "manageable", "available", "clean failed", "inspect failed", "adopt failed") ||
               (strcmp(state, "active") == 0 && strcmp(view->target, "active") == 0);
}

/* Ironic asks a ramdisk for the machine's inventory: we are there, and have it. Never asked for by us. */
static bool answer_inspection(const struct view *view, struct next *ret)
{
        static const char *const parts[] = {"inventory", "lldp_raw", "pci_devices", "numa_topology"};
        json_t *body;

        if (strcmp(seen_state(view->node), "inspect wait") != 0 || !view->inventory || view->inspected ||
            !plan_is_ours(view) || view->version < API_INSPECTION)
                return false;
        body = json_object();
        for (size_t i = 0; i < ARRAY_LEN(parts); i++)
                json_object_set(body, parts[i], json_object_get(view->inventory, parts[i]));
        next_request(ret, "POST", body, "answer inspection", "/v1/continue_inspection?node_uuid=%s",
                     spec_string(view->node, "uuid"));
        ret->inspection = true;
        return true;
}

/* It was wanted to be given away, and is not any more: before a ramdisk is there that wipes its disks. */
static bool stop_cleaning(const struct view *view, struct next *ret)
{
        if (strcmp(seen_state(view->node), "clean wait") != 0 || view->settled || !plan_is_ours(view) ||
            strcmp(view->target, "available") == 0)
                return false;
        plan_verb(view, "abort", ret);
        return true;
}

/* We were on our way out, were cut off, and are wanted again. */
static bool end_maintenance(const struct view *view, struct next *ret)
{
        if (!json_is_true(json_object_get(view->node, "maintenance")) || !plan_is_ours(view) ||
            strcmp(spec_string(view->node, "maintenance_reason") ?: "", LEAVING_REASON) != 0)
                return false;
        next_request(ret, "DELETE", NULL, "end maintenance", "/v1/nodes/%s/maintenance",
                     spec_string(view->node, "uuid"));
        return true;
}

/* What cannot wait until Ironic is done with the node, or until the BMC has been asked. */
static bool plan_at_once(const struct view *view, struct next *ret)
{
        return answer_inspection(view, ret) || stop_cleaning(view, ret) || end_maintenance(view, ret);
}

void plan_enrolment(const struct view *view, struct next *ret)
{
        if (!view->node)
                create_node(view, ret);
        else if (!is_uuid(spec_string(view->node, "uuid")))
                next_say(ret, NEXT_FAIL, "node", "Ironic's answer is no node: it has no UUID");
        else if (plan_at_once(view, ret))
                return;
        else if (plan_busy(view, ret)) {
                if (view->settled)
                        ret->type = NEXT_DONE; /* others deploy it, or the conductor looks at its power */
                return;
        } else if (!may_differ(view) || !plan_differences(view, ret))
                plan_state(view, ret);
        if (ret->type == NEXT_REQUEST && !view->checked) {
                next_clear(ret);
                next_say(ret, NEXT_CHECK, "check", "%s", "");
        }
}
