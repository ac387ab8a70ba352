/* trace: what would become of a packet, step by step, without sending it. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow.h"
#include "method.h"
#include "model.h"
#include "questions.h"
#include "server.h"
#include "socle/cleanup.h"
#include "socle/wire.h"
#include "values.h"

#define FRAME_MAX sizeof(((struct wire_trace *)0)->frame)

static const struct param params[] = {
        {"port", PARAM_STRING, "where it comes from: a Port, or an Underlay", .required = true},
        {"packet", PARAM_STRING,
         "the packet in words: tcp 10.0.0.5:33000 > 10.0.1.7:443; a complaint begins with \"character N: \""},
        {"frame_hex", PARAM_STRING, "or the frame itself, from the Ethernet header on, in hexadecimal digits"},
        {},
};

/* The trace while it is asked for. */
struct tracing {
        struct call *call;
        struct trace_request *request;
        json_t *head; /* what the answer says of the question */
};

static int parse_hex(const char *text, uint8_t frame[FRAME_MAX], size_t *ret_length, struct errors *errors)
{
        static const char expected[] = "pairs of hexadecimal digits, blanks and colons between them";
        size_t digits = 0;

        for (const char *at = text; *at; at++) {
                unsigned char c = (unsigned char)*at;

                if (c == ' ' || c == ':')
                        continue;
                if (!isxdigit(c) || digits == 2 * FRAME_MAX) {
                        errors_add(errors, -EINVAL, "/frame_hex", expected,
                                   isxdigit(c) ? "character %zu: a frame has at most 2048 bytes here"
                                               : "character %zu: not a hexadecimal digit",
                                   (size_t)(at - text) + 1);
                        return -EINVAL;
                }
                uint8_t value = (uint8_t)(isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
                frame[digits / 2] = digits % 2 ? (uint8_t)(frame[digits / 2] | value) : (uint8_t)(value << 4);
                digits++;
        }
        if (digits % 2 || digits < 2 * PACKET_ETHER_BYTES) {
                errors_add(errors, -EINVAL, "/frame_hex", expected,
                           digits % 2 ? "there is half a byte at the end"
                                      : "there is less than an Ethernet header, 14 bytes");
                return -EINVAL;
        }
        *ret_length = digits / 2;
        return 0;
}

static int build_frame(const struct rpc_context *context, const struct object *port, const char *text,
                       uint8_t frame[FRAME_MAX], size_t *ret_length, struct errors *errors)
{
        struct packet packet;
        char ip[VALUE_SIZE];
        int r;

        if (strcmp(port->kind->name, "Port") != 0) {
                errors_add(errors, -EINVAL, "/packet", "frame_hex, with the outer headers",
                           "words are of a guest's packet, and %s \"%s\" gets the tunnels' own", port->kind->name,
                           port->name);
                return -EINVAL;
        }
        r = flow_parse(text, PACKET_ONE, &packet, errors);
        if (r < 0)
                return r;
        if (network_complete(context->network, port, &packet) < 0) {
                ip_format(packet.ip[1], ip);
                errors_add(errors, -EINVAL, "/packet",
                           "at the end \"dst-mac MAC\": of the gateway, or of whom it is sent to",
                           "character %zu: nobody in Network %s declares %s, so that its MAC address is not known",
                           packet.destination_at, spec_string(port->spec, "network"), ip);
                return -EINVAL;
        }
        *ret_length = packet_build(&packet, frame, FRAME_MAX);
        return 0;
}

static int take_frame(const struct rpc_context *context, const json_t *json, const struct object **ret_port,
                      uint8_t frame[FRAME_MAX], size_t *ret_length, struct errors *errors)
{
        const char *packet = json_string_value(json_object_get(json, "packet"));
        const char *hex = json_string_value(json_object_get(json, "frame_hex"));
        const char *port = json_string_value(json_object_get(json, "port"));

        *ret_port = flow_find_port(context->model, port, true, errors);
        if (!*ret_port)
                return -ENOENT;
        if (!packet == !hex) {
                errors_add(errors, -EINVAL, packet ? "/frame_hex" : "/packet", "exactly one of packet and frame_hex",
                           packet ? "there are two packets" : "there is no packet");
                return -EINVAL;
        }
        return packet ? build_frame(context, *ret_port, packet, frame, ret_length, errors)
                      : parse_hex(hex, frame, ret_length, errors);
}

/* ---- asking ---- */

static json_t *hex_of(const uint8_t *frame, size_t length)
{
        static const char digits[] = "0123456789abcdef";
        char text[2 * FRAME_MAX + 1];

        for (size_t i = 0; i < length; i++) {
                text[2 * i] = digits[frame[i] >> 4];
                text[2 * i + 1] = digits[frame[i] & 15];
        }
        text[2 * length] = 0;
        return json_string(text);
}

static json_t *head_of(const struct object *port, const uint8_t *frame, size_t length)
{
        char summary[PACKET_TEXT_SIZE], macs[2][VALUE_SIZE];

        packet_describe(frame, length, length, summary);
        mac_format(frame, macs[1]);
        mac_format(frame + 6, macs[0]);
        return json_pack("{s{ss, ss}, ss, ss, ss, so}", "from", "kind", port->kind->name, "name", port->name, "packet",
                         summary, "src_mac", macs[0], "dst_mac", macs[1], "frame_hex", hex_of(frame, length));
}

static void tracing_free(struct tracing *tracing)
{
        json_decref(tracing->head);
        free(tracing);
}

static void on_done(void *user, json_t *result)
{
        struct tracing *tracing = user;

        if (result)
                json_object_update(tracing->head, result);
        call_reply_of_dataplane(tracing->call, result ? json_incref(tracing->head) : NULL);
        json_decref(result);
        tracing_free(tracing);
}

static void on_cancel(void *user)
{
        struct tracing *tracing = user;

        network_trace_cancel(tracing->request);
        tracing_free(tracing);
}

static void run(struct call *call, json_t *json)
{
        cleanup_free struct tracing *tracing = calloc(1, sizeof(*tracing));
        struct rpc_context *context = call_context(call);
        const struct object *port;
        uint8_t frame[FRAME_MAX];
        struct errors errors = {};
        size_t length = 0;

        if (take_frame(context, json, &port, frame, &length, &errors) < 0) {
                call_fail_errors(call, &errors);
                return;
        }
        if (!tracing) {
                call_fail(call, RPC_INTERNAL, "out of memory");
                return;
        }
        if (network_trace(context->network, port, frame, length, on_done, tracing, &tracing->request) < 0) {
                call_fail(call, RPC_NO_DATAPLANE, "the dataplane is not connected; `info` tells its state");
                return;
        }
        tracing->call = call;
        tracing->head = head_of(port, frame, length);
        call->cancel = on_cancel;
        call->cancel_user = TAKE_PTR(tracing);
}

static struct method trace = {
        .name = "trace",
        .help = "Where a packet would go, step by step, and which rule or object says so. Nothing is sent.",
        .role = ROLE_READ,
        .params = params,
        .run = run,
};
REGISTER_METHOD(trace);
