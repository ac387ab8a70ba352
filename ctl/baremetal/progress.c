/* See progress.h. */
#include <string.h>
#include <time.h>

#include "progress.h"
#include "values.h"

#define STEPS_MAX 100 /* the oldest are forgotten */

void progress_clear(struct progress *progress)
{
        json_decref(progress->steps);
        progress->steps = json_array();
}

static json_t *now_text(void)
{
        struct timespec now;
        char text[40];
        struct tm tm;

        clock_gettime(CLOCK_REALTIME, &now);
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &tm));
        return json_sprintf("%s.%03ldZ", text, now.tv_nsec / 1000000);
}

/* Where the step is to be told; a new entry if need be. */
static json_t *entry_of(struct progress *progress, const char *step)
{
        size_t count = json_array_size(progress->steps);

        for (size_t i = count; i-- > 0;) {
                json_t *entry = json_array_get(progress->steps, i);
                if (strcmp(spec_string(entry, "step"), step) == 0 &&
                    (i + 1 == count || strcmp(spec_string(entry, "state"), "done") != 0))
                        return entry;
        }
        if (count >= STEPS_MAX)
                json_array_remove(progress->steps, 0);
        json_t *entry = json_pack("{ss}", "step", step);
        json_array_append_new(progress->steps, entry);
        return entry;
}

void progress_note(struct progress *progress, const char *step, enum step_state state, const char *request_id,
                   const char *words)
{
        static const char *const names[] = {"done", "active", "waiting", "failed"};
        json_t *entry = entry_of(progress, step);
        const char *before = spec_string(entry, "state"), *said = spec_string(entry, "message") ?: "";

        if (before && strcmp(before, names[state]) == 0 && strcmp(said, words) == 0 && !request_id[0])
                return; /* since when it is so */
        json_object_set_new(entry, "state", json_string(names[state]));
        json_object_set_new(entry, "at", now_text());
        if (request_id[0])
                json_object_set_new(entry, "request_id", json_string(request_id));
        if (words[0])
                json_object_set_new(entry, "message", json_string(words));
        else
                json_object_del(entry, "message");
}

static void set_done(json_t *entry)
{
        json_object_set_new(entry, "state", json_string("done"));
        json_object_del(entry, "message");
}

void progress_over(struct progress *progress, const char *but)
{
        json_t *entry;
        size_t i;

        json_array_foreach (progress->steps, i, entry)
                if (strcmp(spec_string(entry, "state"), "active") == 0 &&
                    (!but || strcmp(spec_string(entry, "step"), but) != 0))
                        set_done(entry);
}

void progress_resolve(struct progress *progress, const char *step)
{
        json_t *entry;
        size_t i;

        json_array_foreach (progress->steps, i, entry)
                if (strcmp(spec_string(entry, "step"), step) == 0)
                        set_done(entry);
}
