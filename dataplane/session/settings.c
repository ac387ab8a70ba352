/* See settings.h. */
#include "settings.h"

const struct dp_session_settings dp_session_defaults = {
        .tcp = {.loose = true, .max_retrans = 3, .timeout_ms = dp_session_defaults.timeout_ms},
        .pickup_ms = 120000,
        .timeout_ms =
                {
#define X(id, name, timeout_s, help) [SOCLE_SESSION_##id] = (timeout_s)*1000,
                        SOCLE_SESSION_STATES(X)
#undef X
                },
};

const struct dp_session_settings *dp_session_settings = &dp_session_defaults;
