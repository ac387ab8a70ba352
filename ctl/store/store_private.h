/* What store.c and store_open.c share. */
#pragma once

#include <sqlite3.h>

#include "store.h"

#define STORE_APPLICATION_ID 0x736f636c /* "socl", in the file's header */
#define STORE_SCHEMA_VERSION 1

enum store_statement {
        STATEMENT_BEGIN,
        STATEMENT_COMMIT,
        STATEMENT_ROLLBACK,
        STATEMENT_INSERT,
        STATEMENT_UPDATE,
        STATEMENT_DELETE,
        STATEMENT_BURY,
        STATEMENT_REVISION,
        STATEMENT_HORIZON,
        STATEMENT_TRIM,
        STATEMENT_DELETED,
        STATEMENT_LOAD,
        STATEMENT_COUNT
};

struct store {
        sqlite3 *db;
        char *path;
        uint64_t revision;
        uint64_t horizon; /* deletions of revisions up to this one may be forgotten */
        bool buried;      /* the transaction under way deletes */
        bool suspect;     /* a commit failed in a way that may have left its frames in the WAL; see store_begin */
        sqlite3_stmt *statements[STATEMENT_COUNT];
};

/* Complains about the last failure of the database, with what to do, and returns it as -errno. */
int store_fail(struct store *store, int result, const char *doing, struct errors *errors);
