/* Traces: what would become of a packet, step by step. See questions.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "asking.h"
#include "names.h"
#include "network_private.h"
#include "packet.h"
#include "questions.h"
#include "socle/cleanup.h"
#include "values.h"

#define PATIENCE_US (5 * UINT64_C(1000000))
#define STEPS_MAX   1000 /* of one answer: more is a dataplane gone mad. A broadcast has some for each port. */

struct trace_request {
        struct network *network;
        struct question *question;
        json_t *steps;
        json_t *result; /* NULL: not whole yet */
        void (*done)(void *user, json_t *result);
        void *user;
};

static void request_free(struct trace_request *request)
{
        json_decref(request->steps);
        json_decref(request->result);
        free(request);
}

static int on_record(void *user, const struct wire_header *record)
{
        struct trace_request *request = user;
        const struct wire_trace_end *end = (const struct wire_trace_end *)record;

        if (record->type == WIRE_TRACE_STEP && json_array_size(request->steps) < STEPS_MAX) {
                json_array_append_new(request->steps,
                                      step_of(request->network, (const struct wire_trace_step *)record));
                return 0;
        }
        if (record->type != WIRE_TRACE_END)
                return -EPROTO;
        request->result = json_pack("{sO, sb, so}", "steps", request->steps, "delivered", end->delivered != 0, "drop",
                                    drop_of(end->drop));
        return 1;
}

static void on_done(void *user, int error)
{
        struct trace_request *request = user;

        request->done(request->user, error == 0 ? TAKE_PTR(request->result) : NULL);
        request_free(request);
}

static const struct question_handlers handlers = {.record = on_record, .done = on_done};

int network_trace(struct network *network, const struct object *from, const uint8_t *frame, size_t length,
                  void (*done)(void *user, json_t *result), void *user, struct trace_request **ret)
{
        cleanup_free struct wire_trace *trace = malloc(sizeof(*trace));
        struct trace_request *request;

        if (length > sizeof(trace->frame))
                return -EMSGSIZE;
        request = calloc(1, sizeof(*request));
        if (!trace || !request) {
                free(request);
                return -ENOMEM;
        }
        wire_init(trace, WIRE_TRACE);
        trace->port = from->id;
        trace->is_underlay = strcmp(from->kind->name, "Underlay") == 0;
        trace->length = (uint32_t)length;
        memcpy(trace->frame, frame, length);
        *request = (struct trace_request){.network = network, .steps = json_array(), .done = done, .user = user};
        int r = network_ask(network, trace, PATIENCE_US, &handlers, request, &request->question);
        if (r < 0)
                request_free(request);
        else
                *ret = request;
        return r;
}

void network_trace_cancel(struct trace_request *request)
{
        question_cancel(request->question);
        request_free(request);
}

/* ---- who has an address ---- */

/* The MAC of who declares the address in this network; a port here wins over a host behind a peer. */
static int find_mac(const struct network *network, uint32_t network_id, const uint8_t ip[16], uint8_t ret[6])
{
        const struct wire_neigh *best = NULL;
        const struct wire_header *record;

        for (struct entry *e = NULL; (e = entry_next(&network->entries, e));)
                for (size_t at = 0; (record = record_list_next(&e->sent, &at));) {
                        const struct wire_neigh *neigh = (const struct wire_neigh *)record;
                        if (record->type == WIRE_NEIGH && neigh->network == network_id &&
                            memcmp(neigh->ip, ip, 16) == 0 && (!best || neigh->origin < best->origin))
                                best = neigh;
                }
        if (!best)
                return -ENOENT;
        memcpy(ret, best->mac, 6);
        return 0;
}

/* RFC 1112 6.4, RFC 2464 7. */
static bool group_mac(const struct packet *packet, uint8_t ret[6])
{
        const uint8_t *ip = packet->ip[1];
        static const uint8_t ipv4_prefix[3] = {0x01, 0x00, 0x5e};

        if (packet->arp || (packet->family == 4 && ip[12] == 255 && ip[13] == 255 && ip[14] == 255 && ip[15] == 255)) {
                memset(ret, 0xff, 6);
        } else if (packet->family == 4 && ip[12] >> 4 == 14) {
                memcpy(ret, ipv4_prefix, 3);
                memcpy(ret + 3, ip + 13, 3);
                ret[3] &= 0x7f;
        } else if (packet->family == 6 && ip[0] == 0xff) {
                memset(ret, 0x33, 2);
                memcpy(ret + 2, ip + 12, 4);
        } else {
                return false;
        }
        return true;
}

int network_complete(const struct network *network, const struct object *port, struct packet *packet)
{
        const struct object *net = model_find(network->model, "Network", spec_string(port->spec, "network"));

        if (!packet->has_mac[0] && mac_parse(spec_string(port->spec, "mac_address"), packet->mac[0]) == 0)
                packet->has_mac[0] = true;
        if (!packet->has_mac[1])
                packet->has_mac[1] = group_mac(packet, packet->mac[1]) ||
                                     (net && find_mac(network, net->id, packet->ip[1], packet->mac[1]) == 0);
        return packet->has_mac[0] && packet->has_mac[1] ? 0 : -ENOENT;
}
