/* The registry of knobs, a list sorted by order and name, filled by constructors before main(); and what stands in
 * for the functions that a knob does not have. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "knob.h"
#include "socle/cleanup.h"

static const struct knob *registry;

const struct knob *knob_first(void)
{
        return registry;
}

const struct knob *knob_find(const char *name)
{
        for (const struct knob *knob = registry; knob; knob = knob->next)
                if (strcmp(knob->name, name) == 0)
                        return knob;
        return NULL;
}

static bool comes_before(const struct knob *a, const struct knob *b)
{
        return a->order != b->order ? a->order < b->order : strcmp(a->name, b->name) < 0;
}

void knob_register(struct knob *knob)
{
        const struct knob **link = &registry;

        while (*link && comes_before(*link, knob))
                link = (const struct knob **)&(*link)->next;
        knob->next = *link;
        *link = knob;
}

void knob_say(struct knob_detail *detail, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vsnprintf(detail->text, sizeof(detail->text), format, args);
        va_end(args);
}

char *knob_path(const struct knob *knob, const char *target)
{
        const char *star = strchr(knob->path, '*');
        char *path;

        if (!star)
                return strdup(knob->path);
        if (asprintf(&path, "%.*s%s%s", (int)(star - knob->path), knob->path, target, star + 1) < 0)
                return NULL;
        return path;
}

/* A CPU that goes offline, a device that is removed: its files answer in several ways. */
static int or_vanished(int r)
{
        return r == -ENODEV || r == -ENXIO || r == -ENOTDIR ? -ENOENT : r;
}

int knob_read(const struct knob *knob, const struct host *host, const char *target, char **ret_value)
{
        if (knob->read)
                return or_vanished(knob->read(host, target, ret_value));
        cleanup_free char *path = knob_path(knob, target);
        return path ? or_vanished(host_read(host, ret_value, "%s", path)) : -ENOMEM;
}

int knob_write(const struct knob *knob, const struct host *host, const char *target, const char *value,
               struct knob_detail *detail)
{
        if (knob->write)
                return or_vanished(knob->write(host, target, value, detail));
        cleanup_free char *path = knob_path(knob, target);
        return path ? or_vanished(host_write(host, value, "%s", path)) : -ENOMEM;
}

int knob_undo(const struct knob *knob, const struct host *host, const char *target, const char *before,
              struct knob_detail *detail)
{
        return knob->undo ? or_vanished(knob->undo(host, target, before, detail))
                          : knob_write(knob, host, target, before, detail);
}

bool knob_satisfied(const struct knob *knob, const char *wanted, const char *found)
{
        return strcmp(wanted, found) == 0 || (knob->satisfied && knob->satisfied(wanted, found));
}

int knobs_wish(const struct host *host, const struct topology *topology, const struct plan *plan,
               struct wishes *ret_wishes, struct errors *errors)
{
        struct wishes wishes = {};

        for (const struct knob *knob = registry; knob; knob = knob->next) {
                int r = knob->wish ? knob->wish(knob, host, topology, plan, &wishes, errors) : 0;
                if (r < 0) {
                        if (errors->count == 0)
                                errors_add(errors, r, knob->pointer, "", "%s: cannot tell what this host has: %s",
                                           knob->name, strerror(-r));
                        wishes_clear(&wishes);
                        return r;
                }
        }
        wishes_clear(ret_wishes);
        *ret_wishes = wishes;
        return 0;
}
