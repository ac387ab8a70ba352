/* Opening the store: whose file it is, of which schema, whether it is sound, and that nobody else has it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "socle/errors.h"
#include "socle/cleanup.h"
#include "store_private.h"

static const char schema[] =
        "CREATE TABLE objects ("
        " id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, name TEXT NOT NULL, spec TEXT NOT NULL,"
        " revision INTEGER NOT NULL, UNIQUE (kind, name));"
        "CREATE TABLE tombstones ("
        " sequence INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT "
        "NULL);"
        "CREATE INDEX tombstones_by_revision ON tombstones (revision);"
        "CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL, horizon INTEGER NOT "
        "NULL);"
        "INSERT INTO state VALUES (1, 0, 0);";

static const char *const statements[STATEMENT_COUNT] = {
        [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
        [STATEMENT_COMMIT] = "COMMIT",
        [STATEMENT_ROLLBACK] = "ROLLBACK",
        [STATEMENT_INSERT] = "INSERT INTO objects (kind, name, spec, revision) VALUES (?1, ?2, ?3, ?4)",
        [STATEMENT_UPDATE] = "UPDATE objects SET spec = ?3, revision = ?4 WHERE id = ?5 AND kind = ?1 AND name = ?2",
        [STATEMENT_DELETE] = "DELETE FROM objects WHERE id = ?1 AND kind = ?2 AND name = ?3",
        [STATEMENT_BURY] = "INSERT INTO tombstones (kind, name, revision) VALUES (?1, ?2, ?3)",
        [STATEMENT_REVISION] = "UPDATE state SET revision = ?1",
        /* What is about to be trimmed, by its youngest revision. */
        [STATEMENT_HORIZON] =
                "UPDATE state SET horizon = max(horizon, coalesce((SELECT revision FROM tombstones WHERE"
                " sequence <= (SELECT max(sequence) FROM tombstones) - ?1 ORDER BY sequence DESC LIMIT 1),"
                " 0)) RETURNING horizon",
        [STATEMENT_TRIM] = "DELETE FROM tombstones WHERE sequence <= (SELECT max(sequence) FROM tombstones) - ?1",
        [STATEMENT_DELETED] = "SELECT kind, name, revision FROM tombstones WHERE revision > ?1 ORDER BY sequence",
        [STATEMENT_LOAD] = "SELECT id, kind, name, spec, revision FROM objects ORDER BY id",
};

/* The first column of the first row of a query, as an integer. */
static int query_integer(struct store *store, const char *sql, int64_t *ret)
{
        sqlite3_stmt *statement;
        int result = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);

        if (result != SQLITE_OK)
                return result;
        result = sqlite3_step(statement);
        if (result == SQLITE_ROW)
                *ret = sqlite3_column_int64(statement, 0);
        int finalized = sqlite3_finalize(statement);
        return result == SQLITE_ROW ? finalized : result == SQLITE_DONE ? SQLITE_ERROR : result;
}

/* Ours, empty, or to be refused? */
static int identify(struct store *store, int64_t *ret_version, struct errors *errors)
{
        int64_t application = 0, version = 0, tables = 0;
        int result = query_integer(store, "PRAGMA application_id", &application);

        if (result == SQLITE_OK)
                result = query_integer(store, "PRAGMA user_version", &version);
        if (result == SQLITE_OK)
                result = query_integer(store, "SELECT count(*) FROM sqlite_schema", &tables);
        if (result != SQLITE_OK)
                return store_fail(store, result, "reading", errors);

        if (application == 0 && version == 0 && tables == 0) {
                *ret_version = 0;
                return 0;
        }
        if (application != STORE_APPLICATION_ID) {
                errors_add(errors, -EBADMSG, "", "the path of a store of socle, or of a file that does not exist yet",
                           "%s is a database of another program", store->path);
                return -EBADMSG;
        }
        if (version > STORE_SCHEMA_VERSION) {
                errors_add(errors, -EPROTONOSUPPORT, "", "socled of the version that wrote it, or a newer one",
                           "%s has schema %lld, this socled knows schemas up to %d", store->path, (long long)version,
                           STORE_SCHEMA_VERSION);
                return -EPROTONOSUPPORT;
        }
        *ret_version = version;
        return 0;
}

static int check_sound(struct store *store, struct errors *errors)
{
        sqlite3_stmt *statement = NULL;
        int result = sqlite3_prepare_v2(store->db, "PRAGMA quick_check(1)", -1, &statement, NULL);
        int r = 0;

        if (result == SQLITE_OK)
                result = sqlite3_step(statement);
        if (result != SQLITE_ROW) {
                r = store_fail(store, result, "checking", errors);
        } else if (strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0) {
                errors_add(errors, -EBADMSG, "", "restore it from a backup, or move it away and apply everything again",
                           "%s is damaged: %s", store->path, (const char *)sqlite3_column_text(statement, 0));
                r = -EBADMSG;
        }
        sqlite3_finalize(statement);
        return r;
}

/* In one transaction from `version` (0: an empty file) to STORE_SCHEMA_VERSION. A later schema adds its step here. */
static int migrate(struct store *store, int64_t version, struct errors *errors)
{
        char sql[2048];

        if (version == STORE_SCHEMA_VERSION)
                return 0;
        snprintf(sql, sizeof(sql), "BEGIN IMMEDIATE; %s PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
                 version == 0 ? schema : "", STORE_APPLICATION_ID, STORE_SCHEMA_VERSION);
        int result = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
        if (result != SQLITE_OK)
                return store_fail(store, result, "creating the tables of", errors);
        return 0;
}

/* EXCLUSIVE, before the first access in WAL mode: nobody else gets in, and there is no shared memory file. */
static int configure(struct store *store, struct errors *errors)
{
        static const char pragmas[] = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF;"
                                      "PRAGMA cell_size_check = ON; PRAGMA synchronous = FULL;";
        int result = sqlite3_exec(store->db, pragmas, NULL, NULL, NULL);

        /* Takes the lock at once: an exclusive one stays until the close. */
        if (result == SQLITE_OK)
                result = sqlite3_exec(store->db, "BEGIN EXCLUSIVE; COMMIT", NULL, NULL, NULL);
        if (result != SQLITE_OK)
                return store_fail(store, result, "opening", errors);
        return 0;
}

static int use_wal(struct store *store, struct errors *errors)
{
        sqlite3_stmt *statement = NULL;
        int result = sqlite3_prepare_v2(store->db, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
        int r = 0;

        if (result == SQLITE_OK)
                result = sqlite3_step(statement);
        if (result != SQLITE_ROW) {
                r = store_fail(store, result, "starting the log of", errors);
        } else if (strcmp((const char *)sqlite3_column_text(statement, 0), "wal") != 0) {
                errors_add(errors, -ENOTSUP, "", "a local file system", "%s: no write-ahead log is possible there",
                           store->path);
                r = -ENOTSUP;
        }
        sqlite3_finalize(statement);
        return r;
}

static int prepare(struct store *store, struct errors *errors)
{
        int64_t revision = 0, horizon = 0;
        int result = query_integer(store, "SELECT revision FROM state", &revision);

        if (result == SQLITE_OK)
                result = query_integer(store, "SELECT horizon FROM state", &horizon);
        for (size_t i = 0; result == SQLITE_OK && i < STATEMENT_COUNT; i++)
                result = sqlite3_prepare_v3(store->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
                                            &store->statements[i], NULL);
        if (result != SQLITE_OK)
                return store_fail(store, result, "reading", errors);
        store->revision = revision;
        store->horizon = horizon;
        return 0;
}

static int open_database(struct store *store, struct errors *errors)
{
        int64_t version = 0;
        int result = sqlite3_open_v2(store->path, &store->db,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
        if (result != SQLITE_OK)
                return store_fail(store, result, "opening", errors);
        sqlite3_extended_result_codes(store->db, 1);

        int r = configure(store, errors);
        if (r < 0)
                return r;
        r = identify(store, &version, errors);
        if (r < 0)
                return r;
        /* The log takes the mode of the file it belongs to. */
        if (version == 0)
                (void)!chmod(store->path, 0600);
        r = use_wal(store, errors);
        if (r < 0)
                return r;
        r = check_sound(store, errors);
        if (r < 0)
                return r;
        r = migrate(store, version, errors);
        if (r < 0)
                return r;
        return prepare(store, errors);
}

DEFINE_CLEANUP(struct store *, store_close)

int store_open(struct store **ret, const char *path, struct errors *errors)
{
        cleanup_(store_close_p) struct store *store = calloc(1, sizeof(*store));

        if (!store || !(store->path = strdup(path))) {
                errors_add(errors, -ENOMEM, "", "", "out of memory");
                return -ENOMEM;
        }
        int r = open_database(store, errors);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(store);
        return 0;
}

struct store *store_close(struct store *store)
{
        if (!store)
                return NULL;
        for (size_t i = 0; i < STATEMENT_COUNT; i++)
                sqlite3_finalize(store->statements[i]);
        sqlite3_close(store->db);
        free(store->path);
        free(store);
        return NULL;
}
