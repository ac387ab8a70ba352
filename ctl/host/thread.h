/* The thread on which the host is touched, and the two letter boxes between it and the event loop: wants and questions
 * go in, statuses, notes and answers come out, in the order in which they were made. All functions here are the loop's
 * side. */
#pragma once

#include "machine.h"
#include "tuning.h"

struct thread;

/* Called on the event loop. */
struct thread_handlers {
        /* Takes over `status`. */
        void (*told)(void *user, uint32_t id, uint64_t revision, json_t *status, const char *failure);
        /* A pass for this revision of the model is over, or, with `seconds` below 0, another plan is in force;
         * `isolated`: CPUs that it isolates, or NULL. `changed`: something of the host was written since the last. */
        void (*passed)(void *user, uint64_t revision, double seconds, const char *isolated, bool changed);
        /* An object of a pass is through: it goes on. */
        void (*step)(void *user);
        /* What is wanted no more and could not be put back yet. Takes over the list: [{kind, name, words}]. */
        void (*gone)(void *user, json_t *restoring);
        void (*note)(void *user, int priority, const char *text);
};

int thread_new(struct thread **ret, sd_event *event, const struct tuning_options *options,
               const struct thread_handlers *handlers, void *user);
struct thread *thread_free(struct thread *thread);

/* The newest wants replace those that the thread has not begun with. Takes them over. */
void thread_want(struct thread *thread, struct wants *wants);

/* What is known of isolation (proof.h), for the audit. Takes it over. */
void thread_take_proof(struct thread *thread, json_t *proof);

/* Takes over `wants`. See tuning_ask(). */
int thread_ask(struct thread *thread, enum tuning_topic topic, struct wants *wants,
               void (*done)(void *user, json_t *answer, const struct errors *errors), void *user,
               struct tuning_request **ret);
