/* See index.h. Chained; doubles when full. */
#include <stdlib.h>

#include "index.h"

/* FNV-1a, 64 bits. */
uint64_t index_hash(uint64_t before, const void *bytes, size_t size)
{
        const uint8_t *b = bytes;
        uint64_t hash = before ? before : 0xcbf29ce484222325u;

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ b[i]) * 0x100000001b3u;
        return hash;
}

/* FNV's low bits alone are weak on short keys. */
static struct index_node **bucket_of(const struct index *index, uint64_t hash)
{
        if (index->capacity == 0)
                return (struct index_node **)&index->first;
        return &index->buckets[(hash ^ hash >> 32) & (index->capacity - 1)];
}

static void insert(struct index *index, struct index_node *node)
{
        struct index_node **bucket = bucket_of(index, node->hash);

        node->next = *bucket;
        *bucket = node;
}

static void move_chain(struct index *index, struct index_node *chain)
{
        for (struct index_node *next; chain; chain = next) {
                next = chain->next;
                insert(index, chain);
        }
}

static void grow(struct index *index)
{
        struct index old = *index;
        size_t capacity = old.capacity ? old.capacity * 2 : 16;
        struct index_node **buckets = calloc(capacity, sizeof(struct index_node *));

        if (!buckets)
                return;
        *index = (struct index){.buckets = buckets, .capacity = capacity, .count = old.count};
        move_chain(index, old.first);
        for (size_t i = 0; i < old.capacity; i++)
                move_chain(index, old.buckets[i]);
        free(old.buckets);
}

void index_add(struct index *index, struct index_node *node, uint64_t hash)
{
        if (index->count >= index->capacity)
                grow(index);
        node->hash = hash;
        insert(index, node);
        index->count++;
}

void index_remove(struct index *index, struct index_node *node)
{
        struct index_node **link = bucket_of(index, node->hash);

        while (*link != node)
                link = &(*link)->next;
        *link = node->next;
        node->next = NULL;
        index->count--;
}

struct index_node *index_first(const struct index *index, uint64_t hash)
{
        struct index_node *node = *bucket_of(index, hash);

        while (node && node->hash != hash)
                node = node->next;
        return node;
}

struct index_node *index_more(const struct index_node *previous)
{
        struct index_node *node = previous->next;

        while (node && node->hash != previous->hash)
                node = node->next;
        return node;
}

void index_clear(struct index *index)
{
        free(index->buckets);
        *index = (struct index){0};
}
