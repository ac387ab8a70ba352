/* How sessions are tracked: one immutable set of settings, swapped as a whole by control. */
#pragma once

#include "tcp.h"

struct dp_session_settings {
        struct dp_tcp_settings tcp; /* its timeout_ms is the array below */
        uint32_t pickup_ms;         /* after start: answers that come first are taken up until then; 0: never */
        uint32_t timeout_ms[SOCLE_SESSION_STATE_COUNT];
};

/* Load with dp_load(). Never NULL: the defaults of socle/session_states.h until control sets others. */
extern const struct dp_session_settings *dp_session_settings;
extern const struct dp_session_settings dp_session_defaults;
