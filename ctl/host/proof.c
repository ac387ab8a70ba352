/* See proof.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proof.h"
#include "window.h"

#define WORST_TOLD 5

struct proof {
        sd_event *event;
        struct proof_options options;
        struct profile_check check; /* seconds 0: nothing is to be proven */
        char *isolated;
        char *not_yet; /* NULL: it may be proven */
        struct window *window;
        sd_event_source *timer;
        bool again; /* something changed while the window was open */
        json_t *result;
};

/* ---- the result ---- */

static void tell(struct proof *proof, json_t *result)
{
        json_decref(proof->result);
        proof->result = result;
        proof->options.told(proof->options.user, result);
}

static json_t *now_text(void)
{
        char text[32];
        time_t now = time(NULL);
        struct tm tm;

        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
        return json_string(text);
}

static json_t *result_new(const struct proof *proof, json_t *proven, const char *verdict)
{
        return json_pack("{ss, so, ss, sI, sI, so}", "cpus", proof->isolated, "proven", proven, "verdict", verdict,
                         "limit_us", (json_int_t)proof->check.limit_us, "seconds", (json_int_t)proof->check.seconds,
                         "at", now_text());
}

/* It cannot be told. */
static void tell_why_not(struct proof *proof, const char *words)
{
        tell(proof, result_new(proof, json_null(), words));
}

static int by_longest(const void *a, const void *b)
{
        const struct noise_source *left = a, *right = b;

        return (left->longest_ns < right->longest_ns) - (left->longest_ns > right->longest_ns);
}

static void tell_report(struct proof *proof, struct noise_report *report)
{
        char verdict[1024];
        bool proven = noise_proves_isolation(report, proof->check.limit_us * 1000ULL, verdict, sizeof(verdict));
        json_t *result = result_new(proof, json_boolean(proven), verdict);

        if (report->count > 0)
                qsort(report->sources, report->count, sizeof(*report->sources), by_longest);
        report->count = report->count < WORST_TOLD ? report->count : WORST_TOLD;
        json_t *all = noise_report_to_json(report);
        json_object_set(result, "worst", json_object_get(all, "sources"));
        json_object_set(result, "not_seen", json_object_get(all, "not_seen"));
        json_decref(all);
        tell(proof, result);
}

/* ---- the window ---- */

static void begin(struct proof *proof);

static void on_done(void *user, int r, struct noise_report *report, const struct errors *errors)
{
        struct proof *proof = user;

        proof->window = NULL;
        if (r == 0)
                tell_report(proof, report);
        else
                tell_why_not(proof, errors->list[0].message);
        if (proof->again)
                begin(proof);
}

static int on_timer(sd_event_source *source, uint64_t now_us, void *user)
{
        begin(user);
        return 0;
}

static void arm(struct proof *proof)
{
        uint64_t wait_us = proof->check.every_s * 1000000ULL;

        proof->timer = sd_event_source_disable_unref(proof->timer);
        if (proof->check.every_s > 0)
                (void)sd_event_add_time_relative(proof->event, &proof->timer, CLOCK_MONOTONIC, wait_us, wait_us / 16,
                                                 on_timer, proof);
}

static void begin(struct proof *proof)
{
        struct window_options options = {
                .seconds = proof->check.seconds, .check = true, .done = on_done, .user = proof};

        arm(proof);
        proof->again = proof->window != NULL;
        if (proof->again)
                return;
        if (proof->not_yet) {
                tell_why_not(proof, proof->not_yet);
                return;
        }
        int r = cpu_set_from_list(proof->isolated, &options.cpus);
        if (r == 0)
                r = window_begin(&proof->window, proof->event, &options);
        if (r < 0)
                tell_why_not(proof, strerror(-r));
}

/* ---- outside ---- */

static void stop(struct proof *proof)
{
        window_cancel(proof->window);
        proof->window = NULL;
        proof->again = false;
        proof->timer = sd_event_source_disable_unref(proof->timer);
        free(proof->isolated);
        free(proof->not_yet);
        proof->isolated = proof->not_yet = NULL;
        proof->check = (struct profile_check){};
}

static bool same_text(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

void proof_consider(struct proof *proof, const struct profile_check *check, const char *isolated, bool changed,
                    const char *not_yet)
{
        if (!check || check->seconds == 0 || !isolated || !isolated[0]) {
                stop(proof);
                if (proof->result)
                        tell(proof, NULL);
                return;
        }
        if (!changed && same_text(isolated, proof->isolated) && same_text(not_yet, proof->not_yet) &&
            memcmp(check, &proof->check, sizeof(*check)) == 0)
                return;
        if (!same_text(isolated, proof->isolated) || memcmp(check, &proof->check, sizeof(*check)) != 0)
                stop(proof); /* the window that may be open is about something else */
        free(proof->isolated);
        free(proof->not_yet);
        proof->isolated = strdup(isolated);
        proof->not_yet = not_yet ? strdup(not_yet) : NULL;
        proof->check = *check;
        if (proof->isolated)
                begin(proof);
}

const json_t *proof_result(const struct proof *proof)
{
        return proof->result;
}

struct proof *proof_free(struct proof *proof)
{
        if (!proof)
                return NULL;
        stop(proof);
        json_decref(proof->result);
        free(proof);
        return NULL;
}

int proof_new(struct proof **ret, sd_event *event, const struct proof_options *options)
{
        struct proof *proof = calloc(1, sizeof(*proof));

        if (!proof)
                return -ENOMEM;
        proof->event = event;
        proof->options = *options;
        *ret = proof;
        return 0;
}
