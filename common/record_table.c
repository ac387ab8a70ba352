/* See socle/record_table.h. Linear probing over slots that own a malloc'ed copy; a removed slot stays as a tombstone
 * until the next growth. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "socle/record_table.h"

struct slot {
        struct wire_header *record; /* NULL: never used */
        uint64_t mark;
        uint32_t hash;
        bool dead;
        bool spoilt;
};

struct record_table {
        struct slot *slots;
        size_t capacity; /* a power of two */
        size_t live;
        size_t used; /* live and dead */
        struct wire_header *old;
};

/* FNV-1a over type and key. */
static uint32_t hash_key(enum wire_type type, const uint8_t *key)
{
        uint32_t hash = 2166136261u ^ type;

        for (size_t i = 0; i < wire_type_info[type].key_size; i++)
                hash = (hash ^ key[i]) * 16777619u;
        return hash ^ hash >> 15;
}

static struct slot *find(const struct record_table *table, enum wire_type type, const uint8_t *key, uint32_t hash)
{
        for (size_t i = hash & (table->capacity - 1);; i = (i + 1) & (table->capacity - 1)) {
                struct slot *slot = &table->slots[i];
                if (!slot->record)
                        return slot;
                if (!slot->dead && slot->hash == hash && slot->record->type == type &&
                    memcmp(wire_key(slot->record), key, wire_type_info[type].key_size) == 0)
                        return slot;
        }
}

struct record_table *record_table_new(void)
{
        struct record_table *table = calloc(1, sizeof(*table));

        if (!table)
                return NULL;
        table->capacity = 64;
        table->slots = calloc(table->capacity, sizeof(*table->slots));
        return table->slots ? table : record_table_free(table);
}

struct record_table *record_table_free(struct record_table *table)
{
        if (!table)
                return NULL;
        for (size_t i = 0; table->slots && i < table->capacity; i++)
                free(table->slots[i].record);
        free(table->old);
        free(table->slots);
        free(table);
        return NULL;
}

static int grow(struct record_table *table)
{
        struct slot *old = table->slots;
        size_t old_capacity = table->capacity;
        size_t capacity = 64;

        while (capacity < table->live * 4)
                capacity *= 2;
        struct slot *slots = calloc(capacity, sizeof(*slots));
        if (!slots)
                return -ENOMEM;

        table->slots = slots;
        table->capacity = capacity;
        table->used = table->live;
        for (size_t i = 0; i < old_capacity; i++) {
                if (!old[i].record)
                        continue;
                if (old[i].dead)
                        free(old[i].record);
                else
                        *find(table, old[i].record->type, wire_key(old[i].record), old[i].hash) = old[i];
        }
        free(old);
        return 0;
}

int record_table_put(struct record_table *table, const struct wire_header *record, uint64_t mark,
                     const struct wire_header **ret_old)
{
        uint32_t hash = hash_key(record->type, wire_key(record));
        struct slot *slot = find(table, record->type, wire_key(record), hash);

        if (slot->record && !slot->spoilt && memcmp(slot->record, record, record->length) == 0) {
                slot->mark = mark;
                return RECORD_EQUAL;
        }

        struct wire_header *copy = malloc(record->length);
        if (!copy)
                return -ENOMEM;
        memcpy(copy, record, record->length);

        if (slot->record) {
                free(table->old);
                table->old = slot->record;
                slot->record = copy;
                slot->mark = mark;
                slot->spoilt = false;
                if (ret_old)
                        *ret_old = table->old;
                return RECORD_CHANGED;
        }

        if ((table->used + 1) * 4 > table->capacity * 3) {
                if (grow(table) < 0) {
                        free(copy);
                        return -ENOMEM;
                }
                slot = find(table, record->type, wire_key(record), hash);
        }
        *slot = (struct slot){.record = copy, .mark = mark, .hash = hash};
        table->used++;
        table->live++;
        return RECORD_ADDED;
}

const struct wire_header *record_table_get(const struct record_table *table, enum wire_type type, const uint8_t *key)
{
        return find(table, type, key, hash_key(type, key))->record;
}

void record_table_spoil(struct record_table *table, enum wire_type type, const uint8_t *key)
{
        struct slot *slot = find(table, type, key, hash_key(type, key));

        if (slot->record)
                slot->spoilt = true;
}

bool record_table_remove(struct record_table *table, enum wire_type type, const uint8_t *key)
{
        struct slot *slot = find(table, type, key, hash_key(type, key));

        if (!slot->record)
                return false;
        slot->dead = true;
        table->live--;
        return true;
}

size_t record_table_count(const struct record_table *table)
{
        return table->live;
}

const struct wire_header *record_table_next(const struct record_table *table, size_t *iterator, uint64_t *ret_mark)
{
        while (*iterator < table->capacity) {
                const struct slot *slot = &table->slots[(*iterator)++];
                if (!slot->record || slot->dead)
                        continue;
                if (ret_mark)
                        *ret_mark = slot->mark;
                return slot->record;
        }
        return NULL;
}
