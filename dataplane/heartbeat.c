/* See heartbeat.h. */
#include <systemd/sd-daemon.h>

#include "heartbeat.h"
#include "socle/log.h"
#include "worker.h"

#define WORKERS_MAX 64

static uint64_t period_us;              /* how often systemd wants to hear of us, a third of its patience */
static uint64_t last_seen[WORKERS_MAX]; /* a worker's account of its time: it grows with each round */
static unsigned int silent[WORKERS_MAX];

static uint64_t rounds_of(const struct dp_worker *worker)
{
        return worker->busy_tsc + worker->poll_tsc + worker->sleep_tsc + worker->wakeups;
}

/* A worker may sleep for a second: one period without a sign is none yet. */
static bool all_alive(void)
{
        bool alive = true;

        for (unsigned int i = 0; i < dp.worker_count && i < WORKERS_MAX; i++) {
                uint64_t now = rounds_of(&dp.workers[i]);
                silent[i] = now == last_seen[i] ? silent[i] + 1 : 0;
                last_seen[i] = now;
                if (silent[i] < 2)
                        continue;
                if (silent[i] == 2)
                        log_error("worker %u makes no rounds any more: the watchdog is not fed", i);
                alive = false;
        }
        return alive;
}

static int on_period(sd_event_source *source, uint64_t now_us, void *user)
{
        if (all_alive())
                sd_notify(0, "WATCHDOG=1");
        sd_event_source_set_time_relative(source, period_us);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int heartbeat_start(sd_event *event)
{
        int r = sd_watchdog_enabled(0, &period_us);

        if (r <= 0)
                return r;
        period_us /= 3;
        if (period_us < 1500000)
                log_warning("WatchdogSec= is shorter than 4.5 s, and a worker may sleep for a second");
        return sd_event_add_time_relative(event, NULL, CLOCK_MONOTONIC, period_us, 0, on_period, NULL);
}
