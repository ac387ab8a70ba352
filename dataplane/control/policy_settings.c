/* How sessions are tracked: one set of settings, swapped as a whole. */
#include <errno.h>
#include <stdlib.h>

#include "policy_control.h"
#include "rcu.h"
#include "settings.h"

/* Workers compare times as signed differences. */
#define TIME_MAX_MS INT32_MAX

static uint32_t bounded_ms(uint64_t ms)
{
        return RTE_MIN(ms, (uint64_t)TIME_MAX_MS);
}

static void swap(const struct dp_session_settings *settings)
{
        const struct dp_session_settings *old = dp_session_settings;

        dp_store(dp_session_settings, settings);
        if (old != &dp_session_defaults)
                dp_rcu_defer((void *)(uintptr_t)old, free);
}

int session_settings_put(const struct wire_session_settings *record, struct dp_io_error *error)
{
        struct dp_session_settings *settings = calloc(1, sizeof(*settings));

        if (!settings)
                return dp_io_fail(error, ENOMEM, "out of memory");
        settings->tcp = (struct dp_tcp_settings){
                .loose = record->tcp_loose,
                .liberal = record->tcp_liberal,
                .max_retrans = RTE_MIN(record->tcp_max_retrans, (uint32_t)UINT8_MAX),
                .timeout_ms = settings->timeout_ms,
        };
        settings->pickup_ms = bounded_ms(record->pickup_s * 1000ULL);
        for (unsigned int i = 0; i < SOCLE_SESSION_STATE_COUNT; i++)
                settings->timeout_ms[i] = bounded_ms(record->timeout_ms[i]);
        swap(settings);
        return 0;
}

void session_settings_remove(const struct wire_session_settings *record)
{
        swap(&dp_session_defaults);
}
