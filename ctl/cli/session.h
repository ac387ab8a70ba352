/* What all commands share: the options before the command, and the connection, made when it is first needed.
 * What goes wrong with it is said here, with what to do next. */
#pragma once

#include <jansson.h>

#include "remote.h"

struct client;
struct manifest;

struct session {
        const char *socket;            /* this node's socled */
        struct remote_settings remote; /* or another's, if it names a host */
        int timeout_ms;
        struct client *client;
};

/* Both answer an exit_status and take over `params`. session_request answers the whole reply (`result` or `error`),
 * for callers that have more to say about an error; its timeout is extended by extra_ms. */
int session_request(struct session *session, const char *method, json_t *params, int extra_ms, json_t **ret_reply);
int session_call(struct session *session, const char *method, json_t *params, json_t **ret_result);

/* Connects, if that has not been done. */
int session_connect(struct session *session);
/* Says what went wrong on the connection (-errno of client.h). */
int session_failed(const struct session *session, int error);
