/* The files of a host, by a root that is given and never taken: "/" in earnest, a captured or made-up tree in tests.
 * All values are text without the trailing newline. Errors are the kernel's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct host {
        const char *root;  /* "" or "/": the real one */
        const char *state; /* directory of the journal, "/var/lib/socle/tuner" */
};

/* `path` is formatted and absolute ("/sys/…"). The result is the caller's. -ENOENT, -EACCES, -EIO, … */
int host_read(const struct host *host, char **ret, const char *path, ...) __attribute__((format(printf, 3, 4)));
/* One write(2), as sysfs wants it; no creation. */
int host_write(const struct host *host, const char *value, const char *path, ...) __attribute__((format(printf, 3, 4)));
/* A whole file of ours (drop-ins): beside it, synced, renamed; directories are made. NULL value: removed if there. */
int host_replace(const struct host *host, const char *value, const char *path, ...)
        __attribute__((format(printf, 3, 4)));
bool host_exists(const struct host *host, const char *path, ...) __attribute__((format(printf, 2, 3)));
/* Names in a directory, sorted (numbers as numbers), "." and ".." left out; NULL-terminated, the caller's. */
int host_list(const struct host *host, char ***ret, const char *path, ...) __attribute__((format(printf, 3, 4)));
char **strings_free(char **strings);
