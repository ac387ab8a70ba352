/* See role.h. Names are resolved when the configuration is read: a lookup may block, a client must not wait for it. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "role.h"

static int parse_id(const char *text, uint32_t *ret)
{
        char *end;

        errno = 0;
        unsigned long value = strtoul(text, &end, 10);
        if (errno || end == text || *end || *text == '-' || *text == '+' || value >= UINT32_MAX)
                return -EINVAL;
        *ret = (uint32_t)value;
        return 0;
}

static int resolve(const char *who, struct role_entry *ret)
{
        if (strncmp(who, "uid:", 4) == 0)
                return parse_id(who + 4, &ret->id);
        if (strncmp(who, "gid:", 4) == 0) {
                ret->group = true;
                return parse_id(who + 4, &ret->id);
        }
        if (who[0] == '@') {
                const struct group *group = who[1] ? getgrnam(who + 1) : NULL;
                if (!group)
                        return who[1] ? -ESRCH : -EINVAL;
                ret->group = true;
                ret->id = group->gr_gid;
                return 0;
        }
        const struct passwd *user = who[0] ? getpwnam(who) : NULL;
        if (!user)
                return who[0] && !strchr(who, ':') ? -ESRCH : -EINVAL;
        ret->id = user->pw_uid;
        return 0;
}

int role_table_add(struct role_table *table, enum role role, const char *who)
{
        struct role_entry entry = {.role = role};
        int r = resolve(who, &entry);

        if (r < 0)
                return r;
        struct role_entry *entries = reallocarray(table->entries, table->count + 1, sizeof(*entries));
        if (!entries)
                return -ENOMEM;
        table->entries = entries;
        table->entries[table->count++] = entry;
        return 0;
}

void role_table_clear(struct role_table *table)
{
        free(table->entries);
        *table = (struct role_table){};
}

static bool applies(const struct role_entry *entry, uid_t uid, gid_t gid, const gid_t *groups, size_t group_count)
{
        if (!entry->group)
                return entry->id == uid;
        if (entry->id == gid)
                return true;
        for (size_t i = 0; i < group_count; i++)
                if (entry->id == groups[i])
                        return true;
        return false;
}

enum role role_table_find(const struct role_table *table, uid_t uid, gid_t gid, const gid_t *groups, size_t group_count)
{
        enum role role = uid == 0 || uid == geteuid() ? ROLE_ADMIN : ROLE_NONE;

        for (size_t i = 0; i < table->count; i++)
                if (table->entries[i].role > role && applies(&table->entries[i], uid, gid, groups, group_count))
                        role = table->entries[i].role;
        return role;
}

const char *role_name(enum role role)
{
        static const char *const names[] = {"none", "read", "operate", "admin"};

        return names[role];
}
