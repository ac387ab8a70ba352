/* See caret.h. */
#include <stdio.h>
#include <string.h>

#include "caret.h"
#include "command.h"
#include "format.h"
#include "report.h"
#include "say.h"
#include "session.h"
#include "socle/cleanup.h"

char *caret_words(const struct arguments *arguments, int first)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return NULL;
        for (int i = first; i < arguments->operand_count; i++)
                fprintf(out, "%s%s", i > first ? " " : "", arguments->operands[i]);
        if (fclose(out) != 0)
                return NULL;
        for (char *at = text; (at = strpbrk(at, "\t\n"));)
                *at = ' '; /* so that the caret is below what it means */
        return text;
}

/* "character N: …" about /packet; false: it is about something else. */
static bool point_at(const json_t *complaint, const char *words)
{
        const char *message = member_text(complaint, "message");
        unsigned at = 0;

        if (!words || strcmp(member_text(complaint, "pointer"), "/packet") != 0 ||
            sscanf(message, "character %u:", &at) != 1 || at == 0)
                return false;
        complain("%s", message);
        advise("%s", words);
        advise("%*s", (int)at, "^");
        if (*member_text(complaint, "expected"))
                advise("right would be: %s", member_text(complaint, "expected"));
        return true;
}

int caret_call(struct session *session, const char *method, json_t *params, const char *words, json_t **ret_result)
{
        json_t *reply = NULL;
        int status = session_request(session, method, params, 0, &reply);

        if (status)
                return status;
        const json_t *error = json_object_get(reply, "error");
        if (!error)
                *ret_result = json_incref(json_object_get(reply, "result"));
        else if (point_at(json_array_get(member(error, "data", "errors", NULL), 0), words))
                status = CLI_USAGE;
        else
                status = report_error(error, NULL);
        json_decref(reply);
        return status;
}
