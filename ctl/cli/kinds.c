/* See kinds.h. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "format.h"
#include "kinds.h"
#include "say.h"
#include "session.h"

int kinds_load(struct session *session, json_t **ret)
{
        return session_call(session, "schema", NULL, ret);
}

/* `word` is the beginning of the kind's name, also in the plural: port, ports, net, nets. */
static bool fits_kind(const char *kind, const char *word)
{
        size_t length = strlen(kind), typed = strlen(word);
        char plural[80];

        if (typed > 1 && strchr("sS", word[typed - 1]) && strncasecmp(kind, word, typed - 1) == 0)
                return true;

        if (length > 0 && strchr("yY", kind[length - 1]))
                snprintf(plural, sizeof(plural), "%.*sies", (int)length - 1, kind);
        else if (length > 0 && strchr("sxSX", kind[length - 1]))
                snprintf(plural, sizeof(plural), "%ses", kind);
        else
                snprintf(plural, sizeof(plural), "%ss", kind);
        return strncasecmp(plural, word, typed) == 0 || strncasecmp(kind, word, typed) == 0;
}

static int complain_kind(const json_t *kinds, const char *word, size_t fits)
{
        json_t *kind;
        size_t i;

        if (fits > 1)
                complain("\"%s\" could be more than one kind", word);
        else
                complain("there is no kind \"%s\"", word);
        json_array_foreach (kinds, i, kind) {
                const char *name = member_text(kind, "kind");

                if (fits == 0 || fits_kind(name, word))
                        advise("%s %s", i == 0 || fits > 1 ? "perhaps:" : "        ", name);
        }
        return CLI_USAGE;
}

int kinds_find(const json_t *schema, const char *word, const json_t **ret)
{
        const json_t *kinds = json_object_get(schema, "kinds"), *fit = NULL;
        size_t fits = 0, i;
        json_t *kind;

        json_array_foreach (kinds, i, kind) {
                const char *name = member_text(kind, "kind");

                if (strcasecmp(name, word) == 0) {
                        *ret = kind;
                        return CLI_OK;
                }
                if (*word && fits_kind(name, word)) {
                        fit = kind;
                        fits++;
                }
        }
        if (fits != 1)
                return complain_kind(kinds, word, fits);
        *ret = fit;
        return CLI_OK;
}
