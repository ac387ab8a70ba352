/* Putting knobs back, and seeing that they are (apply_private.h). */
#include <errno.h>
#include <string.h>

#include "apply_private.h"

int put_back(const struct host *host, struct knob_result *result)
{
        struct knob_detail detail = {};
        int r = result_read(host, result);

        /* Files of ours are written all the same: a killed process may have left something beside them. */
        if (r == -ENOENT || (r == 0 && strcmp(result->found, result->wanted) == 0 && !result->knob->persistent))
                return r;
        int written = knob_undo(result->knob, host, result->target, result->wanted, &detail);
        r = result_read(host, result);
        if (r == -ENOENT)
                return r;
        /* As it was to the letter, or as good, where others move it as well (irqbalance). */
        if (r == 0 && (strcmp(result->found, result->wanted) == 0 ||
                       (written == 0 && knob_satisfied(result->knob, result->wanted, result->found))))
                return 0;
        result->state = KNOB_FAILED;
        result->error = r < 0 ? r : written;
        if (detail.text[0]) {
                free(result->detail);
                result->detail = strdup(detail.text);
        }
        return result->error ? result->error : -EIO;
}

/* 0 also when there is nothing to put back any more. */
static int undo_step(const struct host *host, const struct knob_result *step, bool complain, struct errors *errors)
{
        struct knob_result now = {.knob = step->knob, .target = step->target, .wanted = step->before};
        int r = put_back(host, &now);

        if (r == -ENOENT)
                r = 0;
        if (r < 0 && complain)
                result_complain(&now, "could not be put back: ", errors);
        free(now.found);
        free(now.detail);
        return r;
}

size_t undo_steps(const struct host *host, struct knob_results *results, struct errors *errors)
{
        size_t failed = 0;

        for (int pass = 0; pass < 2; pass++) {
                failed = 0;
                for (size_t i = results->count; i-- > 0;) {
                        struct knob_result *step = &results->list[i];
                        if (!step->pending)
                                continue;
                        if (undo_step(host, step, pass == 1, errors) < 0) {
                                failed++;
                                continue;
                        }
                        step->pending = false;
                        if (step->state == KNOB_CHANGED)
                                step->state = KNOB_UNDONE;
                }
                if (failed == 0)
                        break;
        }
        return failed;
}

int undo_finish(const struct host *host, const struct knob_results *results, json_t *journal, struct errors *errors)
{
        bool kept = false;
        int r = 0;

        for (size_t i = 0; i < results->count && r == 0; i++) {
                const struct knob_result *step = &results->list[i];
                const char *before = journal_before(journal, step->knob->name, step->target);
                if (!step->pending)
                        continue;
                kept = true;
                r = journal_set(journal, step->knob->name, step->target, before ? before : step->before, step->wanted);
        }
        if (r == 0 && kept)
                r = journal_save(host, journal);
        if (r == 0)
                r = change_remove(host);
        if (r < 0)
                errors_add(errors, r, "",
                           "a journal that can be written: see to the file system, then start socled again",
                           "cannot note in %s that the change was undone: %s", host->state, strerror(-r));
        return r;
}
