/* The wire records of an object, gathered for a look. Each is checked to be well-formed. */
#pragma once

#include "support.h"

#include "socle/wire.h"

struct gather {
        struct emit emit; /* first */
        char bytes[65536];
        size_t size, count;
};

void gather_object(struct fixture *f, const char *kind, const char *name, struct gather *ret);
const void *gathered(const struct gather *gather, size_t index);
size_t gathered_of(const struct gather *gather, enum wire_type type); /* how many */
void assert_record(const struct gather *gather, size_t index, const void *expected);

/* As on the wire. */
void wire_ip(const char *text, uint8_t ret[16]);
uint32_t id_of(struct fixture *f, const char *kind, const char *name);
