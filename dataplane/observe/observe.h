/* What a person may ask of a running dataplane, over the wire: sessions (list, count, kill), trace (what would become
 * of a packet), capture (what became of packets). All of it on the control thread, a slice at a time from its event
 * loop, and no faster than the client reads; workers only copy the packets that a capture wants (path/capture.h).
 *
 *      observe.c      requests and their turns
 *      sessions.c     walks over the session table
 *      trace*.c       a packet's way, told step by step
 *      captures.c     captures: begin, drain, end
 *      rules.c        which rule allows it
 *
 * Works with path, session and state; of control it knows names.h only. */
#pragma once

#include <systemd/sd-event.h>

#include "names.h"
#include "socle/wire.h"

/* The client's end. */
struct observe_outlet {
        struct wire_writer *writer;
        /* The client has enough to read for now: nothing more is put until it has read. */
        bool (*is_busy)(void *user);
        /* Something was put outside of observe_take(): writer->error is to be looked at. */
        void (*settle)(void *user);
        void *user;
};

struct observe;

/* `names` and `outlet` outlive it. 0 or -errno. */
int observe_new(struct observe **ret, sd_event *event, const struct observe_names *names,
                const struct observe_outlet *outlet);
struct observe *observe_free(struct observe *observe); /* NULL */

/* A record for an observer: takes it, true. Others are not looked at. */
bool observe_take(struct observe *observe, const struct wire_header *record);

/* The client is gone: ends all it asked for. */
void observe_disconnect(struct observe *observe);

/* The client has read, or workers have captured something. */
void observe_wake(struct observe *observe);

/* Objects changed: captures of ports that are no more end. */
void observe_objects_changed(struct observe *observe);

/* Sessions that were killed, since the start. */
uint64_t observe_killed(void);
