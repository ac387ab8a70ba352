/* One connection to socled: JSON-RPC 2.0, one JSON text a line, over its unix socket or TLS. Blocking for the caller,
 * with poll(2) and a deadline inside, and reading while it writes, so that an early refusal of a long request is heard.
 */
#pragma once

#include <jansson.h>

#include "socle/cleanup.h"

struct client;

/* 0, or -errno of socket(2) or connect(2). */
int client_open(struct client **ret, const char *path);
/* From afar: the name is looked up, its addresses are tried in turn, then TLS. `why`: words where errno has none. */
struct tls_context;
int client_open_remote(struct client **ret, const char *host, const char *port, struct tls_context *context,
                       int timeout_ms, char *why, size_t size);
struct client *client_close(struct client *client);
DEFINE_CLEANUP(struct client *, client_close)

/* Sends a request, takes over `params`, and answers the reply, a new reference: an object with `result` or `error`.
 * 0, -ETIMEDOUT, -ECONNRESET (socled closed the connection), -EBADMSG (not JSON-RPC), or -errno. */
int client_call(struct client *client, const char *method, json_t *params, int timeout_ms, json_t **ret_reply);

/* Sends a request and does not wait for its reply, which client_next() will answer among the rest. 0 or -errno. */
int client_post(struct client *client, const char *method, json_t *params, int timeout_ms);

/* The next message, whatever it is: the notifications of `watch` and `capture`. timeout_ms −1 waits forever. */
int client_next(struct client *client, int timeout_ms, json_t **ret_message);

/* For those who poll it together with something else. */
int client_fd(const struct client *client);
