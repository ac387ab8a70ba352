/* Files and directories of ours on a host: replaced as a whole, so that a reader sees the old text or the new and a
 * crash leaves one of them. Each step can be watched and made to fail (host.h). */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "host.h"
#include "host_private.h"

/* The directory that `path` is in and its last component (which points into `path`); a descriptor or -errno. */
static int open_parent(const struct host *host, const char *path, const char **ret_name)
{
        const char *slash = strrchr(path, '/');

        if (!slash || slash[1] == '\0')
                return -EINVAL;
        cleanup_free char *parent = strndup(path, slash == path ? 1 : (size_t)(slash - path));
        if (!parent)
                return -ENOMEM;
        *ret_name = slash + 1;
        return host_open_path(host, parent, O_RDONLY | O_DIRECTORY);
}

static int sync_directory(const struct host *host, int fd, const char *path)
{
        int r = host_before(host, HOST_SYNC_DIRECTORY, path);

        if (r < 0)
                return r;
        if (fsync(fd) < 0)
                return -errno;
        host_after(host, HOST_SYNC_DIRECTORY, path);
        return 0;
}

static int make_directory(const struct host *host, const char *path)
{
        const char *name;
        cleanup_close int parent = open_parent(host, path, &name);

        if (parent < 0)
                return parent;
        int r = host_before(host, HOST_MAKE_DIRECTORY, path);
        if (r < 0)
                return r;
        if (mkdirat(parent, name, 0755) < 0)
                return errno == EEXIST ? 0 : -errno;
        host_after(host, HOST_MAKE_DIRECTORY, path);
        return 0;
}

/* All directories above `path` that are missing. */
static int make_parents(const struct host *host, const char *path)
{
        cleanup_free char *prefix = strdup(path);

        if (!prefix)
                return -ENOMEM;
        for (char *slash = strchr(prefix + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                int r = host_exists(host, "%s", prefix) ? 0 : make_directory(host, prefix);
                *slash = '/';
                if (r < 0)
                        return r;
        }
        return 0;
}

static int fill(const struct host *host, int fd, const char *value, const char *path)
{
        size_t length = strlen(value);
        bool ended = length > 0 && value[length - 1] == '\n';
        int r = host_before(host, HOST_FILL, path);

        if (r < 0)
                return r;
        for (size_t done = 0; done < length;) {
                ssize_t n = write(fd, value + done, length - done);
                if (n < 0)
                        return -errno;
                done += (size_t)n;
        }
        if (!ended && write(fd, "\n", 1) != 1)
                return errno ? -errno : -EIO;
        host_after(host, HOST_FILL, path);
        r = host_before(host, HOST_SYNC, path);
        if (r < 0)
                return r;
        return fsync(fd) < 0 ? -errno : 0;
}

/* And what a process that was killed while it wrote the file has left of it. */
static int remove_file(const struct host *host, int parent, const char *temporary, const char *name, const char *path)
{
        int r = host_before(host, HOST_REMOVE, path);

        if (r < 0)
                return r;
        unlinkat(parent, temporary, 0);
        if (unlinkat(parent, name, 0) < 0)
                return errno == ENOENT ? 0 : -errno;
        host_after(host, HOST_REMOVE, path);
        return sync_directory(host, parent, path);
}

static int put_in_place(const struct host *host, int parent, const char *temporary, const char *name, const char *value,
                        const char *path)
{
        int r = host_before(host, HOST_CREATE, path);

        if (r < 0)
                return r;
        cleanup_close int fd = openat(parent, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (fd < 0)
                return -errno;
        r = fill(host, fd, value, path);
        if (r == 0)
                r = host_before(host, HOST_RENAME, path);
        if (r == 0 && renameat(parent, temporary, parent, name) < 0)
                r = -errno;
        if (r < 0) {
                unlinkat(parent, temporary, 0);
                return r;
        }
        host_after(host, HOST_RENAME, path);
        return sync_directory(host, parent, path);
}

int host_replace(const struct host *host, const char *value, const char *path, ...)
{
        const char *name;
        FORMAT_PATH(path, -ENOMEM);
        int r = value ? make_parents(host, path_text) : 0;

        if (r < 0)
                return r;
        cleanup_close int parent = open_parent(host, path_text, &name);
        if (parent < 0)
                return parent == -ENOENT && !value ? 0 : parent;
        cleanup_free char *temporary = NULL;
        if (asprintf(&temporary, ".%s.socle-new", name) < 0)
                return temporary = NULL, -ENOMEM;
        return value ? put_in_place(host, parent, temporary, name, value, path_text)
                     : remove_file(host, parent, temporary, name, path_text);
}

int host_make_directory(const struct host *host, const char *path, ...)
{
        FORMAT_PATH(path, -ENOMEM);
        return make_directory(host, path_text);
}

int host_remove_directory(const struct host *host, const char *path, ...)
{
        const char *name;
        FORMAT_PATH(path, -ENOMEM);
        cleanup_close int parent = open_parent(host, path_text, &name);

        if (parent < 0)
                return parent == -ENOENT ? 0 : parent;
        int r = host_before(host, HOST_REMOVE_DIRECTORY, path_text);
        if (r < 0)
                return r;
        if (unlinkat(parent, name, AT_REMOVEDIR) < 0)
                return errno == ENOENT ? 0 : -errno;
        host_after(host, HOST_REMOVE_DIRECTORY, path_text);
        return 0;
}
