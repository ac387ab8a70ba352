/* See tap_registry.h. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "io.h"
#include "socle/cleanup.h"
#include "socle/log.h"
#include "tap_registry.h"

struct entry {
        char netns[WIRE_PATH_SIZE], name[32];
        bool ours; /* opened in this life */
};

static struct entry *entries;
static size_t count, room;
static bool loaded;

static void registry_path(char *path, size_t size, const char *suffix)
{
        snprintf(path, size, "%s/taps%s", dp_io_state_dir, suffix);
}

static struct entry *append(const char *netns, const char *name, bool ours)
{
        if (count == room) {
                size_t more = room ? room * 2 : 64;
                struct entry *grown = reallocarray(entries, more, sizeof(*grown));
                if (!grown)
                        return NULL;
                entries = grown;
                room = more;
        }
        struct entry *entry = &entries[count++];
        snprintf(entry->netns, sizeof(entry->netns), "%s", netns);
        snprintf(entry->name, sizeof(entry->name), "%s", name);
        entry->ours = ours;
        return entry;
}

static void load(void)
{
        char path[256], line[256];

        if (loaded)
                return;
        loaded = true;
        registry_path(path, sizeof(path), "");
        cleanup_fclose FILE *file = fopen(path, "re");
        while (file && fgets(line, sizeof(line), file)) {
                char *tab = strchr(line, '\t');
                if (!tab)
                        continue;
                *tab = 0;
                tab[1 + strcspn(tab + 1, "\n")] = 0;
                append(line, tab + 1, false);
        }
}

static void save(void)
{
        char path[256], temporary[256];

        registry_path(path, sizeof(path), "");
        registry_path(temporary, sizeof(temporary), ".new");
        FILE *file = fopen(temporary, "we");
        if (!file) {
                log_warning("cannot remember taps in %s: %s", temporary, strerror(errno));
                return;
        }
        for (size_t i = 0; i < count; i++)
                fprintf(file, "%s\t%s\n", entries[i].netns, entries[i].name);
        if (fclose(file) != 0 || rename(temporary, path) < 0)
                log_warning("cannot remember taps in %s: %s", path, strerror(errno));
}

static struct entry *find(const char *netns, const char *name)
{
        load();
        for (size_t i = 0; i < count; i++)
                if (strcmp(entries[i].name, name) == 0 && strcmp(entries[i].netns, netns) == 0)
                        return &entries[i];
        return NULL;
}

bool tap_registry_has(const char *netns, const char *name)
{
        return find(netns, name) != NULL;
}

bool tap_registry_add(const char *netns, const char *name)
{
        struct entry *entry = find(netns, name);

        if (entry) {
                entry->ours = true;
                return true;
        }
        append(netns, name, true);
        char path[256];
        registry_path(path, sizeof(path), "");
        cleanup_fclose FILE *file = fopen(path, "ae");
        if (!file || fprintf(file, "%s\t%s\n", netns, name) < 0)
                log_warning("cannot remember tap %s in %s: %s", name, path, strerror(errno));
        return false;
}

void tap_registry_remove(const char *netns, const char *name)
{
        struct entry *entry = find(netns, name);

        if (!entry)
                return;
        *entry = entries[--count];
        save();
}

void tap_registry_stale(void (*f)(const char *netns, const char *name))
{
        load();
        for (size_t i = count; i-- > 0;)
                if (!entries[i].ours) {
                        struct entry stale = entries[i];
                        f(stale.netns, stale.name);
                }
}
