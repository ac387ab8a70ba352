/* See index.h. */
#include <errno.h>
#include <stdlib.h>

#include "index.h"
#include "rcu.h"

struct pending {
        struct indices *indices;
        uint16_t index;
};

int indices_init(struct indices *indices, uint16_t limit)
{
        *indices = (struct indices){.limit = limit, .freed = calloc(limit, sizeof(uint16_t))};
        return indices->freed ? dp_map_init(&indices->by_id, 1, 256) : -ENOMEM;
}

uint16_t indices_find(const struct indices *indices, uint64_t id)
{
        uint64_t value = dp_map_get(&indices->by_id, &id, 1);

        return value ? value >> 1 : DP_INDEX_NONE;
}

uint16_t indices_take(struct indices *indices, uint64_t id)
{
        uint16_t index;

        if (indices->freed_count > 0)
                index = indices->freed[--indices->freed_count];
        else if (indices->next < indices->limit)
                index = indices->next++;
        else
                return DP_INDEX_NONE;
        if (dp_map_set(&indices->by_id, &id, (uint64_t)index << 1 | 1) < 0) {
                indices->freed[indices->freed_count++] = index;
                return DP_INDEX_NONE;
        }
        return index;
}

static void release(void *pointer)
{
        struct pending *pending = pointer;

        pending->indices->freed[pending->indices->freed_count++] = pending->index;
        free(pending);
}

void indices_drop(struct indices *indices, uint64_t id, uint16_t index)
{
        struct pending *pending = malloc(sizeof(*pending));

        dp_map_remove(&indices->by_id, &id);
        if (!pending)
                return; /* the index is lost, nothing else */
        *pending = (struct pending){indices, index};
        dp_rcu_defer(pending, release);
}
