/* See capturing.h. */
#include <errno.h>

#include "capturing.h"
#include "caret.h"
#include "client.h"
#include "command.h"
#include "format.h"
#include "report.h"
#include "say.h"
#include "screen.h"
#include "session.h"

#define LOOK_MS 100 /* so often a signal is looked for */

/* What a message was. */
enum { GO_ON, ENOUGH, ENDED };

static int take_message(const struct capturing *capturing, const json_t *message, long long id, json_t **ret_end)
{
        const json_t *params = json_object_get(message, "params");
        const json_t *packet = json_object_get(params, "packet");

        if (json_integer_value(json_object_get(params, "capture")) != id)
                return GO_ON; /* the reply to capture_stop */
        if (packet)
                return capturing->packet(capturing->user, packet) ? GO_ON : ENOUGH;
        *ret_end = json_incref(json_object_get(params, "end"));
        return *ret_end ? ENDED : GO_ON;
}

/* Asks for the end, which is then read like everything before it. */
static int stop(struct session *session, long long id)
{
        return client_post(session->client, "capture_stop", json_pack("{s:I}", "capture", (json_int_t)id),
                           session->timeout_ms);
}

static int follow(struct session *session, long long id, const struct capturing *capturing, json_t **ret_end)
{
        bool stopped = false;
        int waited_ms = 0;

        for (;;) {
                json_t *message = NULL;
                int r = client_next(session->client, LOOK_MS, &message), what = GO_ON;

                if (r == 0)
                        what = take_message(capturing, message, id, ret_end);
                json_decref(message);
                if (what == ENDED)
                        return CLI_OK;
                if (r < 0 && r != -ETIMEDOUT)
                        return session_failed(session, r);
                if ((what == ENOUGH || interrupted()) && !stopped) {
                        stopped = true;
                        r = stop(session, id);
                        if (r < 0)
                                return session_failed(session, r);
                }
                /* Told to stop, socled answers soon; else the capture's own time bounds it. */
                waited_ms = stopped && r == -ETIMEDOUT ? waited_ms + LOOK_MS : 0;
                if (waited_ms > session->timeout_ms)
                        return session_failed(session, -ETIMEDOUT);
        }
}

int capturing_run(struct session *session, json_t *params, const char *words, const struct capturing *capturing,
                  json_t **ret_end)
{
        json_t *result = NULL, *end = NULL;
        const char *error;
        int status;

        interrupt_catch();
        status = caret_call(session, "capture", params, words, &result);
        if (!status)
                status = follow(session, json_integer_value(json_object_get(result, "capture")), capturing, &end);
        json_decref(result);
        error = member_text(end, "error");
        if (*error) {
                complain("the capture ended early: %s", error);
                status = CLI_REFUSED;
        }
        *ret_end = end;
        return status;
}
