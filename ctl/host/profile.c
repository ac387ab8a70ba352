/* The HostProfile's step of a pass: topology and profile to a plan, the plan to wishes, the wishes into force; and
 * drift. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "knob/partition.h"
#include "machine.h"
#include "socle/cleanup.h"

/* A plan with what it was made from, until it is in force. */
struct draft {
        struct topology *topology;
        struct plan *plan;
        struct wishes wishes;
};

static void draft_clear(struct draft *draft)
{
        wishes_clear(&draft->wishes);
        plan_free(draft->plan);
        topology_free(draft->topology);
}
#define cleanup_draft cleanup_(draft_clear)

/* What our partition has taken from the cgroup that we are in is ours all the same. */
static void allow_our_own(const struct machine *machine, struct topology *topology)
{
        struct cpu_set ours;

        partition_cpus(&machine->host, &ours);
        cpu_set_and(&ours, &topology->online);
        cpu_set_or(&topology->allowed, &ours);
}

static int draft_make(const struct machine *machine, const json_t *spec, struct draft *ret, struct errors *errors)
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

/* What this host has not, or does not let be set. */
static json_t *notes_of(const struct wishes *wishes)
{
        json_t *notes = json_array();

        for (size_t i = 0; i < wishes->note_count; i++)
                json_array_append_new(notes, json_pack("{ss, ss, ss}", "knob", wishes->notes[i].knob->name, "target",
                                                       wishes->notes[i].target, "text", wishes->notes[i].text));
        return notes;
}

static void tell_in_force(struct machine *machine, const struct want *want, json_t *drift)
{
        json_t *status = json_pack("{ss, so, s{sI}, so, sb, sO, so, sI}", "state",
                                   json_array_size(drift) > 0 ? "drifted" : "active", "plan",
                                   plan_to_json(machine->plan, machine->topology), "knobs", "wanted",
                                   (json_int_t)machine->wishes.count, "drift", drift, "reboot_required",
                                   json_array_size(machine->reboot) > 0, "reboot_reasons", machine->reboot, "notes",
                                   notes_of(&machine->wishes), "enforced", (json_int_t)machine->enforced);

        machine->tell(machine->user, want, status, NULL);
}

static void tell_errors(struct machine *machine, const struct want *want, const struct errors *errors)
{
        char words[640];

        failure_words(errors, words, sizeof(words));
        note_trouble(machine, "HostProfile", want->name, words);
        machine->tell(machine->user, want, status_of_errors(errors), words);
}

/* ---- the pass ---- */

static void forget_plan(struct machine *machine)
{
        machine->drift = drift_watch_free(machine->drift);
        wishes_clear(&machine->wishes);
        machine->plan = plan_free(machine->plan);
        machine->topology = topology_free(machine->topology);
}

static void take_draft(struct machine *machine, struct draft *draft, const json_t *spec)
{
        forget_plan(machine);
        machine->topology = TAKE_PTR(draft->topology);
        machine->plan = TAKE_PTR(draft->plan);
        machine->wishes = draft->wishes;
        draft->wishes = (struct wishes){};
        machine->enforce = json_is_true(json_object_get(spec, "enforce"));
        if (drift_watch_new(&machine->drift, &machine->host, &machine->wishes) < 0)
                machine->drift = NULL; /* then it is seen by looking now and then */
}

static void take_reboot(struct machine *machine, const struct knob_results *results)
{
        json_decref(machine->reboot);
        machine->reboot = select_results(results, needs_reboot);
}

static void restore(struct machine *machine)
{
        struct knob_results results = {};
        struct errors errors = {};
        char words[640];

        forget_plan(machine);
        if (knobs_restore(&machine->host, &results, &errors) < 0) {
                failure_words(&errors, words, sizeof(words));
                machine->note(machine->user, LOG_ERR, "not all of the host could be put back: %s", words);
        }
        knob_results_clear(&results);
}

void profile_reconcile(struct machine *machine)
{
        const struct want *want = machine->wants->profiles.count > 0 ? &machine->wants->profiles.list[0] : NULL;
        cleanup_draft struct draft draft = {};
        struct knob_results results = {};
        struct errors errors = {};

        if (!want) {
                restore(machine);
                return;
        }
        if (draft_make(machine, want->spec, &draft, &errors) < 0) {
                tell_errors(machine, want, &errors);
                return;
        }
        if (knobs_apply(&machine->host, &draft.wishes, &results, &errors) < 0) {
                tell_errors(machine, want, &errors);
                knob_results_clear(&results);
                return;
        }
        take_draft(machine, &draft, want->spec);
        take_reboot(machine, &results);
        tell_in_force(machine, want, json_array());
        knob_results_clear(&results);
}

/* True: it is as wanted again. */
static bool put_back(struct machine *machine, const struct want *want)
{
        struct knob_results results = {};
        struct errors errors = {};
        int r = knobs_apply(&machine->host, &machine->wishes, &results, &errors);

        if (r < 0)
                tell_errors(machine, want, &errors);
        else {
                machine->enforced++;
                take_reboot(machine, &results);
                machine->note(machine->user, LOG_NOTICE, "HostProfile %s: the host had drifted, and was put back",
                              want->name);
        }
        knob_results_clear(&results);
        return r == 0;
}

void profile_look(struct machine *machine)
{
        const struct want *want = machine->wants->profiles.count > 0 ? &machine->wants->profiles.list[0] : NULL;
        struct knob_results results = {};

        if (!want || !machine->plan || knobs_drift(&machine->host, &machine->wishes, &results) < 0)
                return;
        json_t *drift = select_results(&results, has_drifted);
        knob_results_clear(&results);
        if (json_array_size(drift) > 0 && machine->enforce) {
                json_decref(drift);
                if (!put_back(machine, want))
                        return;
                drift = json_array();
        }
        tell_in_force(machine, want, drift);
}

json_t *profile_preview(struct machine *machine, const struct want *want, struct errors *errors)
{
        cleanup_draft struct draft draft = {};
        struct knob_results results = {};

        if (draft_make(machine, want->spec, &draft, errors) < 0)
                return NULL;
        int r = knobs_compare(&machine->host, &draft.wishes, &results);
        if (r < 0) {
                errors_add(errors, r, "", NULL, "the host cannot be read: %s", strerror(-r));
                return NULL;
        }
        json_t *answer = json_pack("{so, so, so}", "plan", plan_to_json(draft.plan, draft.topology), "knobs",
                                   knob_results_to_json(&results), "notes", notes_of(&draft.wishes));
        knob_results_clear(&results);
        return answer;
}

json_t *machine_audit(struct machine *machine, struct errors *errors)
{
        struct audit_finding *findings = NULL;
        struct knob_results results = {};
        size_t count = 0;
        struct audit_facts facts = {
                .host = &machine->host,
                .topology = machine->topology,
                .plan = machine->plan,
                .guests = machine->guest_list,
        };
        int r = audit(&facts, &findings, &count);

        if (r == 0 && machine->plan)
                r = knobs_compare(&machine->host, &machine->wishes, &results);
        if (r < 0) {
                errors_add(errors, r, "", NULL, "the host cannot be read: %s", strerror(-r));
                free(findings);
                return NULL;
        }
        json_t *answer = json_pack("{so, so}", "findings", audit_to_json(findings, count), "knobs",
                                   knob_results_to_json(&results));
        if (machine->plan)
                json_object_set_new(answer, "plan", plan_to_json(machine->plan, machine->topology));
        knob_results_clear(&results);
        free(findings);
        return answer;
}
