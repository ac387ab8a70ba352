/* Ageing: control walks over the table, a slice at a time, and takes away what has expired. Workers treat an expired
 * session as none anyway, so nothing depends on how soon; they pay nothing for it. */
#pragma once

#include "table.h"

/* What the last whole walk found. */
struct dp_session_census {
        uint32_t live;
        uint32_t by_state[SOCLE_SESSION_STATE_COUNT];
        uint64_t expired; /* taken away, ever */
};

extern struct dp_session_census dp_session_census;

/* Looks at the next entries of the table, a fortieth of those in use: all in four seconds when called ten times a
 * second. Control only. `pool`: dp.worker_count. */
void dp_session_age(unsigned int pool, uint32_t now_ms);

/* Deletes the sessions that count against ports that are gone, lest they count against the next one with that index. A
 * walk over all entries in use; the workers know of the ports' end. Control only, known to RCU. */
void dp_session_forget_owners(unsigned int pool, const bool gone[DP_PORT_MAX]);
