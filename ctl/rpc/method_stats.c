/* stats: the dataplane's counters, asked from it now. */
#include <stdlib.h>

#include "method.h"
#include "network.h"
#include "server.h"

static const struct param params[] = {{}};

static void on_done(void *user, json_t *result)
{
        call_reply_of_dataplane(user, result);
}

static void on_cancel(void *user)
{
        network_stats_cancel(user);
}

static void run(struct call *call, json_t *json)
{
        struct stats_request *request;

        if (network_stats(call_context(call)->network, on_done, call, &request) < 0) {
                call_fail(call, RPC_NO_DATAPLANE, "the dataplane is not connected; `info` tells its state");
                return;
        }
        call->cancel = on_cancel;
        call->cancel_user = request;
}

static struct method stats = {
        .name = "stats",
        .help = "Counters of ports, workers and networks since the dataplane's start.",
        .role = ROLE_READ,
        .params = params,
        .run = run,
};
REGISTER_METHOD(stats);
