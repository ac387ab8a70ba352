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
        PASSING_MS = 500, /* what is only a matter of time, at first */
        PASSING_MOST_MS = 30000,
        FAILURE_MS = 15000, /* what cannot be, at first: somebody may see to it */
        FAILURE_MOST_MS = 600000,
        SETTLED_MS = 60000,
        STUMBLES = 3, /* a refusal that a new look does not explain */
};

/* first × 2^n, at most `most` */
static int back_off(int first, int most, unsigned n)
{
        return n >= 16 || first << n > most ? most : first << n;
}

bool is_other_machine(const json_t *spec)
{
        return json_object_get(spec, "hardware") != NULL;
}

/* ---- telling ---- */

static json_t *node_status(const json_t *node)
{
        static const char *const members[] = {"uuid",        "name",        "provision_state", "target_provision_state",
                                              "power_state", "maintenance", "instance_uuid",   "last_error"};
        json_t *status = json_object();

        for (size_t i = 0; i < ARRAY_LEN(members); i++) {
                json_t *value = json_object_get(node, members[i]);
                if (value && !json_is_null(value))
                        json_object_set_new(status, members[i], json_deep_copy(value)); /* nothing is shared */
        }
        return status;
}

static bool is_settled(const struct enrolment *enrolment)
{
        return spec_int(enrolment->ledger, "settled", -1) == (int64_t)enrolment->revision;
}

void tell_status(struct enrolment *enrolment, const char *state, const char *words)
{
        if (enrolment->taking_back && !state) {
                state = "error";
                words = enrolment->failure;
        }
        const char *word = state ?: enrolment->spec ? "enrolling" : "leaving";
        bool failed = strcmp(word, "error") == 0;
        json_t *status = json_pack("{ss, so}", "state", word, "steps",
                                   json_deep_copy(enrolment->progress.steps)); /* it goes to another thread */
        bool settled = state && enrolment->spec && !failed && is_settled(enrolment);

        if (words && words[0])
                json_object_set_new(status, failed ? "error" : "message", json_string(words));
        if (enrolment->seen.node)
                json_object_set_new(status, "node", node_status(enrolment->seen.node));
        if (enrolment->ironic && ironic_version(enrolment->ironic) > 0)
                json_object_set_new(status, "ironic",
                                    json_pack("{ss, so}", "endpoint", ironic_endpoint(enrolment->ironic), "api_version",
                                              json_sprintf("1.%d", ironic_version(enrolment->ironic))));
        const json_t *notes = json_object_get(enrolment->desired, "notes");
        if (json_array_size(notes) > 0)
                json_object_set_new(status, "notes", json_deep_copy(notes));
        enrolment->tell(enrolment->user, status, failed ? words : NULL, settled);
}

int save_ledger(struct enrolment *enrolment)
{
        struct errors errors = {};
        int r = ledger_save(enrolment->options.state, enrolment->name, enrolment->ledger, &errors);

        if (r < 0)
                snprintf(enrolment->failure, sizeof(enrolment->failure), "%s", errors.list[0].message);
        return r;
}

/* ---- failures ---- */

static void forget_inventory(struct enrolment *enrolment)
{
        json_decref(enrolment->inventory);
        json_decref(enrolment->desired);
        enrolment->inventory = enrolment->desired = NULL;
}

/* Not enrolled so far: what was made for it is taken back. Told as what it is; tried again later, from the start. */
int give_up(struct enrolment *enrolment, const char *step, const char *request_id, const char *words)
{
        bool again = enrolment->taking_back;

        if (words != enrolment->failure)
                snprintf(enrolment->failure, sizeof(enrolment->failure), "%s", words);
        progress_note(&enrolment->progress, step, STEP_FAILED, request_id, enrolment->failure);
        enrolment->taking_back = enrolment->spec && !json_is_true(json_object_get(enrolment->ledger, "enrolled")) &&
                                 enrolment->seen.node;
        enrolment->checked = enrolment->validated = false;
        forget_inventory(enrolment); /* a cable, a BMC's address: it is looked at again */
        enrolment->stumbles = enrolment->asked = 0;
        enrolment->verb[0] = 0;
        tell_status(enrolment, "error", enrolment->failure);
        if (!enrolment->spec)
                enrolment->note(enrolment->user, LOG_WARNING, "BaremetalNode %s cannot be taken back yet: %s",
                                enrolment->name, enrolment->failure);
        return enrolment->taking_back && !again ? 1 : back_off(FAILURE_MS, FAILURE_MOST_MS, enrolment->failures++);
}

int on_fault(struct enrolment *enrolment, const char *step, const struct answer *answer)
{
        int wait = back_off(PASSING_MS, PASSING_MOST_MS, enrolment->passing);

        switch (answer->fault) {
        case FAULT_CANCELLED:
                return 0;
        case FAULT_UNREACHABLE:
        case FAULT_BUSY:
        case FAULT_LOCKED:
                enrolment->passing++;
                progress_note(&enrolment->progress, step, STEP_WAITING, answer->request_id, answer->words);
                tell_status(enrolment, answer->fault == FAULT_LOCKED ? NULL : "waiting", answer->words);
                return wait;
        case FAULT_DUPLICATE:
        case FAULT_WRONG_STATE:
        case FAULT_NOT_FOUND:
                /* it may be as it should be by now: another look tells */
                enrolment->checked = false;
                if (++enrolment->stumbles < STUMBLES)
                        return PASSING_MS;
                break;
        default:
                break;
        }
        if (answer->fault == FAULT_DUPLICATE && !enrolment->seen.node) {
                char words[PLAN_WORDS];
                snprintf(words, sizeof(words), "%.400s: but Ironic does not let us see it (404)", answer->words);
                return give_up(enrolment, step, answer->request_id, words);
        }
        return give_up(enrolment, step, answer->request_id, answer->words);
}

/* ---- a run ---- */

static void forget_run(struct enrolment *enrolment)
{
        enrolment->ironic = ironic_free(enrolment->ironic);
        forget_inventory(enrolment);
        json_decref(enrolment->ledger);
        enrolment->ledger = NULL;
        seen_clear(&enrolment->seen);
        enrolment->checked = enrolment->validated = enrolment->released = enrolment->taking_back = enrolment->fresh =
                false;
        enrolment->asked = enrolment->passing = enrolment->stumbles = enrolment->failures = enrolment->waits = 0;
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

/* The ledger, for this spec; for leaving, the spec as it was. 0; -ENOENT: there is nothing to leave; else told. */
static int open_ledger(struct enrolment *enrolment)
{
        struct errors errors = {};
        json_t *ledger = NULL;

        json_decref(enrolment->ledger);
        enrolment->ledger = NULL;
        int r = ledger_load(enrolment->options.state, enrolment->name, &ledger, &errors);
        if (r < 0) {
                snprintf(enrolment->failure, sizeof(enrolment->failure), "%s; %s", errors.list[0].message,
                         errors.list[0].expected);
                return r;
        }
        if (!ledger && !enrolment->spec)
                return -ENOENT;
        enrolment->ledger = ledger ?: json_object();
        if (!spec_string(enrolment->ledger, "by")) /* kept, whatever the host is called later */
                json_object_set_new(enrolment->ledger, "by", json_string(enrolment->options.by));
        if (enrolment->spec)
                json_object_set(enrolment->ledger, "spec", enrolment->spec);
        return 0;
}

static const json_t *spec_of(const struct enrolment *enrolment)
{
        return enrolment->spec ?: json_object_get(enrolment->ledger, "spec");
}

static int read_inventory(struct enrolment *enrolment, struct errors *errors)
{
        const struct inventory_source source = {enrolment->options.root, enrolment->options.lldp_socket};

        if (is_other_machine(enrolment->spec) || enrolment->inventory)
                return 0;
        int r = inventory_read(&enrolment->inventory, &source, errors);
        if (r == 0)
                progress_note(&enrolment->progress, "inventory", STEP_DONE, "", "");
        return r;
}

/* What is wanted, and under which UUID; that is on disk before Ironic hears of it. */
static int make_desired(struct enrolment *enrolment, struct errors *errors)
{
        int r = desired_make(&enrolment->desired, enrolment->name, enrolment->spec, enrolment->inventory,
                             ironic_version(enrolment->ironic), spec_string(enrolment->ledger, "by"), errors);

        if (r < 0)
                return r;
        json_object_set(enrolment->ledger, "uuid",
                        json_object_get(json_object_get(enrolment->desired, "node"), "uuid"));
        return ledger_save(enrolment->options.state, enrolment->name, enrolment->ledger, errors);
}

/* Until everything is there that a plan needs. 0: it is; else how long to wait. */
static int get_ready(struct enrolment *enrolment)
{
        struct errors errors = {};
        struct answer answer = {};
        char words[PLAN_WORDS];
        int wait = 0;

        if (!enrolment->ironic &&
            ironic_new(&enrolment->ironic, json_object_get(spec_of(enrolment), "ironic"), enrolment->cancel) < 0)
                return give_up(enrolment, "Ironic", "", "out of memory");
        if (ironic_version(enrolment->ironic) == 0) {
                if (ironic_open(enrolment->ironic, &answer) != FAULT_NONE)
                        wait = on_fault(enrolment, "Ironic", &answer) ?: 1;
                answer_clear(&answer);
                if (wait)
                        return wait;
                progress_note(&enrolment->progress, "Ironic", STEP_DONE, "", "");
        }
        if (!enrolment->spec || enrolment->desired || enrolment->taking_back)
                return 0;
        if (read_inventory(enrolment, &errors) == 0 && make_desired(enrolment, &errors) == 0)
                return 0;
        snprintf(words, sizeof(words), "%.120s%s%.255s; %.240s", errors.list[0].pointer,
                 errors.list[0].pointer[0] ? ": " : "", errors.list[0].message, errors.list[0].expected);
        return give_up(enrolment, "inventory", "", words);
}

/* ---- the plan, and what it says ---- */

/* Has the file been written anew since Ironic was given the password in it? */
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
        bool is_new = stamp && !json_equal(stamp, json_object_get(enrolment->ledger, "password"));
        json_decref(stamp);
        return is_new;
}

static struct view view_of(const struct enrolment *enrolment)
{
        const json_t *spec = spec_of(enrolment);

        return (struct view){
                .desired = enrolment->desired,
                .target = spec_string(spec, "target"),
                .by = spec_string(enrolment->ledger, "by"),
                .image_source = spec_string(spec, "image_source"),
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
                .asked = enrolment->asked,
        };
}

/* A node of ours that was there before this ledger began was enrolled once: a failure does not take it away. */
static void remember_seen(struct enrolment *enrolment)
{
        bool manageable = enrolment->seen.node && strcmp(seen_state(enrolment->seen.node), "manageable") == 0;
        bool earlier = enrolment->seen.node && !json_is_true(json_object_get(enrolment->ledger, "made")) &&
                       strcmp(made_by(enrolment->seen.node), spec_string(enrolment->ledger, "by")) == 0;

        if (!enrolment->spec || (!manageable && !earlier) || enrolment->taking_back ||
            json_is_true(json_object_get(enrolment->ledger, "enrolled")))
                return;
        json_object_set_new(enrolment->ledger, "enrolled", json_true());
        (void)save_ledger(enrolment);
}

static int on_done(struct enrolment *enrolment, const struct next *next)
{
        progress_over(&enrolment->progress, NULL);
        enrolment->failure[0] = 0;
        enrolment->failures = 0;
        if (!is_settled(enrolment)) {
                progress_note(&enrolment->progress, next->step, STEP_DONE, "", next->words);
                json_object_set_new(enrolment->ledger, "settled", json_integer((json_int_t)enrolment->revision));
                if (save_ledger(enrolment) < 0)
                        return give_up(enrolment, "ledger", "", enrolment->failure);
        }
        tell_status(enrolment, seen_state(enrolment->seen.node), next->words);
        return SETTLED_MS;
}

static int on_left(struct enrolment *enrolment, const struct next *next)
{
        enrolment->note(enrolment->user, LOG_NOTICE, "BaremetalNode %s: taken back%s%s", enrolment->name,
                        next->words[0] ? ": " : "", next->words);
        (void)ledger_remove(enrolment->options.state, enrolment->name);
        return -1;
}

/* What was made is gone again: the failure stands. */
static int on_taken_back(struct enrolment *enrolment)
{
        enrolment->taking_back = false;
        json_object_del(enrolment->ledger, "made");
        json_object_del(enrolment->ledger, "password");
        (void)save_ledger(enrolment);
        progress_note(&enrolment->progress, "take back", STEP_DONE, "", "");
        tell_status(enrolment, "error", enrolment->failure);
        return back_off(FAILURE_MS, FAILURE_MOST_MS, enrolment->failures++);
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

int enrolment_turn(struct enrolment *enrolment)
{
        struct answer answer = {};
        struct next next = {};
        int r = enrolment->ledger ? 0 : open_ledger(enrolment);

        if (r == -ENOENT)
                return -1;
        if (r < 0)
                return give_up(enrolment, "ledger", "", enrolment->failure);
        if (!enrolment->spec && !spec_string(enrolment->ledger, "uuid"))
                return on_left(enrolment, &next); /* Ironic has never heard of it */
        int wait = get_ready(enrolment);
        if (wait)
                return wait;
        bool fresh = enrolment->fresh;
        enrolment->fresh = false;
        if (!fresh && observe(enrolment, &answer) != FAULT_NONE) {
                wait = on_fault(enrolment, "look", &answer) ?: 1;
                answer_clear(&answer);
                return wait;
        }
        answer_clear(&answer);
        progress_resolve(&enrolment->progress, "look");
        remember_seen(enrolment);
        const struct view view = view_of(enrolment);
        if (enrolment->taking_back || !enrolment->spec)
                plan_leaving(&view, &next);
        else
                plan_enrolment(&view, &next);
        enrolment->released = false;
        wait = act(enrolment, &next);
        next_clear(&next);
        return wait;
}
