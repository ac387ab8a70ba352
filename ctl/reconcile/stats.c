/* The counters: asks the dataplane, gathers its answer, gives it to all who asked. One STATS_GET is under way at a
 * time; who asks meanwhile gets the next one, so that no answer is older than its question. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "asking.h"
#include "network_private.h"
#include "socle/cleanup.h"

#define STATS_PATIENCE_US (5 * UINT64_C(1000000))
#define STATS_RECORDS_MAX 1000000 /* of one answer: more is a dataplane gone mad */

struct stats_request {
        struct stats *stats;
        uint64_t turn; /* answered by this question or a later one */
        void (*done)(void *user, json_t *result);
        void *user;
        struct stats_request *next;
};

struct stats {
        struct network *network;
        struct stats_request *requests;                        /* oldest first */
        uint64_t turn;                                         /* counts the questions asked */
        struct question *question;                             /* the one under way */
        json_t *ports, *workers, *networks, *nodes, *sessions; /* of the answer coming in */
        size_t records;
};

static void clear_answer(struct stats *stats)
{
        json_t **parts[] = {&stats->ports, &stats->workers, &stats->networks, &stats->nodes, &stats->sessions};

        for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
                json_decref(*parts[i]);
                *parts[i] = NULL;
        }
        stats->records = 0;
}

static void begin_answer(struct stats *stats)
{
        clear_answer(stats);
        stats->ports = json_array();
        stats->workers = json_array();
        stats->networks = json_array();
        stats->nodes = json_array();
        stats->sessions = json_null();
}

/* Calls all up to that turn. `result` is borrowed; NULL: no answer. */
static void answer(struct stats *stats, uint64_t turn, json_t *result)
{
        struct stats_request *request;

        while ((request = stats->requests) && request->turn <= turn) {
                stats->requests = request->next;
                request->done(request->user, json_incref(result));
                free(request);
        }
}

static const struct question_handlers handlers;

static int ask(struct stats *stats)
{
        struct wire_stats_get get;

        wire_init(&get, WIRE_STATS_GET);
        begin_answer(stats);
        int r = network_ask(stats->network, &get, STATS_PATIENCE_US, &handlers, stats, &stats->question);
        if (r >= 0)
                stats->turn++;
        return r;
}

int network_stats(struct network *network, void (*done)(void *user, json_t *result), void *user,
                  struct stats_request **ret)
{
        struct stats *stats = network->stats;
        struct stats_request **tail = &stats->requests;
        struct stats_request *request;

        if (!network_connected(network))
                return -ENOTCONN;
        request = calloc(1, sizeof(*request));
        if (!request)
                return -ENOMEM;
        *request = (struct stats_request){.stats = stats, .turn = stats->turn + 1, .done = done, .user = user};
        if (!stats->question) {
                int r = ask(stats);
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

void network_stats_cancel(struct stats_request *request)
{
        for (struct stats_request **at = &request->stats->requests; *at; at = &(*at)->next)
                if (*at == request) {
                        *at = request->next;
                        free(request);
                        return;
                }
}

/* ---- the answer, record by record ---- */

static json_t *drops_to_json(const uint64_t drops[SOCLE_DROP_COUNT])
{
        json_t *json = json_object();

        for (int i = 0; i < SOCLE_DROP_COUNT; i++)
                if (drops[i])
                        json_object_set_new(json, socle_drop_info[i].name, json_integer(drops[i]));
        return json;
}

static void add_port(struct stats *stats, const struct wire_port_stats *port)
{
        const struct object *object = model_find_id(stats->network->model, port->id);
        json_t *json;

        if (!object)
                return;
        json = json_pack("{ss, ss}", "kind", object->kind->name, "name", object->name);
        if (json_is_string(json_object_get(object->spec, "network")))
                json_object_set(json, "network", json_object_get(object->spec, "network"));
        json_object_set_new(json, "rx_packets", json_integer(port->rx_packets));
        json_object_set_new(json, "rx_bytes", json_integer(port->rx_bytes));
        json_object_set_new(json, "tx_packets", json_integer(port->tx_packets));
        json_object_set_new(json, "tx_bytes", json_integer(port->tx_bytes));
        json_object_set_new(json, "drops", drops_to_json(port->drops));
        json_array_append_new(stats->ports, json);
}

static void add_worker(struct stats *stats, const struct wire_worker_stats *worker)
{
        json_array_append_new(stats->workers,
                              json_pack("{si, si, si, sI, sI, sI, sI, sI, si, so}", "index", worker->index, "cpu",
                                        worker->cpu, "numa_node", worker->numa_node, "busy_ns",
                                        (json_int_t)worker->busy_ns, "poll_ns", (json_int_t)worker->poll_ns, "sleep_ns",
                                        (json_int_t)worker->sleep_ns, "wakeups", (json_int_t)worker->wakeups, "packets",
                                        (json_int_t)worker->packets, "queues", worker->queues, "drops",
                                        drops_to_json(worker->drops)));
}

static void add_network(struct stats *stats, const struct wire_network_stats *network)
{
        const struct object *object = model_find_id(stats->network->model, network->id);

        if (object)
                json_array_append_new(stats->networks,
                                      json_pack("{ss, si, sI}", "name", object->name, "learned", network->learned,
                                                "learn_full", (json_int_t)network->learn_full));
}

static void add_node(struct stats *stats, const struct wire_node_stats *node)
{
        json_array_append_new(stats->nodes,
                              json_pack("{ss, si, sI, sI, sI, sI}", "name", node->name, "worker", node->worker, "calls",
                                        (json_int_t)node->calls, "packets", (json_int_t)node->packets, "cycles",
                                        (json_int_t)node->cycles, "io_cycles", (json_int_t)node->io_cycles));
}

static void add_sessions(struct stats *stats, const struct wire_session_stats *sessions)
{
        json_t *states = json_object();

        for (int i = 0; i < SOCLE_SESSION_STATE_COUNT; i++)
                if (sessions->by_state[i])
                        json_object_set_new(states, socle_session_state_info[i].name,
                                            json_integer(sessions->by_state[i]));
        json_decref(stats->sessions);
        stats->sessions =
                json_pack("{sI, sI, sI, sI, sI, sI, sI, sI, sI, sI, so}", "capacity", (json_int_t)sessions->capacity,
                          "live", (json_int_t)sessions->live, "created", (json_int_t)sessions->created, "expired",
                          (json_int_t)sessions->expired, "evicted", (json_int_t)sessions->evicted, "cut",
                          (json_int_t)sessions->cut, "killed", (json_int_t)sessions->killed, "reevaluated",
                          (json_int_t)sessions->reevaluated, "memory_bytes", (json_int_t)sessions->memory_bytes,
                          "tsc_hz", (json_int_t)sessions->tsc_hz, "by_state", states);
}

static int on_record(void *user, const struct wire_header *record)
{
        struct stats *stats = user;

        if (++stats->records > STATS_RECORDS_MAX)
                return -EPROTO;
        switch (record->type) {
        case WIRE_PORT_STATS:
                add_port(stats, (const struct wire_port_stats *)record);
                return 0;
        case WIRE_WORKER_STATS:
                add_worker(stats, (const struct wire_worker_stats *)record);
                return 0;
        case WIRE_NETWORK_STATS:
                add_network(stats, (const struct wire_network_stats *)record);
                return 0;
        case WIRE_NODE_STATS:
                add_node(stats, (const struct wire_node_stats *)record);
                return 0;
        case WIRE_SESSION_STATS:
                add_sessions(stats, (const struct wire_session_stats *)record);
                return 0;
        default:
                break;
        }
        if (record->type != WIRE_STATS_END)
                return -EPROTO;
        if (((const struct wire_stats_end *)record)->cookie == question_cookie(stats->question))
                return 1;
        begin_answer(stats); /* what came so far answered a question that was given up */
        return 0;
}

/* A new reference. */
static json_t *whole_answer(const struct stats *stats)
{
        json_t *reasons = json_object();
        struct timespec now;

        clock_gettime(CLOCK_BOOTTIME, &now);
        for (int i = 0; i < SOCLE_DROP_COUNT; i++)
                json_object_set_new(reasons, socle_drop_info[i].name, json_string(socle_drop_info[i].help));
        return json_pack("{sO, sO, sO, sO, sO, so, sI}", "ports", stats->ports, "workers", stats->workers, "networks",
                         stats->networks, "nodes", stats->nodes, "sessions", stats->sessions, "drop_reasons", reasons,
                         "taken_ns", (json_int_t)(now.tv_sec * INT64_C(1000000000) + now.tv_nsec));
}

static void on_done(void *user, int error)
{
        struct stats *stats = user;
        json_t *result = error == 0 ? whole_answer(stats) : NULL;

        stats->question = NULL;
        clear_answer(stats);
        answer(stats, error == 0 ? stats->turn : UINT64_MAX, result);
        json_decref(result);
        if (stats->requests && !stats->question && ask(stats) < 0)
                answer(stats, UINT64_MAX, NULL);
}

static const struct question_handlers handlers = {.record = on_record, .done = on_done};

int stats_new(struct network *network)
{
        struct stats *stats = calloc(1, sizeof(*stats));

        if (!stats)
                return -ENOMEM;
        network->stats = stats;
        stats->network = network;
        return 0;
}

struct stats *stats_free(struct stats *stats)
{
        if (!stats)
                return NULL;
        question_cancel(stats->question);
        clear_answer(stats);
        answer(stats, UINT64_MAX, NULL);
        free(stats);
        return NULL;
}
