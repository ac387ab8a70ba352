/* Isolation that was looked at and is not there. JSON as ctl/host/proof.h makes it. */
#include <stdio.h>

#include "audit_private.h"

void audit_noise(struct auditor *auditor)
{
        const json_t *isolation = auditor->facts->isolation;
        const char *cpus = json_string_value(json_object_get(isolation, "cpus"));
        const char *verdict = json_string_value(json_object_get(isolation, "verdict"));
        char subject[64];

        if (!json_is_false(json_object_get(isolation, "proven")))
                return;
        snprintf(subject, sizeof(subject), "CPUs %.50s", cpus ? cpus : "?");
        audit_add(auditor, AUDIT_WARNING, "isolation-noise", subject,
                  "nothing but guests and the dataplane there: `soclectl noise --cpus isolated` tells who it is",
                  "they are isolated, and were disturbed: %s", verdict ? verdict : "?");
}
