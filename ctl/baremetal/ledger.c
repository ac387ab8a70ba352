/* See ledger.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "knob/host.h"
#include "ledger.h"
#include "socle/cleanup.h"

#define VERSION 1
#define SUFFIX  ".json"

/* The directory as a tree of its own. */
static struct host tree_of(const char *directory)
{
        return (struct host){.root = directory, .state = directory};
}

int ledger_load(const char *directory, const char *name, json_t **ret, struct errors *errors)
{
        struct host tree = tree_of(directory);
        cleanup_free char *text = NULL;
        int r = host_read(&tree, &text, "/%s" SUFFIX, name);

        if (r == -ENOENT) {
                *ret = NULL;
                return 0;
        }
        json_t *ledger = r == 0 ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
        if (!json_is_object(ledger) || json_integer_value(json_object_get(ledger, "version")) != VERSION ||
            !json_is_object(json_object_get(ledger, "spec"))) {
                json_decref(ledger);
                errors_add(errors, -EBADMSG, "", "the file as it was written; without it socled does not know what it "
                                                 "made in Ironic, and the file may be removed",
                           "%.150s/%.60s" SUFFIX " cannot be read, or is damaged", directory, name);
                return -EBADMSG;
        }
        *ret = ledger;
        return 0;
}

int ledger_save(const char *directory, const char *name, const json_t *ledger, struct errors *errors)
{
        struct host tree = tree_of(directory);
        json_t *whole = json_copy((json_t *)ledger);

        json_object_set_new(whole, "version", json_integer(VERSION));
        cleanup_free char *text = json_dumps(whole, JSON_INDENT(1));
        json_decref(whole);
        int r = mkdir(directory, 0700) < 0 && errno != EEXIST ? -errno : text ? 0 : -ENOMEM;
        if (r == 0)
                r = host_replace(&tree, text, "/%s" SUFFIX, name);
        if (r < 0)
                errors_add(errors, r, "", "a directory that socled may write, with room in it",
                           "cannot write %.150s/%.60s" SUFFIX ": %s", directory, name, strerror(-r));
        return r;
}

int ledger_remove(const char *directory, const char *name)
{
        struct host tree = tree_of(directory);

        return host_replace(&tree, NULL, "/%s" SUFFIX, name);
}

void ledger_each(const char *directory, void (*call)(void *user, const char *name), void *user)
{
        struct host tree = tree_of(directory);
        char **names = NULL;

        if (host_list(&tree, &names, "/") < 0)
                return;
        for (char **name = names; *name; name++) {
                size_t length = strlen(*name), end = strlen(SUFFIX);
                if (length <= end || strcmp(*name + length - end, SUFFIX) != 0)
                        continue;
                (*name)[length - end] = 0;
                call(user, *name);
        }
        strings_free(names);
}
