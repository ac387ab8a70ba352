/* The SriovDevices' step of a pass: VFs made, given their attributes and drivers; and what has changed since. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "machine.h"
#include "socle/cleanup.h"
#include "sriov/sriov.h"

#define PREFIX "sriov-"

static const char *user_of(void *user, const char *pci_address)
{
        struct machine *machine = user;

        return machine->guests ? guests_user_of_pci(machine->guests, pci_address) : NULL;
}

static struct sriov_users users_of(struct machine *machine)
{
        return (struct sriov_users){.of = user_of, .user = machine};
}

static void note_failure(struct machine *machine, const char *name, const char *what, const struct errors *errors)
{
        char words[640];

        failure_words(errors, words, sizeof(words));
        machine->note(machine->user, LOG_ERR, "SriovDevice %s: %s%s", name, what, words);
}

static void recover_one(struct machine *machine, const char *name)
{
        struct sriov_users users = users_of(machine);
        struct errors errors = {};

        if (sriov_recover(&machine->host, name, &users, &errors) < 0)
                note_failure(machine, name, "what was cut off could not be undone: ", &errors);
}

void devices_recover(struct machine *machine)
{
        each_journal(machine, PREFIX, recover_one, machine);
}

static void restore_one(struct machine *machine, const char *name)
{
        struct sriov_users users = users_of(machine);
        struct errors errors = {};

        if (!want_find(&machine->wants->devices, name) && sriov_restore(&machine->host, name, &users, &errors) < 0)
                note_failure(machine, name, "it could not be put back: ", &errors);
}

static void apply_one(struct machine *machine, const struct want *want)
{
        struct sriov_users users = users_of(machine);
        struct errors errors = {};
        struct sriov_wish *wish = NULL;
        json_t *status = NULL;
        char words[640];
        int r = sriov_wish_from_json(&wish, want->spec, &errors);

        if (r == 0)
                r = sriov_apply(&machine->host, want->name, wish, &users, &status, &errors);
        if (r < 0) {
                failure_words(&errors, words, sizeof(words));
                note_trouble(machine, "SriovDevice", want->name, words);
                machine->tell(machine->user, want, status_of_errors(&errors), words);
        } else {
                json_object_set_new(status, "state", json_string("active"));
                machine->tell(machine->user, want, status, NULL);
        }
        sriov_wish_free(wish);
}

void devices_reconcile(struct machine *machine)
{
        each_journal(machine, PREFIX, restore_one, machine);
        for (size_t i = 0; i < machine->wants->devices.count; i++)
                apply_one(machine, &machine->wants->devices.list[i]);
}

/* Drift: told; put back with the next pass only if the profile enforces. */
static void look_at(struct machine *machine, const struct want *want)
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
                failure_words(&errors, words, sizeof(words));
                machine->tell(machine->user, want, status_of_errors(&errors), words);
                return;
        }
        bool drifted = json_array_size(json_object_get(status, "drift")) > 0;
        if (drifted && machine->enforce) {
                json_decref(status);
                apply_one(machine, want);
                return;
        }
        json_object_set_new(status, "state", json_string(drifted ? "drifted" : "active"));
        machine->tell(machine->user, want, status, NULL);
}

void devices_look(struct machine *machine)
{
        for (size_t i = 0; i < machine->wants->devices.count; i++)
                look_at(machine, &machine->wants->devices.list[i]);
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
