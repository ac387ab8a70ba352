/* audit: is the host as it should be? */
#include "method.h"
#include "tuning.h"

static const struct param params[] = {{}};

static void run(struct call *call, json_t *json)
{
        call_ask_tuning(call, TUNING_AUDIT);
}

static struct method audit_method = {
        .name = "audit",
        .help = "The host against what is wanted of it: every knob with what was asked and what is there, and settings "
                "that "
                "contradict each other, with a remedy for each.",
        .role = ROLE_READ,
        .params = params,
        .run = run,
};
REGISTER_METHOD(audit_method);
