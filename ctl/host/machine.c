/* See machine.h: the order of a pass, and what its steps share. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "machine.h"
#include "socle/cleanup.h"

#define RETRY_LOOKS 8 /* half a minute: a driver that was loaded, pages that were freed */

void failure_words(const struct errors *errors, char *ret, size_t size)
{
        const struct complaint *first = &errors->list[0];

        if (errors->count == 0)
                snprintf(ret, size, "%s", strerror(-errors->code));
        else
                snprintf(ret, size, "%s%s%s%s%s", first->pointer, first->pointer[0] ? ": " : "", first->message,
                         first->expected[0] ? "; " : "", first->expected);
}

json_t *status_of_errors(const struct errors *errors)
{
        char words[640];

        failure_words(errors, words, sizeof(words));
        json_t *status = json_pack("{ss, ss}", "state", "error", "error", words);
        if (errors->count > 1) {
                json_t *all = errors_to_json(errors);
                json_object_set(status, "errors", json_object_get(all, "errors"));
                json_decref(all);
        }
        return status;
}

void each_journal(const struct machine *machine, const char *prefix, void (*call)(struct machine *, const char *name),
                  struct machine *with)
{
        static const char suffix[] = ".json";
        DIR *directory = opendir(machine->host.state);
        size_t before = strlen(prefix);

        for (struct dirent *entry; directory && (entry = readdir(directory));) {
                size_t length = strlen(entry->d_name);
                if (strncmp(entry->d_name, prefix, before) != 0 || length <= before + sizeof(suffix) - 1 ||
                    strcmp(entry->d_name + length - (sizeof(suffix) - 1), suffix) != 0)
                        continue;
                entry->d_name[length - (sizeof(suffix) - 1)] = 0;
                call(with, entry->d_name + before);
        }
        if (directory)
                closedir(directory);
}

void machine_recover(struct machine *machine)
{
        struct errors errors = {};
        char words[640];
        bool undone = false;

        if (knobs_recover(&machine->host, &undone, &errors) < 0) {
                failure_words(&errors, words, sizeof(words));
                machine->note(machine->user, LOG_ERR, "what was cut off could not be undone: %s", words);
        } else if (undone)
                machine->note(machine->user, LOG_NOTICE, "a change of the host that was cut off has been undone");
        devices_recover(machine);
}

/* An error that comes again with every attempt is noted once. */
void note_trouble(struct machine *machine, const char *kind, const char *name, const char *words)
{
        char text[256];

        snprintf(text, sizeof(text), "%s %s: %s", kind, name, words);
        if (strcmp(text, machine->trouble) == 0)
                return;
        memcpy(machine->trouble, text, sizeof(text));
        machine->note(machine->user, LOG_ERR, "%s %s: %s", kind, name, words);
}

/* What is gone is given back first, from the guests down; then what is wanted, from the host up. */
void machine_reconcile(struct machine *machine, struct wants *wants)
{
        if (wants != machine->wants)
                wants_free(machine->wants);
        machine->wants = wants;
        machine->failed = false;
        machine->looks = 0;
        profile_reconcile(machine);
        devices_reconcile(machine);
        guests_reconcile(machine);
}

void machine_look(struct machine *machine)
{
        if (!machine->wants)
                return;
        if (machine->failed && ++machine->looks >= RETRY_LOOKS) {
                machine_reconcile(machine, machine->wants);
                return;
        }
        profile_look(machine);
        devices_look(machine);
        /* libvirt tells of no change of a persistent pin. */
        if (machine->wants->guests.count > 0 && ++machine->guest_looks % RETRY_LOOKS == 0)
                guests_reconcile(machine);
}

void machine_guests_changed(struct machine *machine)
{
        if (machine->wants)
                guests_reconcile(machine);
}

void machine_clear(struct machine *machine)
{
        wants_free(machine->wants);
        drift_watch_free(machine->drift);
        wishes_clear(&machine->wishes);
        plan_free(machine->plan);
        topology_free(machine->topology);
        guests_free(machine->guests);
        json_decref(machine->guest_list);
        json_decref(machine->reboot);
}

/* ---- answers ---- */

json_t *machine_topology(struct machine *machine, struct errors *errors)
{
        const struct topology_source here = {.root = machine->host.root};
        struct topology *topology;

        if (topology_read(&topology, &here, errors) < 0)
                return NULL;
        json_t *document = topology_to_json(topology);
        if (machine->plan) {
                json_t *plan = plan_to_json(machine->plan, topology);
                json_object_set(document, "classes", json_object_get(plan, "classes"));
                json_decref(plan);
        }
        if (machine->guest_list)
                json_object_set(document, "guests", machine->guest_list);
        topology_free(topology);
        return document;
}

json_t *machine_preview(struct machine *machine, const struct wants *wants, struct errors *errors)
{
        static const char *const kinds[] = {"HostProfile", "SriovDevice", "Guest"};
        const struct want_list *lists[] = {&wants->profiles, &wants->devices, &wants->guests};
        json_t *(*const preview[])(struct machine *, const struct want *,
                                   struct errors *) = {profile_preview, device_preview, guest_preview};
        json_t *answer = json_array();

        for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
                for (size_t j = 0; j < lists[i]->count; j++) {
                        struct errors own = {};
                        const struct want *want = &lists[i]->list[j];
                        json_t *plan = preview[i](machine, want, &own);
                        json_array_append_new(answer, json_pack("{ss, ss, so}", "kind", kinds[i], "name", want->name,
                                                                "plan", plan ?: status_of_errors(&own)));
                }
        }
        return answer;
}
