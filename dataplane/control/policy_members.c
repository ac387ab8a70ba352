/* Which address is in which remote: kept by address or prefix, in the shards and lists from which the snapshot's are
 * made. */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "policy_private.h"
#include "socle/cleanup.h"

/* One owner's word that an address, as it wrote it, is in a remote. */
struct saying {
        dp_address ip; /* with the bits behind the prefix: 10.0.0.1/24 and 10.0.0.2/24 are two words */
        uint32_t remote, owner;
};

/* An address or prefix, and who says that it is in what. Lives until the settle() after its last saying is gone. */
struct address {
        dp_address ip;
        uint8_t prefix;
        uint32_t count, room;
        struct saying *sayings;
        LIST_ENTRY(address) of_shard; /* single addresses */
};

static struct dp_map addresses; /* ip, prefix → struct address */

static struct shard {
        LIST_HEAD(, address) addresses;
        uint32_t count;
        bool dirty, differs;
        struct dp_shard *fresh;
} shards[DP_SHARDS];
static uint16_t dirty_shards[DP_SHARDS];
static uint32_t dirty_count;

/* By family: sorted by ip, then by prefix. */
static struct tree {
        struct address **sorted;
        uint32_t count, room;
        bool dirty, differs;
        struct dp_prefixes *fresh;
} trees[2];

static struct dp_remotes *fresh_remotes;

int members_init(void)
{
        policy_in_force.remotes = calloc(1, sizeof(*policy_in_force.remotes));
        if (!policy_in_force.remotes)
                return -ENOMEM;
        if (getrandom(policy_in_force.remotes->seeds, sizeof(policy_in_force.remotes->seeds), 0) < 0)
                return -errno;
        return dp_map_init(&addresses, 3, 1024);
}

static void address_key(uint64_t key[3], dp_address ip, uint8_t prefix)
{
        key[0] = ip >> 64;
        key[1] = ip;
        key[2] = prefix;
}

/* ---- where an address is kept ---- */

static struct shard *shard_of(dp_address ip)
{
        return &shards[dp_remotes_hash(policy_in_force.remotes->seeds, ip) % DP_SHARDS];
}

static struct tree *tree_of(const struct address *address)
{
        return &trees[!members_is_v4(address->ip, address->prefix)];
}

static void mark(const struct address *address)
{
        if (address->prefix != 128) {
                tree_of(address)->dirty = true;
                return;
        }
        struct shard *shard = shard_of(address->ip);
        if (shard->dirty)
                return;
        shard->dirty = true;
        dirty_shards[dirty_count++] = shard - shards;
}

static bool is_before(const struct address *a, const struct address *b)
{
        return a->ip != b->ip ? a->ip < b->ip : a->prefix < b->prefix;
}

static int insert_sorted(struct tree *tree, struct address *address)
{
        if (tree->count == tree->room) {
                uint32_t room = tree->room ? tree->room * 2 : 64;
                struct address **grown = reallocarray(tree->sorted, room, sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                tree->sorted = grown;
                tree->room = room;
        }
        uint32_t low = 0, high = tree->count;
        while (low < high) {
                uint32_t middle = (low + high) / 2;
                if (is_before(tree->sorted[middle], address))
                        low = middle + 1;
                else
                        high = middle;
        }
        memmove(&tree->sorted[low + 1], &tree->sorted[low], (tree->count - low) * sizeof(struct address *));
        tree->sorted[low] = address;
        tree->count++;
        return 0;
}

static struct address *take_address(dp_address ip, uint8_t prefix)
{
        uint64_t key[3];

        address_key(key, ip, prefix);
        struct address *address = policy_find(&addresses, key);
        if (address)
                return address;
        address = calloc(1, sizeof(*address));
        if (!address)
                return NULL;
        address->ip = ip;
        address->prefix = prefix;
        if (dp_map_set(&addresses, key, policy_value(address)) < 0) {
                free(address);
                return NULL;
        }
        if (prefix == 128) {
                struct shard *shard = shard_of(ip);
                LIST_INSERT_HEAD(&shard->addresses, address, of_shard);
                shard->count++;
        } else if (insert_sorted(tree_of(address), address) < 0) {
                dp_map_remove(&addresses, key);
                free(address);
                return NULL;
        }
        return address;
}

static void free_address(struct address *address)
{
        uint64_t key[3];

        address_key(key, address->ip, address->prefix);
        dp_map_remove(&addresses, key);
        free(address->sayings);
        free(address);
}

/* ---- sayings ---- */

static struct saying *find_saying(struct address *address, const struct saying *like)
{
        for (uint32_t i = 0; i < address->count; i++) {
                struct saying *saying = &address->sayings[i];
                if (saying->remote == like->remote && saying->owner == like->owner && saying->ip == like->ip)
                        return saying;
        }
        return NULL;
}

int members_add(dp_address ip, uint8_t prefix, uint32_t remote, uint32_t owner, bool *ret_new)
{
        struct address *address = take_address(dp_address_mask(ip, prefix), prefix);
        const struct saying wanted = {ip, remote, owner};

        if (!address)
                return -ENOMEM;
        mark(address); /* also when nothing comes of it: an address without sayings is to be freed */
        *ret_new = !find_saying(address, &wanted);
        if (!*ret_new)
                return 0;
        if (address->count == address->room) {
                uint32_t room = address->room ? address->room * 2 : 2;
                struct saying *grown = reallocarray(address->sayings, room, sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                address->sayings = grown;
                address->room = room;
        }
        address->sayings[address->count++] = wanted;
        return 0;
}

bool members_drop(dp_address ip, uint8_t prefix, uint32_t remote, uint32_t owner)
{
        uint64_t key[3];

        address_key(key, dp_address_mask(ip, prefix), prefix);
        struct address *address = policy_find(&addresses, key);
        struct saying *saying = address ? find_saying(address, &(struct saying){ip, remote, owner}) : NULL;
        if (!saying)
                return false;
        *saying = address->sayings[--address->count];
        mark(address);
        return true;
}

/* ---- making parts of the snapshot ---- */

/* Room for what one part is made of. */
struct material {
        struct dp_member *members;
        uint32_t *remotes;
        uint32_t count, used;
};

static int compare_numbers(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

        return x < y ? -1 : x > y;
}

/* The address's remotes, sorted, each once. */
static void gather(struct material *material, const struct address *address)
{
        uint32_t *remotes = material->remotes + material->used, count = 0;

        if (address->count == 0)
                return;
        for (uint32_t i = 0; i < address->count; i++)
                remotes[i] = address->sayings[i].remote;
        qsort(remotes, address->count, sizeof(*remotes), compare_numbers);
        for (uint32_t i = 0; i < address->count; i++)
                if (count == 0 || remotes[count - 1] != remotes[i])
                        remotes[count++] = remotes[i];
        material->members[material->count++] =
                (struct dp_member){.ip = address->ip, .prefix = address->prefix, .count = count, .remotes = remotes};
        material->used += count;
}

static bool allocate(struct material *material, size_t members, size_t remotes)
{
        *material = (struct material){
                .members = calloc(members + 1, sizeof(*material->members)),
                .remotes = calloc(remotes + 1, sizeof(*material->remotes)),
        };
        return material->members && material->remotes;
}

static void release(struct material *material)
{
        free(material->members);
        free(material->remotes);
}

static int build_shard(struct shard *shard)
{
        const uint64_t *seeds = policy_in_force.remotes->seeds;
        struct material material;
        struct address *address;
        size_t sayings = 0;

        LIST_FOREACH (address, &shard->addresses, of_shard)
                sayings += address->count;
        bool ok = allocate(&material, shard->count, sayings);
        if (ok) {
                LIST_FOREACH (address, &shard->addresses, of_shard)
                        gather(&material, address);
                if (material.count > 0)
                        ok = (shard->fresh = dp_shard_build(seeds, material.members, material.count));
        }
        release(&material);
        return ok ? 0 : -ENOMEM;
}

static int build_tree(struct tree *tree)
{
        struct material material;
        size_t sayings = 0;

        for (uint32_t i = 0; i < tree->count; i++)
                sayings += tree->sorted[i]->count;
        bool ok = allocate(&material, tree->count, sayings);
        if (ok) {
                for (uint32_t i = 0; i < tree->count; i++)
                        gather(&material, tree->sorted[i]);
                if (material.count > 0)
                        ok = (tree->fresh = dp_prefixes_build(material.members, material.count));
        }
        release(&material);
        return ok ? 0 : -ENOMEM;
}

int members_build(void)
{
        const struct dp_remotes *now = policy_in_force.remotes;
        bool any = false;
        int r = 0;

        for (uint32_t i = 0; i < dirty_count && r == 0; i++) {
                struct shard *shard = &shards[dirty_shards[i]];
                r = build_shard(shard);
                shard->differs = !dp_shard_same(shard->fresh, now->shards[dirty_shards[i]]);
                any |= shard->differs;
        }
        for (unsigned int f = 0; f < 2 && r == 0; f++) {
                if (!trees[f].dirty)
                        continue;
                r = build_tree(&trees[f]);
                trees[f].differs = !dp_prefixes_same(trees[f].fresh, now->prefixes[f]);
                any |= trees[f].differs;
        }
        if (r < 0 || !any)
                return r;
        fresh_remotes = malloc(sizeof(*fresh_remotes));
        if (!fresh_remotes)
                return -ENOMEM;
        memcpy(fresh_remotes, now, sizeof(*fresh_remotes));
        return 1;
}

void members_discard(void)
{
        for (uint32_t i = 0; i < dirty_count; i++) {
                free(shards[dirty_shards[i]].fresh);
                shards[dirty_shards[i]].fresh = NULL;
        }
        for (unsigned int f = 0; f < 2; f++) {
                free(trees[f].fresh);
                trees[f].fresh = NULL;
        }
        free(fresh_remotes);
        fresh_remotes = NULL;
}

/* ---- putting them into force ---- */

static void forget_silent_of_shard(struct shard *shard)
{
        struct address *address, *next;

        for (address = LIST_FIRST(&shard->addresses); address; address = next) {
                next = LIST_NEXT(address, of_shard);
                if (address->count > 0)
                        continue;
                LIST_REMOVE(address, of_shard);
                shard->count--;
                free_address(address);
        }
}

static void forget_silent_of_tree(struct tree *tree)
{
        uint32_t kept = 0;

        for (uint32_t i = 0; i < tree->count; i++) {
                if (tree->sorted[i]->count > 0)
                        tree->sorted[kept++] = tree->sorted[i];
                else
                        free_address(tree->sorted[i]);
        }
        tree->count = kept;
}

static void apply_shard(uint16_t index)
{
        struct shard *shard = &shards[index];

        if (shard->differs) {
                policy_retire(fresh_remotes->shards[index]);
                fresh_remotes->shards[index] = TAKE_PTR(shard->fresh);
        }
        free(TAKE_PTR(shard->fresh));
        shard->dirty = shard->differs = false;
        forget_silent_of_shard(shard);
}

static void apply_tree(unsigned int family)
{
        struct tree *tree = &trees[family];

        if (tree->differs) {
                policy_retire(fresh_remotes->prefixes[family]);
                fresh_remotes->prefixes[family] = TAKE_PTR(tree->fresh);
        }
        free(TAKE_PTR(tree->fresh));
        tree->dirty = tree->differs = false;
        forget_silent_of_tree(tree);
}

void members_apply(void)
{
        for (uint32_t i = 0; i < dirty_count; i++)
                apply_shard(dirty_shards[i]);
        dirty_count = 0;
        for (unsigned int f = 0; f < 2; f++)
                if (trees[f].dirty)
                        apply_tree(f);
        if (fresh_remotes) {
                policy_retire(policy_in_force.remotes);
                policy_in_force.remotes = TAKE_PTR(fresh_remotes);
        }
}
