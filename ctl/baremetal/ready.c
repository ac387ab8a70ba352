/* See enrolment.h: what must be there before anything can be planned: the ledger, a connection to Ironic, and what is
 * wanted of it, from the spec and the machine's inventory. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "desired.h"
#include "enrolment.h"
#include "inventory.h"
#include "ledger.h"
#include "values.h"

/* ---- the ledger ---- */

bool was_written(const json_t *ledger)
{
        return json_is_true(json_object_get(ledger, "written")) || json_is_true(json_object_get(ledger, "made")) ||
               json_is_true(json_object_get(ledger, "enrolled")) || json_object_get(ledger, "settled");
}

static bool is_same(const json_t *a, const json_t *b, const char *member)
{
        return strcmp(spec_string(a, member) ?: "", spec_string(b, member) ?: "") == 0;
}

/* Do two specs' `ironic` mean the same one? By its URL, or by the catalogue that has it. */
static bool is_same_ironic(const json_t *a, const json_t *b)
{
        json_t *way_a, *way_b;

        if (spec_string(a, "endpoint") || spec_string(b, "endpoint"))
                return is_same(a, b, "endpoint");
        spec_choice(json_object_get(a, "auth"), &way_a);
        spec_choice(json_object_get(b, "auth"), &way_b);
        return is_same(a, b, "interface") && is_same(a, b, "region") && is_same(way_a, way_b, "auth_url");
}

/* An object of this name is still being taken back from another Ironic: its ledger is not to be overwritten. */
static bool is_elsewhere(const struct enrolment *enrolment, const json_t *ledger)
{
        const json_t *before = json_object_get(json_object_get(ledger, "spec"), "ironic");

        return enrolment->spec && was_written(ledger) &&
               !is_same_ironic(before, json_object_get(enrolment->spec, "ironic"));
}

/* The spec in it is what is taken back later, with the credentials that work by then. */
static int keep_spec(struct enrolment *enrolment, bool was_there)
{
        const json_t *before = json_object_get(enrolment->ledger, "spec");

        if (!enrolment->spec || json_equal(before, enrolment->spec))
                return 0;
        json_object_set(enrolment->ledger, "spec", enrolment->spec);
        return was_there ? save_ledger(enrolment) : 0;
}

int open_ledger(struct enrolment *enrolment)
{
        struct errors errors = {};
        json_t *ledger = NULL;
        int r = ledger_load(enrolment->options.state, enrolment->name, &ledger, &errors);

        if (r < 0) {
                snprintf(enrolment->failure, sizeof(enrolment->failure), "%s; %s", errors.list[0].message,
                         errors.list[0].expected);
                return r;
        }
        if (!ledger && !enrolment->spec)
                return -ENOENT;
        if (is_elsewhere(enrolment, ledger)) {
                snprintf(enrolment->failure, sizeof(enrolment->failure),
                         "/spec/ironic: what was made for %.63s before is in another Ironic; delete this object, which "
                         "goes on taking that back, and make it anew afterwards",
                         enrolment->name);
                json_decref(ledger);
                return -EEXIST;
        }
        bool was_there = ledger != NULL;
        json_decref(enrolment->ledger);
        enrolment->ledger = ledger ?: json_object();
        if (!spec_string(enrolment->ledger, "by")) /* kept, whatever the host is called later */
                json_object_set_new(enrolment->ledger, "by", json_string(enrolment->options.by));
        return keep_spec(enrolment, was_there);
}

const json_t *spec_of(const struct enrolment *enrolment)
{
        return enrolment->spec ?: json_object_get(enrolment->ledger, "spec");
}

/* ---- what is wanted ---- */

bool is_other_machine(const json_t *spec)
{
        return json_object_get(spec, "hardware") != NULL;
}

static int check_hardware(const struct enrolment *enrolment, struct errors *errors)
{
        if (!inventory_is_here(enrolment->options.root, json_object_get(enrolment->spec, "hardware")))
                return 0;
        errors_add(errors, -EINVAL, "/spec/hardware", "the UUID and MAC addresses of another machine",
                   "this is the host that socled runs on: leave hardware out");
        return -EINVAL;
}

int read_inventory(struct enrolment *enrolment, struct errors *errors)
{
        const struct inventory_source source = {enrolment->options.root, enrolment->options.lldp_socket,
                                                enrolment->cancel};
        json_t *inventory = NULL;

        if (is_other_machine(enrolment->spec))
                return check_hardware(enrolment, errors);
        int r = inventory_read(&inventory, &source, errors);
        if (r < 0)
                return r;
        json_decref(enrolment->inventory);
        enrolment->inventory = inventory;
        progress_note(&enrolment->progress, "inventory", STEP_DONE, "", "");
        return 0;
}

/* Another UUID is another node: the one that there is would be nobody's. */
static int check_uuid(const struct enrolment *enrolment, const char *uuid, struct errors *errors)
{
        const char *before = spec_string(enrolment->ledger, "uuid");

        if (!before || strcmp(before, uuid) == 0 || !was_written(enrolment->ledger))
                return 0;
        errors_add(errors, -EEXIST, "/spec/uuid", "the UUID that it had, or the object deleted and made anew",
                   "the machine's UUID was %.36s, and is now %.36s: delete the object first", before, uuid);
        return -EEXIST;
}

/* Whatever UUID and MACs are described, it is this BMC that Ironic would boot and clean. */
static int check_bmc(const struct enrolment *enrolment, const json_t *node, struct errors *errors)
{
        char pointer[64];
        json_t *bmc;

        if (!is_other_machine(enrolment->spec) ||
            !inventory_is_own_bmc(enrolment->options.root, json_object_get(node, "driver_info"), enrolment->cancel))
                return 0;
        snprintf(pointer, sizeof(pointer), "/spec/bmc/%.20s/address",
                 spec_choice(json_object_get(enrolment->spec, "bmc"), &bmc));
        errors_add(errors, -EINVAL, pointer,
                   "the other machine's BMC; or, to enrol this host, leave hardware out; a machine that shares this "
                   "host's BMC is enrolled from another node",
                   "this is the BMC of the host that socled runs on, which would be wiped");
        return -EINVAL;
}

/* What is wanted, and under which UUID; that is on disk before Ironic hears of it. */
static int make_desired(struct enrolment *enrolment, struct errors *errors)
{
        json_t *desired = NULL;
        int r = desired_make(&desired, enrolment->name, enrolment->spec, enrolment->inventory,
                             ironic_version(enrolment->ironic), spec_string(enrolment->ledger, "by"), errors);

        if (r < 0)
                return r;
        json_t *node = json_object_get(desired, "node"), *uuid = json_object_get(node, "uuid");
        r = check_uuid(enrolment, json_string_value(uuid), errors);
        if (r == 0)
                r = check_bmc(enrolment, node, errors);
        if (r < 0) {
                json_decref(desired);
                return r;
        }
        enrolment->desired = desired;
        json_object_set(enrolment->ledger, "uuid", uuid);
        return ledger_save(enrolment->options.state, enrolment->name, enrolment->ledger, errors);
}

/* ---- all of it ---- */

/* 0; else how long to wait. */
static int connect_ironic(struct enrolment *enrolment)
{
        struct answer answer = {};
        int wait = 0;

        if (!enrolment->ironic &&
            ironic_new(&enrolment->ironic, json_object_get(spec_of(enrolment), "ironic"), enrolment->cancel) < 0)
                return give_up(enrolment, "Ironic", "", "out of memory");
        if (ironic_version(enrolment->ironic) > 0)
                return 0;
        if (ironic_open(enrolment->ironic, &answer) != FAULT_NONE)
                wait = on_fault(enrolment, "Ironic", &answer) ?: 1;
        else
                progress_note(&enrolment->progress, "Ironic", STEP_DONE, "", "");
        answer_clear(&answer);
        return wait;
}

int get_ready(struct enrolment *enrolment)
{
        struct errors errors = {};
        char words[PLAN_WORDS];
        int wait = connect_ironic(enrolment);

        if (wait || !enrolment->spec || enrolment->desired || enrolment->taking_back)
                return wait;
        if ((enrolment->inventory || read_inventory(enrolment, &errors) == 0) && make_desired(enrolment, &errors) == 0)
                return 0;
        snprintf(words, sizeof(words), "%.120s%s%.255s; %.240s", errors.list[0].pointer,
                 errors.list[0].pointer[0] ? ": " : "", errors.list[0].message, errors.list[0].expected);
        return give_up(enrolment, "inventory", "", words);
}
