/* A capture under way, for `capture` and `trace --live`: starts it, hands out its packets, and ends it well, also when
 * it is interrupted. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct session;

struct capturing {
        /* A packet; false: no more are wanted. */
        bool (*packet)(void *user, const json_t *packet);
        void *user;
};

/* `params` of the method `capture` (taken over), with `words` as the packet of its filter. An exit_status; with CLI_OK
 * *ret_end says how many packets there were, and how many were missed. */
int capturing_run(struct session *session, json_t *params, const char *words, const struct capturing *capturing,
                  json_t **ret_end);
