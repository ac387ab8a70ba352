/* See enrolment.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "desired.h"
#include "enrolment.h"
#include "inventory.h"
#include "ledger.h"
#include "secret.h"
#include "values.h"

enum {
        POLL_MS = 200, /* of a node that Ironic works on, at first */
        POLL_MOST_MS = 5000,
        SETTLED_MS = 60000,
        MISSING_MS = 5000,
        MISSING_LOOKS = 36, /* three minutes: a role that was lost by mistake comes back, or it does not */
};

/* ---- a run ---- */

static void forget_run(struct enrolment *enrolment)
{
        enrolment->ironic = ironic_free(enrolment->ironic);
        forget_inventory(enrolment);
        json_decref(enrolment->ledger);
        enrolment->ledger = NULL;
        seen_clear(&enrolment->seen);
        forget_writes(enrolment);
        json_decref(enrolment->notes);
        enrolment->notes = NULL;
        enrolment->checked = enrolment->validated = enrolment->released = enrolment->taking_back = enrolment->fresh =
                enrolment->inspected = enrolment->away = false;
        enrolment->asked = enrolment->passing = enrolment->stumbles = enrolment->failures = enrolment->waits =
                enrolment->missing = 0;
        enrolment->verb[0] = enrolment->failure[0] = 0;
}

void enrolment_restart(struct enrolment *enrolment)
{
        forget_run(enrolment);
        progress_clear(&enrolment->progress);
}

void enrolment_clear(struct enrolment *enrolment)
{
        forget_run(enrolment);
        json_decref(enrolment->spec);
        json_decref(enrolment->progress.steps);
        *enrolment = (struct enrolment){};
}

/* ---- the plan, and what it says ---- */

/* Has Ironic not been given the password that there is: another driver's, or the file was written anew? */
static bool has_new_password(const struct enrolment *enrolment)
{
        const char *driver, *key;
        struct errors ignored = {};
        const json_t *reference = NULL;
        json_t *info = NULL;

        if (desired_bmc(enrolment->spec, enrolment->inventory, &driver, &info, &reference, &key, &ignored) < 0)
                return false;
        json_decref(info);
        json_t *stamp = reference ? secret_stamp(reference) : NULL;
        bool is_new = stamp && (!json_equal(stamp, json_object_get(enrolment->ledger, "password")) ||
                                !json_object_get(json_object_get(enrolment->seen.node, "driver_info"), key));
        json_decref(stamp);
        return is_new;
}

static bool answers_inspection(const struct enrolment *enrolment)
{
        return spec_bool(enrolment->spec, "inspection") && !is_other_machine(enrolment->spec);
}

static struct view view_of(const struct enrolment *enrolment)
{
        const json_t *spec = spec_of(enrolment);

        return (struct view){
                .desired = enrolment->desired,
                .target = spec_string(spec, "target"),
                .by = spec_string(enrolment->ledger, "by"),
                .image_source = spec_string(spec, "image_source"),
                .inventory = answers_inspection(enrolment) ? enrolment->inventory : NULL,
                .version = ironic_version(enrolment->ironic),
                .node = enrolment->seen.node,
                .ports = enrolment->seen.ports,
                .portgroups = enrolment->seen.portgroups,
                .traits = json_object_get(enrolment->seen.node, "traits"),
                .checked = enrolment->checked,
                .new_password = enrolment->desired && has_new_password(enrolment),
                .validated = enrolment->validated,
                .released = enrolment->released,
                .settled = is_settled(enrolment),
                .adopted = json_is_true(json_object_get(enrolment->ledger, "adopted")),
                .inspected = enrolment->inspected,
                .verb = enrolment->verb,
                .asked = enrolment->asked,
                .notes = enrolment->notes,
        };
}

/* A node of ours that was there before this ledger began was enrolled once: a failure does not take it away. */
static bool is_enrolled(const struct enrolment *enrolment)
{
        const json_t *node = enrolment->seen.node;
        bool earlier = node && !json_is_true(json_object_get(enrolment->ledger, "made")) &&
                       strcmp(made_by(node), spec_string(enrolment->ledger, "by")) == 0;

        return earlier || (node && strcmp(seen_state(node), "manageable") == 0);
}

/* It was adopted, and has since been in a state from which only a deployment makes it active again. */
static bool is_adoption_over(const struct enrolment *enrolment)
{
        return enrolment->seen.node && json_is_true(json_object_get(enrolment->ledger, "adopted")) &&
               !ONE_OF(seen_state(enrolment->seen.node), "adopting", "adopt failed", "active");
}

/* What a look tells that must not be forgotten. */
static void remember_seen(struct enrolment *enrolment)
{
        bool over = is_adoption_over(enrolment);
        bool enrolled = enrolment->spec && !enrolment->taking_back && is_enrolled(enrolment) &&
                        !json_is_true(json_object_get(enrolment->ledger, "enrolled"));

        if (over)
                json_object_del(enrolment->ledger, "adopted");
        if (enrolled)
                json_object_set_new(enrolment->ledger, "enrolled", json_true());
        if (over || enrolled)
                (void)save_ledger(enrolment);
}

/* Ironic inspects the machine as it is now, not as it was when it was enrolled. */
static void look_for_inspection(struct enrolment *enrolment)
{
        struct errors ignored = {};
        bool asked = enrolment->seen.node && strcmp(seen_state(enrolment->seen.node), "inspect wait") == 0;

        if (!asked)
                enrolment->inspected = false;
        else if (enrolment->spec && !enrolment->inspected && answers_inspection(enrolment) &&
                 ironic_version(enrolment->ironic) >= API_INSPECTION)
                (void)read_inventory(enrolment, &ignored);
}

static int on_done(struct enrolment *enrolment, const struct next *next)
{
        progress_over(&enrolment->progress, NULL);
        enrolment->failure[0] = 0;
        enrolment->failures = enrolment->stumbles = 0;
        forget_writes(enrolment);
        if (!is_settled(enrolment)) {
                progress_note(&enrolment->progress, next->step, STEP_DONE, "", next->words);
                json_object_set_new(enrolment->ledger, "settled", json_integer((json_int_t)enrolment->revision));
                json_object_set_new(enrolment->ledger, "enrolled", json_true());
                if (save_ledger(enrolment) < 0)
                        return give_up(enrolment, "ledger", "", enrolment->failure);
        }
        tell_status(enrolment, seen_state(enrolment->seen.node), next->words);
        return SETTLED_MS;
}

/* Ironic says 404 of what one may not see, too: only of a node that we have deleted is it the end. */
static bool is_missing(const struct enrolment *enrolment)
{
        return enrolment->ledger && !enrolment->seen.node && was_written(enrolment->ledger) &&
               !json_is_true(json_object_get(enrolment->ledger, "deleting"));
}

static int on_left(struct enrolment *enrolment, const struct next *next)
{
        char words[160] = "";

        if (is_missing(enrolment)) {
                snprintf(words, sizeof(words),
                         "Ironic no longer shows node %.36s: deleted by somebody, or hidden from these credentials",
                         spec_string(enrolment->ledger, "uuid"));
                if (enrolment->missing++ < MISSING_LOOKS) {
                        progress_note(&enrolment->progress, "look", STEP_WAITING, "", words);
                        tell_status(enrolment, "waiting", words);
                        return MISSING_MS;
                }
                enrolment->note(enrolment->user, LOG_WARNING, "BaremetalNode %s: %s", enrolment->name, words);
        } else
                enrolment->note(enrolment->user, LOG_NOTICE, "BaremetalNode %s: taken back%s%s", enrolment->name,
                                next->words[0] ? ": " : "", next->words);
        (void)ledger_remove(enrolment->options.state, enrolment->name);
        return -1;
}

/* What was made is gone again: the failure stands. */
static int on_taken_back(struct enrolment *enrolment)
{
        static const char *const over[] = {"made", "written", "deleting", "adopted", "password"};

        enrolment->taking_back = false;
        for (size_t i = 0; i < ARRAY_LEN(over); i++)
                json_object_del(enrolment->ledger, over[i]);
        (void)save_ledger(enrolment);
        progress_note(&enrolment->progress, "take back", STEP_DONE, "", "");
        tell_failure(enrolment, enrolment->failure);
        return wait_after_failure(enrolment);
}

static int act(struct enrolment *enrolment, struct next *next)
{
        switch (next->type) {
        case NEXT_CHECK:
                return act_check(enrolment);
        case NEXT_VALIDATE:
                return act_validate(enrolment);
        case NEXT_RELEASE:
                return act_release(enrolment);
        case NEXT_REQUEST:
                return act_request(enrolment, next);
        case NEXT_WAIT:
                progress_over(&enrolment->progress, next->step);
                progress_note(&enrolment->progress, next->step, STEP_ACTIVE, "", next->words);
                tell_status(enrolment, NULL, next->words);
                return back_off(POLL_MS, POLL_MOST_MS, enrolment->waits++ / 8);
        case NEXT_BLOCKED:
                progress_note(&enrolment->progress, next->step, STEP_WAITING, "", next->words);
                tell_status(enrolment, "waiting", next->words);
                return POLL_MOST_MS;
        case NEXT_FAIL:
                return give_up(enrolment, next->step, "", next->words);
        default:
                return enrolment->taking_back ? on_taken_back(enrolment)
                       : enrolment->spec      ? on_done(enrolment, next)
                                              : on_left(enrolment, next);
        }
}

/* 0: `seen` is what Ironic has; else how long to wait. */
static int look(struct enrolment *enrolment)
{
        struct answer answer = {};
        int wait = 0;

        if (enrolment->fresh)
                enrolment->fresh = false;
        else if (observe(enrolment, &answer) != FAULT_NONE)
                wait = on_fault(enrolment, "look", &answer) ?: 1;
        else if (enrolment->away) {
                enrolment->away = false;
                enrolment->passing = 0;
        }
        answer_clear(&answer);
        if (wait)
                return wait;
        progress_resolve(&enrolment->progress, "look");
        remember_seen(enrolment);
        look_for_inspection(enrolment);
        return 0;
}

static int plan_and_act(struct enrolment *enrolment)
{
        struct next next = {};

        json_decref(enrolment->notes);
        enrolment->notes = json_array();
        const struct view view = view_of(enrolment);
        if (enrolment->taking_back || !enrolment->spec)
                plan_leaving(&view, &next);
        else
                plan_enrolment(&view, &next);
        enrolment->released = false;
        int wait = act(enrolment, &next);
        next_clear(&next);
        return wait;
}

int enrolment_turn(struct enrolment *enrolment)
{
        const struct next nothing = {};
        int r = enrolment->ledger ? 0 : open_ledger(enrolment);

        if (r == -ENOENT)
                return -1;
        if (r < 0)
                return give_up(enrolment, "ledger", "", enrolment->failure);
        if (!enrolment->spec && !spec_string(enrolment->ledger, "uuid"))
                return on_left(enrolment, &nothing); /* Ironic has never heard of it */
        int wait = get_ready(enrolment);
        if (wait == 0)
                wait = look(enrolment);
        return wait ?: plan_and_act(enrolment);
}
