/* See store.h. What is done with an open store; every statement is prepared once, in store_open.c. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "socle/errors.h"
#include "store_private.h"

/* SQLite's code (extended) as -errno. */
static int to_errno(struct store *store, int result)
{
        int system = store->db ? sqlite3_system_errno(store->db) : 0;

        switch (result & 0xff) {
        case SQLITE_FULL:
                return -ENOSPC;
        case SQLITE_NOMEM:
                return -ENOMEM;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return -EBUSY;
        case SQLITE_NOTADB:
        case SQLITE_CORRUPT:
                return -EBADMSG;
        case SQLITE_READONLY:
                return -EROFS;
        case SQLITE_PERM:
        case SQLITE_AUTH:
                return -EACCES;
        case SQLITE_TOOBIG:
                return -E2BIG;
        case SQLITE_CANTOPEN:
                return system > 0 ? -system : -ENOENT;
        case SQLITE_IOERR:
                if (system == EDQUOT || system == ENOSPC)
                        return -ENOSPC;
                return -EIO;
        default:
                return -EIO;
        }
}

static const char *advice(int r)
{
        switch (r) {
        case -ENOSPC:
                return "free space on the file system of the store, then try again";
        case -EBUSY:
                return "one socled a store: stop the other one, or give this one another store";
        case -EBADMSG:
                return "restore it from a backup, or move it away and apply everything again";
        case -EROFS:
        case -EACCES:
        case -EPERM:
                return "a file and a directory that socled may write";
        case -ENOENT:
        case -ENOTDIR:
                return "a path in a directory that exists";
        case -EISDIR:
                return "the path of a file";
        case -EIO:
                return "look into the kernel's log for faults of the disk";
        default:
                return "";
        }
}

int store_fail(struct store *store, int result, const char *doing, struct errors *errors)
{
        int r = to_errno(store, result);

        if (r == -EBUSY)
                errors_add(errors, r, "", advice(r), "%s is in use by another process", store->path);
        else if (r == -ENOSPC)
                errors_add(errors, r, "", advice(r), "%s %s: the disk is full", doing, store->path);
        else if ((result & 0xff) == SQLITE_NOTADB)
                errors_add(errors, r, "", advice(r), "%s is not a database", store->path);
        else
                errors_add(errors, r, "", advice(r), "%s %s: %s", doing, store->path,
                           (result & 0xff) == SQLITE_CANTOPEN ? strerror(-r) : sqlite3_errmsg(store->db));
        return r;
}

static int run(struct store *store, enum store_statement which)
{
        sqlite3_stmt *statement = store->statements[which];
        int result;

        do
                result = sqlite3_step(statement);
        while (result == SQLITE_ROW);
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
        return result == SQLITE_DONE ? SQLITE_OK : result;
}

uint64_t store_revision(const struct store *store)
{
        return store->revision;
}

int store_load(struct store *store, int (*row)(void *user, const struct store_row *row), void *user,
               struct errors *errors)
{
        sqlite3_stmt *statement = store->statements[STATEMENT_LOAD];
        int result, r = 0;

        while (r == 0 && (result = sqlite3_step(statement)) == SQLITE_ROW) {
                struct store_row found = {
                        .id = sqlite3_column_int64(statement, 0),
                        .kind = (const char *)sqlite3_column_text(statement, 1),
                        .name = (const char *)sqlite3_column_text(statement, 2),
                        .spec = (const char *)sqlite3_column_text(statement, 3),
                        .spec_length = sqlite3_column_bytes(statement, 3),
                        .revision = sqlite3_column_int64(statement, 4),
                };
                r = found.kind && found.name && found.spec ? row(user, &found) : -ENOMEM;
        }
        if (r == 0 && result != SQLITE_DONE)
                r = store_fail(store, result, "reading", errors);
        sqlite3_reset(statement);
        return r;
}

/* A commit whose sync failed was answered with an error, but its frames may be in the log in whole, and a crash would
 * then bring it back to life. A checkpoint that truncates the log, and a sync of that, end this; until both work
 * nothing more is written. */
static int settle(struct store *store)
{
        sqlite3_file *log = NULL;

        if (!store->suspect)
                return SQLITE_OK;
        int result = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        if (result == SQLITE_OK)
                result = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
        if (result == SQLITE_OK && log && log->pMethods)
                result = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
        if (result == SQLITE_OK)
                store->suspect = false;
        return result;
}

int store_begin(struct store *store, struct errors *errors)
{
        int result = settle(store);

        if (result == SQLITE_OK)
                result = run(store, STATEMENT_BEGIN);
        store->buried = false;
        return result == SQLITE_OK ? 0 : store_fail(store, result, "writing", errors);
}

int store_put(struct store *store, struct store_row *row, struct errors *errors)
{
        enum store_statement which = row->id ? STATEMENT_UPDATE : STATEMENT_INSERT;
        sqlite3_stmt *statement = store->statements[which];

        sqlite3_bind_text(statement, 1, row->kind, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 2, row->name, -1, SQLITE_STATIC);
        sqlite3_bind_text64(statement, 3, row->spec, row->spec_length, SQLITE_STATIC, SQLITE_UTF8);
        sqlite3_bind_int64(statement, 4, row->revision);
        if (row->id)
                sqlite3_bind_int64(statement, 5, row->id);

        int result = run(store, which);
        if (result != SQLITE_OK)
                return store_fail(store, result, "writing", errors);
        if (sqlite3_changes(store->db) != 1) {
                errors_add(errors, -ENOENT, "", "", "the store has no %s %s of id %" PRIu32, row->kind, row->name,
                           row->id);
                return -ENOENT;
        }
        if (row->id)
                return 0;
        sqlite3_int64 id = sqlite3_last_insert_rowid(store->db);
        if (id > UINT32_MAX) {
                errors_add(errors, -EOVERFLOW, "", "a new store", "%s has used up its ids", store->path);
                return -EOVERFLOW;
        }
        row->id = id;
        return 0;
}

int store_delete(struct store *store, uint32_t id, const char *kind, const char *name, uint64_t revision,
                 struct errors *errors)
{
        sqlite3_stmt *statement = store->statements[STATEMENT_DELETE], *bury = store->statements[STATEMENT_BURY];

        sqlite3_bind_int64(statement, 1, id);
        sqlite3_bind_text(statement, 2, kind, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 3, name, -1, SQLITE_STATIC);
        int result = run(store, STATEMENT_DELETE);
        if (result != SQLITE_OK)
                return store_fail(store, result, "writing", errors);
        if (sqlite3_changes(store->db) != 1) {
                errors_add(errors, -ENOENT, "", "", "the store has no %s %s of id %" PRIu32, kind, name, id);
                return -ENOENT;
        }

        sqlite3_bind_text(bury, 1, kind, -1, SQLITE_STATIC);
        sqlite3_bind_text(bury, 2, name, -1, SQLITE_STATIC);
        sqlite3_bind_int64(bury, 3, revision);
        result = run(store, STATEMENT_BURY);
        if (result != SQLITE_OK)
                return store_fail(store, result, "writing", errors);
        store->buried = true;
        return 0;
}

/* Forgets all but the last STORE_TOMBSTONES deletions, and notes up to which revision. */
static int trim(struct store *store, uint64_t *horizon)
{
        sqlite3_stmt *statement = store->statements[STATEMENT_HORIZON];
        int result;

        sqlite3_bind_int64(statement, 1, STORE_TOMBSTONES);
        while ((result = sqlite3_step(statement)) == SQLITE_ROW)
                *horizon = sqlite3_column_int64(statement, 0);
        sqlite3_reset(statement);
        if (result != SQLITE_DONE)
                return result;
        sqlite3_bind_int64(store->statements[STATEMENT_TRIM], 1, STORE_TOMBSTONES);
        return run(store, STATEMENT_TRIM);
}

int store_commit(struct store *store, uint64_t revision, struct errors *errors)
{
        uint64_t horizon = store->horizon;
        int result = store->buried ? trim(store, &horizon) : SQLITE_OK;

        if (result == SQLITE_OK) {
                sqlite3_bind_int64(store->statements[STATEMENT_REVISION], 1, revision);
                result = run(store, STATEMENT_REVISION);
        }
        if (result == SQLITE_OK) {
                result = run(store, STATEMENT_COMMIT);
                store->suspect = result != SQLITE_OK;
        }
        if (result != SQLITE_OK)
                return store_fail(store, result, "writing", errors);
        store->revision = revision;
        store->horizon = horizon;
        return 0;
}

void store_rollback(struct store *store)
{
        /* SQLite has rolled back by itself after some failures. */
        if (!sqlite3_get_autocommit(store->db))
                run(store, STATEMENT_ROLLBACK);
        settle(store);
}

int store_deleted_since(struct store *store, uint64_t revision,
                        int (*row)(void *user, const char *kind, const char *name, uint64_t revision), void *user,
                        struct errors *errors)
{
        sqlite3_stmt *statement = store->statements[STATEMENT_DELETED];
        int result, r = 0;

        if (revision < store->horizon) {
                errors_add(errors, -ESTALE, "", "get everything anew, and go on from the revision it answers with",
                           "deletions up to revision %" PRIu64 " are no longer remembered", store->horizon);
                return -ESTALE;
        }
        sqlite3_bind_int64(statement, 1, revision);
        while (r == 0 && (result = sqlite3_step(statement)) == SQLITE_ROW) {
                const char *kind = (const char *)sqlite3_column_text(statement, 0);
                const char *name = (const char *)sqlite3_column_text(statement, 1);

                r = kind && name ? row(user, kind, name, sqlite3_column_int64(statement, 2)) : -ENOMEM;
        }
        if (r == 0 && result != SQLITE_DONE)
                r = store_fail(store, result, "reading", errors);
        sqlite3_reset(statement);
        return r;
}
