/* The writer's side of state/map.h. */
#include <errno.h>
#include <string.h>

#include <rte_malloc.h>

#include "map.h"
#include "rcu.h"

static struct dp_map_table *table_new(uint32_t words, uint32_t capacity)
{
        struct dp_map_table *table =
                rte_zmalloc("map", sizeof(*table) + sizeof(uint64_t) * capacity * (words + 1), RTE_CACHE_LINE_SIZE);

        if (table) {
                table->mask = capacity - 1;
                table->words = words;
        }
        return table;
}

int dp_map_init(struct dp_map *map, uint32_t words, uint32_t capacity)
{
        *map = (struct dp_map){.words = words, .table = table_new(words, rte_align32pow2(RTE_MAX(capacity, 16u)))};
        return map->table ? 0 : -ENOMEM;
}

void dp_map_destroy(struct dp_map *map)
{
        rte_free(map->table);
        map->table = NULL;
}

/* Writes key, then value, into the first free slot of its chain. */
static void insert(struct dp_map_table *table, const uint64_t *key, uint64_t value, uint32_t words)
{
        uint32_t at = dp_map_hash(key, words);
        uint64_t *slot;

        while (*(slot = dp_map_slot(table, at, words)))
                at++;
        memcpy(slot + 1, key, sizeof(uint64_t) * words);
        __atomic_store_n(slot, value, __ATOMIC_RELEASE);
}

static int rebuild(struct dp_map *map)
{
        struct dp_map_table *old = map->table;
        struct dp_map_table *table = table_new(map->words, rte_align32pow2(RTE_MAX(map->live * 4, 16u)));
        const uint64_t *key;
        uint64_t value;

        if (!table)
                return -ENOMEM;
        for (uint32_t i = 0; dp_map_next(map, &i, &key, &value);)
                insert(table, key, value, map->words);
        map->used = map->live;
        __atomic_store_n(&map->table, table, __ATOMIC_RELEASE);
        dp_rcu_defer(old, rte_free);
        return 0;
}

int dp_map_set(struct dp_map *map, const uint64_t *key, uint64_t value)
{
        uint64_t *slot = dp_map_find(map->table, key, dp_map_hash(key, map->words), map->words);

        if (slot) {
                map->live += *slot == DP_MAP_DEAD;
                __atomic_store_n(slot, value, __ATOMIC_RELEASE);
                return 0;
        }
        if ((map->used + 1) * 2 > map->table->mask + 1) {
                int r = rebuild(map);
                if (r < 0)
                        return r;
        }
        insert(map->table, key, value, map->words);
        map->used++;
        map->live++;
        return 0;
}

void dp_map_remove(struct dp_map *map, const uint64_t *key)
{
        uint64_t *slot = dp_map_find(map->table, key, dp_map_hash(key, map->words), map->words);

        if (!slot || *slot == DP_MAP_DEAD)
                return;
        __atomic_store_n(slot, DP_MAP_DEAD, __ATOMIC_RELEASE);
        map->live--;
}

bool dp_map_next(const struct dp_map *map, uint32_t *iterator, const uint64_t **ret_key, uint64_t *ret_value)
{
        while (*iterator <= map->table->mask) {
                const uint64_t *slot = dp_map_slot(map->table, (*iterator)++, map->words);
                uint64_t value = __atomic_load_n(slot, __ATOMIC_RELAXED);
                if (!(value & 1))
                        continue;
                *ret_key = slot + 1;
                *ret_value = value;
                return true;
        }
        return false;
}
