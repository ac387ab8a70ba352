/* The files of a host, by a root that is given and never taken: "/" in earnest, a captured or made-up tree in tests.
 * Links inside a tree never lead out of it. All values are text without the trailing newline. Errors are the kernel's.
 * Works with every knob, and with sriov/ and guest/ for what they keep on disk. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "socle/cleanup.h"

/* What can go wrong one by one, and after each of which a process may die. */
enum host_step {
        HOST_READ,
        HOST_LIST,           /* the names in a directory */
        HOST_WRITE,          /* one value to a file of the kernel's */
        HOST_CREATE,         /* a temporary beside a file of ours */
        HOST_FILL,           /* its text */
        HOST_SYNC,           /* fsync of it */
        HOST_RENAME,         /* to its place */
        HOST_SYNC_DIRECTORY, /* after a rename or removal */
        HOST_REMOVE,         /* of a file of ours */
        HOST_MAKE_DIRECTORY,
        HOST_REMOVE_DIRECTORY,
        HOST_RUN, /* of a program */
};

/* Looks on at every step: tests die, run out of space, or answer as the kernel does. */
struct host_observer {
        int (*before)(void *user, enum host_step step, const char *path); /* -errno: the step fails so */
        void (*after)(void *user, enum host_step step, const char *path); /* it was done; may be NULL */
        void *user;
};

struct host {
        const char *root;                     /* "" or "/": the real one */
        const char *state;                    /* directory of the journal, "/var/lib/socle/tuner" */
        const struct host_observer *observer; /* NULL: nobody */
};

bool host_is_real(const struct host *host);

/* `path` is formatted and absolute ("/sys/…"). The result is the caller's; NUL bytes (/proc/PID/environ) are newlines.
 * -ENOENT, -EACCES, -EIO, … */
int host_read(const struct host *host, char **ret, const char *path, ...) __attribute__((format(printf, 3, 4)));
/* One write(2), as sysfs wants it; no creation. */
int host_write(const struct host *host, const char *value, const char *path, ...) __attribute__((format(printf, 3, 4)));
/* A whole file of ours (drop-ins): beside it, synced, renamed; directories are made. NULL value: removed if there. */
int host_replace(const struct host *host, const char *value, const char *path, ...)
        __attribute__((format(printf, 3, 4)));
bool host_exists(const struct host *host, const char *path, ...) __attribute__((format(printf, 2, 3)));
/* Permissions of a file, not whether we have them: the kernel takes "w" from what it lets nobody change. */
int host_mode(const struct host *host, mode_t *ret, const char *path, ...) __attribute__((format(printf, 3, 4)));
/* Names in a directory, sorted (numbers as numbers), "." and ".." left out; NULL-terminated, the caller's. */
int host_list(const struct host *host, char ***ret, const char *path, ...) __attribute__((format(printf, 3, 4)));
char **strings_free(char **strings);
DEFINE_CLEANUP(char **, strings_free)
#define cleanup_strings cleanup_(strings_free_p)

/* A directory whose parent is there (a cgroup, a resctrl group): 0 also when it is there, or gone, already. */
int host_make_directory(const struct host *host, const char *path, ...) __attribute__((format(printf, 2, 3)));
int host_remove_directory(const struct host *host, const char *path, ...) __attribute__((format(printf, 2, 3)));

/* Opens under the root, for what is not text (sockets, inotify); O_CLOEXEC is added. A descriptor or -errno. */
int host_open(const struct host *host, int flags, const char *path, ...) __attribute__((format(printf, 3, 4)));

/* For the functions here and in program.c. */
int host_before(const struct host *host, enum host_step step, const char *path);
void host_after(const struct host *host, enum host_step step, const char *path);
