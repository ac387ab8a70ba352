/* See enrolment.h: what Ironic has of a node. */
#include <stdio.h>
#include <string.h>

#include "enrolment.h"
#include "values.h"

void seen_clear(struct seen *seen)
{
        json_decref(seen->node);
        json_decref(seen->ports);
        json_decref(seen->portgroups);
        *seen = (struct seen){};
}

static json_t *member(const struct answer *answer, const char *name)
{
        json_t *list = json_object_get(answer->body, name);

        return json_is_array(list) ? json_incref(list) : json_array();
}

static enum fault list(struct enrolment *enrolment, const char *what, const char *uuid, json_t **ret,
                       struct answer *answer)
{
        char path[PATH_BYTES];

        snprintf(path, sizeof(path), "/v1/%s/detail?node=%s", what, uuid);
        ironic_call(enrolment->ironic, "GET", path, NULL, answer);
        if (answer->fault == FAULT_NONE)
                *ret = member(answer, what);
        return answer->fault;
}

enum fault observe(struct enrolment *enrolment, struct answer *answer)
{
        const char *uuid = spec_string(enrolment->ledger, "uuid");
        struct seen *seen = &enrolment->seen;
        char path[PATH_BYTES];

        seen_clear(seen);
        snprintf(path, sizeof(path), "/v1/nodes/%s", uuid);
        ironic_call(enrolment->ironic, "GET", path, NULL, answer);
        if (answer->fault == FAULT_NOT_FOUND) {
                answer->fault = FAULT_NONE;
                return FAULT_NONE;
        }
        if (answer->fault != FAULT_NONE)
                return answer->fault;
        seen->node = json_incref(answer->body);
        answer_clear(answer);
        if (list(enrolment, "ports", uuid, &seen->ports, answer) != FAULT_NONE)
                return answer->fault;
        if (ironic_version(enrolment->ironic) < API_GROUPS)
                return FAULT_NONE;
        answer_clear(answer);
        return list(enrolment, "portgroups", uuid, &seen->portgroups, answer);
}

/* In place of the entry with its UUID, or as a new one. */
static bool put(json_t **list, json_t *thing)
{
        json_t *entry;
        size_t i;

        if (!*list)
                *list = json_array();
        json_array_foreach (*list, i, entry)
                if (json_equal(json_object_get(entry, "uuid"), json_object_get(thing, "uuid")))
                        return json_array_set(*list, i, thing) == 0;
        return json_array_append(*list, thing) == 0;
}

bool seen_update(struct seen *seen, const struct next *next, const struct answer *answer)
{
        size_t path = strlen(next->path), traits = strlen("/traits");

        if (next->verb || strcmp(next->method, "DELETE") == 0)
                return false;
        if (path > traits && strcmp(next->path + path - traits, "/traits") == 0)
                return seen->node && json_object_set(seen->node, "traits", json_object_get(next->body, "traits")) == 0;
        if (!is_uuid(spec_string(answer->body, "uuid")))
                return false;
        if (strncmp(next->path, "/v1/ports", 9) == 0)
                return put(&seen->ports, answer->body);
        if (strncmp(next->path, "/v1/portgroups", 14) == 0)
                return put(&seen->portgroups, answer->body);
        json_decref(seen->node);
        seen->node = json_incref(answer->body);
        return true;
}
