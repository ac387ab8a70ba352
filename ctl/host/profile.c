/* The HostProfile's step of a pass: topology and profile to a plan, the plan to wishes, the wishes into force; drift;
 * and a plan made anew when the machine has become another. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "knob/partition.h"
#include "machine.h"
#include "socle/cleanup.h"

#define KIND "HostProfile"

void draft_clear(struct draft *draft)
{
        wishes_clear(&draft->wishes);
        plan_free(draft->plan);
        topology_free(draft->topology);
}

/* What our partition has taken from the cgroup that we are in is ours all the same. */
static void allow_our_own(const struct machine *machine, struct topology *topology)
{
        struct cpu_set ours;

        partition_cpus(&machine->host, &ours);
        cpu_set_and(&ours, &topology->online);
        cpu_set_or(&topology->allowed, &ours);
}

int draft_make(const struct machine *machine, const json_t *spec, struct draft *ret, struct errors *errors)
{
        const struct topology_source here = {.root = machine->host.root};
        struct host_profile *profile;
        int r = host_profile_from_json(&profile, spec, errors);

        if (r < 0)
                return r;
        r = topology_read(&ret->topology, &here, errors);
        if (r == 0)
                allow_our_own(machine, ret->topology);
        if (r == 0)
                r = plan_make(&ret->plan, ret->topology, profile, errors);
        if (r == 0)
                r = knobs_wish(&machine->host, ret->topology, ret->plan, &ret->wishes, errors);
        host_profile_free(profile);
        return r;
}

/* ---- status ---- */

/* Those of the results that `is` is true of. */
static json_t *select_results(const struct knob_results *results, bool (*is)(const struct knob_result *result))
{
        json_t *all = knob_results_to_json(results), *selected = json_array();

        for (size_t i = 0; i < results->count; i++)
                if (is(&results->list[i]))
                        json_array_append(selected, json_array_get(all, i));
        json_decref(all);
        return selected;
}

static bool has_drifted(const struct knob_result *result)
{
        return result->state == KNOB_WOULD_CHANGE || result->state == KNOB_FAILED;
}

static bool needs_reboot(const struct knob_result *result)
{
        return result->reboot_required;
}

json_t *notes_of(const struct wishes *wishes)
{
        json_t *notes = json_array();

        for (size_t i = 0; i < wishes->note_count; i++)
                json_array_append_new(notes, json_pack("{ss, ss, ss}", "knob", wishes->notes[i].knob->name, "target",
                                                       wishes->notes[i].target, "text", wishes->notes[i].text));
        return notes;
}

/* Takes over `drift`. What could not be put back is an error until it is gone, or need not be put back. */
static void tell_in_force(struct machine *machine, struct want *want, json_t *drift)
{
        struct standing *standing = &want->standing;

        standing->drifted = json_array_size(drift) > 0;
        if (!standing->drifted || !machine->enforce)
                standing_applied(standing);
        json_t *status = json_pack("{ss, so, s{sI}, so, sb, sO, so, sI}", "state",
                                   standing->error     ? "error"
                                   : standing->drifted ? "drifted"
                                                       : "active",
                                   "plan", plan_to_json(machine->plan, machine->topology), "knobs", "wanted",
                                   (json_int_t)machine->wishes.count, "drift", drift, "reboot_required",
                                   json_array_size(machine->reboot) > 0, "reboot_reasons", machine->reboot, "notes",
                                   notes_of(&machine->wishes), "enforced", (json_int_t)machine->enforced);
        if (standing->error)
                json_object_set_new(status, "error", json_string(standing->error));
        machine->tell(machine->user, want, status, standing->error);
}

static void fail(struct machine *machine, struct want *want, const struct errors *errors)
{
        char words[640];

        failure_words(errors, words, sizeof(words));
        standing_failed(machine, want, KIND, words, RETRY_MS);
        machine->tell(machine->user, want, status_of_errors(errors), words);
}

/* ---- into force, and out of it ---- */

static struct want *wanted(const struct machine *machine)
{
        return machine->wants->profiles.count > 0 ? &machine->wants->profiles.list[0] : NULL;
}

static void forget_plan(struct machine *machine)
{
        machine->drift = drift_watch_free(machine->drift);
        wishes_clear(&machine->wishes);
        machine->plan_serial += machine->plan != NULL;
        machine->plan = plan_free(machine->plan);
        machine->topology = topology_free(machine->topology);
        machine->enforce = false;
        machine->targets_at_ms = 0;
}

static bool same_plan(const struct machine *machine, const struct draft *draft)
{
        if (!machine->plan)
                return false;
        json_t *before = plan_to_json(machine->plan, machine->topology);
        json_t *after = plan_to_json(draft->plan, draft->topology);
        bool same = json_equal(before, after);
        json_decref(before);
        json_decref(after);
        return same;
}

static void take_draft(struct machine *machine, struct draft *draft, const json_t *spec)
{
        uint64_t serial = machine->plan_serial + !same_plan(machine, draft);

        forget_plan(machine);
        machine->plan_serial = serial;
        machine->topology = TAKE_PTR(draft->topology);
        machine->plan = TAKE_PTR(draft->plan);
        machine->wishes = draft->wishes;
        draft->wishes = (struct wishes){};
        machine->enforce = json_is_true(json_object_get(spec, "enforce"));
        if (drift_watch_new(&machine->drift, &machine->host, &machine->wishes) < 0)
                machine->drift = NULL; /* then it is seen by looking now and then */
}

static void take_results(struct machine *machine, const struct knob_results *results)
{
        bool changed = false;

        for (size_t i = 0; i < results->count; i++)
                changed |= results->list[i].state == KNOB_CHANGED;
        machine->changes += changed;
        json_decref(machine->reboot);
        machine->reboot = select_results(results, needs_reboot);
}

void profile_restore(struct machine *machine)
{
        struct knob_results results = {};
        struct errors errors = {};

        if (wanted(machine))
                return;
        forget_plan(machine);
        if (knobs_restore(&machine->host, &results, &errors) < 0)
                machine_not_restored(machine, KIND, "", &errors);
        knob_results_clear(&results);
        machine->step(machine->user);
}

static int put_into_force(struct machine *machine, struct want *want, struct draft *draft)
{
        struct knob_results results = {};
        struct errors errors = {};
        int r = knobs_apply(&machine->host, &draft->wishes, &results, &errors);

        if (r < 0)
                fail(machine, want, &errors);
        else {
                take_draft(machine, draft, want->spec);
                take_results(machine, &results);
                standing_applied(&want->standing);
        }
        knob_results_clear(&results);
        return r;
}

static void apply_now(struct machine *machine, struct want *want)
{
        cleanup_draft struct draft draft = {};
        struct errors errors = {};

        if (draft_make(machine, want->spec, &draft, &errors) < 0)
                fail(machine, want, &errors);
        else if (put_into_force(machine, want, &draft) == 0)
                tell_in_force(machine, want, json_array());
}

/* ---- drift ---- */

static json_t *find_drift(const struct machine *machine)
{
        struct knob_results results = {};

        if (knobs_drift(&machine->host, &machine->wishes, &results) < 0)
                return NULL;
        json_t *drift = select_results(&results, has_drifted);
        knob_results_clear(&results);
        return drift;
}

static void put_back(struct machine *machine, struct want *want)
{
        struct knob_results results = {};
        struct errors errors = {};
        char words[640];
        int r = knobs_apply(&machine->host, &machine->wishes, &results, &errors);

        if (r < 0) {
                failure_words(&errors, words, sizeof(words));
                standing_not_put_back(machine, want, KIND, words);
        } else {
                machine->enforced++;
                take_results(machine, &results);
                machine->note(machine->user, LOG_NOTICE, KIND " %s: the host had drifted, and was put back",
                              want->name);
        }
        knob_results_clear(&results);
}

static void look(struct machine *machine, struct want *want)
{
        json_t *drift = find_drift(machine);

        if (json_array_size(drift) > 0 && machine->enforce && standing_is_due(&want->standing)) {
                put_back(machine, want);
                json_decref(drift);
                drift = find_drift(machine);
        }
        if (drift)
                tell_in_force(machine, want, drift);
}

/* ---- the machine has become another ---- */

static bool same_wishes(const struct wishes *a, const struct wishes *b)
{
        bool same = a->count == b->count;

        for (size_t i = 0; same && i < a->count; i++)
                same = a->list[i].knob == b->list[i].knob && strcmp(a->list[i].target, b->list[i].target) == 0 &&
                       strcmp(a->list[i].value, b->list[i].value) == 0;
        return same;
}

/* The same profile on the machine as it is now. What somebody has changed meanwhile is not lost by that: then the new
 * wishes are only told, unless the profile enforces. */
static void make_anew(struct machine *machine, struct want *want)
{
        cleanup_draft struct draft draft = {};
        struct errors errors = {};

        machine->targets_at_ms = 0;
        if (draft_make(machine, want->spec, &draft, &errors) < 0) {
                fail(machine, want, &errors);
                return;
        }
        if (same_wishes(&machine->wishes, &draft.wishes) && same_plan(machine, &draft))
                return;
        json_t *drift = find_drift(machine);
        bool drifted = json_array_size(drift) > 0;
        json_decref(drift);
        if (drifted && !machine->enforce)
                take_draft(machine, &draft, want->spec);
        else if (put_into_force(machine, want, &draft) == 0)
                machine->note(machine->user, LOG_NOTICE,
                              KIND " %s: CPUs, interrupts or devices have changed, and the plan "
                                   "was made anew",
                              want->name);
}

static void follow(struct machine *machine, struct want *want, int64_t patience_ms)
{
        int64_t now = machine_now_ms();

        if (machine->drift && drift_watch_targets_changed(machine->drift) && machine->targets_at_ms == 0)
                machine->targets_at_ms = now + patience_ms;
        if (machine->targets_at_ms > 0 && now >= machine->targets_at_ms)
                make_anew(machine, want);
}

void profile_follow(struct machine *machine)
{
        struct want *want = wanted(machine);
        uint64_t serial = machine->plan_serial;
        size_t wishes = machine->wishes.count;

        if (!want || !want->standing.applied || machine->stopping(machine->user))
                return;
        follow(machine, want, 0);
        if (want->standing.applied && (machine->plan_serial != serial || machine->wishes.count != wishes))
                look(machine, want);
}

void profile_apply(struct machine *machine)
{
        struct want *want = wanted(machine);

        if (!want || machine->stopping(machine->user))
                return;
        if (!want->standing.applied) {
                if (standing_is_due(&want->standing))
                        apply_now(machine, want);
        } else {
                follow(machine, want, SETTLE_MS);
                if (want->standing.applied)
                        look(machine, want);
        }
        machine->step(machine->user);
}
