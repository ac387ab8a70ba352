/* See asking.h. */
#include <errno.h>
#include <stdlib.h>

#include "asking.h"
#include "network_private.h"
#include "socle/cleanup.h"

/* The head of every record with a cookie. */
struct with_cookie {
        struct wire_header header;
        uint64_t cookie;
};

#define ASSERT_COOKIE(record)                                                                                          \
        _Static_assert(offsetof(struct wire_##record, cookie) == offsetof(struct with_cookie, cookie), #record)
ASSERT_COOKIE(stats_get);
ASSERT_COOKIE(stats_end);
ASSERT_COOKIE(sessions_get);
ASSERT_COOKIE(session);
ASSERT_COOKIE(sessions_end);
ASSERT_COOKIE(trace);
ASSERT_COOKIE(trace_step);
ASSERT_COOKIE(trace_end);
ASSERT_COOKIE(capture_start);
ASSERT_COOKIE(capture_stop);
ASSERT_COOKIE(captured);
ASSERT_COOKIE(capture_end);

struct question {
        struct asking *asking;
        uint16_t type; /* of the record that asked */
        uint64_t cookie;
        const struct question_handlers *handlers;
        void *user;
        uint64_t patience_us;
        sd_event_source *patience;
        struct question *next;
};

struct asking {
        struct network *network;
        struct question *questions;
        uint64_t cookie; /* the last one given out; never used again, not on another connection either */
};

static struct question *question_free(struct question *question)
{
        struct question **at = &question->asking->questions;

        while (*at && *at != question)
                at = &(*at)->next;
        if (*at)
                *at = question->next;
        sd_event_source_disable_unref(question->patience);
        free(question);
        return NULL;
}

struct question *question_cancel(struct question *question)
{
        return question ? question_free(question) : NULL;
}

static void finish(struct question *question, int error)
{
        const struct question_handlers *handlers = question->handlers;
        void *user = question->user;

        question_free(question);
        handlers->done(user, error);
}

static int on_patience(sd_event_source *source, uint64_t now_us, void *user)
{
        finish(user, -ETIMEDOUT);
        return 0;
}

static int rearm(struct question *question)
{
        int r = sd_event_source_set_time_relative(question->patience, question->patience_us);

        return r < 0 ? r : sd_event_source_set_enabled(question->patience, SD_EVENT_ONESHOT);
}

int network_ask(struct network *network, void *record, uint64_t patience_us, const struct question_handlers *handlers,
                void *user, struct question **ret)
{
        struct asking *asking = network->asking;
        struct with_cookie *head = record;
        struct question *question;

        if (!network_connected(network))
                return -ENOTCONN;
        question = calloc(1, sizeof(*question));
        if (!question)
                return -ENOMEM;
        *question = (struct question){.asking = asking,
                                      .type = head->header.type,
                                      .cookie = ++asking->cookie,
                                      .handlers = handlers,
                                      .user = user,
                                      .patience_us = patience_us};
        int r = sd_event_add_time(network->event, &question->patience, CLOCK_MONOTONIC, 0, 0, on_patience, question);
        if (r >= 0)
                r = rearm(question);
        if (r >= 0)
                r = question_tell(question, record);
        if (r < 0) {
                question_free(question);
                return r;
        }
        question->next = asking->questions;
        asking->questions = question;
        *ret = question;
        return 0;
}

int question_tell(struct question *question, void *record)
{
        struct with_cookie *head = record;

        head->cookie = question->cookie;
        return dataplane_client_send(question->asking->network->client, record, head->header.length);
}

uint64_t question_cookie(const struct question *question)
{
        return question->cookie;
}

/* The records of counters have no cookie, only their end has: they belong to the one STATS_GET that stats.c lets be
 * under way. It finds out by itself when they answer an earlier one. */
static struct question *addressee(const struct asking *asking, const struct wire_header *record)
{
        bool counters = record->type >= WIRE_STATS_GET && record->type <= WIRE_SESSION_STATS;

        for (struct question *q = asking->questions; q; q = q->next)
                if (counters ? q->type == WIRE_STATS_GET : q->cookie == ((const struct with_cookie *)record)->cookie)
                        return q;
        return NULL;
}

int asking_record(struct asking *asking, const struct wire_header *record)
{
        struct question *question = addressee(asking, record);

        if (!question)
                return 0;
        int r = question->handlers->record(question->user, record);
        if (r == 0)
                return rearm(question);
        if (r > 0)
                finish(question, 0);
        return r < 0 ? r : 0;
}

void asking_disconnected(struct asking *asking)
{
        /* Who is told may not ask anew: there is no connection. */
        while (asking->questions)
                finish(asking->questions, -ENOTCONN);
}

struct asking *asking_free(struct asking *asking)
{
        while (asking && asking->questions)
                question_free(asking->questions);
        free(asking);
        return NULL;
}

struct asking *asking_new(struct network *network)
{
        struct asking *asking = calloc(1, sizeof(*asking));

        if (asking)
                asking->network = network;
        return asking;
}
