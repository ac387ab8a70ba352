/* What Ironic (or Keystone) says when it says no, in words and in one of the kinds that one can act on. Pure: from a
 * status and the bytes of a body. Works with ironic.c. */
#pragma once

#include <stddef.h>

enum fault {
        FAULT_NONE,
        FAULT_UNREACHABLE, /* nobody answers, or not in time: to be tried again */
        FAULT_CERTIFICATE, /* not trusted */
        FAULT_CANCELLED,
        FAULT_BUSY,        /* 5xx, 429: to be tried again */
        FAULT_LOCKED,      /* 409: another request has the node: to be tried again soon */
        FAULT_DUPLICATE,   /* 409: it exists already, perhaps on another node */
        FAULT_WRONG_STATE, /* 409, 400: not in this state */
        FAULT_DENIED,      /* 401: who we say we are is not believed */
        FAULT_FORBIDDEN,   /* 403: we may not */
        FAULT_NOT_FOUND,   /* 404: not there, or not to be seen by us */
        FAULT_VERSION,     /* 406 */
        FAULT_UNSERVED,    /* no conductor has the driver: never, or not just now */
        FAULT_REFUSED,     /* all else: what we sent is wrong */
        FAULT_GARBAGE,     /* no JSON where it must be */
};

enum { FAULT_WORDS = 512 };

/* Printable, never empty, UTF-8. `status`: 400 and above. */
enum fault fault_decode(int status, const char *body, size_t length, char words[FAULT_WORDS]);

/* Is it Ironic that says no, and not what stands before it? A proxy's 404 says nothing of a node. */
int fault_is_ironics(const char *body, size_t length);

/* Is it only a matter of time? */
int fault_is_passing(enum fault fault);
