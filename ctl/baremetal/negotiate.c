/* Which microversion to speak with an Ironic. Pure; see ironic.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ironic.h"
#include "values.h"

/* 1.82 → 82; 0: no version of Ironic's. */
static int minor_of(const char *text)
{
        char *end;
        long minor = text && strncmp(text, "1.", 2) == 0 ? strtol(text + 2, &end, 10) : 0;

        return minor > 0 && minor < 10000 && *end == 0 ? (int)minor : 0;
}

int api_negotiate(const json_t *versions, char words[FAULT_WORDS])
{
        const json_t *version = json_object_get(versions, "default_version");
        int most = minor_of(spec_string(version, "version"));
        int least = minor_of(spec_string(version, "min_version"));

        if (most == 0)
                snprintf(words, FAULT_WORDS, "the answer is not Ironic's: is the endpoint right?");
        else if (most < API_LEAST)
                snprintf(words, FAULT_WORDS, "Ironic speaks up to API 1.%d: 1.%d at least is needed", most, API_LEAST);
        else if (least > API_MOST)
                snprintf(words, FAULT_WORDS, "Ironic speaks API 1.%d and newer: this socled knows up to 1.%d", least,
                         API_MOST);
        else
                return most < API_MOST ? most : API_MOST;
        return 0;
}
