/* /metrics over HTTP (libmicrohttpd), on the event loop, for Prometheus. On loopback unless somebody says otherwise:
 * there is no TLS and no password here. */
#pragma once

#include <stddef.h>
#include <systemd/sd-event.h>

struct model;
struct network;
struct rpc_server;

struct metrics_options {
        const char *listen; /* "127.0.0.1:9697" */
        const struct model *model;
        struct network *network;
        const struct rpc_server *server;
};

struct metrics;
/* -errno with words in `why`. */
int metrics_new(struct metrics **ret, sd_event *event, const struct metrics_options *options, char *why, size_t size);
struct metrics *metrics_free(struct metrics *metrics);
