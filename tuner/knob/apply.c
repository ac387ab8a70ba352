/* The transaction: compare, journal, write and read back each knob, commit; or undo (apply.h; what is on disk and in
 * which order is in journal.h). */
#include <errno.h>
#include <string.h>

#include "apply_private.h"

static bool is_step(const struct knob_result *result)
{
        return result->state == KNOB_WOULD_CHANGE;
}

static bool any_step(const struct knob_results *results)
{
        for (size_t i = 0; i < results->count; i++)
                if (is_step(&results->list[i]))
                        return true;
        return false;
}

/* What cannot even be read is not written: nothing has happened yet. */
static int refuse_unreadable(const struct knob_results *results, struct errors *errors)
{
        int worst = 0;

        for (size_t i = 0; i < results->count; i++) {
                const struct knob_result *result = &results->list[i];
                if (result->state != KNOB_FAILED)
                        continue;
                worst = worst ? worst : result->error;
                result_complain(result, "cannot be read: ", errors);
        }
        return worst;
}

/* ---- what the journal will be ---- */

/* Only what is wished for stays in it, with the oldest `before` there is. */
static int make_next(const json_t *journal, const struct knob_results *results, json_t **ret)
{
        cleanup_json json_t *next = journal_next(journal);

        if (!next)
                return -ENOMEM;
        for (const struct knob *knob = knob_first(); knob; knob = knob->next)
                json_object_del(json_object_get(next, "knobs"), knob->name);
        for (size_t i = 0; i < results->count; i++) {
                const struct knob_result *result = &results->list[i];
                const char *before = journal_before(journal, result->knob->name, result->target);
                if (result->put_back || result->state == KNOB_GONE || (!before && !is_step(result)))
                        continue;
                int r = journal_set(next, result->knob->name, result->target, before ? before : result->found,
                                    result->wanted);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(next);
        return 0;
}

static int make_change(const struct host *host, const struct knob_results *results, json_t *next, json_t **ret)
{
        cleanup_free char *boot_id = NULL;
        cleanup_json json_t *steps = json_array();
        int r = journal_boot_id(host, &boot_id);

        if (r < 0)
                return r;
        for (size_t i = 0; i < results->count; i++) {
                const struct knob_result *result = &results->list[i];
                if (!is_step(result))
                        continue;
                json_t *step =
                        json_pack("{s:s, s:s, s:s, s:s, s:b}", "knob", result->knob->name, "target", result->target,
                                  "before", result->found, "wanted", result->wanted, "put_back", result->put_back);
                if (json_array_append_new(steps, step) < 0)
                        return -EILSEQ;
        }
        *ret = json_pack("{s:i, s:s, s:O, s:O}", "version", 1, "boot_id", boot_id, "steps", steps, "next", next);
        return *ret ? 0 : -ENOMEM;
}

/* ---- the steps ---- */

static int write_step(const struct host *host, struct knob_result *step)
{
        struct knob_detail detail = {};
        const struct knob *knob = step->knob;

        step->before = TAKE_PTR(step->found);
        step->pending = true;
        int written = step->put_back ? knob_undo(knob, host, step->target, step->wanted, &detail)
                                     : knob_write(knob, host, step->target, step->wanted, &detail);
        int r = result_read(host, step);
        if (r == -ENOENT) {
                step->pending = false;
                return 0;
        }
        if (r == 0 && written == 0 && knob_satisfied(knob, step->wanted, step->found)) {
                step->state = KNOB_CHANGED;
                return result_in_force(host, step);
        }
        step->state = KNOB_FAILED;
        step->error = written < 0 ? written : r;
        step->detail = detail.text[0] ? strdup(detail.text) : NULL;
        return step->error ? step->error : -EIO;
}

static int write_steps(const struct host *host, struct knob_results *results, struct errors *errors)
{
        for (size_t i = 0; i < results->count; i++) {
                struct knob_result *step = &results->list[i];
                int r = is_step(step) ? write_step(host, step) : 0;
                if (r < 0) {
                        result_complain(step, "", errors);
                        return r;
                }
        }
        return 0;
}

/* Where it got to its place but could not be synced, it counts too, and the change stays on disk beside it: if power
 * fails and the old journal comes back, the next start finds a change of an earlier boot, and undoes what is in files.
 */
static bool is_in_place(const struct host *host, const json_t *next)
{
        cleanup_json json_t *journal = NULL;
        struct errors ignored = {};

        return journal_load(host, &journal, &ignored) == 0 && journal_is(journal, next);
}

/* *ret_synced: the change may be forgotten. */
static int commit(const struct host *host, const json_t *next, bool *ret_synced, struct errors *errors)
{
        int r = journal_save(host, next);

        *ret_synced = r == 0;
        if (r == 0 || is_in_place(host, next))
                return 0;
        errors_add(errors, r, "", "space, and permission to write there", "cannot write the journal in %s: %s",
                   host->state, strerror(-r));
        return r;
}

static int transact(const struct host *host, json_t *journal, json_t *next, struct knob_results *results,
                    struct errors *errors)
{
        cleanup_json json_t *change = NULL;
        bool synced = false;
        int r = make_change(host, results, next, &change);

        if (r == 0)
                r = change_save(host, change);
        if (r < 0) {
                errors_add(errors, r, "", "space, and permission to write there",
                           "cannot write the journal in %s, so nothing was changed: %s", host->state, strerror(-r));
                change_remove(host);
                return r;
        }
        r = write_steps(host, results, errors);
        if (r == 0)
                r = commit(host, next, &synced, errors);
        if (r < 0) {
                undo_steps(host, results, errors);
                undo_finish(host, results, journal, errors);
                return r;
        }
        if (synced)
                change_remove(host); /* if this fails, the next start sees by the serial that all was done */
        return 0;
}

int knobs_apply(const struct host *host, const struct wishes *wishes, struct knob_results *ret, struct errors *errors)
{
        cleanup_json json_t *journal = NULL, *next = NULL;
        struct knob_results results = {};
        bool undone, synced;
        int r = knobs_recover(host, &undone, errors);

        if (r == 0)
                r = journal_load(host, &journal, errors);
        if (r == 0)
                r = compare_with_journal(host, wishes, journal, &results);
        if (r == 0)
                r = refuse_unreadable(&results, errors);
        if (r == 0)
                r = make_next(journal, &results, &next);
        if (r == 0 && any_step(&results))
                r = transact(host, journal, next, &results, errors);
        else if (r == 0 && !json_equal(json_object_get(journal, "knobs"), json_object_get(next, "knobs")))
                r = commit(host, next, &synced, errors);
        if (r < 0 && errors->count == 0)
                errors_add(errors, r, "", "", "cannot apply: %s", strerror(-r));
        *ret = results;
        return r;
}
