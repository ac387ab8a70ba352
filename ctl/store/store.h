/* The intent store: SQLite in WAL mode with synchronous=FULL. What a commit answered is on disk and survives
 * `kill -9` and power loss; a commit that fails (full disk, I/O error) leaves what was there before.
 * Knows rows, not kinds. Single-threaded. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;
struct errors;

struct store_row {
        uint32_t id; /* AUTOINCREMENT: never reused */
        const char *kind, *name;
        const char *spec; /* JSON text */
        size_t spec_length;
        uint64_t revision;
};

/* Opens or creates; refuses (-EPROTONOSUPPORT) a schema newer than it knows, migrates an older one, -EBUSY when another
 * process holds it, -EBADMSG when it is no database or damaged (words in `errors`: what to do). */
int store_open(struct store **ret, const char *path, struct errors *errors);
struct store *store_close(struct store *store);

uint64_t store_revision(const struct store *store); /* of the last commit; 0: none yet */

/* Calls back for every object, in order of id; a non-zero return ends it and is returned. */
int store_load(struct store *store, int (*row)(void *user, const struct store_row *row), void *user,
               struct errors *errors);

/* begin … put/delete … commit; on any error the caller calls store_rollback. */
int store_begin(struct store *store, struct errors *errors);
int store_put(struct store *store, struct store_row *row, struct errors *errors); /* row->id 0: gets one */
int store_delete(struct store *store, uint32_t id, const char *kind, const char *name, uint64_t revision,
                 struct errors *errors);
int store_commit(struct store *store, uint64_t revision, struct errors *errors);
void store_rollback(struct store *store);

/* Deletions are remembered (the last STORE_TOMBSTONES), so that `watch` can go on from a revision and `if_revision`
 * sees them. */
#define STORE_TOMBSTONES 100000
/* Deletions after `revision`, oldest first; -ESTALE when some are no longer remembered. */
int store_deleted_since(struct store *store, uint64_t revision,
                        int (*row)(void *user, const char *kind, const char *name, uint64_t revision), void *user,
                        struct errors *errors);
