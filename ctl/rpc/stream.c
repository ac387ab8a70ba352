/* Captures of clients: each packet becomes a notification at once, if there is room in the client's queue; if not, it
 * is missed, and counted. So a slow reader costs a bounded amount, and one that goes takes its captures along. */
#include <errno.h>
#include <stdlib.h>

#include "private.h"
#include "questions.h"
#include "socle/cleanup.h"

#define STREAMS_MAX        4                 /* of one client */
#define STREAMS_SERVER_MAX 8                 /* as many as the dataplane has */
#define OUT_ENOUGH         (4 * 1024 * 1024) /* of a client's queue, bytes: a burst of some thousand packets */

struct stream {
        uint64_t id;
        struct client *client;
        struct capture *capture;
        struct stream *next;
};

static void notify(struct stream *stream, const char *what, json_t *json)
{
        client_send_json(stream->client, json_pack("{ss, ss, s{sI, so}}", "jsonrpc", "2.0", "method", "capture",
                                                   "params", "capture", (json_int_t)stream->id, what, json));
}

/* Whoever lost the role meanwhile sees no more. */
static bool on_room(void *user)
{
        const struct client *client = ((struct stream *)user)->client;

        return client->role >= ROLE_ADMIN && client->out.bytes < OUT_ENOUGH && !client->closing && !client->dead;
}

static void on_packet(void *user, json_t *packet)
{
        notify(user, "packet", packet);
}

static void unlink_stream(struct stream *stream)
{
        struct stream **at = &stream->client->streams;

        while (*at != stream)
                at = &(*at)->next;
        *at = stream->next;
        stream->client->stream_count--;
        stream->client->server->stream_count--;
}

static void on_end(void *user, json_t *end)
{
        struct stream *stream = user;

        unlink_stream(stream);
        notify(stream, "end", end);
        free(stream);
}

static const struct capture_handlers handlers = {.room = on_room, .packet = on_packet, .end = on_end};

int stream_start(struct call *call, struct wire_capture_start *start, uint64_t *ret_id, struct errors *errors)
{
        struct client *client = call->client;
        struct rpc_server *server = client->server;
        cleanup_free struct stream *stream = calloc(1, sizeof(*stream));

        if (!stream)
                return -ENOMEM;
        if (client->stream_count >= STREAMS_MAX || server->stream_count >= STREAMS_SERVER_MAX) {
                errors_add(errors, -EMSGSIZE, "", "capture_stop one first",
                           "there are at most %d captures at a time, %d of one client", STREAMS_SERVER_MAX,
                           STREAMS_MAX);
                return -EMSGSIZE;
        }
        stream->client = client;
        int r = network_capture(server->context.network, start, &handlers, stream, &stream->capture);
        if (r < 0)
                return r;
        *ret_id = stream->id = ++server->last_stream;
        stream->next = client->streams;
        client->streams = TAKE_PTR(stream);
        client->stream_count++;
        server->stream_count++;
        return 0;
}

bool stream_stop(struct call *call, uint64_t id)
{
        for (struct stream *stream = call->client->streams; stream; stream = stream->next)
                if (stream->id == id) {
                        capture_stop(stream->capture);
                        return true;
                }
        return false;
}

void stream_forget(struct client *client)
{
        while (client->streams) {
                struct stream *stream = client->streams;

                unlink_stream(stream);
                capture_cancel(stream->capture);
                free(stream);
        }
}
