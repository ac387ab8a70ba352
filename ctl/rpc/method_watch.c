/* watch and unwatch: a stream of what changes, from now or from a revision on. See watch.c. */
#include <errno.h>

#include "method.h"
#include "model.h"
#include "server.h"

static const struct param watch_params[] = {
        {"from_revision", PARAM_INT, "only what changed after it, deletions too; absent: first all there is",
         .max = INT64_MAX},
        {"kinds", PARAM_STRINGS, "only these kinds"},
        {},
};

static void run_watch(struct call *call, json_t *json)
{
        struct errors errors = {};
        uint64_t id;
        int r = watch_subscribe(call, json, &id, &errors);

        if (r < 0 && errors.count == 0)
                errors_add(&errors, r, "", "", "out of memory");
        if (r < 0)
                call_fail_errors(call, &errors);
        else
                call_reply(call, json_pack("{sI, sI}", "subscription", (json_int_t)id, "revision",
                                           (json_int_t)model_revision(call_context(call)->model)));
}

static struct method watch = {
        .name = "watch",
        .help = "Sends notifications of every change of spec and status; a `synced` event ends what was there before.",
        .role = ROLE_READ,
        .params = watch_params,
        .run = run_watch,
};
REGISTER_METHOD(watch);

static const struct param unwatch_params[] = {
        {"subscription", PARAM_INT, "as `watch` answered it", .required = true, .max = INT64_MAX},
        {},
};

static void run_unwatch(struct call *call, json_t *json)
{
        struct errors errors = {};

        if (watch_unsubscribe(call, (uint64_t)json_integer_value(json_object_get(json, "subscription")))) {
                call_reply(call, json_object());
                return;
        }
        errors_add(&errors, -ENOENT, "/subscription", "a number that `watch` answered on this connection",
                   "there is no such subscription");
        call_fail_errors(call, &errors);
}

static struct method unwatch = {
        .name = "unwatch",
        .help = "Ends a subscription.",
        .role = ROLE_READ,
        .params = unwatch_params,
        .run = run_unwatch,
};
REGISTER_METHOD(unwatch);
