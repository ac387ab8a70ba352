/* See enrolment.h: what is told of an enrolment, and what a failure means for it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "desired.h"
#include "enrolment.h"
#include "ledger.h"
#include "values.h"
#include "wording.h"

enum {
        PASSING_MOST_MS = 5000, /* an Ironic that is back is found within ten seconds, with a connection that hangs */
        FAILURE_MS = 15000,     /* what cannot be, at first: somebody may see to it */
        FAILURE_MOST_MS = 600000,
        STUMBLES = 3, /* a refusal that a new look does not explain */
};

int back_off(int first, int most, unsigned n)
{
        return n >= 16 || first << n > most ? most : first << n;
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

bool is_settled(const struct enrolment *enrolment)
{
        return enrolment->spec && spec_int(enrolment->ledger, "settled", -1) == (int64_t)enrolment->revision;
}

/* Without a copy of its own, for the document goes to another thread. */
static json_t *notes_of(const struct enrolment *enrolment)
{
        json_t *notes = json_array();

        json_array_extend(notes, json_object_get(enrolment->desired, "notes"));
        json_array_extend(notes, enrolment->notes);
        json_t *copy = json_deep_copy(notes);
        json_decref(notes);
        return copy;
}

static void tell(struct enrolment *enrolment, const char *state, const char *words, bool failed)
{
        json_t *status = json_pack("{ss, so, so}", "state", state, "steps", json_deep_copy(enrolment->progress.steps),
                                   "notes", notes_of(enrolment));

        if (words && words[0])
                json_object_set_new(status, failed ? "error" : "message", json_string(words));
        if (enrolment->seen.node)
                json_object_set_new(status, "node", node_status(enrolment->seen.node));
        if (enrolment->ironic && ironic_version(enrolment->ironic) > 0)
                json_object_set_new(status, "ironic",
                                    json_pack("{ss, so}", "endpoint", ironic_endpoint(enrolment->ironic), "api_version",
                                              json_sprintf("1.%d", ironic_version(enrolment->ironic))));
        if (json_array_size(json_object_get(status, "notes")) == 0)
                json_object_del(status, "notes");
        enrolment->tell(enrolment->user, status, failed ? words : NULL, !failed && is_settled(enrolment));
}

void tell_status(struct enrolment *enrolment, const char *state, const char *words)
{
        if (enrolment->taking_back && !state) {
                tell_failure(enrolment, enrolment->failure);
                return;
        }
        /* what was reached stays so while something small is put right */
        bool reached = is_settled(enrolment) && seen_state(enrolment->seen.node)[0];
        const char *under_way = !enrolment->spec ? "leaving" : reached ? seen_state(enrolment->seen.node) : "enrolling";
        tell(enrolment, state ?: under_way, words, false);
}

void tell_failure(struct enrolment *enrolment, const char *words)
{
        tell(enrolment, "error", words, true);
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

void forget_inventory(struct enrolment *enrolment)
{
        json_decref(enrolment->inventory);
        json_decref(enrolment->desired);
        enrolment->inventory = enrolment->desired = NULL;
}

int wait_after_failure(struct enrolment *enrolment)
{
        return back_off(FAILURE_MS, FAILURE_MOST_MS, enrolment->failures++);
}

/* Not enrolled so far: what was made for it is taken back. Told as what it is; tried again later, from the start. */
int give_up(struct enrolment *enrolment, const char *step, const char *request_id, const char *words)
{
        bool again = enrolment->taking_back;

        if (words != enrolment->failure)
                snprintf(enrolment->failure, sizeof(enrolment->failure), "%s", words);
        wording_repair(enrolment->failure);
        progress_note(&enrolment->progress, step, STEP_FAILED, request_id, enrolment->failure);
        enrolment->taking_back = enrolment->spec && !json_is_true(json_object_get(enrolment->ledger, "enrolled")) &&
                                 enrolment->seen.node;
        enrolment->checked = enrolment->validated = false;
        forget_inventory(enrolment); /* a cable, a BMC's address: it is looked at again */
        forget_writes(enrolment);
        enrolment->stumbles = enrolment->asked = 0;
        enrolment->verb[0] = 0;
        tell_failure(enrolment, enrolment->failure);
        if (!enrolment->spec)
                enrolment->note(enrolment->user, LOG_WARNING, "BaremetalNode %s cannot be taken back yet: %s",
                                enrolment->name, enrolment->failure);
        return enrolment->taking_back && !again ? 1 : wait_after_failure(enrolment);
}

static int wait_out(struct enrolment *enrolment, const char *step, const struct answer *answer)
{
        bool locked = answer->fault == FAULT_LOCKED;

        /* that Ironic answers a look is then the end of it; it is none of a write that is refused again and again */
        enrolment->away = answer->fault == FAULT_UNREACHABLE || ONE_OF(step, "look", "Ironic");
        progress_note(&enrolment->progress, step, STEP_WAITING, answer->request_id, answer->words);
        tell_status(enrolment, locked ? NULL : "waiting", answer->words);
        return back_off(PASSING_MS, PASSING_MOST_MS, enrolment->passing++);
}

/* The node is there with the driver that nobody serves: so somebody did, and will again. */
static bool was_served(const struct enrolment *enrolment)
{
        const json_t *wanted = json_object_get(json_object_get(enrolment->desired, "node"), "driver");
        const json_t *driver = json_object_get(enrolment->seen.node, "driver");

        return driver && (!wanted || json_equal(driver, wanted));
}

/* It may be as it should be by now: another look tells. True: it is worth it. */
static bool stumble(struct enrolment *enrolment, enum fault fault)
{
        enrolment->checked = false;
        if (fault == FAULT_VERSION) { /* what there is to be told depends on what it takes */
                json_decref(enrolment->desired);
                enrolment->desired = NULL;
        }
        return ++enrolment->stumbles < STUMBLES;
}

int on_fault(struct enrolment *enrolment, const char *step, const struct answer *answer)
{
        char words[PLAN_WORDS];

        switch (answer->fault) {
        case FAULT_CANCELLED:
                return 0;
        case FAULT_UNREACHABLE:
        case FAULT_BUSY:
        case FAULT_LOCKED:
                return wait_out(enrolment, step, answer);
        case FAULT_UNSERVED:
                if (was_served(enrolment))
                        return wait_out(enrolment, step, answer);
                break;
        case FAULT_DUPLICATE:
        case FAULT_WRONG_STATE:
        case FAULT_NOT_FOUND:
        case FAULT_VERSION:
        case FAULT_GARBAGE: /* a page of somebody's who works at it */
                if (stumble(enrolment, answer->fault))
                        return PASSING_MS;
                break;
        default:
                break;
        }
        if (answer->fault != FAULT_DUPLICATE || enrolment->seen.node)
                return give_up(enrolment, step, answer->request_id, answer->words);
        snprintf(words, sizeof(words), "%.400s: but Ironic does not let us see it (404)", answer->words);
        return give_up(enrolment, step, answer->request_id, words);
}
