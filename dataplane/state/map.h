/* The exact-match table of the packet path: fixed-size keys of `W` 64-bit words to one 64-bit value, one writer (the
 * control thread), any number of readers (workers) without locks or fences beyond an acquire load.
 *
 * Why no reader can see a wrong value: a slot's key is written once, before its value, and is never overwritten;
 * removal stores DP_MAP_DEAD and the slot waits for its own key to come back. Dead slots vanish when the
 * table is rebuilt at another size, which is published by one pointer swap and reclaimed through RCU.
 * A slot is (W + 1) words, so that a lookup nearly always costs one cache line. */
#pragma once

#include <rte_common.h>
#include <rte_hash_crc.h>
#include <rte_prefetch.h>

#include <stdbool.h>
#include <stdint.h>

#define DP_MAP_WORDS_MAX 3

struct dp_map_table {
        uint32_t mask; /* capacity − 1; capacity is a power of two, at most half of it used */
        uint32_t words;
        uint64_t slots[] __rte_cache_aligned; /* per slot: value, key[words] */
};

/* Written by control; workers read `table` only. */
struct dp_map {
        struct dp_map_table *table;
        uint32_t words; /* of a key */
        uint32_t live;  /* keys with a value */
        uint32_t used;  /* slots taken, dead ones included */
};

int dp_map_init(struct dp_map *map, uint32_t words, uint32_t capacity); /* 0 or -ENOMEM */
void dp_map_destroy(struct dp_map *map);

/* Control only. Bit 0 of `value` is set. 0 or -ENOMEM, the map as it was. The old table, if it grew, is freed by RCU.
 */
int dp_map_set(struct dp_map *map, const uint64_t *key, uint64_t value);
void dp_map_remove(struct dp_map *map, const uint64_t *key);

/* Control only: iterates over live slots from *iterator = 0; false at the end. */
bool dp_map_next(const struct dp_map *map, uint32_t *iterator, const uint64_t **ret_key, uint64_t *ret_value);

static __rte_always_inline uint32_t dp_map_hash(const uint64_t *key, uint32_t words)
{
        uint32_t hash = 0x9e3779b9;

        for (uint32_t i = 0; i < words; i++)
                hash = rte_hash_crc_8byte(key[i], hash);
        return hash;
}

static __rte_always_inline uint64_t *dp_map_slot(const struct dp_map_table *table, uint32_t at, uint32_t words)
{
        return (uint64_t *)&table->slots[(size_t)(at & table->mask) * (words + 1)];
}

/* The slot of the key (value first; DP_MAP_DEAD: removed), or NULL. `words` is a constant at every call. */
static __rte_always_inline uint64_t *dp_map_find(const struct dp_map_table *table, const uint64_t *key, uint32_t hash,
                                                 uint32_t words)
{
        for (uint32_t at = hash;; at++) {
                uint64_t *slot = dp_map_slot(table, at, words);
                /* The value is published last: once it was non-zero the key is there for good. The lowest bit of
                 * every stored value is set, so that a removed slot (value 2) differs from a free one (0). */
                if (__atomic_load_n(slot, __ATOMIC_ACQUIRE) == 0)
                        return NULL;

                bool same = true;
                for (uint32_t i = 0; i < words; i++)
                        same &= slot[1 + i] == key[i];
                if (same)
                        return slot;
        }
}

#define DP_MAP_DEAD 2ULL /* in the value's place of a removed key; live values have bit 0 set */

static __rte_always_inline const struct dp_map_table *dp_map_table(const struct dp_map *map)
{
        return __atomic_load_n(&map->table, __ATOMIC_ACQUIRE);
}

/* Workers and control. The value, or 0. */
static __rte_always_inline uint64_t dp_map_get(const struct dp_map *map, const uint64_t *key, uint32_t words)
{
        const uint64_t *slot = dp_map_find(dp_map_table(map), key, dp_map_hash(key, words), words);
        uint64_t value = slot ? __atomic_load_n(slot, __ATOMIC_RELAXED) : 0;

        return value & 1 ? value : 0;
}
