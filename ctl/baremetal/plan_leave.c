/* See plan.h: the way back. */
#include <stdio.h>
#include <string.h>

#include "desired.h"
#include "plan.h"
#include "values.h"

/* Someone else's node: only our ports and groups go. */
static bool delete_ours(const struct view *view, const json_t *list, const char *path, const char *word,
                        struct next *ret)
{
        json_t *seen;
        char step[STEP_SIZE];
        size_t i;

        json_array_foreach ((json_t *)list, i, seen) {
                const char *uuid = spec_string(seen, "uuid");
                if (strcmp(made_by(seen), view->by) != 0 || !is_uuid(uuid))
                        continue;
                snprintf(step, sizeof(step), "delete %s %.36s", word, uuid);
                next_request(ret, "DELETE", NULL, step, "/v1/%s/%s", path, uuid);
                return true;
        }
        return false;
}

static void delete_node(const struct view *view, struct next *ret)
{
        next_request(ret, "DELETE", NULL, "delete node", "/v1/nodes/%s", spec_string(view->node, "uuid"));
}

/* Maintenance is what lets a record go without touching the machine. */
static void delete_in_maintenance(const struct view *view, struct next *ret)
{
        if (json_is_true(json_object_get(view->node, "maintenance")))
                delete_node(view, ret);
        else
                next_request(ret, "PUT", json_pack("{ss}", "reason", LEAVING_REASON), "maintenance",
                             "/v1/nodes/%s/maintenance", spec_string(view->node, "uuid"));
}

/* Was it adopted as it ran, by us, and not deployed by anybody? */
static void leave_active(const struct view *view, struct next *ret)
{
        const char *instance = spec_string(view->node, "instance_uuid");

        if (view->adopted && !instance)
                delete_in_maintenance(view, ret);
        else
                next_say(ret, NEXT_BLOCKED, "active", "the node is in use%s%.100s: undeploy it in Ironic first",
                         instance ? " by instance " : "", instance ?: "");
}

void plan_leaving(const struct view *view, struct next *ret)
{
        const char *state = seen_state(view->node);

        if (!view->node)
                next_say(ret, NEXT_DONE, "left", "%s", "");
        else if (!is_uuid(spec_string(view->node, "uuid")))
                next_say(ret, NEXT_FAIL, "node", "Ironic's answer is no node: it has no UUID");
        else if (strcmp(state, "clean wait") == 0 && plan_is_ours(view))
                plan_verb(view, "abort", ret);
        else if (plan_busy(view, ret))
                return;
        else if (!plan_is_ours(view)) {
                if (!delete_ours(view, view->ports, "ports", "port", ret) &&
                    !delete_ours(view, view->portgroups, "portgroups", "port group", ret))
                        next_say(ret, NEXT_DONE, "left", "the node was there before us, and stays");
        } else if (strcmp(state, "enroll") == 0 || strcmp(state, "manageable") == 0)
                delete_node(view, ret);
        else if (ONE_OF(state, "available", "clean failed", "inspect failed"))
                plan_verb(view, "manage", ret);
        else if (strcmp(state, "adopt failed") == 0)
                delete_in_maintenance(view, ret);
        else if (strcmp(state, "active") == 0)
                leave_active(view, ret);
        else
                next_say(ret, NEXT_BLOCKED, state[0] ? state : "state",
                         "the node is in the state \"%.60s\": bring it back to manageable in Ironic first", state);
}
