/* A wire writer that keeps what is put, for tests of what answers over the wire. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "socle/wire.h"

#define COLLECT_MAX 8192

struct collect {
        struct wire_writer writer;
        unsigned int count;
        struct wire_header *records[COLLECT_MAX];
};

static int collect_send(void *user, const void *datagram, size_t size)
{
        struct collect *collect = user;
        const struct wire_header *record;
        size_t offset = 0;
        int r;

        while ((r = wire_next(datagram, size, &offset, &record)) > 0) {
                assert_true(collect->count < COLLECT_MAX);
                struct wire_header *copy = malloc(record->length);
                assert_non_null(copy);
                memcpy(copy, record, record->length);
                collect->records[collect->count++] = copy;
        }
        assert_int_equal(r, 0);
        return 0;
}

static inline void collect_init(struct collect *collect)
{
        memset(collect, 0, sizeof(*collect));
        collect->writer.send = collect_send;
        collect->writer.user = collect;
}

static inline void collect_clear(struct collect *collect)
{
        for (unsigned int i = 0; i < collect->count; i++)
                free(collect->records[i]);
        collect->count = 0;
}

static inline unsigned int collect_count(const struct collect *collect, enum wire_type type)
{
        unsigned int n = 0;

        for (unsigned int i = 0; i < collect->count; i++)
                n += collect->records[i]->type == type;
        return n;
}

/* The nth record of the type, from 0; NULL: there are not so many. */
static inline const void *collect_get(const struct collect *collect, enum wire_type type, unsigned int n)
{
        for (unsigned int i = 0; i < collect->count; i++)
                if (collect->records[i]->type == type && n-- == 0)
                        return collect->records[i];
        return NULL;
}
