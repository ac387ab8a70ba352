/* What the network reconciler knows of each object: the records it last sent for it, and what the dataplane said of
 * it. Found by the object's id. Works with compile.h (which makes the records) and network.c (which owns the table). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "socle/wire.h"

/* Wire records back to back. */
struct record_list {
        uint8_t *data;
        size_t size, capacity; /* bytes */
};

void record_list_clear(struct record_list *list);
int record_list_append(struct record_list *list, const struct wire_header *record); /* -ENOMEM */

/* Iterates: `size_t at = 0; while ((r = record_list_next(&list, &at)))`. */
const struct wire_header *record_list_next(const struct record_list *list, size_t *at);

struct entry {
        uint32_t id;
        enum wire_type type; /* of the record that bears the object's id; WIRE_NONE: not compiled yet */
        struct record_list sent;
        struct wire_header *seen; /* the last PORT_STATE, UNDERLAY_STATE or PEER_STATE; NULL: none yet */
        char *failure;            /* why the dataplane did not put it into force; NULL: it did */
        bool dirty;               /* on the list of what the next generation carries */
        bool resend;              /* send the records although they are the same: they failed before */
        bool touched;             /* the generation under way changes records of it */
        bool in_force;            /* the dataplane has committed what is wanted */
        bool stale;               /* used while sweeping */
        struct entry *next;       /* in its hash bucket */
};

struct entry_table {
        struct entry **buckets;
        size_t capacity, count;
};

void entry_table_clear(struct entry_table *table);
struct entry *entry_find(const struct entry_table *table, uint32_t id);
struct entry *entry_get(struct entry_table *table, uint32_t id); /* finds or makes; NULL: out of memory */
void entry_remove(struct entry_table *table, uint32_t id);

/* Iterates in no order: `struct entry *e = NULL; while ((e = entry_next(&table, e)))`. Nothing may be added or removed
 * meanwhile. */
struct entry *entry_next(const struct entry_table *table, const struct entry *previous);

/* Ids to be visited, in order of their adding. */
struct id_list {
        uint32_t *ids;
        size_t count, capacity;
};

int id_list_add(struct id_list *list, uint32_t id); /* -ENOMEM */
void id_list_clear(struct id_list *list);
