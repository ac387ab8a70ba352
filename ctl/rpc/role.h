/* Who may do what: user and group ids of a client (SO_PEERCRED, SO_PEERGROUPS) to a role. Root and socled's own user
 * are always admin; nobody else is anything unless configured. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "kind.h"

struct role_entry {
        enum role role;
        bool group;
        uint32_t id;
};

struct role_table {
        struct role_entry *entries;
        size_t count;
};

/* `who`: a user's name, "uid:N", "@group" or "gid:N". -EINVAL: none of these, -ESRCH: nobody has that name, -ENOMEM. */
int role_table_add(struct role_table *table, enum role role, const char *who);
void role_table_clear(struct role_table *table);

/* The best of the roles that apply. */
enum role role_table_find(const struct role_table *table, uid_t uid, gid_t gid, const gid_t *groups,
                          size_t group_count);

const char *role_name(enum role role); /* "none", "read", "operate", "admin" */
