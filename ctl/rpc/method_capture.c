/* capture and capture_stop: packets of a port, packets that were dropped, or packets with what became of them, as they
 * pass. See stream.c. */
#include <errno.h>
#include <string.h>

#include "flow.h"
#include "method.h"
#include "model.h"
#include "server.h"
#include "socle/wire.h"

#define COUNT_DEFAULT   1000
#define SECONDS_DEFAULT 60

static const struct param capture_params[] = {
        {"port", PARAM_STRING, "a Port or an Underlay; may be absent with `drops`: all of them"},
        {"drops", PARAM_BOOL, "only packets that are dropped, with the reason"},
        {"trace", PARAM_BOOL, "packets that come from the port, each with the steps that `trace` answers"},
        {"packet", PARAM_STRING,
         "only this flow, both directions: tcp 10.0.0.5 > any:443; a complaint begins with \"character N: \""},
        {"snap", PARAM_INT, "bytes of a frame at most (all of it)", .unit = "bytes", .min = 64, .max = WIRE_FRAME_MAX},
        {"count", PARAM_INT, "ends after so many packets (1000)", .min = 1, .max = 10000000},
        {"seconds", PARAM_INT, "ends after this long (60)", .unit = "s", .min = 1, .max = 86400},
        {},
};

static int take_mode(const struct model *model, const json_t *json, struct wire_capture_start *start,
                     struct errors *errors)
{
        const char *name = json_string_value(json_object_get(json, "port"));
        bool drops = json_is_true(json_object_get(json, "drops")), trace = json_is_true(json_object_get(json, "trace"));
        const struct object *port = name ? flow_find_port(model, name, true, errors) : NULL;

        start->mode = drops ? WIRE_CAPTURE_DROPS : trace ? WIRE_CAPTURE_TRACE : WIRE_CAPTURE_PORT;
        if (port) {
                start->port = port->id;
                start->is_underlay = strcmp(port->kind->name, "Underlay") == 0;
        }
        if (drops && trace)
                errors_add(errors, -EINVAL, "/trace", "one of drops and trace",
                           "a live trace shows all packets; those dropped too");
        if (!name && !drops)
                errors_add(errors, -EINVAL, "/port", "a Port or an Underlay, or drops: true",
                           "there is no port to capture on");
        return errors->count > 0 ? -EINVAL : 0;
}

static int take_filter(const char *text, struct wire_capture_start *start, struct errors *errors)
{
        struct packet packet;
        int r = flow_parse(text, PACKET_FILTER, &packet, errors);

        if (r < 0)
                return r;
        start->family = packet.family;
        start->protocol = packet.protocol;
        for (int i = 0; i < 2; i++) {
                memcpy(start->ip[i], packet.ip[i], sizeof(start->ip[i]));
                start->l4_port[i] = packet.l4_port[i];
        }
        return 0;
}

static uint32_t number_or(const json_t *json, const char *name, uint32_t fallback)
{
        const json_t *value = json_object_get(json, name);

        return value ? (uint32_t)json_integer_value(value) : fallback;
}

static void run_capture(struct call *call, json_t *json)
{
        const char *filter = json_string_value(json_object_get(json, "packet"));
        struct wire_capture_start start;
        struct errors errors = {};
        uint64_t id;

        wire_init(&start, WIRE_CAPTURE_START);
        start.snap_length = number_or(json, "snap", WIRE_FRAME_MAX);
        start.max_packets = number_or(json, "count", COUNT_DEFAULT);
        start.seconds = number_or(json, "seconds", SECONDS_DEFAULT);
        int r = take_mode(call_context(call)->model, json, &start, &errors);
        if (filter && take_filter(filter, &start, &errors) < 0)
                r = -EINVAL;
        if (r == 0)
                r = stream_start(call, &start, &id, &errors);
        if (r == 0)
                call_reply(call, json_pack("{sI}", "capture", (json_int_t)id));
        else if (errors.count > 0)
                call_fail_errors(call, &errors);
        else if (r == -ENOMEM)
                call_fail(call, RPC_INTERNAL, "out of memory");
        else
                call_fail(call, RPC_NO_DATAPLANE, "the dataplane is not connected; `info` tells its state");
}

static struct method capture = {
        .name = "capture",
        .help = "Shows packets as they pass, in notifications: {capture, packet}, at last {capture, end}. It misses "
                "what "
                "the caller does not read fast enough.",
        .role = ROLE_ADMIN,
        .params = capture_params,
        .run = run_capture,
};
REGISTER_METHOD(capture);

static const struct param stop_params[] = {
        {"capture", PARAM_INT, "as `capture` answered it", .required = true, .max = INT64_MAX},
        {},
};

static void run_stop(struct call *call, json_t *json)
{
        struct errors errors = {};

        if (stream_stop(call, (uint64_t)json_integer_value(json_object_get(json, "capture")))) {
                call_reply(call, json_object());
                return;
        }
        errors_add(&errors, -ENOENT, "/capture", "a number that `capture` answered on this connection",
                   "there is no such capture, or it has ended");
        call_fail_errors(call, &errors);
}

static struct method stop = {
        .name = "capture_stop",
        .help = "Ends a capture: its last packets and its end follow.",
        .role = ROLE_ADMIN,
        .params = stop_params,
        .run = run_stop,
};
REGISTER_METHOD(stop);
