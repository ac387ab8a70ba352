/* The thread's side of the host's reconciler: what it knows of the machine, and the steps of a pass over it. Owned by
 * the thread alone; what it finds leaves through `tell`, `gone` and `note` (thread.c).
 *
 * Each object stands by itself (wants.h): what is in force is looked at, what failed is tried again, and neither
 * touches the others. */
#pragma once

#include "guest/guest.h"
#include "knob/apply.h"
#include "knob/audit.h"
#include "wants.h"

#define LOOK_MS       4000   /* what gives no event is seen within 5 s */
#define BUSY_MS       8000   /* libvirt tells of no end of a job */
#define RETRY_MS      32000  /* a driver that was loaded, pages that were freed */
#define RETRY_LAST_MS 600000 /* of drift that cannot be put back, after doubling */
#define GUESTS_MS     600000 /* all Guests are applied again, though neither events nor looks say that it is needed */
#define SETTLE_MS     1000   /* interrupts come one by one */

struct machine {
        struct host host;
        const char *libvirt_uri;
        struct wants *wants; /* what the last pass was for */

        /* of the profile in force; NULL: none */
        struct topology *topology;
        struct plan *plan;
        uint64_t plan_serial; /* another plan, or none: another number */
        struct wishes wishes;
        struct drift_watch *drift;
        json_t *reboot; /* knobs that are in force only after a reboot */
        bool enforce;
        uint64_t enforced;     /* how many times drift was put back */
        uint64_t changes;      /* how many times anything of the host was changed, as far as isolation may tell */
        int64_t targets_at_ms; /* CPUs, interrupts or devices came or went: when the plan is made anew; 0: they did not
                                */

        struct guests *guests;
        json_t *guest_list;   /* all domains, as last seen */
        int64_t guests_at_ms; /* when all are to be looked at again */
        json_t *proof;        /* of isolation (proof.h), for the audit; NULL: none */

        json_t *restoring;     /* what is wanted no more and could not be put back: [{kind, name, words}] */
        int64_t restore_at_ms; /* when it is tried again */

        /* An object's status is another. Takes over `status`. `failure`: why it is not in force, NULL: it is. */
        void (*tell)(void *user, const struct want *want, json_t *status, const char *failure);
        void (*gone)(void *user, const json_t *restoring); /* that list is another */
        void (*step)(void *user);                          /* an object is through */
        bool (*stopping)(void *user);                      /* the pass is to end between two objects */
        void (*note)(void *user, int priority, const char *format, ...) __attribute__((format(printf, 3, 4)));
        void *user;
};

int machine_init(struct machine *machine);
void machine_clear(struct machine *machine);

/* After the start, before the first pass: what kill -9 cut off is undone. */
void machine_recover(struct machine *machine);
/* Makes the machine what is wanted; takes over `wants`. Whatever fails is told as its object's status. */
void machine_reconcile(struct machine *machine, struct wants *wants);
/* Has anything moved? Drift is told, and put back if the profile says so; what failed is tried again now and then. */
void machine_look(struct machine *machine);
/* libvirt has told of something. */
void machine_guests_changed(struct machine *machine);
/* When machine_look() is to be called, if nothing else calls for it; 0: never. */
int64_t machine_look_at(const struct machine *machine);

/* ---- answers.c: NULL and words in `errors` on failure ---- */

json_t *machine_topology(struct machine *machine, struct errors *errors);
json_t *machine_audit(struct machine *machine, struct errors *errors);
/* What the pass for `wants` would do; writes nothing. */
json_t *machine_preview(struct machine *machine, const struct wants *wants, struct errors *errors);

/* ---- profile.c, devices.c, guests.c. `_apply`: what is not in force yet, and is due; what is, is looked at.
 * `_restore`: what is wanted no more; what cannot be, goes to machine_not_restored() ---- */

/* A plan with what it was made from, until it is in force. */
struct draft {
        struct topology *topology;
        struct plan *plan;
        struct wishes wishes;
};
int draft_make(const struct machine *machine, const json_t *spec, struct draft *ret, struct errors *errors);
void draft_clear(struct draft *draft);
#define cleanup_draft cleanup_(draft_clear)
/* What this host has not, or does not let be set. */
json_t *notes_of(const struct wishes *wishes);

void profile_restore(struct machine *machine);
void profile_apply(struct machine *machine);
/* After something has been made that has interrupts: are they where the plan wants them? */
void profile_follow(struct machine *machine);

void devices_recover(struct machine *machine);
void devices_restore(struct machine *machine);
void devices_apply(struct machine *machine);
json_t *device_preview(struct machine *machine, const struct want *want, struct errors *errors);

void guests_restore_gone(struct machine *machine);
/* `looked_for`: what libvirt does not tell of is looked for, too, which costs a call or two each. */
void guests_reconcile(struct machine *machine, bool looked_for);
/* `state`: see guests_observe(). */
json_t *guest_preview(struct machine *machine, const struct want *want, struct placement_state *state,
                      struct errors *errors);

/* ---- machine.c: what they share ---- */

int64_t machine_now_ms(void);
/* The complaints as one status: {state: "error", error, errors: […]}; and its first one in words for `tell`. */
json_t *status_of_errors(const struct errors *errors);
void failure_words(const struct errors *errors, char *ret, size_t size);
/* It is in force. */
void standing_applied(struct standing *standing);
/* It is not: the error stands until it is tried again. Said once, and not at each attempt. */
void standing_failed(struct machine *machine, struct want *want, const char *kind, const char *words, int64_t retry_ms);
/* It is, but its drift could not be put back. */
void standing_not_put_back(struct machine *machine, struct want *want, const char *kind, const char *words);
bool standing_is_due(const struct standing *standing);
void machine_not_restored(struct machine *machine, const char *kind, const char *name, const struct errors *errors);
/* Calls for each journal state/PREFIX-NAME.json. */
void each_journal(const struct machine *machine, const char *prefix,
                  void (*call)(struct machine *machine, const char *name, void *user), struct machine *with,
                  void *user);
