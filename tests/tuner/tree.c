/* See tree.h. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "tree.h"
#include "socle/cleanup.h"

static int before(void *user, enum host_step step, const char *path)
{
        struct tree *tree = user;
        bool writes = step == HOST_CREATE || step == HOST_FILL || step == HOST_MAKE_DIRECTORY;

        /* Whoever dies there dies at the next step just as well. */
        if (step == HOST_LIST)
                return tree->refuse ? tree->refuse(tree, step, path) : 0;
        tree->steps++;
        if (tree->die_at && tree->steps == tree->die_at)
                _exit(42);
        if (tree->fail_at && (tree->steps == tree->fail_at || (tree->fail_on && writes && tree->steps > tree->fail_at)))
                return tree->fail_with;
        return tree->refuse ? tree->refuse(tree, step, path) : 0;
}

static void after(void *user, enum host_step step, const char *path)
{
        struct tree *tree = user;

        if (tree->answer)
                tree->answer(tree, step, path);
}

int tree_setup(void **state)
{
        struct tree *tree = calloc(1, sizeof(*tree));
        const char *where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

        assert_non_null(tree);
        snprintf(tree->directory, sizeof(tree->directory), "%s/socle-tree-XXXXXX", where);
        assert_non_null(mkdtemp(tree->directory));
        snprintf(tree->root, sizeof(tree->root), "%s/root", tree->directory);
        snprintf(tree->state, sizeof(tree->state), "%s/var/state", tree->directory);
        assert_int_equal(mkdir(tree->root, 0755), 0);
        tree->observer = (struct host_observer){.before = before, .after = after, .user = tree};
        tree->host = (struct host){.root = tree->root, .state = tree->state, .observer = &tree->observer};
        *state = tree;
        return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *position)
{
        return remove(path);
}

int tree_teardown(void **state)
{
        struct tree *tree = *state;

        nftw(tree->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        free(tree);
        return 0;
}

static char *full(struct tree *tree, const char *path)
{
        size_t size = strlen(tree->root) + strlen(path) + 1;
        char *name = malloc(size);

        assert_non_null(name);
        snprintf(name, size, "%s%s", tree->root, path);
        return name;
}

void tree_put(struct tree *tree, const char *path, const char *text, ...)
{
        cleanup_free char *name = full(tree, path);
        va_list args;

        for (char *slash = strchr(name + strlen(tree->root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                assert_true(mkdir(name, 0755) == 0 || errno == EEXIST);
                *slash = '/';
        }
        cleanup_fclose FILE *file = fopen(name, "we");
        assert_non_null(file);
        va_start(args, text);
        vfprintf(file, text, args);
        va_end(args);
        fputc('\n', file);
}

void tree_remove(struct tree *tree, const char *path)
{
        cleanup_free char *name = full(tree, path);

        assert_int_equal(nftw(name, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void tree_protect(struct tree *tree, const char *path)
{
        cleanup_free char *name = full(tree, path);

        assert_int_equal(chmod(name, 0444), 0);
}

bool tree_has(struct tree *tree, const char *path)
{
        cleanup_free char *name = full(tree, path);

        return access(name, F_OK) == 0;
}

char *tree_get(struct tree *tree, const char *path)
{
        struct host quiet = {.root = tree->root, .state = tree->state};
        char *text;

        if (host_read(&quiet, &text, "%s", path) < 0)
                fail_msg("%s cannot be read", path);
        return text;
}

void tree_assert(struct tree *tree, const char *path, const char *text)
{
        cleanup_free char *found = tree_get(tree, path);

        if (strcmp(found, text) != 0)
                fail_msg("%s is '%s', not '%s'", path, found, text);
}

void tree_assert_absent(struct tree *tree, const char *path)
{
        if (tree_has(tree, path))
                fail_msg("%s is there", path);
}

/* ---- the image ---- */

static FILE *image;
static size_t image_prefix;

static int add_to_image(const char *path, const struct stat *status, int type, struct FTW *position)
{
        char text[8192];

        if (type != FTW_F)
                return 0;
        cleanup_fclose FILE *file = fopen(path, "re");
        assert_non_null(file);
        size_t n = fread(text, 1, sizeof(text), file);
        while (n > 0 && text[n - 1] == '\n')
                n--;
        fprintf(image, "%s=%.*s\n", path + image_prefix, (int)n, text);
        return 0;
}

static int by_text(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

char *tree_image(struct tree *tree)
{
        cleanup_free char *text = NULL;
        char *sorted = NULL, *lines[4096], *rest;
        size_t size, count = 0;

        image = open_memstream(&text, &size);
        image_prefix = strlen(tree->root);
        assert_int_equal(nftw(tree->root, add_to_image, 16, FTW_PHYS), 0);
        fclose(image);
        for (char *line = strtok_r(text, "\n", &rest); line && count < ARRAY_LEN(lines);
             line = strtok_r(NULL, "\n", &rest))
                lines[count++] = line;
        qsort(lines, count, sizeof(*lines), by_text);
        FILE *out = open_memstream(&sorted, &size);
        for (size_t i = 0; i < count; i++)
                fprintf(out, "%s\n", lines[i]);
        fclose(out);
        return sorted;
}
