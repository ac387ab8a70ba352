/* The counters: asks the dataplane, gathers its answer, gives it to all who asked. One STATS_GET is under way at a
 * time; who asks meanwhile gets the next one, so that no answer is older than its question. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "network_private.h"
#include "socle/cleanup.h"

#define STATS_PATIENCE_US (5 * UINT64_C(1000000))
#define STATS_RECORDS_MAX 1000000 /* of one answer: more is a dataplane gone mad */

struct stats_request {
        struct stats *stats;
        uint64_t cookie; /* answered by this one or a later */
        void (*done)(void *user, json_t *result);
        void *user;
        struct stats_request *next;
};

struct stats {
        struct network *network;
        struct stats_request *requests; /* oldest first */
        uint64_t cookie;                /* of the last STATS_GET sent */
        bool asking;
        json_t *ports, *workers, *networks; /* of the answer coming in */
        size_t records;
        sd_event_source *patience;
};

static void clear_answer(struct stats *stats)
{
        json_decref(stats->ports);
        json_decref(stats->workers);
        json_decref(stats->networks);
        stats->ports = stats->workers = stats->networks = NULL;
        stats->records = 0;
}

/* Calls all up to that cookie. `result` is borrowed; NULL: no answer. */
static void answer(struct stats *stats, uint64_t cookie, json_t *result)
{
        struct stats_request *request;

        while ((request = stats->requests) && request->cookie <= cookie) {
                stats->requests = request->next;
                request->done(request->user, json_incref(result));
                free(request);
        }
}

static int ask(struct stats *stats)
{
        struct wire_stats_get get;

        wire_init(&get, WIRE_STATS_GET);
        get.cookie = ++stats->cookie;
        clear_answer(stats);
        stats->ports = json_array();
        stats->workers = json_array();
        stats->networks = json_array();
        int r = dataplane_client_send(stats->network->client, &get, sizeof(get));
        if (r < 0)
                return r;
        stats->asking = true;
        sd_event_source_set_time_relative(stats->patience, STATS_PATIENCE_US);
        return sd_event_source_set_enabled(stats->patience, SD_EVENT_ONESHOT);
}

static void finish(struct stats *stats)
{
        stats->asking = false;
        sd_event_source_set_enabled(stats->patience, SD_EVENT_OFF);
        clear_answer(stats);
}

static int on_patience(sd_event_source *source, uint64_t now_us, void *user)
{
        struct stats *stats = user;

        finish(stats);
        answer(stats, UINT64_MAX, NULL);
        return 0;
}

void stats_disconnected(struct network *network)
{
        finish(network->stats);
        answer(network->stats, UINT64_MAX, NULL);
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
        *request = (struct stats_request){.stats = stats, .cookie = stats->cookie + 1, .done = done, .user = user};
        if (!stats->asking) {
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

static int end(struct stats *stats, uint64_t cookie)
{
        struct timespec now;
        json_t *reasons, *result;

        if (cookie != stats->cookie)
                return -EPROTO;
        clock_gettime(CLOCK_BOOTTIME, &now);
        reasons = json_object();
        for (int i = 0; i < SOCLE_DROP_COUNT; i++)
                json_object_set_new(reasons, socle_drop_info[i].name, json_string(socle_drop_info[i].help));
        result = json_pack("{sO, sO, sO, so, sI}", "ports", stats->ports, "workers", stats->workers, "networks",
                           stats->networks, "drop_reasons", reasons, "taken_ns",
                           (json_int_t)(now.tv_sec * INT64_C(1000000000) + now.tv_nsec));
        finish(stats);
        answer(stats, cookie, result);
        json_decref(result);

        if (stats->requests && network_connected(stats->network) && !stats->asking && ask(stats) < 0)
                answer(stats, UINT64_MAX, NULL);
        return 0;
}

int stats_record(struct network *network, const struct wire_header *record)
{
        struct stats *stats = network->stats;

        if (!stats->asking)
                return 0; /* the answer came after our patience ended */
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
        case WIRE_SESSION_STATS:
                return 0; /* not part of what `stats` shows */
        case WIRE_STATS_END:
                return end(stats, ((const struct wire_stats_end *)record)->cookie);
        default:
                return -EPROTO;
        }
}

int stats_new(struct network *network)
{
        struct stats *stats = calloc(1, sizeof(*stats));

        if (!stats)
                return -ENOMEM;
        network->stats = stats;
        stats->network = network;
        int r = sd_event_add_time(network->event, &stats->patience, CLOCK_MONOTONIC, 0, 0, on_patience, stats);
        return r < 0 ? r : sd_event_source_set_enabled(stats->patience, SD_EVENT_OFF);
}

struct stats *stats_free(struct stats *stats)
{
        if (!stats)
                return NULL;
        clear_answer(stats);
        answer(stats, UINT64_MAX, NULL);
        sd_event_source_disable_unref(stats->patience);
        free(stats);
        return NULL;
}
