/* What the dataplane says, checked: version first, then only such records as a dataplane may send. Knows no socket, so
 * that it can be fuzzed. Used by dataplane_client.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "socle/wire.h"

struct dataplane_reader {
        bool greeted;          /* HELLO has come */
        uint32_t peer_version; /* from HELLO, also when it is not ours */
        /* One record that passed; the first is HELLO. A negative return ends the reading and is passed on. */
        int (*record)(void *user, const struct wire_header *record);
        void *user;
};

/* Reads one datagram (8-aligned). 0; -EPROTONOSUPPORT: of another version; -EBADMSG: not well-formed; -EPROTO:
 * well-formed, but not for a dataplane to send, or not now; or what the handler returned. */
int dataplane_read(struct dataplane_reader *reader, const void *datagram, size_t size);
