/* The JSON-RPC server on the control socket: accepts, knows each client's role, and lets no client be a burden to the
 * others. Works with client.c (one connection), jsonrpc.c (requests) and method_*.c (what is asked for). */
#pragma once

#include <jansson.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "role.h"

struct baremetal;
struct cpu_set;
struct model;
struct network;
struct name_roles;
struct remote_options;
struct rpc_server;
struct store;
struct tuning;

struct rpc_limits {
        uint64_t line_bytes;     /* of one request */
        uint64_t buffered_bytes; /* of all clients' unfinished lines and unread answers together */
        uint32_t watch_events;   /* a watcher may lag behind so far */
        uint32_t clients;
        uint32_t json_depth;
        uint32_t idle_seconds; /* in the middle of a line, or of reading an answer */
        uint32_t batch_requests;
};

extern const struct rpc_limits rpc_limits_default;

/* What the methods work on; everything stays the caller's and outlives the server. */
struct rpc_context {
        struct model *model;
        struct store *store;
        struct network *network;
        struct tuning *tuning; /* NULL: this socled leaves the host alone */
        const char *store_path;
        const char *dataplane_socket;
        /* What "isolated" means to the tuner: the plan's CPUs. NULL: those that the kernel says are isolated. */
        int (*isolated_cpus)(void *user, struct cpu_set *ret);
        void *isolated_user;
        struct baremetal *baremetal; /* NULL: nobody is enrolled from here */
        const char *host_root;       /* another tree of /proc and /sys, for tests; NULL: this host's */
};

struct rpc_options {
        const char *socket_path;
        struct rpc_limits limits;
        const struct role_table *roles;      /* stays the caller's; see rpc_server_roles_changed */
        const struct name_roles *name_roles; /* the same, for those from afar */
        const struct remote_options *remote; /* NULL: nobody from afar */
        struct rpc_context context;
};

/* Listens. -EADDRINUSE: another socled answers on that socket. Words in `why`, or "". */
int rpc_server_new(struct rpc_server **ret, sd_event *event, const struct rpc_options *options, char *why, size_t size);
/* Closes all clients, stops listening, removes the socket. */
struct rpc_server *rpc_server_free(struct rpc_server *server);

/* Reads certificate, key, CA and CRL anew; on failure what was there is kept. */
int rpc_server_reload_certificate(struct rpc_server *server, char *why, size_t size);

/* The tables of roles are others: clients that are connected get their new role. */
void rpc_server_roles_changed(struct rpc_server *server);

/* How socled is: the method `info`, but for the caller's role. A new reference. */
json_t *rpc_server_info(const struct rpc_server *server);

/* The dataplane, the host or a bare-metal node has moved on: answers those who wait for it. */
void rpc_server_progress(struct rpc_server *server);
