/* See policy_build.h. */
#include <rte_common.h>

#include <stdlib.h>
#include <string.h>

#include "policy_build.h"

/* Slots for `count` keys, at most half of them used. */
static uint32_t slots_for(uint32_t count)
{
        return rte_align32pow2(RTE_MAX(count * 2, 2u));
}

/* ---- groups ---- */

static int compare_rules(const void *a, const void *b)
{
        const struct dp_group_rule *x = a, *y = b;

        if (x->key != y->key)
                return x->key < y->key ? -1 : 1;
        return (int)x->range.first - (int)y->range.first;
}

/* Merges neighbours in a sorted list. Returns how many are left. */
static uint32_t merge(struct dp_group_rule *rules, uint32_t count)
{
        uint32_t kept = 0;

        for (uint32_t i = 0; i < count; i++) {
                struct dp_group_rule *last = kept ? &rules[kept - 1] : NULL;
                if (last && last->key == rules[i].key && rules[i].range.first <= (uint32_t)last->range.last + 1)
                        last->range.last = RTE_MAX(last->range.last, rules[i].range.last);
                else
                        rules[kept++] = rules[i];
        }
        return kept;
}

static uint32_t count_keys(const struct dp_group_rule *rules, uint32_t count)
{
        uint32_t keys = 0;

        for (uint32_t i = 0; i < count; i++)
                keys += i == 0 || rules[i].key != rules[i - 1].key;
        return keys;
}

static struct dp_group_slot *free_slot(struct dp_group *group, uint32_t key)
{
        uint32_t at = dp_group_hash(key) & group->mask;

        while (group->slots[at].key)
                at = (at + 1) & group->mask;
        return &group->slots[at];
}

static const struct dp_group_slot *find_slot(const struct dp_group *group, uint32_t key)
{
        for (uint32_t at = dp_group_hash(key);; at++) {
                const struct dp_group_slot *slot = &group->slots[at & group->mask];
                if (slot->key == key)
                        return slot;
                if (slot->key == 0)
                        return NULL;
        }
}

static bool allows_everything(const struct dp_group *group)
{
        for (unsigned int i = 0; i < 4; i++) {
                const struct dp_group_slot *slot =
                        find_slot(group, dp_group_key(i & 1, i >> 1, DP_PROTOCOL_ANY, DP_REMOTE_ANY));
                if (!slot || group->ranges[slot->first].first != 0 || group->ranges[slot->first].last != UINT16_MAX)
                        return false;
        }
        return true;
}

struct dp_group *dp_group_build(uint32_t id, bool stateful, struct dp_group_rule *rules, uint32_t count)
{
        if (count)
                qsort(rules, count, sizeof(*rules), compare_rules);
        count = merge(rules, count);
        uint32_t slots = slots_for(count_keys(rules, count));
        struct dp_group *group =
                calloc(1, sizeof(*group) + slots * sizeof(group->slots[0]) + count * sizeof(struct dp_range));

        if (!group)
                return NULL;
        struct dp_range *ranges = (void *)&group->slots[slots];
        group->id = id;
        group->stateful = stateful;
        group->mask = slots - 1;
        group->range_count = count;
        group->ranges = ranges;
        struct dp_group_slot *slot = NULL;
        for (uint32_t i = 0; i < count; i++) {
                ranges[i] = rules[i].range;
                if (!slot || slot->key != rules[i].key)
                        *(slot = free_slot(group, rules[i].key)) = (struct dp_group_slot){rules[i].key, i, 0};
                slot->count++;
                group->selects |= rules[i].key - 1 >= 1 << 11;
        }
        group->open = !stateful && allows_everything(group);
        return group;
}

bool dp_group_same(const struct dp_group *a, const struct dp_group *b)
{
        if (!a || !b)
                return a == b;
        return a->id == b->id && a->stateful == b->stateful && a->mask == b->mask && a->range_count == b->range_count &&
               memcmp(a->slots, b->slots, (a->mask + 1) * sizeof(a->slots[0])) == 0 &&
               memcmp(a->ranges, b->ranges, a->range_count * sizeof(a->ranges[0])) == 0;
}

/* ---- single addresses ---- */

static uint32_t count_remotes(const struct dp_member *members, uint32_t count)
{
        uint32_t total = 0;

        for (uint32_t i = 0; i < count; i++)
                total += members[i].count;
        return total;
}

static uint32_t copy_remotes(uint32_t *remotes, uint32_t first, const struct dp_member *member)
{
        memcpy(remotes + first, member->remotes, member->count * sizeof(*remotes));
        return first + member->count;
}

struct dp_shard *dp_shard_build(const uint64_t seeds[2], const struct dp_member *members, uint32_t count)
{
        uint32_t slots = slots_for(count), first = 0;
        size_t bytes = sizeof(struct dp_shard) + slots * sizeof(struct dp_shard_slot) +
                       count_remotes(members, count) * sizeof(uint32_t);
        struct dp_shard *shard = calloc(1, bytes);

        if (!shard)
                return NULL;
        uint32_t *remotes = (void *)&shard->slots[slots];
        shard->mask = slots - 1;
        shard->bytes = bytes;
        for (uint32_t i = 0; i < count; i++) {
                uint32_t at = dp_remotes_hash(seeds, members[i].ip) / DP_SHARDS;
                while (shard->slots[at & shard->mask].count)
                        at++;
                shard->slots[at & shard->mask] = (struct dp_shard_slot){
                        .high = members[i].ip >> 64,
                        .low = members[i].ip,
                        .first = first,
                        .count = members[i].count,
                };
                first = copy_remotes(remotes, first, &members[i]);
        }
        return shard;
}

bool dp_shard_same(const struct dp_shard *a, const struct dp_shard *b)
{
        if (!a || !b)
                return a == b;
        return a->bytes == b->bytes && memcmp(a, b, a->bytes) == 0;
}

/* ---- prefixes ---- */

/* What is being filled: one block, with room for two intervals a prefix and one more. */
struct building {
        struct dp_prefixes *prefixes;
        uint32_t *nodes;
        struct dp_prefix_node *tree;
        uint32_t *remotes;
};

static bool allocate(struct building *b, const struct dp_member *members, uint32_t count)
{
        uint32_t intervals = count * 2 + 1;
        size_t bytes = sizeof(*b->prefixes) +
                       intervals * (sizeof(b->prefixes->starts[0]) + sizeof(b->prefixes->nodes[0])) +
                       count * sizeof(b->prefixes->tree[0]) + count_remotes(members, count) * sizeof(uint32_t);

        b->prefixes = calloc(1, bytes);
        if (!b->prefixes)
                return false;
        b->nodes = (void *)&b->prefixes->starts[intervals];
        b->tree = (void *)(b->nodes + intervals);
        b->remotes = (void *)(b->tree + count);
        b->prefixes->bytes = bytes;
        b->prefixes->nodes = b->nodes;
        b->prefixes->tree = b->tree;
        b->prefixes->remotes = b->remotes;
        return true;
}

/* From `start` on, `node` is the innermost prefix. */
static void begin(struct building *b, dp_address start, uint32_t node)
{
        uint32_t last = b->prefixes->count - 1;

        if (b->prefixes->starts[last] != start)
                last = b->prefixes->count++;
        b->prefixes->starts[last] = start;
        b->nodes[last] = node;
}

static dp_address last_of(const struct dp_member *member)
{
        return member->prefix == 0 ? ~(dp_address)0 : member->ip | (((dp_address)1 << (128 - member->prefix)) - 1);
}

struct dp_prefixes *dp_prefixes_build(const struct dp_member *members, uint32_t count)
{
        struct building b;
        uint32_t first = 0, open = 0; /* the innermost prefix that has not ended: index + 1 */

        if (!allocate(&b, members, count))
                return NULL;
        b.prefixes->count = 1; /* none, from 0 on */
        for (uint32_t i = 0; i <= count; i++) {
                /* Those that end before this one begins; those at the very end of all addresses never do. */
                while (open && last_of(&members[open - 1]) != ~(dp_address)0 &&
                       (i == count || last_of(&members[open - 1]) < members[i].ip)) {
                        dp_address behind = last_of(&members[open - 1]) + 1;
                        open = b.tree[open - 1].parent;
                        begin(&b, behind, open);
                }
                if (i == count)
                        break;
                b.tree[i] = (struct dp_prefix_node){.first = first, .count = members[i].count, .parent = open};
                first = copy_remotes(b.remotes, first, &members[i]);
                open = i + 1;
                begin(&b, members[i].ip, open);
        }
        return b.prefixes;
}

bool dp_prefixes_same(const struct dp_prefixes *a, const struct dp_prefixes *b)
{
        const size_t fixed = sizeof(*a); /* the pointers differ */

        if (!a || !b)
                return a == b;
        return a->bytes == b->bytes && a->count == b->count && memcmp(a->starts, b->starts, a->bytes - fixed) == 0;
}
