/* See observe.h. What takes long is done in turns of the event loop: a millisecond each, the requests one after the
 * other, and none while the client has enough to read. */
#include <errno.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "captures.h"
#include "clock.h"
#include "sessions.h"
#include "trace.h"

#define TURN_US 1000

struct request {
        struct request *next;
        struct walk *walk;
};

struct observe {
        const struct observe_names *names;
        const struct observe_outlet *outlet;
        struct captures *captures;
        sd_event_source *turn;
        struct request *first, **last; /* under way; the next turn is the first one's */
};

static void append(struct observe *observe, struct request *request)
{
        request->next = NULL;
        *observe->last = request;
        observe->last = &request->next;
}

static struct request *take_first(struct observe *observe)
{
        struct request *request = observe->first;

        if (!request)
                return NULL;
        observe->first = request->next;
        if (!observe->first)
                observe->last = &observe->first;
        return request;
}

static void request_free(struct request *request)
{
        walk_free(request->walk);
        free(request);
}

static void go_on(struct observe *observe, uint64_t until)
{
        struct request *request = take_first(observe);

        if (!request)
                return;
        if (walk_go_on(request->walk, observe->outlet->writer, until))
                request_free(request);
        else
                append(observe, request);
}

static int on_turn(sd_event_source *source, void *user)
{
        struct observe *observe = user;
        uint64_t now = rte_rdtsc(), slice = dp_clock.hz / 1000000 * TURN_US;
        bool more;

        if (observe->outlet->is_busy(observe->outlet->user))
                return sd_event_source_set_enabled(source, SD_EVENT_OFF); /* until observe_wake() */
        go_on(observe, now + slice);
        more = captures_drain(observe->captures, rte_rdtsc() + slice) || observe->first;
        wire_flush(observe->outlet->writer);
        if (!more)
                sd_event_source_set_enabled(source, SD_EVENT_OFF);
        observe->outlet->settle(observe->outlet->user);
        return 0;
}

void observe_wake(struct observe *observe)
{
        if (observe && (observe->first || captures_any(observe->captures)))
                sd_event_source_set_enabled(observe->turn, SD_EVENT_ON);
}

static void begin_walk(struct observe *observe, const struct wire_sessions_get *wanted)
{
        struct request *request = calloc(1, sizeof(*request));
        struct wire_sessions_end end;

        if (request && (request->walk = walk_new(wanted, observe->names))) {
                append(observe, request);
                observe_wake(observe);
                return;
        }
        free(request);
        wire_init(&end, WIRE_SESSIONS_END); /* out of memory: nothing found */
        end.cookie = wanted->cookie;
        wire_put(observe->outlet->writer, &end);
        wire_flush(observe->outlet->writer);
}

bool observe_take(struct observe *observe, const struct wire_header *record)
{
        switch (record->type) {
        case WIRE_SESSIONS_GET:
                begin_walk(observe, (const void *)record);
                return true;
        case WIRE_TRACE:
                trace_answer((const void *)record, observe->names, observe->outlet->writer);
                return true;
        case WIRE_CAPTURE_START:
                captures_start(observe->captures, (const void *)record);
                observe_wake(observe);
                return true;
        case WIRE_CAPTURE_STOP:
                captures_stop(observe->captures, ((const struct wire_capture_stop *)record)->cookie);
                observe_wake(observe);
                return true;
        default:
                return false;
        }
}

void observe_disconnect(struct observe *observe)
{
        struct request *request;

        if (!observe)
                return;
        while ((request = take_first(observe)))
                request_free(request);
        captures_abort(observe->captures);
        sd_event_source_set_enabled(observe->turn, SD_EVENT_OFF);
}

void observe_objects_changed(struct observe *observe)
{
        captures_check_ports(observe->captures);
        observe_wake(observe);
}

static void on_capture_due(void *user)
{
        observe_wake(user);
}

int observe_new(struct observe **ret, sd_event *event, const struct observe_names *names,
                const struct observe_outlet *outlet)
{
        struct observe *observe = calloc(1, sizeof(*observe));
        int r;

        if (!observe)
                return -ENOMEM;
        observe->names = names;
        observe->outlet = outlet;
        observe->last = &observe->first;
        r = sd_event_add_defer(event, &observe->turn, on_turn, observe);
        if (r >= 0)
                r = sd_event_source_set_enabled(observe->turn, SD_EVENT_OFF);
        if (r >= 0)
                r = captures_new(&observe->captures, event, names, outlet->writer, on_capture_due, observe);
        if (r < 0) {
                observe_free(observe);
                return r;
        }
        *ret = observe;
        return 0;
}

struct observe *observe_free(struct observe *observe)
{
        if (!observe)
                return NULL;
        if (observe->captures)
                observe_disconnect(observe);
        captures_free(observe->captures);
        sd_event_source_disable_unref(observe->turn);
        free(observe);
        return NULL;
}
