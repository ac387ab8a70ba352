/* A hash index of nodes that live in their owners: adding a node cannot fail (when the table cannot grow, its chains
 * get longer), so that a change that is on disk already is sure to get into memory. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct index_node {
        struct index_node *next;
        uint64_t hash;
};

struct index {
        struct index_node **buckets;
        size_t capacity;          /* a power of two; 0: all are in `first` */
        struct index_node *first; /* the only bucket as long as there was no memory for others */
        size_t count;
};

/* Hashes bytes on top of what was hashed before; starts at 0. */
uint64_t index_hash(uint64_t before, const void *bytes, size_t size);

void index_add(struct index *index, struct index_node *node, uint64_t hash);
void index_remove(struct index *index, struct index_node *node);
/* The first node of that hash, or the one after `previous`; the caller compares the key. */
struct index_node *index_first(const struct index *index, uint64_t hash);
struct index_node *index_more(const struct index_node *previous);
/* Forgets the nodes, which stay their owners'. */
void index_clear(struct index *index);

#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))
