/* See host.h. Made-up trees are opened with RESOLVE_IN_ROOT, so that an absolute link in a captured /sys stays in it;
 * the real root needs no fence, and kernels before 5.6 have none. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "host.h"
#include "host_private.h"

#define FILE_MAX (16UL << 20) /* what is longer is no setting */

DEFINE_CLEANUP(DIR *, closedir)

bool host_is_real(const struct host *host)
{
        return host->root[0] == '\0' || strcmp(host->root, "/") == 0;
}

int host_before(const struct host *host, enum host_step step, const char *path)
{
        return host->observer && host->observer->before ? host->observer->before(host->observer->user, step, path) : 0;
}

void host_after(const struct host *host, enum host_step step, const char *path)
{
        if (host->observer && host->observer->after)
                host->observer->after(host->observer->user, step, path);
}

int host_open_path(const struct host *host, const char *path, int flags)
{
        if (path[0] != '/')
                return -EINVAL;
        if (host_is_real(host)) {
                int fd = open(path, flags | O_CLOEXEC);
                return fd < 0 ? -errno : fd;
        }
        cleanup_close int root = open(host->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root < 0)
                return -errno;
        struct open_how how = {.flags = (unsigned)flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
        int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
        return fd < 0 ? -errno : fd;
}

int host_open(const struct host *host, int flags, const char *path, ...)
{
        FORMAT_PATH(path, -ENOMEM);
        return host_open_path(host, path_text, flags);
}

static int read_all(int fd, char **ret)
{
        size_t size = 0, room = 4096;
        cleanup_free char *text = malloc(room + 1);

        for (;;) {
                if (!text)
                        return -ENOMEM;
                ssize_t n = read(fd, text + size, room - size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                size += (size_t)n;
                if (size < room)
                        continue;
                if (room >= FILE_MAX)
                        return -EFBIG;
                room *= 2;
                char *more = realloc(text, room + 1);
                if (!more)
                        return -ENOMEM;
                text = more;
        }
        for (char *nul = text; (nul = memchr(nul, '\0', size - (size_t)(nul - text)));)
                *nul = '\n';
        while (size > 0 && text[size - 1] == '\n')
                size--;
        text[size] = '\0';
        *ret = TAKE_PTR(text);
        return 0;
}

int host_read(const struct host *host, char **ret, const char *path, ...)
{
        FORMAT_PATH(path, -ENOMEM);
        int r = host_before(host, HOST_READ, path_text);

        if (r < 0)
                return r;
        cleanup_close int fd = host_open_path(host, path_text, O_RDONLY);
        if (fd < 0)
                return fd;
        return read_all(fd, ret);
}

int host_write(const struct host *host, const char *value, const char *path, ...)
{
        FORMAT_PATH(path, -ENOMEM);
        int r = host_before(host, HOST_WRITE, path_text);

        if (r < 0)
                return r;
        cleanup_close int fd = host_open_path(host, path_text, O_WRONLY | O_TRUNC);
        if (fd < 0)
                return fd;
        /* An empty value is a newline: a write of nothing does not reach the file's owner. */
        const char *text = value[0] ? value : "\n";
        ssize_t n = write(fd, text, strlen(text));
        if (n < 0)
                return -errno;
        if ((size_t)n != strlen(text))
                return -EIO;
        host_after(host, HOST_WRITE, path_text);
        return 0;
}

bool host_exists(const struct host *host, const char *path, ...)
{
        FORMAT_PATH(path, false);
        cleanup_close int fd = host_open_path(host, path_text, O_PATH);
        return fd >= 0;
}

int host_mode(const struct host *host, mode_t *ret, const char *path, ...)
{
        struct stat status;
        FORMAT_PATH(path, -ENOMEM);
        cleanup_close int fd = host_open_path(host, path_text, O_PATH);

        if (fd < 0)
                return fd;
        if (fstat(fd, &status) < 0)
                return -errno;
        *ret = status.st_mode;
        return 0;
}

char **strings_free(char **strings)
{
        for (size_t i = 0; strings && strings[i]; i++)
                free(strings[i]);
        free(strings);
        return NULL;
}

static int by_version(const void *a, const void *b)
{
        return strverscmp(*(char *const *)a, *(char *const *)b);
}

int host_list(const struct host *host, char ***ret, const char *path, ...)
{
        FORMAT_PATH(path, -ENOMEM);
        int r = host_before(host, HOST_LIST, path_text);

        if (r < 0)
                return r;
        cleanup_close int fd = host_open_path(host, path_text, O_RDONLY | O_DIRECTORY);
        if (fd < 0)
                return fd;
        cleanup_(closedir_p) DIR *directory = fdopendir(fd);
        if (!directory)
                return -errno;
        fd = -1; /* the directory's now */

        size_t count = 0, room = 16;
        cleanup_strings char **names = calloc(room, sizeof(*names));
        if (!names)
                return -ENOMEM;
        for (struct dirent *entry; (errno = 0, entry = readdir(directory));) {
                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                if (count + 1 == room) {
                        char **more = reallocarray(names, room *= 2, sizeof(*names));
                        if (!more)
                                return -ENOMEM;
                        names = more;
                }
                names[count] = strdup(entry->d_name);
                names[count + 1] = NULL;
                if (!names[count++])
                        return -ENOMEM;
        }
        if (errno)
                return -errno;
        qsort(names, count, sizeof(*names), by_version);
        *ret = TAKE_PTR(names);
        return 0;
}
