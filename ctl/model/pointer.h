/* Where in an object one is: a chain on the stack while walking down it, written out as a JSON pointer (RFC 6901) only
 * when there is something to complain about. */
#pragma once

#include <stddef.h>

struct place {
        const struct place *parent; /* NULL: the root */
        const char *name;           /* of the member; NULL: entry `index` of a list */
        size_t index;
};

#define PLACE_SIZE 256

/* Writes "/spec/hosts/3/mac_address" (cut to the buffer) and returns the buffer. */
const char *place_pointer(const struct place *place, char buffer[PLACE_SIZE]);
