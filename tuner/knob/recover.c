/* After a crash, and when the profile goes: what the journal knows is put back (apply.h, journal.h). */
#include <errno.h>
#include <string.h>

#include "apply_private.h"

/* ---- an apply that was cut off ---- */

/* The steps of a change; those of an `old` boot are nothing to put back any more, but in files. */
static int load_steps(const struct host *host, const json_t *change, bool old, struct knob_results *results)
{
        const json_t *entry;
        size_t i;

        json_array_foreach (json_object_get(change, "steps"), i, entry) {
                const char *name = json_string_value(json_object_get(entry, "knob"));
                const char *target = json_string_value(json_object_get(entry, "target"));
                const char *before = json_string_value(json_object_get(entry, "before"));
                const struct knob *knob = name ? knob_find(name) : NULL;
                if (!knob || !target || !before || (old && !knob->persistent))
                        continue;
                struct knob_result *step =
                        results_add(results, knob, target, json_string_value(json_object_get(entry, "wanted")), NULL);
                if (!step || !(step->before = strdup(before)))
                        return -ENOMEM;
                step->pending = true;
                step->put_back = json_is_true(json_object_get(entry, "put_back"));
        }
        return 0;
}

/* What was to be put back must be as it was to the letter: a part of it is what it was before the change. */
static bool is_done(const struct knob_result *step, const char *found)
{
        return step->put_back ? strcmp(step->wanted, found) == 0 : knob_satisfied(step->knob, step->wanted, found);
}

static bool all_done(const struct host *host, const struct knob_results *steps)
{
        for (size_t i = 0; i < steps->count; i++) {
                const struct knob_result *step = &steps->list[i];
                cleanup_free char *found = NULL;
                int r = knob_read(step->knob, host, step->target, &found);
                if (r != -ENOENT && (r < 0 || !is_done(step, found)))
                        return false;
        }
        return true;
}

static int finish_or_undo(const struct host *host, const json_t *change, json_t *journal, bool *ret_undone,
                          struct errors *errors)
{
        const json_t *next = json_object_get(change, "next");
        struct knob_results steps = {};
        bool old = false;

        if (journal_is(journal, next))
                return change_remove(host);
        int r = change_is_old(host, change, &old);
        if (r == 0)
                r = load_steps(host, change, old, &steps);
        if (r == 0 && !old && all_done(host, &steps)) {
                r = journal_save(host, next);
                if (r == 0)
                        r = change_remove(host);
        } else if (r == 0) {
                undo_steps(host, &steps, errors);
                r = undo_finish(host, &steps, journal, errors);
                *ret_undone = true;
        }
        knob_results_clear(&steps);
        return r;
}

/* ---- the profile is gone ---- */

/* All of the journal as steps to be undone. */
static int list_journal(const json_t *journal, struct knob_results *results)
{
        for (const struct knob *knob = knob_first(); knob; knob = knob->next) {
                const char *target;
                json_t *entry;
                json_object_foreach (journal_targets(journal, knob->name), target, entry) {
                        const char *before = json_string_value(json_object_get(entry, "before"));
                        struct knob_result *result =
                                results_add(results, knob, target, before, "the profile is gone: as it was before");
                        if (!result || !(result->before = strdup(result->wanted)))
                                return -ENOMEM;
                        result->put_back = result->pending = true;
                }
        }
        return 0;
}

/* What was put back leaves the journal. */
static void settle(const struct host *host, json_t *journal, struct knob_results *results)
{
        for (size_t i = 0; i < results->count; i++) {
                struct knob_result *result = &results->list[i];
                if (result->pending) {
                        result->state = KNOB_FAILED;
                        continue;
                }
                result->state = KNOB_CHANGED;
                if (result_read(host, result) == 0)
                        result_in_force(host, result);
                journal_forget(journal, result->knob->name, result->target);
        }
}

static int restore(const struct host *host, json_t *journal, struct knob_results *results, struct errors *errors)
{
        json_t *knobs = json_object_get(journal, "knobs");
        cleanup_json json_t *marker = json_pack("{s:i, s:b}", "version", 1, "restore", true);
        int r = list_journal(journal, results);

        if (r < 0)
                return r;
        /* So that a crash does not end it half-way; that the disk is full is no reason not to put things back. */
        if (marker)
                change_save(host, marker);
        size_t failed = undo_steps(host, results, errors);
        settle(host, journal, results);
        if (failed == 0 && json_object_size(knobs) > 0)
                errors_add(errors, -ENOENT, "", "the version of socled that wrote the journal",
                           "the journal in %s has the knob '%s', which this socled does not know", host->state,
                           json_object_iter_key(json_object_iter(knobs)));
        r = journal_save(host, journal);
        if (r == 0)
                r = change_remove(host);
        if (r < 0)
                errors_add(errors, r, "", "space, and permission to write there", "cannot write the journal in %s: %s",
                           host->state, strerror(-r));
        return r < 0 ? r : errors->code;
}

/* ---- */

/* What an earlier process left undone: *ret_restore, it was putting everything back. */
static int settle_change(const struct host *host, bool *ret_undone, bool *ret_restore, struct errors *errors)
{
        cleanup_json json_t *change = NULL, *journal = NULL;
        int r = change_load(host, &change, errors);

        if (r < 0 || !change)
                return r;
        if (json_is_true(json_object_get(change, "restore"))) {
                *ret_restore = true;
                return 0;
        }
        r = journal_load(host, &journal, errors);
        return r < 0 ? r : finish_or_undo(host, change, journal, ret_undone, errors);
}

int knobs_restore(const struct host *host, struct knob_results *ret, struct errors *errors)
{
        cleanup_json json_t *journal = NULL;
        struct knob_results results = {};
        bool undone = false, restoring = false;
        int r = settle_change(host, &undone, &restoring, errors);

        if (r == 0)
                r = journal_load(host, &journal, errors);
        if (r == 0 && (restoring || json_object_size(json_object_get(journal, "knobs")) > 0))
                r = restore(host, journal, &results, errors);
        *ret = results;
        return r;
}

int knobs_recover(const struct host *host, bool *ret_undone, struct errors *errors)
{
        struct knob_results results = {};
        bool undone = false, restoring = false;
        int r = settle_change(host, &undone, &restoring, errors);

        if (r == 0 && restoring)
                r = knobs_restore(host, &results, errors);
        knob_results_clear(&results);
        if (r == 0)
                *ret_undone = undone;
        return r;
}
