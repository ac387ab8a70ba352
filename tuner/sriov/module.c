/* See module.h; by libkmod. */
#include <errno.h>
#include <libkmod.h>

#include "module.h"
#include "socle/cleanup.h"

static inline void context_p(struct kmod_ctx **context)
{
        kmod_unref(*context);
}

static inline void list_p(struct kmod_list **list)
{
        kmod_module_unref_list(*list);
}

int module_load(const struct host *host, const char *name_or_alias)
{
        cleanup_(context_p) struct kmod_ctx *context = NULL;
        cleanup_(list_p) struct kmod_list *list = NULL;
        int r;

        if (!host_is_real(host))
                return -ENOENT;
        context = kmod_new(NULL, NULL);
        if (!context)
                return -ENOMEM;
        r = kmod_module_new_from_lookup(context, name_or_alias, &list);
        if (r < 0)
                return r;
        if (!list)
                return -ENOENT;
        for (struct kmod_list *item = list; item; item = kmod_list_next(list, item)) {
                struct kmod_module *module = kmod_module_get_module(item);

                r = kmod_module_probe_insert_module(module, KMOD_PROBE_APPLY_BLACKLIST, NULL, NULL, NULL, NULL);
                kmod_module_unref(module);
                if (r < 0)
                        return r;
        }
        return r > 0 ? -EPERM : 0; /* positive: the list of those that are not wanted has it */
}
