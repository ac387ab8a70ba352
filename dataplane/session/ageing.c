/* See ageing.h. */
#include "ageing.h"
#include "settings.h"

#define SLICES    40
#define SLICE_MIN 1024
/* Only what has been expired for this long is taken away: a worker that found the session alive a moment ago, on its
 * own clock, may still be using it. */
#define GRACE_MS      1000
#define RECLAIM_EVERY 64 /* short chains: a worker that takes one counts its links */

struct dp_session_census dp_session_census;

static bool is_over(const struct dp_session *session, const struct dp_session_settings *settings, uint32_t now_ms)
{
        int32_t idle = now_ms - session->seen_ms;

        return idle - GRACE_MS >= (int32_t)settings->timeout_ms[session->timeout_state];
}

void dp_session_age(unsigned int pool, uint32_t now_ms)
{
        static struct dp_session_census counting;
        static uint32_t next;
        const struct dp_session_settings *settings = dp_load(dp_session_settings);
        uint32_t touched = __atomic_load_n(&dp_sessions.touched, __ATOMIC_RELAXED);
        uint32_t slice = RTE_MAX(touched / SLICES, (uint32_t)SLICE_MIN), end = RTE_MIN(next + slice, touched);

        for (; next < end; next++) {
                struct dp_session *session = &dp_sessions.entries[next];
                if (!(session->flags & DP_SESSION_LIVE))
                        continue;
                if (is_over(session, settings, now_ms) && dp_session_delete(pool, session)) {
                        if (++dp_session_census.expired % RECLAIM_EVERY == 0)
                                dp_session_reclaim(pool);
                        continue;
                }
                counting.live++;
                counting.by_state[session->state]++;
        }
        dp_session_reclaim(pool);
        if (next < touched)
                return;
        counting.expired = dp_session_census.expired;
        dp_session_census = counting;
        counting = (struct dp_session_census){0};
        next = 0;
}

void dp_session_forget_owners(unsigned int pool, const bool gone[DP_PORT_MAX])
{
        uint32_t touched = __atomic_load_n(&dp_sessions.touched, __ATOMIC_RELAXED);

        for (uint32_t i = 0; i < touched; i++) {
                struct dp_session *session = &dp_sessions.entries[i];
                uint16_t owner = session->ways[0].owner;
                if (session->flags & DP_SESSION_LIVE && owner < DP_PORT_MAX && gone[owner])
                        dp_session_delete(pool, session);
                if (i % RECLAIM_EVERY == 0)
                        dp_session_reclaim(pool);
        }
        dp_session_reclaim(pool);
}
