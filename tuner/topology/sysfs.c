/* See sysfs.h. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sysfs.h"

#define FILE_MAX (64 * 1024)

static bool make_path(char *path, size_t size, const char *format, va_list args)
{
        int n = vsnprintf(path, size, format, args);

        return n >= 0 && n < (int)size;
}

/* In a function whose last parameter is `format`. */
#define FORMAT_PATH(path)                                                                                              \
        ({                                                                                                             \
                va_list args_;                                                                                         \
                va_start(args_, format);                                                                               \
                bool fits_ = make_path(path, sizeof(path), format, args_);                                             \
                va_end(args_);                                                                                         \
                fits_;                                                                                                 \
        })

static char *read_path(int root, const char *path)
{
        cleanup_close int fd = openat(root, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        cleanup_free char *text = fd >= 0 ? malloc(FILE_MAX) : NULL;
        size_t length = 0;

        if (!text)
                return NULL;
        while (length < FILE_MAX - 1) {
                ssize_t n = read(fd, text + length, FILE_MAX - 1 - length);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return NULL;
                if (n == 0)
                        break;
                length += (size_t)n;
        }
        while (length > 0 && isspace((unsigned char)text[length - 1]))
                length--;
        text[length] = 0;
        char *small = realloc(text, length + 1);
        text = small ? NULL : text;
        return small;
}

char *sysfs_read(int root, const char *format, ...)
{
        char path[PATH_MAX];

        return FORMAT_PATH(path) ? read_path(root, path) : NULL;
}

bool sysfs_number(int root, long long min, long long max, long long *ret, const char *format, ...)
{
        char path[PATH_MAX], *end;
        cleanup_free char *text = FORMAT_PATH(path) ? read_path(root, path) : NULL;

        if (!text || !*text)
                return false;
        errno = 0;
        long long number = strtoll(text, &end, strncmp(text, "0x", 2) == 0 ? 16 : 10);
        if (errno || *end || number < min || number > max)
                return false;
        *ret = number;
        return true;
}

char *sysfs_link(int root, const char *format, ...)
{
        char path[PATH_MAX], target[PATH_MAX];
        ssize_t n = FORMAT_PATH(path) ? readlinkat(root, path, target, sizeof(target) - 1) : -1;

        return n > 0 ? strndup(target, (size_t)n) : NULL;
}

bool sysfs_link_name(int root, char *ret, size_t size, const char *format, ...)
{
        char path[PATH_MAX];

        *ret = 0;
        cleanup_free char *target = FORMAT_PATH(path) ? sysfs_link(root, "%s", path) : NULL;
        if (!target)
                return false;
        const char *slash = strrchr(target, '/'), *name = slash ? slash + 1 : target;
        size_t length = strlen(name);
        if (length == 0 || length >= size)
                return false;
        memcpy(ret, name, length + 1);
        return true;
}

bool sysfs_exists(int root, const char *format, ...)
{
        char path[PATH_MAX];

        return FORMAT_PATH(path) && faccessat(root, path, F_OK, 0) == 0;
}

static int compare_names(const void *a, const void *b)
{
        return strverscmp(*(char *const *)a, *(char *const *)b);
}

static void closedir_p(DIR **directory)
{
        if (*directory)
                closedir(*directory);
}

char **sysfs_list(int root, const char *format, ...)
{
        char path[PATH_MAX];
        int fd = FORMAT_PATH(path) ? openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        cleanup_(closedir_p) DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
        const struct dirent *entry;
        char **list = NULL;
        size_t count = 0;

        if (!directory) {
                if (fd >= 0)
                        close(fd);
                return NULL;
        }
        do {
                char **more = count % 64 == 0 ? realloc(list, (count + 64 + 1) * sizeof(*list)) : list;
                if (!more)
                        return sysfs_list_free(list);
                list = more;
                list[count] = NULL;
                entry = readdir(directory);
                if (entry && entry->d_name[0] != '.') {
                        list[count] = strdup(entry->d_name);
                        if (!list[count])
                                return sysfs_list_free(list);
                        list[++count] = NULL;
                }
        } while (entry);
        qsort(list, count, sizeof(*list), compare_names);
        return list;
}

char **sysfs_list_free(char **list)
{
        for (char **name = list; name && *name; name++)
                free(*name);
        free(list);
        return NULL;
}
