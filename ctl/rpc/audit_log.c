/* Who changed what, from where, with what result: one line in the log for every change that was asked for, also for
 * those that were refused. With fields for the journal, so that `journalctl SOCLE_AUDIT=1 WHO=…` finds them. */
#include <stdio.h>

#include "model.h"
#include "private.h"
#include "socle/log.h"

#define OBJECTS_SIZE 400 /* of the names, in the line; counts say the rest */

/* "Port/p1, Network/blue, … 3 more". */
static void name_objects(const json_t *changes, char *text, size_t size)
{
        size_t used = 0, i;
        json_t *change;

        text[0] = 0;
        json_array_foreach ((json_t *)changes, i, change) {
                const char *kind = json_string_value(json_object_get(change, "kind")) ?: "?";
                const char *name = json_string_value(json_object_get(change, "name")) ?: "?";
                if (used + 160 > size) {
                        snprintf(text + used, size - used, ", … %zu more", json_array_size(changes) - i);
                        return;
                }
                used += (size_t)snprintf(text + used, size - used, "%s%.63s/%.63s", i > 0 ? ", " : "", kind, name);
        }
}

void audit_log(const struct call *call, const json_t *changes, const char *result, uint64_t revision)
{
        const struct identity *identity = &call->client->identity;
        char who[160], from[80], method[64], objects[OBJECTS_SIZE + 16], outcome[320], number[40];
        const char *const fields[] = {"SOCLE_AUDIT=1", who, from, method, objects, outcome, number, NULL};
        const char *names = objects + sizeof("OBJECT=") - 1;

        snprintf(who, sizeof(who), "WHO=%s", identity->who);
        snprintf(from, sizeof(from), "FROM=%s", identity->from);
        snprintf(method, sizeof(method), "METHOD=%s", call->method->name);
        snprintf(objects, sizeof(objects), "OBJECT=");
        name_objects(changes, objects + sizeof("OBJECT=") - 1, OBJECTS_SIZE);
        snprintf(outcome, sizeof(outcome), "RESULT=%s", result);
        snprintf(number, sizeof(number), "REVISION=%llu", (unsigned long long)revision);
        socle_log_fields(LOG_NOTICE, fields, "%s (%s): %s %s: %s, revision %llu", identity->who, identity->from,
                         call->method->name, *names ? names : "nothing", result, (unsigned long long)revision);
}
