/* See enrolment.h: taking the planned step. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bmc.h"
#include "desired.h"
#include "duplicates.h"
#include "enrolment.h"
#include "secret.h"
#include "values.h"
#include "wording.h"

#define IN_VAIN 2 /* the third time is one too many */

/* ---- requests ---- */

static bool creates_node(const struct next *next)
{
        return strcmp(next->method, "POST") == 0 && strcmp(next->path, "/v1/nodes") == 0;
}

static bool deletes_node(const struct next *next)
{
        return strcmp(next->method, "DELETE") == 0 && strncmp(next->path, "/v1/nodes/", 10) == 0 &&
               !strchr(next->path + 10, '/');
}

/* What whoever comes after a crash must know is on disk before Ironic hears of it: that the node is ours to take back,
 * that it is being deleted, that it is active because we asked for that. */
static int remember(struct enrolment *enrolment, const struct next *next)
{
        static const char *const of_the_last_one[] = {"enrolled", "password", "settled", "adopted", "deleting"};
        json_t *ledger = enrolment->ledger, *before = json_copy(ledger);

        json_object_set_new(ledger, "written", json_true());
        if (creates_node(next)) {
                json_object_set_new(ledger, "made", json_true());
                for (size_t i = 0; i < ARRAY_LEN(of_the_last_one); i++)
                        json_object_del(ledger, of_the_last_one[i]);
        }
        if (deletes_node(next))
                json_object_set_new(ledger, "deleting", json_true());
        if (next->verb && strcmp(next->verb, "adopt") == 0)
                json_object_set_new(ledger, "adopted", json_true());
        int r = json_equal(before, ledger) ? 0 : save_ledger(enrolment);
        json_decref(before);
        return r;
}

/* Ironic has refused it: nothing came of it. Not so of what it says is there already, or gone already. */
static void forget(struct enrolment *enrolment, json_t *before, const struct answer *answer)
{
        if (answer->status < 400 || answer->status >= 500 || answer->fault == FAULT_DUPLICATE ||
            answer->fault == FAULT_NOT_FOUND || json_equal(before, enrolment->ledger))
                return;
        json_decref(enrolment->ledger);
        enrolment->ledger = json_incref(before);
        (void)save_ledger(enrolment);
}

/* The BMC's password into a body of our own: what is sent is wiped afterwards, and what is wanted must not be. 0, with
 * what tells this password from a later one; or -errno with words. */
static int insert_password(struct enrolment *enrolment, struct next *next, char **ret_secret, json_t **ret_stamp,
                           struct errors *errors)
{
        const char *driver, *key;
        const json_t *reference;
        json_t *info, *body = json_deep_copy(next->body);
        int r = desired_bmc(enrolment->spec, enrolment->inventory, &driver, &info, &reference, &key, errors);

        json_decref(next->body);
        next->body = body;
        if (r < 0)
                return r;
        json_decref(info);
        if (!reference)
                return 0;
        r = secret_read(ret_secret, ret_stamp, reference, errors);
        if (r < 0)
                return r;
        if (json_is_object(body))
                json_object_set_new(json_object_get(body, "driver_info"), key, json_string(*ret_secret));
        else
                json_array_append_new(body, json_pack("{ss, so, ss}", "op", "add", "path",
                                                      json_sprintf("/driver_info/%s", key), "value", *ret_secret));
        return 0;
}

/* ---- what is written again and again ---- */

void forget_writes(struct enrolment *enrolment)
{
        json_decref(enrolment->write);
        enrolment->write = NULL;
        enrolment->written = 0;
}

/* Ironic has taken the very same twice, and it is still to be done. Verbs are counted by the plan. */
static bool is_in_vain(struct enrolment *enrolment, const struct next *next)
{
        json_t *write = json_pack("{ss, ss, sO*}", "method", next->method, "path", next->path, "body", next->body);
        bool same = enrolment->write && json_equal(write, enrolment->write);

        if (!same)
                forget_writes(enrolment);
        if (!enrolment->write)
                enrolment->write = json_deep_copy(write);
        json_decref(write);
        return same && !next->verb && enrolment->written >= IN_VAIN;
}

static int give_up_writing(struct enrolment *enrolment, const struct next *next)
{
        const char *path = spec_string(json_array_get(next->body, 0), "path");
        char words[PLAN_WORDS];

        snprintf(words, sizeof(words), "Ironic does not keep what it is told: %s%s%.200s", next->step,
                 path ? ", at " : "", path ?: "");
        return give_up(enrolment, next->step, "", words);
}

static void count_verb(struct enrolment *enrolment, const char *verb)
{
        if (!verb)
                return;
        enrolment->asked = strcmp(enrolment->verb, verb) == 0 ? enrolment->asked + 1 : 1;
        snprintf(enrolment->verb, sizeof(enrolment->verb), "%s", verb);
}

/* ---- one request ---- */

/* Ironic has done it, or it was done before. */
static int on_taken(struct enrolment *enrolment, const struct next *next, const struct answer *answer, json_t *stamp)
{
        bool gone = answer->fault == FAULT_NOT_FOUND;

        enrolment->passing = enrolment->stumbles = enrolment->waits = 0;
        enrolment->written++;
        enrolment->inspected = enrolment->inspected || next->inspection;
        count_verb(enrolment, next->verb);
        enrolment->fresh = !gone && seen_update(&enrolment->seen, next, answer);
        progress_note(&enrolment->progress, next->step, STEP_DONE, answer->request_id, "");
        if (stamp) {
                json_object_set(enrolment->ledger, "password", stamp);
                if (save_ledger(enrolment) < 0)
                        return 1000;
        }
        return gone ? PASSING_MS : 0; /* nobody says why it was still there when we looked */
}

static bool is_taken(const struct next *next, const struct answer *answer)
{
        /* an inspection that is over by now has somebody else's answer */
        return answer->fault == FAULT_NONE ||
               (answer->fault == FAULT_NOT_FOUND && (strcmp(next->method, "DELETE") == 0 || next->inspection));
}

static int send_request(struct enrolment *enrolment, struct next *next)
{
        struct errors errors = {};
        struct answer answer = {};
        cleanup_secret char *secret = NULL;
        char words[PLAN_WORDS];
        json_t *stamp = NULL, *before = json_copy(enrolment->ledger);
        int wait;

        if (next->password && insert_password(enrolment, next, &secret, &stamp, &errors) < 0) {
                snprintf(words, sizeof(words), "%s; %s", errors.list[0].message, errors.list[0].expected);
                wait = give_up(enrolment, next->step, "", words);
        } else if (remember(enrolment, next) < 0) {
                wait = give_up(enrolment, next->step, "", enrolment->failure);
        } else {
                ironic_call(enrolment->ironic, next->method, next->path, next->body, &answer);
                wording_hide(answer.words, secret);
                forget(enrolment, before, &answer);
                wait = is_taken(next, &answer) ? on_taken(enrolment, next, &answer, stamp)
                                               : on_fault(enrolment, next->step, &answer);
        }
        if (secret)
                secret_wipe_json(next->body);
        json_decref(stamp);
        json_decref(before);
        answer_clear(&answer);
        return wait;
}

int act_request(struct enrolment *enrolment, struct next *next)
{
        progress_over(&enrolment->progress, next->step);
        if (is_in_vain(enrolment, next))
                return give_up_writing(enrolment, next);
        /* a guest may have come since the gates were passed: there is no way back from this one */
        int wait = next->verb && strcmp(next->verb, "provide") == 0 ? pass_gates(enrolment) : 0;
        if (wait)
                return wait;
        progress_note(&enrolment->progress, next->step, STEP_ACTIVE, "", "");
        tell_status(enrolment, NULL, NULL);
        return send_request(enrolment, next);
}

/* ---- before anything is written ---- */

static enum bmc_fault probe(struct enrolment *enrolment, char words[BMC_WORDS])
{
        const json_t *bmc = json_object_get(json_object_get(enrolment->spec, "bmc"), "redfish");
        cleanup_secret char *secret = NULL;
        struct errors errors = {};
        const json_t *reference;
        const char *driver, *key;
        json_t *info = NULL;
        enum bmc_fault fault = BMC_ODD;

        if (desired_bmc(enrolment->spec, enrolment->inventory, &driver, &info, &reference, &key, &errors) == 0 &&
            (!reference || secret_read(&secret, NULL, reference, &errors) == 0))
                fault = bmc_probe(driver, info, spec_string(bmc, "ca"), secret, enrolment->cancel, words);
        else
                snprintf(words, BMC_WORDS, "/spec/bmc: %.240s; %.200s", errors.list[0].message,
                         errors.list[0].expected);
        wording_hide(words, secret);
        json_decref(info);
        return fault;
}

static int check_duplicates(struct enrolment *enrolment)
{
        char other[FAULT_WORDS];
        struct answer answer;
        int wait = 0;

        duplicates_find(enrolment->ironic, enrolment->desired, other, &answer);
        if (answer.fault != FAULT_NONE)
                wait = on_fault(enrolment, "duplicates", &answer);
        else if (other[0])
                wait = give_up(enrolment, "duplicates", answer.request_id, other);
        else {
                progress_note(&enrolment->progress, "duplicates", STEP_DONE, answer.request_id, "");
                enrolment->checked = enrolment->fresh = true;
        }
        answer_clear(&answer);
        return wait;
}

int act_check(struct enrolment *enrolment)
{
        char words[BMC_WORDS] = "", all[PLAN_WORDS];

        progress_note(&enrolment->progress, "BMC", STEP_ACTIVE, "", "");
        tell_status(enrolment, NULL, NULL);
        enum bmc_fault fault = probe(enrolment, words);
        if (fault != BMC_OK) {
                snprintf(all, sizeof(all), "%s: %s", bmc_fault_name(fault), words);
                return give_up(enrolment, "BMC", "", all);
        }
        progress_note(&enrolment->progress, "BMC", STEP_DONE, "", "");
        return check_duplicates(enrolment);
}

/* ---- what the drivers say ---- */

int act_validate(struct enrolment *enrolment)
{
        static const char *const needed[] = {"power", "management"};
        char path[PATH_BYTES], words[PLAN_WORDS];
        struct answer answer = {};
        int wait = 0;

        snprintf(path, sizeof(path), "/v1/nodes/%s/validate", spec_string(enrolment->seen.node, "uuid"));
        ironic_call(enrolment->ironic, "GET", path, NULL, &answer);
        if (answer.fault != FAULT_NONE)
                wait = on_fault(enrolment, "validate", &answer);
        for (size_t i = 0; answer.fault == FAULT_NONE && i < ARRAY_LEN(needed) && wait == 0; i++) {
                const json_t *said = json_object_get(answer.body, needed[i]);
                if (!json_is_false(json_object_get(said, "result")))
                        continue;
                snprintf(words, sizeof(words), "Ironic's driver cannot do with what it was given (%s): %.400s",
                         needed[i], spec_string(said, "reason") ?: "it does not say why");
                wait = give_up(enrolment, "validate", answer.request_id, words);
        }
        if (wait == 0) {
                enrolment->validated = enrolment->fresh = true;
                progress_note(&enrolment->progress, "validate", STEP_DONE, answer.request_id, "");
        }
        answer_clear(&answer);
        return wait;
}
