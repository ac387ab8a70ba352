/* See machine.h: the order of a pass, its clocks, and what its steps share. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "machine.h"
#include "socle/cleanup.h"

int64_t machine_now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

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

void each_journal(const struct machine *machine, const char *prefix,
                  void (*call)(struct machine *machine, const char *name, void *user), struct machine *with, void *user)
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
                call(with, entry->d_name + before, user);
        }
        if (directory)
                closedir(directory);
}

/* ---- how objects stand ---- */

void standing_applied(struct standing *standing)
{
        free(standing->error);
        standing->error = NULL;
        standing->tried = standing->applied = true;
        standing->next_try_ms = standing->patience_ms = 0;
}

static void take_error(struct machine *machine, struct want *want, const char *kind, const char *words)
{
        struct standing *standing = &want->standing;

        if (!standing->error || strcmp(standing->error, words) != 0)
                machine->note(machine->user, LOG_ERR, "%s %s: %s", kind, want->name, words);
        free(standing->error);
        standing->error = strdup(words);
}

void standing_failed(struct machine *machine, struct want *want, const char *kind, const char *words, int64_t retry_ms)
{
        struct standing *standing = &want->standing;

        take_error(machine, want, kind, words);
        standing->tried = true;
        standing->applied = false;
        standing->next_try_ms = machine_now_ms() + retry_ms;
}

void standing_not_put_back(struct machine *machine, struct want *want, const char *kind, const char *words)
{
        struct standing *standing = &want->standing;
        int64_t next = standing->patience_ms * 2;

        take_error(machine, want, kind, words);
        standing->patience_ms = next < RETRY_MS ? RETRY_MS : next > RETRY_LAST_MS ? RETRY_LAST_MS : next;
        standing->next_try_ms = machine_now_ms() + standing->patience_ms;
}

bool standing_is_due(const struct standing *standing)
{
        return machine_now_ms() >= standing->next_try_ms;
}

/* ---- what is wanted no more ---- */

static const json_t *find_restoring(const json_t *list, const char *kind, const char *name)
{
        json_t *entry;
        size_t i;

        json_array_foreach ((json_t *)list, i, entry)
                if (strcmp(json_string_value(json_object_get(entry, "kind")), kind) == 0 &&
                    strcmp(json_string_value(json_object_get(entry, "name")), name) == 0)
                        return entry;
        return NULL;
}

void machine_not_restored(struct machine *machine, const char *kind, const char *name, const struct errors *errors)
{
        char words[640];

        failure_words(errors, words, sizeof(words));
        json_array_append_new(machine->restoring,
                              json_pack("{ss, ss, ss}", "kind", kind, "name", name, "words", words));
}

static void note_new(struct machine *machine, const json_t *before)
{
        json_t *entry;
        size_t i;

        json_array_foreach (machine->restoring, i, entry) {
                const char *kind = json_string_value(json_object_get(entry, "kind"));
                const char *name = json_string_value(json_object_get(entry, "name"));
                if (!json_equal(entry, find_restoring(before, kind, name)))
                        machine->note(machine->user, LOG_ERR,
                                      "%s%s%s is not wanted any more and cannot be put back yet: %s", kind,
                                      *name ? " " : "", name, json_string_value(json_object_get(entry, "words")));
        }
}

/* From the guests down: a VF is in use as long as its guest has not been given back. */
static void restore_gone(struct machine *machine)
{
        json_t *before = machine->restoring;

        machine->restoring = json_array();
        guests_restore_gone(machine);
        devices_restore(machine);
        profile_restore(machine);
        machine->restore_at_ms = json_array_size(machine->restoring) > 0 ? machine_now_ms() + RETRY_MS : 0;
        if (!json_equal(before, machine->restoring)) {
                note_new(machine, before);
                machine->gone(machine->user, machine->restoring);
        }
        json_decref(before);
}

/* ---- the pass ---- */

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

/* What is gone is given back first, from the guests down; then what is wanted, from the host up. */
void machine_reconcile(struct machine *machine, struct wants *wants)
{
        wants_take_standings(wants, machine->wants);
        wants_free(machine->wants);
        machine->wants = wants;
        restore_gone(machine);
        profile_apply(machine);
        devices_apply(machine);
        profile_follow(machine);
        guests_reconcile(machine, false);
}

void machine_look(struct machine *machine)
{
        if (!machine->wants)
                return;
        if (machine->restore_at_ms > 0 && machine_now_ms() >= machine->restore_at_ms)
                restore_gone(machine);
        profile_apply(machine);
        devices_apply(machine);
        guests_reconcile(machine, true);
}

void machine_guests_changed(struct machine *machine)
{
        struct errors ignored = {};

        if (!machine->wants)
                return;
        guests_read(machine->guests, &ignored); /* who uses a VF is known even where no Guest is wanted */
        if (json_array_size(machine->restoring) > 0)
                restore_gone(machine);
        guests_reconcile(machine, false);
}

int64_t machine_look_at(const struct machine *machine)
{
        const struct wants *wants = machine->wants;

        if (!wants || (wants->profiles.count + wants->devices.count + wants->guests.count == 0 &&
                       json_array_size(machine->restoring) == 0))
                return 0; /* nothing to drift, nothing to try again */
        int64_t at = machine_now_ms() + LOOK_MS;
        return machine->targets_at_ms > 0 && machine->targets_at_ms < at ? machine->targets_at_ms : at;
}

int machine_init(struct machine *machine)
{
        machine->restoring = json_array();
        return machine->restoring ? 0 : -ENOMEM;
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
        json_decref(machine->restoring);
        json_decref(machine->proof);
}
