/* See policy_remotes.h: the look-ups. */
#include <stddef.h>

#include "policy_remotes.h"

uint32_t dp_remotes_exact(const struct dp_remotes *remotes, dp_address address, const uint32_t **ret)
{
        uint64_t hash = dp_remotes_hash(remotes->seeds, address);
        const struct dp_shard *shard = remotes->shards[hash % DP_SHARDS];
        uint64_t high = address >> 64, low = address;

        for (uint32_t at = hash / DP_SHARDS; shard; at++) {
                const struct dp_shard_slot *slot = &shard->slots[at & shard->mask];
                if (slot->count == 0)
                        break;
                if (slot->low == low && slot->high == high) {
                        *ret = (const uint32_t *)&shard->slots[shard->mask + 1] + slot->first;
                        return slot->count;
                }
        }
        return 0;
}

uint32_t dp_remotes_prefix(const struct dp_prefixes *prefixes, dp_address address)
{
        if (!prefixes)
                return 0;
        /* The last interval that starts at or below it: the first one starts at 0. */
        const dp_address *base = prefixes->starts;
        for (uint32_t n = prefixes->count; n > 1;) {
                uint32_t half = n / 2;
                base += base[half] <= address ? half : 0;
                n -= half;
        }
        return prefixes->nodes[base - prefixes->starts];
}
