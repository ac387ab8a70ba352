/* A table of wire records by key, for both ends of the wire: socled keeps in it what it has sent, the dataplane what
 * is in force. Open addressing, copies of the records, not thread-safe. */
#pragma once

#include "socle/wire.h"

struct record_table;

enum record_change { RECORD_EQUAL, RECORD_ADDED, RECORD_CHANGED };

struct record_table *record_table_new(void);                        /* NULL: out of memory */
struct record_table *record_table_free(struct record_table *table); /* NULL */

/* Puts a copy of the record in, stamped with `mark`. Returns enum record_change, or -ENOMEM (the table as it was).
 * ret_old, if not NULL: on RECORD_CHANGED the record before, valid until the next call. */
int record_table_put(struct record_table *table, const struct wire_header *record, uint64_t mark,
                     const struct wire_header **ret_old);

/* The record of that type and key, or NULL. Valid until the table changes. */
const struct wire_header *record_table_get(const struct record_table *table, enum wire_type type, const uint8_t *key);

/* The record could not be put into force: an equal one is RECORD_CHANGED at the next put, so that it is tried again. */
void record_table_spoil(struct record_table *table, enum wire_type type, const uint8_t *key);

/* Removes it. false: there was none. */
bool record_table_remove(struct record_table *table, enum wire_type type, const uint8_t *key);

size_t record_table_count(const struct record_table *table);

/* Iterates in no particular order: `size_t i = 0; while ((r = record_table_next(t, &i, &mark)))`. Removing the record
 * just returned is allowed, putting is not. `ret_mark` may be NULL. */
const struct wire_header *record_table_next(const struct record_table *table, size_t *iterator, uint64_t *ret_mark);
