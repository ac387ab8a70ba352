/* Calls that the tuner's thread answers: they wait without holding up the loop, and are forgotten when the client goes.
 */
#include <stdlib.h>

#include "method.h"
#include "model.h"
#include "server.h"
#include "socle/cleanup.h"
#include "tuning.h"

struct asking_host {
        struct call *call;
        struct tuning_request *request;
        json_t *result; /* of a dry run, which the answer completes; else NULL */
};

static void asking_host_free(struct asking_host *asking)
{
        json_decref(asking->result);
        free(asking);
}

static void on_cancel(void *user)
{
        struct asking_host *asking = user;

        tuning_cancel(asking->request);
        asking_host_free(asking);
}

static void on_done(void *user, json_t *answer, const struct errors *errors)
{
        struct asking_host *asking = user;
        struct call *call = asking->call;
        json_t *result = json_incref(asking->result);

        call->cancel = NULL;
        asking_host_free(asking);
        if (!answer) {
                json_decref(result);
                call_fail_errors(call, errors);
                return;
        }
        if (result)
                json_object_set_new(result, "host", answer);
        call_reply(call, result ?: answer);
}

static void ask(struct call *call, enum tuning_topic topic, const struct transaction *transaction, json_t *result)
{
        struct asking_host *asking = calloc(1, sizeof(*asking));

        if (!asking) {
                json_decref(result);
                call_fail(call, RPC_INTERNAL, "out of memory");
                return;
        }
        *asking = (struct asking_host){.call = call, .result = result};
        call->cancel = on_cancel;
        call->cancel_user = asking;
        if (tuning_ask(call_context(call)->tuning, topic, transaction, on_done, asking, &asking->request) == 0)
                return;
        call->cancel = NULL;
        asking_host_free(asking);
        call_fail(call, RPC_INTERNAL, "out of memory");
}

void call_ask_tuning(struct call *call, int topic)
{
        if (call_context(call)->tuning)
                ask(call, topic, NULL, NULL);
        else
                call_fail(call, RPC_NO_TUNER, "this socled does not look after the host: `tuner = no` in socled.conf");
}

void call_preview_host(struct call *call, struct transaction *transaction, json_t *result)
{
        if (call_context(call)->tuning && tuning_concerns(transaction))
                ask(call, TUNING_PREVIEW, transaction, result);
        else
                call_reply(call, result);
        transaction_free(transaction);
}
