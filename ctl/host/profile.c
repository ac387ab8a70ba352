/* The HostProfile's step of a pass: topology and profile to a plan, the plan to wishes, the wishes into force; and
 * drift. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

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

static int draft_make(const struct machine *machine, const json_t *spec, struct draft *ret, struct errors *errors)
{
        const struct topology_source here = {.root = machine->host.root};
        struct host_profile *profile;
        int r = host_profile_from_json(&profile, spec, errors);

        if (r < 0)
                return r;
        r = topology_read(&ret->topology, &here, errors);
        if (r == 0)
                r = plan_make(&ret->plan, ret->topology, profile, errors);
        for (const struct knob *knob = knob_first(); r == 0 && knob; knob = knob->next)
                r = knob->wish(&machine->host, ret->topology, ret->plan, &ret->wishes, errors);
        host_profile_free(profile);
        return r;
}

/* ---- status ---- */

/* Of all knobs only those that a person should look at; the others are counted. */
static json_t *summarise(const struct knob_results *results, json_t **ret_drift, json_t **ret_reboot)
{
        json_t *all = knob_results_to_json(results), *drift = json_array(), *reboot = json_array();
        json_int_t gone = 0;

        for (size_t i = 0; i < results->count; i++) {
                const struct knob_result *result = &results->list[i];
                if (result->state == KNOB_WOULD_CHANGE || result->state == KNOB_FAILED)
                        json_array_append(drift, json_array_get(all, i));
                if (result->reboot_required)
                        json_array_append(reboot, json_array_get(all, i));
                gone += result->state == KNOB_GONE;
        }
        json_decref(all);
        *ret_drift = drift;
        *ret_reboot = reboot;
        return json_pack("{sI, sI}", "wanted", (json_int_t)results->count, "gone", gone);
}

static void tell_in_force(struct machine *machine, const struct want *want, const struct knob_results *results)
{
        json_t *drift, *reboot, *knobs = summarise(results, &drift, &reboot);
        json_t *plan = plan_to_json(machine->plan, machine->topology);
        json_t *status =
                json_pack("{ss, so, so, so, sb, so, sI}", "state", json_array_size(drift) > 0 ? "drifted" : "active",
                          "plan", plan, "knobs", knobs, "drift", drift, "reboot_required", json_array_size(reboot) > 0,
                          "reboot_reasons", reboot, "enforced", (json_int_t)machine->enforced);

        machine->tell(machine->user, want, status, NULL);
}

static void tell_errors(struct machine *machine, const struct want *want, const struct errors *errors)
{
        char words[640];

        failure_words(errors, words, sizeof(words));
        machine->note(machine->user, LOG_ERR, "HostProfile %s: %s", want->name, words);
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
        tell_in_force(machine, want, &results);
        knob_results_clear(&results);
}

static bool drifted(const struct knob_results *results)
{
        for (size_t i = 0; i < results->count; i++)
                if (results->list[i].state == KNOB_WOULD_CHANGE || results->list[i].state == KNOB_FAILED)
                        return true;
        return false;
}

void profile_look(struct machine *machine)
{
        const struct want *want = machine->wants->profiles.count > 0 ? &machine->wants->profiles.list[0] : NULL;
        struct knob_results results = {};
        struct errors errors = {};

        if (!want || !machine->plan || knobs_compare(&machine->host, &machine->wishes, &results) < 0)
                return;
        if (drifted(&results) && machine->enforce) {
                knob_results_clear(&results);
                if (knobs_apply(&machine->host, &machine->wishes, &results, &errors) < 0) {
                        tell_errors(machine, want, &errors);
                        knob_results_clear(&results);
                        return;
                }
                machine->enforced++;
                machine->note(machine->user, LOG_NOTICE, "HostProfile %s: the host had drifted, and was put back",
                              want->name);
        }
        tell_in_force(machine, want, &results);
        knob_results_clear(&results);
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
        json_t *answer = json_pack("{so, so}", "plan", plan_to_json(draft.plan, draft.topology), "knobs",
                                   knob_results_to_json(&results));
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
