/* Remotes: small numbers for what rules say of the far end, by set (security group, address group) or by CIDR. */
#include <errno.h>
#include <stdlib.h>

#include "policy_private.h"

#define NUMBER_MAX ((1u << 21) - 1) /* dp_group_key() has no room for more */

static struct dp_map sets;  /* id → struct remote */
static struct dp_map cidrs; /* ip, prefix → struct remote */
static STAILQ_HEAD(, remote) idle = STAILQ_HEAD_INITIALIZER(idle);

static uint32_t next_number = DP_REMOTE_ANY + 1;
static uint32_t *freed;
static uint32_t freed_count, freed_room;

int remotes_init(void)
{
        int r = dp_map_init(&sets, 1, 256);

        return r < 0 ? r : dp_map_init(&cidrs, 3, 256);
}

/* ---- numbers ---- */

static uint32_t take_number(void)
{
        if (freed_count > 0)
                return freed[--freed_count];
        return next_number <= NUMBER_MAX ? next_number++ : DP_REMOTE_ANY;
}

static void give_number(uint32_t number)
{
        if (freed_count == freed_room) {
                uint32_t room = freed_room ? freed_room * 2 : 64;
                uint32_t *grown = reallocarray(freed, room, sizeof(*grown));
                if (!grown)
                        return; /* the number is lost, nothing else */
                freed = grown;
                freed_room = room;
        }
        freed[freed_count++] = number;
}

/* ---- their life ---- */

static void cidr_key(uint64_t key[3], dp_address ip, uint8_t prefix)
{
        key[0] = ip >> 64;
        key[1] = ip;
        key[2] = prefix;
}

static struct remote *make(struct dp_map *map, const uint64_t *key, const struct remote *like)
{
        struct remote *remote = malloc(sizeof(*remote));
        uint32_t number = take_number();

        if (remote && number != DP_REMOTE_ANY) {
                *remote = *like;
                remote->number = number;
                if (dp_map_set(map, key, policy_value(remote)) == 0)
                        return remote;
        }
        if (number != DP_REMOTE_ANY)
                give_number(number);
        free(remote);
        return NULL;
}

/* Nobody may speak of it any more: settle() will look. */
static void look_at(struct remote *remote)
{
        if (remote->users > 0 || remote->declared || remote->idle)
                return;
        remote->idle = true;
        STAILQ_INSERT_TAIL(&idle, remote, idle_entry);
}

void remotes_reap(void)
{
        uint64_t key[3];
        struct remote *remote;

        while ((remote = STAILQ_FIRST(&idle))) {
                STAILQ_REMOVE_HEAD(&idle, idle_entry);
                remote->idle = false;
                if (remote->users > 0 || remote->declared)
                        continue;
                if (remote->id == 0) {
                        members_drop(remote->ip, remote->prefix, remote->number, 0);
                        cidr_key(key, remote->ip, remote->prefix);
                        dp_map_remove(&cidrs, key);
                } else {
                        key[0] = remote->id;
                        dp_map_remove(&sets, key);
                }
                give_number(remote->number);
                free(remote);
        }
}

void remote_hold(struct remote *remote)
{
        if (remote)
                remote->users++;
}

void remote_release(struct remote *remote)
{
        if (!remote)
                return;
        remote->users--;
        look_at(remote);
}

/* ---- sets ---- */

struct remote *remote_of_set_in_use(uint32_t set)
{
        uint64_t key = set;

        return policy_find(&sets, &key);
}

int remote_declare(uint32_t set)
{
        struct remote *remote = remote_of_set_in_use(set);
        uint64_t key = set;

        if (!remote)
                remote = make(&sets, &key, &(struct remote){.id = set});
        if (!remote)
                return next_number > NUMBER_MAX ? -ENOSPC : -ENOMEM;
        remote->declared = true;
        return 0;
}

void remote_undeclare(uint32_t set)
{
        struct remote *remote = remote_of_set_in_use(set);

        if (!remote)
                return;
        remote->declared = false;
        look_at(remote);
}

struct remote *remote_of_set(uint32_t set)
{
        struct remote *remote = remote_of_set_in_use(set);

        return remote && remote->declared ? remote : NULL;
}

/* ---- CIDRs ---- */

struct remote *remote_of_cidr(const uint8_t ip[16], uint8_t prefix)
{
        dp_address address = dp_address_mask(dp_address_load(ip), prefix);
        uint64_t key[3];
        bool fresh;

        cidr_key(key, address, prefix);
        struct remote *remote = policy_find(&cidrs, key);
        if (remote)
                return remote;
        remote = make(&cidrs, key, &(struct remote){.ip = address, .prefix = prefix});
        if (remote && members_add(address, prefix, remote->number, 0, &fresh) < 0) {
                dp_map_remove(&cidrs, key);
                give_number(remote->number);
                free(remote);
                return NULL;
        }
        return remote;
}
