/* One machine on its way into Ironic, or out of it: looks, plans, takes a step, tells. All state that must survive is
 * in Ironic and in the ledger; what is here may be lost at any moment. Belongs to a node's thread (node.c), and blocks.
 *
 *      enrolment.c   a turn, and what it comes to           act.c      taking a step
 *      ready.c       ledger, connection, what is wanted     release.c  may the host be given away?
 *      observe.c     what Ironic has                        telling.c  statuses, and what a failure means */
#pragma once

#include <jansson.h>
#include <stdatomic.h>
#include <stdint.h>

#include "ironic.h"
#include "plan.h"
#include "progress.h"
#include "socle/errors.h"

struct enrolment_options {
        const char *root;        /* of /proc and /sys; NULL: "/" */
        const char *lldp_socket; /* NULL: the default */
        const char *state;       /* directory of the ledgers */
        const char *libvirt_uri; /* "": there are no guests here */
        const char *by;          /* the host's name: marks what we make, and is what consent names */
};

/* What only the event loop knows of the host. */
struct host_facts {
        bool cordoned;     /* the tuner places no new guests any more */
        char holding[256]; /* ports and underlays that are left, for people; "": none, and the dataplane has it so */
};

struct seen {
        json_t *node, *ports, *portgroups; /* node NULL: there is none */
};

struct enrolment {
        /* given */
        struct enrolment_options options;
        const char *name;
        const atomic_bool *cancel;
        void (*tell)(void *user, json_t *status, const char *failure, bool settled); /* takes over `status` */
        void (*note)(void *user, int priority, const char *format, ...) __attribute__((format(printf, 3, 4)));
        struct host_facts (*ask_facts)(void *user); /* as they are now */
        void *user;
        json_t *spec; /* NULL: leave */
        uint64_t revision;
        struct host_facts facts;

        /* of this run, from enrolment_restart() on */
        struct ironic *ironic;
        json_t *ledger, *inventory, *desired;
        struct progress progress;
        struct seen seen;
        bool checked, validated, released, taking_back;
        bool inspected; /* the inspection that Ironic is at has been answered */
        bool away;      /* the last wait was for Ironic itself: over when it answers a look */
        bool fresh;     /* `seen` is what Ironic has, as far as we changed it */
        char verb[32];  /* last asked for */
        unsigned asked, passing, stumbles, failures, waits;
        unsigned missing;         /* looks that have not found what is to be taken back */
        json_t *write;            /* the last one: {method, path, body}, without a secret */
        unsigned written;         /* so many times in a row */
        json_t *notes;            /* of the last plan */
        char failure[PLAN_WORDS]; /* why it cannot be, as last found; "": nothing */
};

/* A new spec, or to leave: what was found out is found out again. */
void enrolment_restart(struct enrolment *enrolment);
/* One step. How long to wait for the next one, in ms; -1: it has left, and nothing is left of it. */
int enrolment_turn(struct enrolment *enrolment);
void enrolment_clear(struct enrolment *enrolment);

/* ---- between the parts ---- */

/* FAULT_NONE and enrolment->seen, or the answer says why not. */
enum fault observe(struct enrolment *enrolment, struct answer *answer);
void seen_clear(struct seen *seen);
/* What was written is seen without another look: Ironic's answer says how it is now. False: it does not. */
bool seen_update(struct seen *seen, const struct next *next, const struct answer *answer);

enum { PASSING_MS = 500 /* what is only a matter of time, at first */ };
/* first × 2^n, at most `most` */
int back_off(int first, int most, unsigned n);

/* ---- telling.c ---- */

/* The word for `state` in the status; NULL: it is under way. NULL words: none. */
void tell_status(struct enrolment *enrolment, const char *state, const char *words);
/* Ironic has a state "error", too: that of the status is a failure of ours. */
void tell_failure(struct enrolment *enrolment, const char *words);
/* The target of this spec was reached. */
bool is_settled(const struct enrolment *enrolment);
int save_ledger(struct enrolment *enrolment); /* -errno and enrolment->failure */

/* A request that failed, or a step that cannot be: how long to wait before the next turn. */
int on_fault(struct enrolment *enrolment, const char *step, const struct answer *answer);
int give_up(struct enrolment *enrolment, const char *step, const char *request_id, const char *words);
int wait_after_failure(struct enrolment *enrolment);
void forget_inventory(struct enrolment *enrolment);

/* ---- ready.c ---- */

/* The ledger, for this spec; for leaving, the spec as it was. 0; -ENOENT: there is nothing to leave; else
 * enrolment->failure. */
int open_ledger(struct enrolment *enrolment);
/* Has Ironic been told anything? */
bool was_written(const json_t *ledger);
/* Until everything is there that a plan needs. 0: it is; else how long to wait. */
int get_ready(struct enrolment *enrolment);
int read_inventory(struct enrolment *enrolment, struct errors *errors);
const json_t *spec_of(const struct enrolment *enrolment); /* of leaving: as it was last wanted */
/* Does another machine than ours have to be enrolled? */
bool is_other_machine(const json_t *spec);

/* ---- act.c: each takes its step and answers how long to wait ---- */

int act_request(struct enrolment *enrolment, struct next *next);
int act_check(struct enrolment *enrolment);
int act_validate(struct enrolment *enrolment);
void forget_writes(struct enrolment *enrolment);

/* ---- release.c ---- */

int act_release(struct enrolment *enrolment);
/* How long to wait for a gate that is not open (told); 0: all are. */
int pass_gates(struct enrolment *enrolment);
