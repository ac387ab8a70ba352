/* Trees of /proc and /sys that a test writes: from a text in machines/NAME.tree into a new directory. Lines are
 *     path = text             a file with this text and a newline
 *     path -> target          a symbolic link
 *     path/                   an empty directory
 * and # comments. "{0-3,8}" in a path makes the line one for each number, which "{}" then stands for. */
#pragma once

#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "socle/cleanup.h"
#include "topology/cpu_set.h"

struct machine_tree {
        char root[64];
};

static inline void tree_fail(const char *what, const char *path)
{
        fprintf(stderr, "%s: ", what);
        perror(path);
        abort();
}

static inline void tree_make_parents(const char *path)
{
        char parent[PATH_MAX];

        snprintf(parent, sizeof(parent), "%s", path);
        for (char *slash = strchr(parent + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = 0;
                mkdir(parent, 0755);
                *slash = '/';
        }
}

static inline void tree_write(const struct machine_tree *tree, const char *name, const char *text)
{
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "%s/%s", tree->root, name);
        tree_make_parents(path);
        cleanup_fclose FILE *file = fopen(path, "we");
        if (!file || fprintf(file, "%s\n", text) < 0)
                tree_fail("writing", path);
}

static inline void tree_link(const struct machine_tree *tree, const char *name, const char *target)
{
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "%s/%s", tree->root, name);
        tree_make_parents(path);
        if (symlink(target, path) < 0)
                tree_fail("linking", path);
}

/* `text` with each "{…}" replaced by the number; without a number as it is. */
static inline void tree_expand(char *ret, size_t size, const char *text, int number)
{
        size_t used = 0;

        while (*text && used + 12 < size) {
                const char *end = *text == '{' && number >= 0 ? strchr(text, '}') : NULL;

                if (end) {
                        used += (size_t)snprintf(ret + used, size - used, "%d", number);
                        text = end + 1;
                } else {
                        ret[used++] = *text++;
                }
        }
        ret[used] = 0;
}

static inline void tree_apply(const struct machine_tree *tree, const char *path, const char *what, const char *value,
                              int number)
{
        char name[PATH_MAX / 2], text[4096];

        tree_expand(name, sizeof(name), path, number);
        tree_expand(text, sizeof(text), value, number);
        if (strcmp(what, "->") == 0) {
                tree_link(tree, name, text);
        } else if (strcmp(what, "=") == 0) {
                tree_write(tree, name, text);
        } else {
                char directory[PATH_MAX];
                snprintf(directory, sizeof(directory), "%s/%s/", tree->root, name);
                tree_make_parents(directory);
        }
}

static inline void tree_line(const struct machine_tree *tree, char *line)
{
        char *path = line + strspn(line, " "), *rest = path + strcspn(path, " "), *value = NULL;
        const char *what = "";
        char list[128];
        struct cpu_set numbers;

        if (*path == '#' || !*path)
                return;
        if (*rest) { /* "path = value" */
                *rest++ = 0;
                what = rest;
                rest += strcspn(rest, " ");
                value = *rest ? rest + 1 : rest;
                *rest = 0;
        }
        const char *brace = strchr(path, '{');
        if (!brace) {
                tree_apply(tree, path, what, value ? value : "", -1);
                return;
        }
        snprintf(list, sizeof(list), "%.*s", (int)strcspn(brace + 1, "}"), brace + 1);
        if (cpu_set_from_list(list, &numbers) < 0)
                tree_fail("a list in braces", path);
        for (int number = cpu_set_next(&numbers, -1); number >= 0; number = cpu_set_next(&numbers, number))
                tree_apply(tree, path, what, value ? value : "", number);
}

static inline int tree_remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
        return remove(path);
}

static inline void tree_remove(struct machine_tree *tree)
{
        if (*tree->root)
                nftw(tree->root, tree_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        *tree->root = 0;
}
#define cleanup_tree cleanup_(tree_remove)

/* A file of machines/. */
static inline const char *machine_path(char *ret, size_t size, const char *name)
{
        const char *directory = getenv("SOCLE_MACHINES");

        snprintf(ret, size, "%s/%s", directory ? directory : "tests/tuner/machines", name);
        return ret;
}
#define MACHINE(name) machine_path((char[PATH_MAX]){}, PATH_MAX, name)

/* A new, empty tree; with the name of a .tree, what is in it. */
static inline struct machine_tree tree_make(const char *machine)
{
        struct machine_tree tree;
        char line[8192];

        /* in memory, if there is such a place: hundreds of files each */
        snprintf(tree.root, sizeof(tree.root), "%s/socle-machine-XXXXXX",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        if (!mkdtemp(tree.root))
                tree_fail("making", tree.root);
        if (!machine)
                return tree;
        const char *path = MACHINE(machine);
        cleanup_fclose FILE *file = fopen(path, "re");
        if (!file)
                tree_fail("reading", path);
        while (fgets(line, sizeof(line), file)) {
                line[strcspn(line, "\n")] = 0;
                tree_line(&tree, line);
        }
        return tree;
}
