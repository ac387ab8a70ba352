/* Makes the immutable parts of a policy snapshot (policy.h, policy_remotes.h). Pure: the same input gives the same
 * bytes, so that what did not change can be told from what did. Each part is one block, freed with free(); NULL: out of
 * memory. Control only. */
#pragma once

#include "policy.h"
#include "policy_remotes.h"

/* One rule, by the key under which packets look for it. */
struct dp_group_rule {
        uint32_t key; /* dp_group_key() */
        struct dp_range range;
};

/* Sorts `rules`; what overlaps or touches is merged. */
struct dp_group *dp_group_build(uint32_t id, bool stateful, struct dp_group_rule *rules, uint32_t count);
bool dp_group_same(const struct dp_group *a, const struct dp_group *b); /* either may be NULL */

/* An address or prefix and the remotes that name it, sorted, each once. */
struct dp_member {
        dp_address ip;
        uint8_t prefix; /* bits of ip */
        uint32_t count; /* at least 1 */
        const uint32_t *remotes;
};

/* Of single addresses that belong to one shard. */
struct dp_shard *dp_shard_build(const uint64_t seeds[2], const struct dp_member *members, uint32_t count);
bool dp_shard_same(const struct dp_shard *a, const struct dp_shard *b);

/* Of prefixes of one family, sorted by ip, then by prefix; each once, host bits zero. */
struct dp_prefixes *dp_prefixes_build(const struct dp_member *members, uint32_t count);
bool dp_prefixes_same(const struct dp_prefixes *a, const struct dp_prefixes *b);

/* Bits behind the prefix are cleared. */
static inline dp_address dp_address_mask(dp_address address, uint8_t prefix)
{
        return prefix == 0 ? 0 : address >> (128 - prefix) << (128 - prefix);
}
