/* Names in certificates to roles; see remote.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "remote.h"

int name_roles_add(struct name_roles *roles, enum role role, const char *name)
{
        if (!tls_name_valid(name))
                return -EINVAL;
        struct name_role *more = reallocarray(roles->list, roles->count + 1, sizeof(*more));
        if (!more)
                return -ENOMEM;
        roles->list = more;
        char *copy = strdup(name);
        if (!copy)
                return -ENOMEM;
        more[roles->count++] = (struct name_role){role, copy};
        return 0;
}

void name_roles_clear(struct name_roles *roles)
{
        for (size_t i = 0; i < roles->count; i++)
                free(roles->list[i].name);
        free(roles->list);
        *roles = (struct name_roles){};
}

enum role name_roles_find(const struct name_roles *roles, const char *const *names, const char **ret_name)
{
        enum role best = ROLE_NONE;

        *ret_name = names[0] ?: "nobody";
        for (; *names; names++) {
                for (size_t i = 0; i < roles->count; i++) {
                        if (roles->list[i].role <= best || !tls_name_matches(roles->list[i].name, *names))
                                continue;
                        best = roles->list[i].role;
                        *ret_name = *names;
                }
        }
        return best;
}
