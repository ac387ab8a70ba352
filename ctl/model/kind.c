/* The registry of kinds: a list sorted by name, filled by constructors before main(). */
#include <string.h>

#include "kind.h"

static struct kind *registry;

const struct kind *kind_first(void)
{
        return registry;
}

const struct kind *kind_find(const char *name)
{
        for (const struct kind *kind = registry; kind; kind = kind->next)
                if (strcmp(kind->name, name) == 0)
                        return kind;
        return NULL;
}

void kind_register(struct kind *kind)
{
        struct kind **link = &registry;

        while (*link && strcmp((*link)->name, kind->name) < 0)
                link = &(*link)->next;
        kind->next = *link;
        *link = kind;
}
