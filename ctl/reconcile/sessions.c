/* Sessions: asks the dataplane, gathers its answer, gives it to who asked. One question is under way at a time, so that
 * no number of callers makes socled hold more than one answer. See questions.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "asking.h"
#include "names.h"
#include "network_private.h"
#include "protocol.h"
#include "questions.h"
#include "socle/cleanup.h"
#include "values.h"

#define PATIENCE_US (10 * UINT64_C(1000000)) /* it may walk over millions of them before it says the first word */

struct sessions_request {
        struct sessions *sessions;
        struct wire_sessions_get get;
        void (*done)(void *user, json_t *result);
        void *user;
        struct sessions_request *next;
};

struct sessions {
        struct network *network;
        struct sessions_request *requests; /* oldest first; the first one's question is under way */
        struct question *question;
        struct wire_session *list; /* of the answer coming in */
        size_t count, capacity;
        uint64_t matched;
};

/* ---- a session in JSON ---- */

static json_t *end_to_json(const struct network *network, const struct wire_session *session, int which)
{
        char ip[VALUE_SIZE];

        ip_format(session->ip[which], ip);
        json_t *end = json_pack("{ss, so, so, sI, sI}", "ip", ip, "port", name_of(network, session->ports[which]),
                                "peer", name_of(network, session->peers[which]), "packets",
                                (json_int_t)session->packets[which], "bytes", (json_int_t)session->bytes[which]);
        if (!protocol_is_icmp(session->protocol))
                json_object_set_new(end, "l4_port", json_integer(session->l4_port[which]));
        return end;
}

static json_t *session_to_json(const struct network *network, const struct wire_session *session)
{
        const char *state =
                session->state < SOCLE_SESSION_STATE_COUNT ? socle_session_state_info[session->state].name : "unknown";
        char protocol[VALUE_SIZE];

        protocol_format(session->protocol, protocol);
        json_t *json = json_pack("{so, ss, ss, so, so, sI, sI, sI, sb}", "network", name_of(network, session->network),
                                 "protocol", protocol, "state", state, "initiator", end_to_json(network, session, 0),
                                 "responder", end_to_json(network, session, 1), "age_ms", (json_int_t)session->age_ms,
                                 "idle_ms", (json_int_t)session->idle_ms, "expires_ms", (json_int_t)session->expires_ms,
                                 "reply_allowed", session->reply_allowed != 0);
        if (protocol_is_icmp(session->protocol)) {
                json_object_set_new(json, "icmp_identifier", json_integer(session->l4_port[0]));
                json_object_set_new(json, "icmp_type", json_integer(session->l4_port[1]));
        }
        return json;
}

static json_t *whole_answer(const struct sessions *sessions)
{
        json_t *list = json_array();

        for (size_t i = 0; i < sessions->count; i++)
                json_array_append_new(list, session_to_json(sessions->network, &sessions->list[i]));
        return json_pack("{sI, so}", "matched", (json_int_t)sessions->matched, "sessions", list);
}

/* ---- asking ---- */

static void clear_answer(struct sessions *sessions)
{
        free(TAKE_PTR(sessions->list));
        sessions->count = sessions->capacity = 0;
        sessions->matched = 0;
}

static int add(struct sessions *sessions, const struct wire_session *session)
{
        if (sessions->count >= sessions->requests->get.limit)
                return -EPROTO; /* more than was asked for */
        if (sessions->count == sessions->capacity) {
                size_t capacity = sessions->capacity ? sessions->capacity * 2 : 64;
                struct wire_session *list = reallocarray(sessions->list, capacity, sizeof(*list));
                if (!list)
                        return -ENOMEM;
                sessions->list = list;
                sessions->capacity = capacity;
        }
        sessions->list[sessions->count++] = *session;
        return 0;
}

static int on_record(void *user, const struct wire_header *record)
{
        struct sessions *sessions = user;

        if (record->type == WIRE_SESSION)
                return add(sessions, (const struct wire_session *)record);
        if (record->type != WIRE_SESSIONS_END)
                return -EPROTO;
        sessions->matched = ((const struct wire_sessions_end *)record)->matched;
        return 1;
}

static void ask(struct sessions *sessions);

static void take_out(struct sessions_request *request)
{
        struct sessions_request **at = &request->sessions->requests;

        while (*at != request)
                at = &(*at)->next;
        *at = request->next;
}

static void on_done(void *user, int error)
{
        struct sessions *sessions = user;
        struct sessions_request *request = sessions->requests;
        json_t *result = error == 0 ? whole_answer(sessions) : NULL;

        sessions->question = NULL;
        clear_answer(sessions);
        take_out(request);
        request->done(request->user, result);
        free(request);
        ask(sessions);
}

static const struct question_handlers handlers = {.record = on_record, .done = on_done};

/* The next one's turn. Who cannot be asked for is told so. */
static void ask(struct sessions *sessions)
{
        while (sessions->requests && !sessions->question) {
                struct sessions_request *request = sessions->requests;

                if (network_ask(sessions->network, &request->get, PATIENCE_US, &handlers, sessions,
                                &sessions->question) >= 0)
                        return;
                take_out(request);
                request->done(request->user, NULL);
                free(request);
        }
}

int network_sessions(struct network *network, const struct wire_sessions_get *get,
                     void (*done)(void *user, json_t *result), void *user, struct sessions_request **ret)
{
        struct sessions *sessions = network->sessions;
        struct sessions_request **tail = &sessions->requests, *request;
        int r;

        if (!network_connected(network))
                return -ENOTCONN;
        request = calloc(1, sizeof(*request));
        if (!request)
                return -ENOMEM;
        *request = (struct sessions_request){.sessions = sessions, .get = *get, .done = done, .user = user};
        if (!sessions->question) {
                r = network_ask(network, &request->get, PATIENCE_US, &handlers, sessions, &sessions->question);
                if (r < 0) {
                        free(request);
                        return r;
                }
        }
        while (*tail)
                tail = &(*tail)->next;
        *tail = request;
        *ret = request;
        return 0;
}

void network_sessions_cancel(struct sessions_request *request)
{
        struct sessions *sessions = request->sessions;
        bool under_way = request == sessions->requests;

        take_out(request);
        free(request);
        if (!under_way)
                return;
        sessions->question = question_cancel(sessions->question);
        clear_answer(sessions);
        ask(sessions);
}

int sessions_new(struct network *network)
{
        struct sessions *sessions = calloc(1, sizeof(*sessions));

        if (!sessions)
                return -ENOMEM;
        network->sessions = sessions;
        sessions->network = network;
        return 0;
}

struct sessions *sessions_free(struct sessions *sessions)
{
        struct sessions_request *request;

        if (!sessions)
                return NULL;
        question_cancel(sessions->question);
        clear_answer(sessions);
        while ((request = sessions->requests)) {
                sessions->requests = request->next;
                request->done(request->user, NULL);
                free(request);
        }
        free(sessions);
        return NULL;
}
