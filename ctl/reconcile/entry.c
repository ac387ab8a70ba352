/* See entry.h. A chained hash by id: ids are dense, so that the low bits spread them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"

void record_list_clear(struct record_list *list)
{
        free(list->data);
        *list = (struct record_list){};
}

int record_list_append(struct record_list *list, const struct wire_header *record)
{
        if (list->size + record->length > list->capacity) {
                /* Nearly all objects are one or two records: start exact, then double. */
                size_t capacity = list->capacity ? list->capacity * 2 : record->length;
                while (capacity < list->size + record->length)
                        capacity *= 2;
                uint8_t *data = realloc(list->data, capacity);
                if (!data)
                        return -ENOMEM;
                list->data = data;
                list->capacity = capacity;
        }
        memcpy(list->data + list->size, record, record->length);
        list->size += record->length;
        return 0;
}

const struct wire_header *record_list_next(const struct record_list *list, size_t *at)
{
        if (*at >= list->size)
                return NULL;
        const struct wire_header *record = (const void *)(list->data + *at);
        *at += record->length;
        return record;
}

static void entry_free(struct entry *entry)
{
        record_list_clear(&entry->sent);
        free(entry->seen);
        free(entry->failure);
        free(entry);
}

void entry_table_clear(struct entry_table *table)
{
        for (size_t i = 0; i < table->capacity; i++) {
                struct entry *next;
                for (struct entry *e = table->buckets[i]; e; e = next) {
                        next = e->next;
                        entry_free(e);
                }
        }
        free(table->buckets);
        *table = (struct entry_table){};
}

struct entry *entry_find(const struct entry_table *table, uint32_t id)
{
        if (table->capacity == 0)
                return NULL;
        for (struct entry *e = table->buckets[id & (table->capacity - 1)]; e; e = e->next)
                if (e->id == id)
                        return e;
        return NULL;
}

static int grow(struct entry_table *table)
{
        size_t capacity = table->capacity ? table->capacity * 2 : 64;
        struct entry **buckets = calloc(capacity, sizeof(struct entry *));

        if (!buckets)
                return -ENOMEM;
        for (size_t i = 0; i < table->capacity; i++) {
                struct entry *next;
                for (struct entry *e = table->buckets[i]; e; e = next) {
                        next = e->next;
                        e->next = buckets[e->id & (capacity - 1)];
                        buckets[e->id & (capacity - 1)] = e;
                }
        }
        free(table->buckets);
        table->buckets = buckets;
        table->capacity = capacity;
        return 0;
}

struct entry *entry_get(struct entry_table *table, uint32_t id)
{
        struct entry *entry = entry_find(table, id);

        if (entry)
                return entry;
        if (table->count >= table->capacity && grow(table) < 0)
                return NULL;
        entry = calloc(1, sizeof(*entry));
        if (!entry)
                return NULL;
        struct entry **bucket = &table->buckets[id & (table->capacity - 1)];
        entry->id = id;
        entry->next = *bucket;
        *bucket = entry;
        table->count++;
        return entry;
}

void entry_remove(struct entry_table *table, uint32_t id)
{
        if (table->capacity == 0)
                return;
        for (struct entry **at = &table->buckets[id & (table->capacity - 1)]; *at; at = &(*at)->next) {
                struct entry *entry = *at;
                if (entry->id != id)
                        continue;
                *at = entry->next;
                entry_free(entry);
                table->count--;
                return;
        }
}

struct entry *entry_next(const struct entry_table *table, const struct entry *previous)
{
        size_t bucket = 0;

        if (previous) {
                if (previous->next)
                        return previous->next;
                bucket = (previous->id & (table->capacity - 1)) + 1;
        }
        for (; bucket < table->capacity; bucket++)
                if (table->buckets[bucket])
                        return table->buckets[bucket];
        return NULL;
}

int id_list_add(struct id_list *list, uint32_t id)
{
        if (list->count == list->capacity) {
                size_t capacity = list->capacity ? list->capacity * 2 : 64;
                uint32_t *ids = reallocarray(list->ids, capacity, sizeof(*ids));
                if (!ids)
                        return -ENOMEM;
                list->ids = ids;
                list->capacity = capacity;
        }
        list->ids[list->count++] = id;
        return 0;
}

void id_list_clear(struct id_list *list)
{
        free(list->ids);
        *list = (struct id_list){};
}
