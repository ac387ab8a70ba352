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

/* ---- requests ---- */

/* The BMC's password into a body, which is our own. 0; or -errno with words. */
static int insert_password(struct enrolment *enrolment, json_t *body, struct errors *errors)
{
        const char *driver, *key;
        cleanup_secret char *secret = NULL;
        const json_t *reference;
        json_t *info;
        int r = desired_bmc(enrolment->spec, enrolment->inventory, &driver, &info, &reference, &key, errors);

        if (r < 0)
                return r;
        json_decref(info);
        if (!reference)
                return 0;
        r = secret_read(&secret, reference, errors);
        if (r < 0)
                return r;
        if (json_is_object(body))
                json_object_set_new(json_object_get(body, "driver_info"), key, json_string(secret));
        else
                json_array_append_new(body, json_pack("{ss, so, ss}", "op", "add", "path",
                                                      json_sprintf("/driver_info/%s", key), "value", secret));
        json_object_set_new(enrolment->ledger, "password", secret_stamp(reference) ?: json_null());
        return 0;
}

/* Before the node is asked for: who finds it there after a crash must know that it is ours to take back. */
static int prepare(struct enrolment *enrolment, struct next *next, struct errors *errors)
{
        if (strcmp(next->method, "POST") == 0 && strcmp(next->path, "/v1/nodes") == 0 &&
            !json_is_true(json_object_get(enrolment->ledger, "made"))) {
                json_object_set_new(enrolment->ledger, "made", json_true());
                if (save_ledger(enrolment) < 0)
                        return -EIO; /* told */
        }
        if (!next->password)
                return 0;
        return insert_password(enrolment, next->body, errors);
}

static void count_verb(struct enrolment *enrolment, const char *verb)
{
        if (!verb)
                return;
        enrolment->asked = strcmp(enrolment->verb, verb) == 0 ? enrolment->asked + 1 : 1;
        snprintf(enrolment->verb, sizeof(enrolment->verb), "%s", verb);
}

int act_request(struct enrolment *enrolment, struct next *next)
{
        struct errors errors = {};
        struct answer answer = {};
        char words[PLAN_WORDS];

        progress_over(&enrolment->progress, next->step);
        progress_note(&enrolment->progress, next->step, STEP_ACTIVE, "", "");
        tell_status(enrolment, NULL, NULL);
        if (prepare(enrolment, next, &errors) < 0) {
                snprintf(words, sizeof(words), "%s; %s", errors.list[0].message, errors.list[0].expected);
                return give_up(enrolment, next->step, "", errors.count ? words : enrolment->failure);
        }
        ironic_call(enrolment->ironic, next->method, next->path, next->body, &answer);
        if (next->password)
                secret_wipe_json(next->body);
        int wait = 0;
        if (answer.fault == FAULT_NONE || (answer.fault == FAULT_NOT_FOUND && strcmp(next->method, "DELETE") == 0)) {
                enrolment->passing = enrolment->stumbles = enrolment->waits = 0;
                count_verb(enrolment, next->verb);
                enrolment->fresh = answer.fault == FAULT_NONE && seen_update(&enrolment->seen, next, &answer);
                progress_note(&enrolment->progress, next->step, STEP_DONE, answer.request_id, "");
                if (next->password && save_ledger(enrolment) < 0)
                        wait = 1000;
        } else
                wait = on_fault(enrolment, next->step, &answer);
        answer_clear(&answer);
        return wait;
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
            (!reference || secret_read(&secret, reference, &errors) == 0))
                fault = bmc_probe(driver, info, spec_string(bmc, "ca"), secret, enrolment->cancel, words);
        else
                snprintf(words, BMC_WORDS, "/spec/bmc: %.240s; %.200s", errors.list[0].message,
                         errors.list[0].expected);
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
