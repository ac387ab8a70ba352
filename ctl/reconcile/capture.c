/* Captures: packets as the dataplane shows them, one after another; live traces: with what became of each. See
 * questions.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "asking.h"
#include "base64.h"
#include "names.h"
#include "network_private.h"
#include "packet.h"
#include "questions.h"
#include "socle/cleanup.h"

#define GRACE_US (10 * UINT64_C(1000000)) /* what the dataplane may take longer than it was told to */

/* Packets of a live trace whose end has not come yet; several workers may be at theirs. The oldest goes as it is when
 * there are more. What then really was sent or dropped of a packet, each copy, comes behind its end, and bears its
 * number. */
#define OPEN_MAX  32
#define STEPS_MAX 1000

struct open_packet {
        uint64_t number; /* the dataplane's */
        json_t *json;
};

struct capture {
        struct network *network;
        struct question *question;
        const struct capture_handlers *handlers;
        void *user;
        bool trace;
        uint64_t packets, missed; /* shown; not, since there was no room */
        struct open_packet open[OPEN_MAX];
        size_t open_count;
        json_t *end;
};

static void capture_free(struct capture *capture)
{
        for (size_t i = 0; i < capture->open_count; i++)
                json_decref(capture->open[i].json);
        json_decref(capture->end);
        free(capture);
}

static void close_packet(struct capture *capture, size_t i)
{
        json_t *json = capture->open[i].json;

        capture->open_count--;
        memmove(&capture->open[i], &capture->open[i + 1], (capture->open_count - i) * sizeof(capture->open[0]));
        capture->handlers->packet(capture->user, json);
}

static size_t find_open(const struct capture *capture, uint64_t number)
{
        size_t i = 0;

        while (i < capture->open_count && capture->open[i].number != number)
                i++;
        return i;
}

static json_t *frame_to_json(const struct wire_captured *captured)
{
        char text[BASE64_SIZE(WIRE_FRAME_MAX)];

        base64_encode(captured->frame, captured->captured, text);
        return json_string(text);
}

static json_t *packet_to_json(struct capture *capture, const struct wire_captured *captured)
{
        static const char *const ways[] = {
                [WIRE_CAPTURED_RX] = "rx", [WIRE_CAPTURED_TX] = "tx", [WIRE_CAPTURED_DROP] = "drop"};
        const char *way = captured->how <= WIRE_CAPTURED_DROP ? ways[captured->how] : NULL;
        bool outcome = capture->trace && captured->how != WIRE_CAPTURED_RX;
        uint64_t number = capture->trace ? captured->packet : capture->packets + 1;
        char summary[PACKET_TEXT_SIZE];

        if (!outcome)
                capture->packets++;
        packet_describe(captured->frame, captured->captured, captured->length, summary);
        return json_pack("{sI, sI, so, ss, so, sI, ss, so}", "number", (json_int_t)number, "time_ns",
                         (json_int_t)captured->time_ns, "at", object_of(capture->network, captured->port), "way",
                         way ?: "unknown", "drop",
                         captured->how == WIRE_CAPTURED_DROP ? drop_of(captured->drop) : json_null(), "length",
                         (json_int_t)captured->length, "summary", summary, "frame", frame_to_json(captured));
}

static int on_captured(struct capture *capture, const struct wire_captured *captured)
{
        json_t *json;

        if (captured->captured > captured->header.length - sizeof(*captured))
                return -EPROTO;
        if (!capture->handlers->room(capture->user)) {
                capture->missed += !capture->trace || captured->how == WIRE_CAPTURED_RX;
                return 0;
        }
        json = packet_to_json(capture, captured);
        if (!json)
                return -ENOMEM;
        if (!capture->trace || captured->how != WIRE_CAPTURED_RX) {
                capture->handlers->packet(capture->user, json);
                return 0;
        }
        json_object_set_new(json, "steps", json_array());
        json_object_set_new(json, "delivered", json_null());
        if (capture->open_count == OPEN_MAX)
                close_packet(capture, 0);
        capture->open[capture->open_count++] = (struct open_packet){.number = captured->packet, .json = json};
        return 0;
}

static void on_step(struct capture *capture, const struct wire_trace_step *step)
{
        size_t i = find_open(capture, step->packet);
        json_t *steps = i < capture->open_count ? json_object_get(capture->open[i].json, "steps") : NULL;

        if (steps && json_array_size(steps) < STEPS_MAX)
                json_array_append_new(steps, step_of(capture->network, step));
}

static void on_packet_end(struct capture *capture, const struct wire_trace_end *end)
{
        size_t i = find_open(capture, end->packet);

        if (i == capture->open_count)
                return; /* there was no room for it */
        json_object_set_new(capture->open[i].json, "delivered", json_boolean(end->delivered));
        json_object_set_new(capture->open[i].json, "drop", drop_of(end->drop));
        close_packet(capture, i);
}

static json_t *end_to_json(const struct capture *capture, uint64_t missed_there, json_t *error)
{
        return json_pack("{sI, sI, so}", "packets", (json_int_t)capture->packets, "missed",
                         (json_int_t)(capture->missed + missed_there), "error", error);
}

static int on_record(void *user, const struct wire_header *record)
{
        struct capture *capture = user;
        const struct wire_capture_end *end = (const struct wire_capture_end *)record;

        switch (record->type) {
        case WIRE_CAPTURED:
                return on_captured(capture, (const struct wire_captured *)record);
        case WIRE_TRACE_STEP:
                on_step(capture, (const struct wire_trace_step *)record);
                return 0;
        case WIRE_TRACE_END:
                on_packet_end(capture, (const struct wire_trace_end *)record);
                return 0;
        case WIRE_CAPTURE_END:
                capture->end = end_to_json(capture, end->missed,
                                           !end->error    ? json_null()
                                           : end->text[0] ? text_of(end->text)
                                                          : text_of(strerror((int)end->error)));
                return 1;
        default:
                return -EPROTO;
        }
}

static void on_done(void *user, int error)
{
        struct capture *capture = user;

        while (capture->open_count > 0)
                close_packet(capture, 0);
        if (error < 0)
                capture->end = end_to_json(
                        capture, 0,
                        json_string(error == -ENOTCONN ? "the dataplane is gone" : "the dataplane does not answer"));
        capture->handlers->end(capture->user, TAKE_PTR(capture->end));
        capture_free(capture);
}

static const struct question_handlers question_handlers = {.record = on_record, .done = on_done};

int network_capture(struct network *network, struct wire_capture_start *start, const struct capture_handlers *handlers,
                    void *user, struct capture **ret)
{
        struct capture *capture = calloc(1, sizeof(*capture));

        if (!capture)
                return -ENOMEM;
        capture->network = network;
        capture->handlers = handlers;
        capture->user = user;
        capture->trace = start->mode == WIRE_CAPTURE_TRACE;
        int r = network_ask(network, start, start->seconds * UINT64_C(1000000) + GRACE_US, &question_handlers, capture,
                            &capture->question);
        if (r < 0)
                capture_free(capture);
        else
                *ret = capture;
        return r;
}

void capture_stop(struct capture *capture)
{
        struct wire_capture_stop stop;

        wire_init(&stop, WIRE_CAPTURE_STOP);
        (void)question_tell(capture->question, &stop); /* where there is no connection, the end is near anyway */
}

struct capture *capture_cancel(struct capture *capture)
{
        if (!capture)
                return NULL;
        capture_stop(capture);
        question_cancel(capture->question);
        capture_free(capture);
        return NULL;
}
