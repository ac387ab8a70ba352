/* The host's reconciler: makes the machine what HostProfile, SriovDevice and Guest objects say, and those objects'
 * status what the machine is. Observes the model on the event loop; all that touches the host happens on a thread of
 * its own, since a driver, a huge page or libvirt may take its time. Works with the tuner's libraries and rpc/, which
 * asks. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "socle/errors.h"

struct model;
struct transaction;
struct tuning;

struct tuning_options {
        const char *root;        /* of /proc and /sys; NULL: "/" */
        const char *state;       /* directory of the journals */
        const char *libvirt_uri; /* "qemu:///system"; "": guests are not looked after */
};

struct tuning_events {
        void (*progress)(void *user); /* a revision is in force, or has failed */
        void (*step)(void *user);     /* it is under way, and an object is through */
        void (*note)(void *user, int priority, const char *text);
        void *user;
};

/* Texts are copied; the model and the loop stay the caller's. */
int tuning_new(struct tuning **ret, sd_event *event, struct model *model, const struct tuning_options *options);
/* Waits for the step that is under way. */
struct tuning *tuning_free(struct tuning *tuning);
void tuning_set_events(struct tuning *tuning, const struct tuning_events *events);

/* Has the host been made as this revision wants it (but for what failed)? */
bool tuning_in_force(const struct tuning *tuning, uint64_t revision);
/* Why the object is not in force although its revision is; NULL: it is, or nothing is known. */
const char *tuning_failure(const struct tuning *tuning, uint32_t id);
/* Why an object that is wanted no more has not been put back yet; NULL: it has been. */
const char *tuning_restoring(const struct tuning *tuning, const char *kind, const char *name);
/* For `info`. */
json_t *tuning_info(const struct tuning *tuning);

/* ---- questions, answered by the thread ---- */

enum tuning_topic {
        TUNING_TOPOLOGY, /* the machine, with classes and guests */
        TUNING_AUDIT,    /* knobs, drift, contradictions */
        TUNING_PREVIEW,  /* what the wanted objects, given as wants_*() makes them, would change; nothing is written */
        TUNING_TOPICS,
};

struct tuning_request;
/* `transaction`: for TUNING_PREVIEW, the world after it; else NULL. `done` is called once, later, unless cancelled:
 * with an answer to be decref'ed, or NULL and errors. -ENOMEM. */
int tuning_ask(struct tuning *tuning, enum tuning_topic topic, const struct transaction *transaction,
               void (*done)(void *user, json_t *answer, const struct errors *errors), void *user,
               struct tuning_request **ret);
void tuning_cancel(struct tuning_request *request);

/* Is an object of this transaction the tuner's? */
bool tuning_concerns(const struct transaction *transaction);

/* CPUs that the plan in force isolates, as a list; NULL: no plan is in force. */
const char *tuning_isolated_cpus(const struct tuning *tuning);
