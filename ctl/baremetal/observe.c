/* See enrolment.h: what Ironic has of a node. */
#include <stdio.h>

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
