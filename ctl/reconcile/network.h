/* The network reconciler: makes the dataplane hold what the model wants, and the objects' status say what the dataplane
 * holds. Observes the model; a commit compiles only the objects it changed and those that refer to them. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct model;
struct network;

struct network_events {
        /* The revision in force has moved on, or the dataplane is gone. */
        void (*progress)(void *user);
        /* For the log: priority as syslog's. */
        void (*note)(void *user, int priority, const char *text);
        void *user;
};

/* `events` is copied. The model and the loop stay the caller's. */
int network_new(struct network **ret, sd_event *event, struct model *model, const char *dataplane_socket);
struct network *network_free(struct network *network);
void network_set_events(struct network *network, const struct network_events *events);

/* Is everything up to this revision in force in the dataplane (but for what failed there)? */
bool network_in_force(const struct network *network, uint64_t revision);

/* Does the dataplane hold nothing but what the model wants now? Also when there is none, for sure: one
 * that is only not connected may go on forwarding. */
bool network_is_clear(const struct network *network);

/* Why the object is not in force although its revision is; NULL: it is, or nothing is known. */
const char *network_failure(const struct network *network, uint32_t id);

/* `info`'s "dataplane": state, pid, version, workers, hugepages, generation, in_force_revision, last_commit,
 * commits, errors. */
json_t *network_info(const struct network *network);

/* Asks for the counters. `done` is called once, later, unless cancelled: with a result to be decref'ed (as `stats`
 * answers it), or NULL when the dataplane is not there or does not answer. -ENOTCONN: not connected now. */
struct stats_request;
int network_stats(struct network *network, void (*done)(void *user, json_t *result), void *user,
                  struct stats_request **ret);
void network_stats_cancel(struct stats_request *request);
