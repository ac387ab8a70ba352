/* What is there against what is wanted: the diff of a dry run, and drift (apply.h). Nothing is written. */
#include <errno.h>
#include <string.h>

#include "apply_private.h"

static int compare_wish(const struct host *host, const struct wish *wish, struct knob_results *results)
{
        struct knob_result *result = results_add(results, wish->knob, wish->target, wish->value, wish->why);

        if (!result)
                return -ENOMEM;
        if (result_read(host, result) < 0)
                return result->error == -ENOMEM ? -ENOMEM : 0;
        result->state = knob_satisfied(wish->knob, wish->value, result->found) ? KNOB_SATISFIED : KNOB_WOULD_CHANGE;
        return result->state == KNOB_SATISFIED ? result_in_force(host, result) : 0;
}

static bool is_wished(const struct wishes *wishes, const struct knob *knob, const char *target)
{
        for (size_t i = 0; i < wishes->count; i++)
                if (wishes->list[i].knob == knob && strcmp(wishes->list[i].target, target) == 0)
                        return true;
        return false;
}

/* In the journal, wished for no more, and still there. */
static int compare_leftover(const struct host *host, const struct knob *knob, const char *target, const char *before,
                            struct knob_results *results)
{
        struct knob_result *result =
                results_add(results, knob, target, before, "is asked for no more: as it was before");

        if (!result)
                return -ENOMEM;
        result->put_back = true;
        int r = result_read(host, result);
        if (r == 0)
                result->state = strcmp(before, result->found) == 0 ? KNOB_SATISFIED : KNOB_WOULD_CHANGE;
        if (r == -ENOMEM)
                return r;
        if (result->state == KNOB_GONE || (result->state == KNOB_SATISFIED && !knob->boot)) {
                result_clear(result);
                results->count--;
                return 0;
        }
        return result->state == KNOB_SATISFIED ? result_in_force(host, result) : 0;
}

static int compare_leftovers(const struct host *host, const struct wishes *wishes, const json_t *journal,
                             const struct knob *knob, struct knob_results *results)
{
        const char *target;
        json_t *entry;

        if (!knob)
                return 0;
        int r = compare_leftovers(host, wishes, journal, knob->next, results);
        json_object_foreach (journal_targets(journal, knob->name), target, entry) {
                const char *before = json_string_value(json_object_get(entry, "before"));
                if (r < 0)
                        break;
                if (before && !is_wished(wishes, knob, target))
                        r = compare_leftover(host, knob, target, before, results);
        }
        return r;
}

int compare_with_journal(const struct host *host, const struct wishes *wishes, const json_t *journal,
                         struct knob_results *ret)
{
        struct knob_results results = {};
        int r = compare_leftovers(host, wishes, journal, knob_first(), &results);

        for (size_t i = 0; i < wishes->count && r == 0; i++)
                r = compare_wish(host, &wishes->list[i], &results);
        if (r < 0) {
                knob_results_clear(&results);
                return r;
        }
        *ret = results;
        return 0;
}

int knobs_compare(const struct host *host, const struct wishes *wishes, struct knob_results *ret)
{
        cleanup_json json_t *journal = NULL;
        struct errors errors = {};
        int r = journal_load(host, &journal, &errors);

        return r < 0 ? r : compare_with_journal(host, wishes, journal, ret);
}

int knobs_drift(const struct host *host, const struct wishes *wishes, struct knob_results *ret)
{
        struct knob_results results = {};

        for (size_t i = 0; i < wishes->count; i++) {
                const struct wish *wish = &wishes->list[i];
                cleanup_free char *found = NULL;
                if (wish->knob->disturbs)
                        continue;
                int r = knob_read(wish->knob, host, wish->target, &found);
                if (r == 0 && knob_satisfied(wish->knob, wish->value, found))
                        continue;
                struct knob_result *result = results_add(&results, wish->knob, wish->target, wish->value, wish->why);
                if (!result || r == -ENOMEM) {
                        knob_results_clear(&results);
                        return -ENOMEM;
                }
                result->state = r == 0 ? KNOB_WOULD_CHANGE : r == -ENOENT ? KNOB_GONE : KNOB_FAILED;
                result->error = r == -ENOENT ? 0 : r;
                result->found = TAKE_PTR(found);
        }
        *ret = results;
        return 0;
}
