/* Which remotes contain an address: part of a policy snapshot (policy.h), immutable, shared between snapshots.
 *
 * Single addresses (nearly all members are) are in a hash of DP_SHARDS blocks: a member that joins makes one block
 * anew, so that a change costs the same with ten members and with a million. Prefixes are cut into disjoint intervals,
 * sorted: a binary search finds the innermost prefix, which names the one around it. Both are bounded, whatever lengths
 * and addresses tenants choose. */
#pragma once

#include <rte_byteorder.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define DP_SHARDS 1024

typedef unsigned __int128 dp_address; /* IPv4 mapped; host byte order, so that it compares as a number */

struct dp_shard {
        uint32_t mask; /* slots − 1 */
        uint32_t bytes;
        struct dp_shard_slot {
                uint64_t high, low; /* of the address */
                uint32_t first;     /* of the remotes, behind the slots */
                uint32_t count;     /* 0: a free slot */
        } slots[];                  /* open addressing, at most half full */
};

struct dp_prefix_node {
        uint32_t first, count; /* of `remotes` */
        uint32_t parent;       /* the prefix around it, index + 1; 0: none */
};

struct dp_prefixes {
        uint32_t count; /* intervals */
        uint32_t bytes;
        const uint32_t *nodes; /* [count]: the innermost prefix of each interval, index + 1; 0: none */
        const struct dp_prefix_node *tree;
        const uint32_t *remotes;
        dp_address starts[]; /* [count], ascending from 0; an interval ends where the next one starts */
};

struct dp_remotes {
        uint64_t seeds[2];                        /* of the hash: tenants choose their addresses */
        const struct dp_shard *shards[DP_SHARDS]; /* NULL: empty */
        const struct dp_prefixes *prefixes[2];    /* IPv4, IPv6: ::/0 is none of IPv4's; NULL: none */
};

static inline dp_address dp_address_load(const uint8_t ip[16])
{
        uint64_t words[2];

        memcpy(words, ip, sizeof(words));
        return (dp_address)rte_be_to_cpu_64(words[0]) << 64 | rte_be_to_cpu_64(words[1]);
}

static inline bool dp_address_is_v4(dp_address address)
{
        return address >> 32 == 0xffff;
}

/* The lowest bits choose the shard, those above them the slot. */
static inline uint64_t dp_remotes_hash(const uint64_t seeds[2], dp_address address)
{
        dp_address product = (dp_address)((uint64_t)(address >> 64) ^ seeds[0]) * ((uint64_t)address ^ seeds[1]);

        return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The remotes that name exactly this address. Returns how many. */
uint32_t dp_remotes_exact(const struct dp_remotes *remotes, dp_address address, const uint32_t **ret);

/* The innermost prefix of the family that contains it, index + 1 of prefixes->tree; 0: none. */
uint32_t dp_remotes_prefix(const struct dp_prefixes *prefixes, dp_address address);
