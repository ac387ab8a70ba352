/* See metrics.h. A request waits, suspended, while the dataplane is asked for its counters. */
#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "families.h"
#include "listen.h"
#include "metrics.h"
#include "network.h"
#include "server.h"
#include "socle/cleanup.h"

#define CONNECTIONS_MAX 64
#define PATIENCE_S      15

struct request {
        struct metrics *metrics;
        struct MHD_Connection *connection;
        struct stats_request *asking; /* NULL: nobody is asked */
        bool suspended, answered;
        json_t *stats;
        struct request *next;
};

struct metrics {
        struct metrics_options options;
        struct MHD_Daemon *daemon;
        sd_event_source *io, *timer;
        struct request *requests;
};

/* ---- what is answered ---- */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type, char *text,
                              size_t size, enum MHD_ResponseMemoryMode mode)
{
        struct MHD_Response *response = MHD_create_response_from_buffer(size, text, mode);
        enum MHD_Result result;

        if (!response)
                return MHD_NO;
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
        if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
                MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
        result = MHD_queue_response(connection, status, response);
        MHD_destroy_response(response);
        return result;
}

static enum MHD_Result answer_metrics(struct request *request)
{
        const char *accept = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
        struct exposition exposition = {.openmetrics = accept && strstr(accept, "application/openmetrics-text")};
        const struct metrics_options *options = &request->metrics->options;
        json_t *info = rpc_server_info(options->server);
        const struct metric_facts facts = {options->model, info, request->stats};
        char *text = NULL;
        size_t size = 0;

        exposition.out = open_memstream(&text, &size);
        if (exposition.out)
                families_render(&facts, &exposition);
        json_decref(info);
        if (!exposition.out || fclose(exposition.out) != 0) {
                free(text);
                return MHD_NO;
        }
        return answer(request->connection, MHD_HTTP_OK,
                      exposition.openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                             : "text/plain; version=0.0.4; charset=utf-8",
                      text, size, MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result answer_words(struct MHD_Connection *connection, unsigned status, const char *words)
{
        return answer(connection, status, "text/plain; charset=utf-8", (char *)words, strlen(words),
                      MHD_RESPMEM_PERSISTENT);
}

/* ---- a request's way ---- */

static void on_stats(void *user, json_t *result)
{
        struct request *request = user;

        request->asking = NULL;
        request->answered = true;
        request->stats = result;
        if (request->suspended) {
                request->suspended = false;
                MHD_resume_connection(request->connection);
        }
}

static struct request *request_new(struct metrics *metrics, struct MHD_Connection *connection)
{
        struct request *request = calloc(1, sizeof(*request));

        if (!request)
                return NULL;
        request->metrics = metrics;
        request->connection = connection;
        request->next = metrics->requests;
        metrics->requests = request;
        return request;
}

static void on_completed(void *user, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
        struct metrics *metrics = user;
        struct request *request = *state;

        if (!request)
                return;
        for (struct request **at = &metrics->requests; *at; at = &(*at)->next)
                if (*at == request) {
                        *at = request->next;
                        break;
                }
        if (request->asking)
                network_stats_cancel(request->asking);
        json_decref(request->stats);
        free(request);
        *state = NULL;
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **state)
{
        struct metrics *metrics = user;
        struct request *request = *state;

        if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
                return answer_words(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD are answered here\n");
        if (strcmp(url, "/metrics") != 0)
                return answer_words(connection, MHD_HTTP_NOT_FOUND, "socled's metrics are at /metrics\n");
        if (!request) {
                request = request_new(metrics, connection);
                *state = request;
                return request ? MHD_YES : MHD_NO;
        }
        if (!request->answered && !request->asking) {
                if (network_stats(metrics->options.network, on_stats, request, &request->asking) == 0) {
                        request->suspended = true;
                        MHD_suspend_connection(connection);
                        return MHD_YES;
                }
                request->answered = true; /* no dataplane: what socled knows itself */
        }
        return answer_metrics(request);
}

/* ---- the event loop ---- */

static void run(struct metrics *metrics)
{
        unsigned long long timeout_ms;

        MHD_run(metrics->daemon);
        if (MHD_get_timeout(metrics->daemon, &timeout_ms) == MHD_YES) {
                sd_event_source_set_time_relative(metrics->timer, timeout_ms * 1000);
                sd_event_source_set_enabled(metrics->timer, SD_EVENT_ONESHOT);
        } else
                sd_event_source_set_enabled(metrics->timer, SD_EVENT_OFF);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *user)
{
        run(user);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t now_us, void *user)
{
        run(user);
        return 0;
}

struct metrics *metrics_free(struct metrics *metrics)
{
        if (!metrics)
                return NULL;
        sd_event_source_disable_unref(metrics->io);
        sd_event_source_disable_unref(metrics->timer);
        /* A daemon with suspended connections cannot be stopped. */
        for (struct request *request = metrics->requests; request; request = request->next) {
                if (request->asking)
                        network_stats_cancel(TAKE_PTR(request->asking));
                request->answered = true;
                if (request->suspended)
                        MHD_resume_connection(request->connection);
                request->suspended = false;
        }
        if (metrics->daemon)
                MHD_stop_daemon(metrics->daemon);
        free(metrics);
        return NULL;
}
DEFINE_CLEANUP(struct metrics *, metrics_free)

int metrics_new(struct metrics **ret, sd_event *event, const struct metrics_options *options, char *why, size_t size)
{
        cleanup_(metrics_free_p) struct metrics *metrics = calloc(1, sizeof(*metrics));
        cleanup_close int fd = -1;

        if (!metrics)
                return -ENOMEM;
        metrics->options = *options;
        int r = listen_at(options->listen, &fd, why, size);
        if (r < 0)
                return r;
        metrics->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, metrics,
                                           MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
                                           MHD_OPTION_CONNECTION_TIMEOUT, PATIENCE_S, MHD_OPTION_NOTIFY_COMPLETED,
                                           on_completed, metrics, MHD_OPTION_END);
        if (!metrics->daemon) {
                snprintf(why, size, "the HTTP server cannot be started");
                return -EIO;
        }
        TAKE_FD(fd);
        const union MHD_DaemonInfo *info = MHD_get_daemon_info(metrics->daemon, MHD_DAEMON_INFO_EPOLL_FD);
        r = info ? sd_event_add_io(event, &metrics->io, info->epoll_fd, EPOLLIN, on_io, metrics) : -EIO;
        if (r >= 0)
                r = sd_event_add_time(event, &metrics->timer, CLOCK_MONOTONIC, 0, 1000, on_timer, metrics);
        if (r >= 0)
                r = sd_event_source_set_enabled(metrics->timer, SD_EVENT_OFF);
        if (r < 0) {
                snprintf(why, size, "%s", strerror(-r));
                return r;
        }
        *ret = TAKE_PTR(metrics);
        return 0;
}
