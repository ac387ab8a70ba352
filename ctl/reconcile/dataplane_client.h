/* The connection to the dataplane: connects, greets, reconnects with back-off, queues what the socket does not take.
 * Knows nothing of objects; network.c gives meaning to the records. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "socle/wire.h"

struct dataplane_client;

enum dataplane_state {
        DATAPLANE_CONNECTING,   /* nobody there yet, or has not answered our HELLO yet */
        DATAPLANE_CONNECTED,    /* HELLOs exchanged */
        DATAPLANE_INCOMPATIBLE, /* the last one that answered speaks another version; still trying */
};

struct dataplane_handlers {
        void (*connected)(void *user, const struct wire_hello *hello);
        /* `why` in words. Comes once after each `connected`, and also when an attempt fails in a new way. */
        void (*disconnected)(void *user, const char *why);
        /* A record after HELLO. -errno drops the connection. */
        int (*record)(void *user, const struct wire_header *record);
};

/* Starts to connect. `handlers` must live as long as the client. */
int dataplane_client_new(struct dataplane_client **ret, sd_event *event, const char *path,
                         const struct dataplane_handlers *handlers, void *user);
struct dataplane_client *dataplane_client_free(struct dataplane_client *client);

enum dataplane_state dataplane_client_state(const struct dataplane_client *client);
/* Has nobody listened when it was last tried? Not so before the first try, or of one that does not answer. */
bool dataplane_client_absent(const struct dataplane_client *client);
uint32_t dataplane_client_peer_version(const struct dataplane_client *client); /* of the last incompatible one */

/* Sends a datagram now, or when the socket takes it; 0, -ENOTCONN, -ENOMEM. Has the signature of wire_writer.send.
 * Datagrams that are queued are lost with the connection. */
int dataplane_client_send(void *client, const void *datagram, size_t size);

/* The other end is well: the next loss of the connection is retried soon. */
void dataplane_client_settled(struct dataplane_client *client);

/* Gives the connection up and connects anew after the back-off. May not be called from a `record` handler: return an
 * error there. */
void dataplane_client_drop(struct dataplane_client *client, const char *why);
