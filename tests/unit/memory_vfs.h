/* A disk for SQLite that fails on command: files in memory, with what would survive a power cut kept apart from what
 * was written since the last sync. Becomes SQLite's default VFS. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum disk_fault {
        DISK_FINE,
        DISK_POWER_CUT,       /* from the Nth operation on nothing works, until disk_reboot() */
        DISK_FULL,            /* the Nth write, and all later ones that need room, fail with SQLITE_FULL */
        DISK_ERROR_ONCE,      /* the Nth operation fails with an I/O error, later ones work */
        DISK_SYNC_ERROR_ONCE, /* the same for the Nth sync */
};

void disk_install(void);
void disk_remove(void);
/* Forgets all files. */
void disk_format(void);
/* Counts writes, truncations and syncs from now on; `at` is the first one that fails. */
void disk_arm(enum disk_fault fault, size_t at);
size_t disk_operations(void); /* since disk_arm() */
/* What a power cut leaves: everything synced, and of the rest a random choice of 512-byte sectors. */
void disk_power_cut(unsigned seed);
/* Overwrites bytes as a failing medium does. */
void disk_scribble(const char *path, size_t offset, const void *bytes, size_t size);
size_t disk_file_size(const char *path);
