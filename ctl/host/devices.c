/* The SriovDevices' step of a pass: VFs made, given their attributes and drivers; and what has changed since. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "machine.h"
#include "socle/cleanup.h"
#include "sriov/sriov.h"

#define PREFIX "sriov-"
#define KIND   "SriovDevice"

static const char *user_of(void *user, const char *pci_address)
{
        struct machine *machine = user;

        return machine->guests ? guests_user_of_pci(machine->guests, pci_address) : NULL;
}

/* For a look: by what is known. */
static struct sriov_users users_of(struct machine *machine)
{
        return (struct sriov_users){.of = user_of, .user = machine};
}

/* For whoever may take VFs away. */
static struct sriov_users users_now(struct machine *machine)
{
        struct errors ignored = {};

        if (machine->guests)
                guests_read(machine->guests, &ignored);
        return users_of(machine);
}

/* ---- at the start, and when it is wanted no more ---- */

static void recover_one(struct machine *machine, const char *name, void *user)
{
        struct sriov_users users = users_now(machine);
        struct errors errors = {};
        char words[640];

        if (sriov_recover(&machine->host, name, &users, &errors) == 0)
                return;
        failure_words(&errors, words, sizeof(words));
        machine->note(machine->user, LOG_ERR, KIND " %s: what was cut off could not be undone: %s", name, words);
}

void devices_recover(struct machine *machine)
{
        each_journal(machine, PREFIX, recover_one, machine, NULL);
}

static void restore_one(struct machine *machine, const char *name, void *user)
{
        struct errors errors = {};

        if (want_find(&machine->wants->devices, name) || machine->stopping(machine->user))
                return;
        struct sriov_users users = users_now(machine);
        if (sriov_restore(&machine->host, name, &users, &errors) < 0)
                machine_not_restored(machine, KIND, name, &errors);
        machine->step(machine->user);
}

void devices_restore(struct machine *machine)
{
        each_journal(machine, PREFIX, restore_one, machine, NULL);
}

/* ---- what is wanted ---- */

static void keep_status(struct want *want, json_t *status)
{
        json_decref(want->standing.status);
        want->standing.status = json_incref(status);
}

/* Drift that could not be put back is an error until it is gone. */
static void tell_status(struct machine *machine, struct want *want, json_t *status)
{
        struct standing *standing = &want->standing;

        standing->drifted = json_array_size(json_object_get(status, "drift")) > 0;
        if (!standing->drifted || !machine->enforce)
                standing_applied(standing);
        json_object_set_new(status, "state",
                            json_string(standing->error     ? "error"
                                        : standing->drifted ? "drifted"
                                                            : "active"));
        if (standing->error)
                json_object_set_new(status, "error", json_string(standing->error));
        keep_status(want, status);
        machine->tell(machine->user, want, status, standing->error);
}

static void apply_one(struct machine *machine, struct want *want)
{
        struct sriov_users users = users_now(machine);
        struct errors errors = {};
        struct sriov_wish *wish = NULL;
        json_t *status = NULL;
        char words[640];
        int r = sriov_wish_from_json(&wish, want->spec, &errors);

        if (r == 0)
                r = sriov_apply(&machine->host, want->name, wish, &users, &status, &errors);
        sriov_wish_free(wish);
        if (r == 0) {
                standing_applied(&want->standing);
                tell_status(machine, want, status);
                return;
        }
        json_decref(status);
        failure_words(&errors, words, sizeof(words));
        if (want->standing.applied)
                standing_not_put_back(machine, want, KIND, words);
        else
                standing_failed(machine, want, KIND, words, RETRY_MS);
        machine->tell(machine->user, want, status_of_errors(&errors), words);
}

/* Drift: told; put back only if the profile enforces. */
static void look_at(struct machine *machine, struct want *want)
{
        struct sriov_users users = users_of(machine);
        struct errors errors = {};
        struct sriov_wish *wish = NULL;
        json_t *status = NULL;
        char words[640];
        int r = sriov_wish_from_json(&wish, want->spec, &errors);

        if (r == 0)
                r = sriov_status(&machine->host, wish, &users, &status, &errors);
        sriov_wish_free(wish);
        if (r < 0) {
                json_decref(status);
                failure_words(&errors, words, sizeof(words));
                machine->tell(machine->user, want, status_of_errors(&errors), words);
                return;
        }
        if (json_array_size(json_object_get(status, "drift")) > 0 && machine->enforce &&
            standing_is_due(&want->standing)) {
                json_decref(status);
                apply_one(machine, want);
                return;
        }
        tell_status(machine, want, status);
}

void devices_apply(struct machine *machine)
{
        for (size_t i = 0; i < machine->wants->devices.count && !machine->stopping(machine->user); i++) {
                struct want *want = &machine->wants->devices.list[i];
                if (want->standing.applied)
                        look_at(machine, want);
                else if (standing_is_due(&want->standing))
                        apply_one(machine, want);
                machine->step(machine->user);
        }
}

json_t *device_preview(struct machine *machine, const struct want *want, struct errors *errors)
{
        struct sriov_users users = users_of(machine);
        struct sriov_wish *wish;
        json_t *steps = NULL;

        if (sriov_wish_from_json(&wish, want->spec, errors) < 0)
                return NULL;
        int r = sriov_plan(&machine->host, want->name, wish, &users, &steps, errors);
        sriov_wish_free(wish);
        return r < 0 ? NULL : json_pack("{so}", "steps", steps);
}
