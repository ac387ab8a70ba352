/* Questions to the dataplane: each is one record with a cookie, and its answer are records with that cookie, ended by
 * one of them. Several may be under way. Whoever asks is told when the dataplane goes away or falls silent; what it
 * still answers to those who gave up is thrown away. Used by stats.c and, through network.h, by the methods. */
#pragma once

#include <stdint.h>

#include "socle/wire.h"

struct network;
struct question;

struct question_handlers {
        /* A record of the answer: 1, it was the last; 0, more will follow; -errno, it is not in the protocol (the
         * connection is dropped). May not cancel the question. */
        int (*record)(void *user, const struct wire_header *record);
        /* Once, when the answer is whole (0), the dataplane is gone (-ENOTCONN), or it has been silent for too long
         * (-ETIMEDOUT). The question is gone by then. Not called after a cancel. */
        void (*done)(void *user, int error);
};

/* Asks. `record` is one of those with a cookie right behind the header (STATS_GET, SESSIONS_GET, TRACE, CAPTURE_START),
 * which is set here. `handlers` must outlive the question. -ENOTCONN, -ENOMEM. */
int network_ask(struct network *network, void *record, uint64_t patience_us, const struct question_handlers *handlers,
                void *user, struct question **ret);
/* Sends one more record of the question: its cookie is set. */
int question_tell(struct question *question, void *record);
uint64_t question_cookie(const struct question *question);
struct question *question_cancel(struct question *question); /* NULL is fine; returns NULL */

/* For network.c. */
struct asking *asking_new(struct network *network); /* NULL: out of memory */
struct asking *asking_free(struct asking *asking);  /* who asked is gone already, or is not told */
int asking_record(struct asking *asking, const struct wire_header *record);
void asking_disconnected(struct asking *asking);
