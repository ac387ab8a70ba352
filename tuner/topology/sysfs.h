/* Files of /sys and /proc below a root that is given: the host's own, or a tree that was gathered elsewhere. Whatever
 * is missing, vanishes meanwhile or is garbage is simply not known: no function here tells why. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "socle/cleanup.h"

/* The names are formatted, and relative to `root`, a directory's descriptor: "sys/…". */

/* Up to 64 KiB of a file, white space at the end cut off; NULL: not there. The caller's. */
char *sysfs_read(int root, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A number from `min` to `max`, decimal or 0x…; false, and *ret untouched: none there. */
bool sysfs_number(int root, long long min, long long max, long long *ret, const char *format, ...)
        __attribute__((format(printf, 5, 6)));
/* What a symbolic link says; NULL: none there. The caller's. */
char *sysfs_link(int root, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The last part of what a symbolic link says ("driver" → "igb"); false, and `ret` empty: none there, or too long. */
bool sysfs_link_name(int root, char *ret, size_t size, const char *format, ...) __attribute__((format(printf, 4, 5)));
bool sysfs_exists(int root, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Names in a directory without those that begin with a dot, numbers in them in order; NULL-terminated; NULL: not there.
 * The caller's: sysfs_list_free(). */
char **sysfs_list(int root, const char *format, ...) __attribute__((format(printf, 2, 3)));
char **sysfs_list_free(char **list);
DEFINE_CLEANUP(char **, sysfs_list_free)
