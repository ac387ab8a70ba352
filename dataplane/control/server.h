/* The dataplane's end of the wire: one listening SOCK_SEQPACKET socket, one socled at a time (the newest wins). */
#pragma once

#include <systemd/sd-event.h>

#include "names.h"

struct server;

/* Takes over a stale socket file; -EADDRINUSE when another dataplane answers there. Only root and our own uid may
 * connect. Errors are logged. */
int server_new(struct server **ret, sd_event *event, const char *path);
struct server *server_free(struct server *server);

extern const struct observe_names control_names;

/* Workers have put something into rings: captured packets may be among it. */
void server_drain(struct server *server);

/* Tells socled of states that changed. */
void server_report(struct server *server);
