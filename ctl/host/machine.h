/* The thread's side of the host's reconciler: what it knows of the machine, and the steps of a pass over it. Owned by
 * the thread alone; what it finds leaves through `tell` and `note` (thread.c). */
#pragma once

#include "guest/guest.h"
#include "knob/apply.h"
#include "knob/audit.h"
#include "wants.h"

struct machine {
        struct host host;
        const char *libvirt_uri;
        struct wants *wants; /* what the last pass was for */

        /* of the profile in force; NULL: none */
        struct topology *topology;
        struct plan *plan;
        struct wishes wishes;
        struct drift_watch *drift;
        json_t *reboot; /* knobs that are in force only after a reboot */
        bool enforce;
        uint64_t enforced;    /* how many times drift was put back */
        bool failed;          /* the last pass could not do all */
        unsigned looks;       /* since then */
        unsigned guest_looks; /* how often guests might have been looked at */
        char trouble[256];    /* what was last noted: said once, not at each attempt */

        struct guests *guests;
        json_t *guest_list; /* all domains, as last seen */

        /* An object's status is another. Takes over `status`. `failure`: why it is not in force, NULL: it is. */
        void (*tell)(void *user, const struct want *want, json_t *status, const char *failure);
        void (*note)(void *user, int priority, const char *format, ...) __attribute__((format(printf, 3, 4)));
        void *user;
};

void machine_clear(struct machine *machine);

/* After the start, before the first pass: what kill -9 cut off is undone. */
void machine_recover(struct machine *machine);
/* Makes the machine what is wanted; takes over `wants`. Whatever fails is told as its object's status. */
void machine_reconcile(struct machine *machine, struct wants *wants);
/* Has anything moved? Drift is told, and put back if the profile says so; what failed is tried again now and then. */
void machine_look(struct machine *machine);
void machine_guests_changed(struct machine *machine);

/* Answers: NULL and words in `errors` on failure. */
json_t *machine_topology(struct machine *machine, struct errors *errors);
json_t *machine_audit(struct machine *machine, struct errors *errors);
/* What the pass for `wants` would do; writes nothing. */
json_t *machine_preview(struct machine *machine, const struct wants *wants, struct errors *errors);

/* ---- profile.c, devices.c, guests.c ---- */

void profile_reconcile(struct machine *machine);
void profile_look(struct machine *machine);
json_t *profile_preview(struct machine *machine, const struct want *want, struct errors *errors);

void devices_recover(struct machine *machine);
void devices_reconcile(struct machine *machine);
void devices_look(struct machine *machine);
json_t *device_preview(struct machine *machine, const struct want *want, struct errors *errors);

void guests_reconcile(struct machine *machine);
json_t *guest_preview(struct machine *machine, const struct want *want, struct errors *errors);

/* The complaints as one status: {state: "error", error, errors: […]}; and its first one in words for `tell`. */
json_t *status_of_errors(const struct errors *errors);
void failure_words(const struct errors *errors, char *ret, size_t size);
/* For the log. */
void note_trouble(struct machine *machine, const char *kind, const char *name, const char *words);
/* Calls for each journal state/PREFIX-NAME.json. */
void each_journal(const struct machine *machine, const char *prefix, void (*call)(struct machine *, const char *name),
                  struct machine *with);
