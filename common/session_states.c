/* See socle/session_states.h. */
#include "socle/session_states.h"

const struct socle_session_state_info socle_session_state_info[SOCLE_SESSION_STATE_COUNT] = {
#define X(id, name, timeout_s, help) [SOCLE_SESSION_##id] = {name, help, timeout_s},
        SOCLE_SESSION_STATES(X)
#undef X
};
