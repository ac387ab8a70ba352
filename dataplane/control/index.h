/* Small dense indices for objects that the wire names by 32-bit ids. An index is reused only after a grace period. */
#pragma once

#include <stdint.h>

#include "state.h"

struct indices {
        struct dp_map by_id; /* id → index << 1 | 1 */
        uint16_t limit;
        uint16_t next;   /* never used from here on */
        uint16_t *freed; /* stack of indices to use again */
        uint16_t freed_count;
};

int indices_init(struct indices *indices, uint16_t limit);

/* The index of the id, or DP_INDEX_NONE. */
uint16_t indices_find(const struct indices *indices, uint64_t id);

/* A new index for the id, or DP_INDEX_NONE: none left. */
uint16_t indices_take(struct indices *indices, uint64_t id);

/* Forgets the id at once; the index is free after the next grace period. */
void indices_drop(struct indices *indices, uint64_t id, uint16_t index);
