/* What the files of the policy share: what is wanted, in forms from which a part of the snapshot is made anew without
 * looking at the others. Every object of this header is found by the wire's key in a map; what changed is in a list. */
#pragma once

#include <sys/queue.h>

#include "index.h"
#include "policy_control.h"
#include "policy_build.h"
#include "socle/wire.h"

/* A pointer in a dp_map: bit 0 says that there is one. */
static inline uint64_t policy_value(const void *pointer)
{
        return (uintptr_t)pointer | 1;
}

static inline void *policy_find(const struct dp_map *map, const uint64_t *key)
{
        const uint64_t *slot = dp_map_find(dp_map_table(map), key, dp_map_hash(key, map->words), map->words);

        return slot && *slot & 1 ? (void *)(uintptr_t)(*slot & ~1ULL) : NULL;
}

/* ---- policy_remotes.c: what a rule may say of the far end, and who is in it ---- */

/* A set (security group or address group) that has members, or the CIDR of a rule. Lives while it is declared or in
 * use, and until the next settle(), so that what goes and comes in one generation keeps its number. */
struct remote {
        uint32_t number;
        uint32_t users; /* rules, and members of a set */
        uint32_t id;    /* of the set; 0: a CIDR */
        bool declared, idle;
        dp_address ip;
        uint8_t prefix;
        STAILQ_ENTRY(remote) idle_entry;
};

int remotes_init(void);
/* 0 or -ENOMEM, -ENOSPC. */
int remote_declare(uint32_t set);
void remote_undeclare(uint32_t set);
/* Of a set that is declared; NULL: it is not. */
struct remote *remote_of_set(uint32_t set);
struct remote *remote_of_set_in_use(uint32_t set); /* declared or not */
/* Of a CIDR; NULL: out of memory or numbers. */
struct remote *remote_of_cidr(const uint8_t ip[16], uint8_t prefix);
void remote_hold(struct remote *remote);
void remote_release(struct remote *remote);

/* ---- policy_members.c: addresses → remotes ---- */

int members_init(void);
/* `owner` says that the address or prefix belongs to the remote; several may. 0 or -ENOMEM. *ret_new: not yet said. */
int members_add(dp_address ip, uint8_t prefix, uint32_t remote, uint32_t owner, bool *ret_new);
/* false: not said. */
bool members_drop(dp_address ip, uint8_t prefix, uint32_t remote, uint32_t owner);

static inline bool members_is_v4(dp_address ip, uint8_t prefix)
{
        return prefix >= 96 && dp_address_is_v4(ip);
}

/* ---- policy_groups.c ---- */

struct membership; /* of a port in a group */

struct rule {
        LIST_ENTRY(rule) entry;
        struct group *group;
        struct remote *remote; /* NULL: any */
        uint32_t number;
        uint16_t protocol;
        struct dp_range range;
        bool v6;
        uint8_t direction; /* enum dp_direction */
};

/* Lives while it is declared, or rules or ports speak of it. */
struct group {
        uint32_t id;
        uint16_t index;
        bool declared, stateful, dirty;
        uint32_t rule_count;
        LIST_HEAD(, rule) rules;
        LIST_HEAD(, membership) members;
        STAILQ_ENTRY(group) dirty_entry;
        struct dp_group *fresh; /* made, and not in force yet */
};

int groups_init(void);
uint32_t groups_count(void); /* indices ever used */
struct group *group_find(uint32_t id);
void group_release(struct group *group);       /* goes with the next settle(), if nothing speaks of it any more */
bool group_is_open(const struct group *group); /* as it will be */

/* ---- policy_ports.c ---- */

struct membership {
        LIST_ENTRY(membership) of_group, of_port;
        struct group *group;
        struct port_rules *port;
};

struct port_allowed {
        uint8_t ip[16];
        struct rte_ether_addr mac;
        uint8_t prefix, zero; /* compared as bytes */
};

/* What is wanted of one port. Lives while the port is there or a record speaks of it. */
struct port_rules {
        uint32_t id;
        uint16_t index; /* DP_INDEX_NONE: the port is not there */
        bool secured, dirty;
        struct rte_ether_addr mac;
        LIST_HEAD(, membership) groups;
        struct port_allowed *allowed;
        uint16_t group_count, allowed_count, allowed_room;
        STAILQ_ENTRY(port_rules) dirty_entry;
        const struct dp_port_policy *fresh; /* made, and not in force yet; or the one in force, when it is the same */
};

/* The part of the snapshot for one port, policy_port_build.c; NULL: out of memory. One block. */
struct dp_port_policy *port_policy_build(const struct port_rules *port);
bool port_policy_same(const struct dp_port_policy *a, const struct dp_port_policy *b); /* either may be NULL */

int ports_init(void);
void ports_of_group_changed(struct group *group);

/* ---- policy.c: what is in force ---- */

extern struct policy_in_force {
        const struct dp_group **groups;                  /* by index, [groups_count()] */
        const struct dp_port_policy *ports[DP_PORT_MAX]; /* by index */
        struct dp_remotes *remotes;
} policy_in_force;

/* The three steps of each part: build() makes what changed (0: nothing differs, 1, or -ENOMEM), then either apply()
 * puts it into policy_in_force and retires what it replaces, or discard() forgets it. */
int groups_build(void);
void groups_note_open(void); /* tells ports of groups that begin or cease to be open, behind groups_build() */
void groups_apply(void);
void groups_discard(void);
int ports_build(void);
void ports_apply(void);
void ports_discard(void);
int members_build(void);
void members_apply(void);
void members_discard(void);
void remotes_reap(void);

/* Ports that lose security do so before the new snapshot, those that gain it after: no packet meets a secured port
 * without its policy. */
void ports_lower(void);
void ports_raise(void);

/* Frees the block once the next snapshot is in force and every worker has seen it. */
void policy_retire(const void *block);
