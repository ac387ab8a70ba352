/* What the methods ask the dataplane for, beside the counters: sessions, traces, captures. Names of objects are those
 * of the model when the answer comes. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "socle/wire.h"

struct network;
struct object;
struct packet;

#define SESSIONS_LIST_MAX 10000 /* of one answer: it is in memory as a whole */

/* Lists, counts or kills; `get` without its cookie. LIST: `limit` is 1 … SESSIONS_LIST_MAX. One question is under way
 * at a time, others wait their turn. `done` is called once, later, unless cancelled, with a result to be decref'ed
 * ({"matched", "sessions"}), or NULL when the dataplane does not answer. -ENOTCONN: not connected now. */
struct sessions_request;
int network_sessions(struct network *network, const struct wire_sessions_get *get,
                     void (*done)(void *user, json_t *result), void *user, struct sessions_request **ret);
void network_sessions_cancel(struct sessions_request *request);

/* What would become of this frame, if it came from this Port or Underlay? `done` as above: {"steps", "delivered",
 * "drop"}. -EMSGSIZE: longer than what a trace takes. */
struct trace_request;
int network_trace(struct network *network, const struct object *from, const uint8_t *frame, size_t length,
                  void (*done)(void *user, json_t *result), void *user, struct trace_request **ret);
void network_trace_cancel(struct trace_request *request);

/* Fills in the MAC addresses that the packet's words did not tell: the source's is the Port's own, the destination's
 * that of whom the network's ports and peers declare. -ENOENT: nobody declares the destination. */
int network_complete(const struct network *network, const struct object *port, struct packet *packet);

struct capture_handlers {
        /* Is there room for one more packet? If not, it is missed. */
        bool (*room)(void *user);
        void (*packet)(void *user, json_t *packet); /* takes over the reference */
        /* Once: {"packets", "missed", "error"}, takes it over. The capture is gone by then. */
        void (*end)(void *user, json_t *end);
};

/* `start` without its cookie; `handlers` outlive the capture. -ENOTCONN, -ENOMEM. */
struct capture;
int network_capture(struct network *network, struct wire_capture_start *start, const struct capture_handlers *handlers,
                    void *user, struct capture **ret);
void capture_stop(struct capture *capture);              /* the end will come soon */
struct capture *capture_cancel(struct capture *capture); /* here and now, without a word; NULL is fine */
