/* What the files of the network reconciler share: network.c (commits, connection), generation.c (what is sent),
 * network_status.c (what is seen), asking.c (questions), stats.c (counters), sessions.c. */
#pragma once

#include <time.h>

#include "dataplane_client.h"
#include "entry.h"
#include "model.h"
#include "network.h"

/* One RESULT of the generation under way. */
struct failure {
        enum wire_type type;
        uint8_t key[WIRE_KEY_MAX];
        char *text;
};

struct failure_list {
        struct failure *list;
        size_t count, capacity;
};

#define FAILURES_MAX 65536 /* kept of one generation; further ones are only in COMMITTED's count */

struct asking;
struct sessions;
struct stats;

struct network {
        sd_event *event;
        struct model *model;
        struct model_observer observer;
        struct network_events events;
        struct dataplane_client *client;
        struct wire_hello hello; /* of the dataplane connected now */

        struct entry_table entries;
        struct id_list dirty;     /* what the next generation carries */
        struct id_list in_flight; /* what the one under way carries; unused when it is full */
        bool need_full;           /* the next generation is the whole truth */
        bool flying, flying_full; /* a generation is under way */
        uint64_t flying_revision;
        struct failure_list failures; /* of the generation under way */

        bool settled;      /* the dataplane connected now has committed something */
        uint64_t in_force; /* the revision of what it committed last */
        bool has_last_commit;
        struct wire_committed last_commit;
        uint64_t commits, commits_ns; /* since the start: how many, and how long they took together */
        sd_event_source *send_soon; /* gathers the changes of one turn of the loop into one generation */
        sd_event_source *patience;  /* with a generation under way */
        sd_event_source *retry;     /* of what failed */
        uint64_t retry_us;
        struct asking *asking;
        struct stats *stats;
        struct sessions *sessions;
};

static inline bool network_connected(const struct network *network)
{
        return dataplane_client_state(network->client) == DATAPLANE_CONNECTED;
}

void network_note(struct network *network, int priority, const char *format, ...) __attribute__((format(printf, 3, 4)));
void network_mark_dirty(struct network *network, uint32_t id);
void network_send_soon(struct network *network);

/* generation.c: compiles and queues the next generation. On -errno the connection is of no more use. */
int generation_send(struct network *network);
/* Takes in RESULT and COMMITTED. -EPROTO: not for the generation under way. */
int generation_result(struct network *network, const struct wire_result *result);
int generation_committed(struct network *network, const struct wire_committed *committed);
void generation_forget(struct network *network); /* the connection is lost */
void failure_list_clear(struct failure_list *failures);

/* network_status.c: derives the object's status from its entry and gives it to the model. */
void network_update_status(struct network *network, struct entry *entry);
/* Takes in PORT_STATE, UNDERLAY_STATE, PEER_STATE. */
int network_seen(struct network *network, const struct wire_header *record);

/* stats.c */
int stats_new(struct network *network);
struct stats *stats_free(struct stats *stats);

/* sessions.c */
int sessions_new(struct network *network);
struct sessions *sessions_free(struct sessions *sessions);
