/* The store as its users see it: what is put comes back, who may open it, what it refuses. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "socle/cleanup.h"

static uint32_t put(struct store *store, uint32_t id, const char *name, const char *spec, uint64_t revision)
{
        struct errors errors = {0};
        struct store_row row = {.id = id,
                                .kind = "Port",
                                .name = name,
                                .spec = spec,
                                .spec_length = strlen(spec),
                                .revision = revision};

        assert_int_equal(store_put(store, &row, &errors), 0);
        return row.id;
}

static int collect(void *user, const struct store_row *row)
{
        char *text = user;
        size_t used = strlen(text);

        assert_int_equal(strlen(row->spec), row->spec_length);
        snprintf(text + used, 1000 - used, "%u %s %s %s %llu;", row->id, row->kind, row->name, row->spec,
                 (unsigned long long)row->revision);
        return 0;
}

static void assert_content(struct store *store, const char *expected)
{
        struct errors errors = {0};
        char text[1000] = "";

        assert_int_equal(store_load(store, collect, text, &errors), 0);
        assert_string_equal(text, expected);
}

static void reopen(struct fixture *fixture)
{
        struct errors errors = {0};

        fixture->store = store_close(fixture->store);
        assert_int_equal(store_open(&fixture->store, fixture->path, &errors), 0);
}

/* The model's store, without a model over it. */
static int setup(void **state)
{
        fixture_setup(state);
        struct fixture *fixture = *state;
        fixture->model = model_free(fixture->model);
        return 0;
}

static void test_rows_come_back(void **state)
{
        struct fixture *f = *state;
        struct errors errors = {0};

        assert_int_equal(store_revision(f->store), 0);
        assert_int_equal(store_begin(f->store, &errors), 0);
        uint32_t a = put(f->store, 0, "a", "{\"x\":\"ü\"}", 1), b = put(f->store, 0, "b", "{}", 1);
        assert_int_equal(store_commit(f->store, 1, &errors), 0);
        assert_int_equal(a, 1);
        assert_int_equal(b, 2);
        reopen(f);
        assert_int_equal(store_revision(f->store), 1);
        assert_content(f->store, "1 Port a {\"x\":\"ü\"} 1;2 Port b {} 1;");

        assert_int_equal(store_begin(f->store, &errors), 0);
        put(f->store, a, "a", "{\"x\":2}", 2);
        assert_int_equal(store_delete(f->store, b, "Port", "b", 2, &errors), 0);
        assert_int_equal(store_commit(f->store, 2, &errors), 0);
        reopen(f);
        assert_content(f->store, "1 Port a {\"x\":2} 2;");

        /* An id is never used again, not even that of the last object. */
        assert_int_equal(store_begin(f->store, &errors), 0);
        assert_int_equal(put(f->store, 0, "b", "{}", 3), 3);
        assert_int_equal(store_commit(f->store, 3, &errors), 0);
}

static void test_rollback_leaves_nothing(void **state)
{
        struct fixture *f = *state;
        struct errors errors = {0};

        assert_int_equal(store_begin(f->store, &errors), 0);
        uint32_t id = put(f->store, 0, "a", "{}", 1);
        assert_int_equal(store_commit(f->store, 1, &errors), 0);
        assert_int_equal(store_begin(f->store, &errors), 0);
        put(f->store, id, "a", "{\"x\":1}", 2);
        put(f->store, 0, "b", "{}", 2);
        store_rollback(f->store);
        assert_content(f->store, "1 Port a {} 1;");
        assert_int_equal(store_revision(f->store), 1);
        store_rollback(f->store); /* without a transaction: nothing */
        assert_int_equal(store_begin(f->store, &errors), 0);
        assert_int_equal(store_commit(f->store, 2, &errors), 0);
}

static void test_wrong_rows(void **state)
{
        struct fixture *f = *state;
        struct errors errors = {0};
        struct store_row row = {.id = 7, .kind = "Port", .name = "a", .spec = "{}", .spec_length = 2, .revision = 1};

        assert_int_equal(store_begin(f->store, &errors), 0);
        assert_int_equal(store_put(f->store, &row, &errors), -ENOENT);
        assert_int_equal(store_delete(f->store, 7, "Port", "a", 1, &errors), -ENOENT);
        row.id = 0;
        assert_int_equal(store_put(f->store, &row, &errors), 0);
        row.id = 0;
        assert_true(store_put(f->store, &row, &errors) < 0); /* the name twice */
        store_rollback(f->store);
        assert_content(f->store, "");
}

struct deletions {
        char text[1000];
        size_t count;
};

static int collect_deletion(void *user, const char *kind, const char *name, uint64_t revision)
{
        struct deletions *deletions = user;
        size_t used = strlen(deletions->text);

        if (deletions->count++ < 10)
                snprintf(deletions->text + used, sizeof(deletions->text) - used, "%s %s %llu;", kind, name,
                         (unsigned long long)revision);
        return 0;
}

static void delete_in(struct store *store, uint64_t revision, const char *name)
{
        struct errors errors = {0};

        assert_int_equal(store_begin(store, &errors), 0);
        uint32_t id = put(store, 0, name, "{}", revision);
        assert_int_equal(store_delete(store, id, "Port", name, revision, &errors), 0);
        assert_int_equal(store_commit(store, revision, &errors), 0);
}

static void test_deletions_are_remembered(void **state)
{
        struct fixture *f = *state;
        struct errors errors = {0};
        struct deletions all = {0}, late = {0};

        delete_in(f->store, 1, "a");
        delete_in(f->store, 2, "b");
        delete_in(f->store, 3, "a");
        reopen(f);
        assert_int_equal(store_deleted_since(f->store, 0, collect_deletion, &all, &errors), 0);
        assert_string_equal(all.text, "Port a 1;Port b 2;Port a 3;");
        assert_int_equal(store_deleted_since(f->store, 2, collect_deletion, &late, &errors), 0);
        assert_string_equal(late.text, "Port a 3;");
}

static void test_old_deletions_are_forgotten(void **state)
{
        struct fixture *f = *state;
        struct errors errors = {0};
        struct deletions found = {0};
        char name[16];

        delete_in(f->store, 1, "first");
        delete_in(f->store, 2, "second");
        assert_int_equal(store_begin(f->store, &errors), 0);
        for (size_t i = 0; i < STORE_TOMBSTONES - 1; i++) {
                snprintf(name, sizeof(name), "x%zu", i);
                uint32_t id = put(f->store, 0, name, "{}", 3);
                assert_int_equal(store_delete(f->store, id, "Port", name, 3, &errors), 0);
        }
        assert_int_equal(store_commit(f->store, 3, &errors), 0);

        for (int round = 0; round < 2; round++) {
                found = (struct deletions){0};
                assert_int_equal(store_deleted_since(f->store, 0, collect_deletion, &found, &errors), -ESTALE);
                assert_int_equal(found.count, 0);
                assert_int_equal(store_deleted_since(f->store, 1, collect_deletion, &found, &errors), 0);
                assert_int_equal(found.count, STORE_TOMBSTONES);
                assert_memory_equal(found.text, "Port second 2;", 14);
                reopen(f);
        }
}

/* ---- opening ---- */

static void assert_refused(const char *path, int code, const char *words)
{
        struct errors errors = {0};
        struct store *store = NULL;

        assert_int_equal(store_open(&store, path, &errors), code);
        assert_null(store);
        assert_int_equal(errors.code, code);
        assert_complaint(&errors, "", "", "", words);
}

static void test_second_opener(void **state)
{
        struct fixture *f = *state;

        assert_refused(f->path, -EBUSY, "one socled a store");
        pid_t child = fork();
        if (child == 0) {
                struct errors errors = {0};
                struct store *store;
                _exit(store_open(&store, f->path, &errors) == -EBUSY ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        reopen(f);
}

static void write_file(const char *path, const void *bytes, size_t size)
{
        cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        assert_int_equal(write(fd, bytes, size), size);
}

static void test_garbage(void **state)
{
        struct fixture *f = *state;
        char garbage[8192], before[8192];

        f->store = store_close(f->store);
        for (size_t i = 0; i < sizeof(garbage); i++)
                garbage[i] = i * 7 + 13;
        write_file(f->path, garbage, sizeof(garbage));
        assert_refused(f->path, -EBADMSG, "is not a database");

        /* What is not ours is left as it is. */
        cleanup_close int fd = open(f->path, O_RDONLY);
        assert_int_equal(read(fd, before, sizeof(before)), sizeof(before));
        assert_memory_equal(before, garbage, sizeof(garbage));
}

static void execute(const char *path, const char *sql)
{
        sqlite3 *db;
        char *message = NULL;

        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
                fail_msg("%s", message);
        sqlite3_close(db);
}

static void test_foreign_database(void **state)
{
        struct fixture *f = *state;

        f->store = store_close(f->store);
        unlink(f->path);
        execute(f->path, "CREATE TABLE recipes (soup TEXT); INSERT INTO recipes VALUES ('leek')");
        assert_refused(f->path, -EBADMSG, "another program");
        execute(f->path, "UPDATE recipes SET soup = 'onion' WHERE soup = 'leek'");
}

static void test_newer_schema(void **state)
{
        struct fixture *f = *state;

        f->store = store_close(f->store);
        execute(f->path, "PRAGMA user_version = 99");
        assert_refused(f->path, -EPROTONOSUPPORT, "schema 99");
}

static void test_damage(void **state)
{
        struct fixture *f = *state;
        struct errors errors = {0};
        char spec[2000], name[16], zeros[4096];

        memset(spec, 'x', sizeof(spec) - 1);
        spec[sizeof(spec) - 1] = 0;
        assert_int_equal(store_begin(f->store, &errors), 0);
        for (int i = 0; i < 100; i++) {
                snprintf(name, sizeof(name), "p%d", i);
                put(f->store, 0, name, spec, 1);
        }
        assert_int_equal(store_commit(f->store, 1, &errors), 0);
        f->store = store_close(f->store);

        memset(zeros, 0xa5, sizeof(zeros));
        for (off_t at = 4096 * 8; at < 4096 * 40; at += 4096) {
                cleanup_close int fd = open(f->path, O_WRONLY);
                assert_int_equal(pwrite(fd, zeros, sizeof(zeros), at), sizeof(zeros));
        }
        assert_refused(f->path, -EBADMSG, "backup");
}

static void test_no_directory(void **state)
{
        struct fixture *f = *state;
        char path[128];

        snprintf(path, sizeof(path), "%s/none/intent.db", f->directory);
        assert_refused(path, -ENOENT, "No such file or directory");
        assert_refused(f->directory, -EISDIR, "Is a directory");
}

static void test_file_is_private(void **state)
{
        struct fixture *f = *state;
        struct errors errors = {0};
        struct stat seen;
        char log[128];

        assert_int_equal(store_begin(f->store, &errors), 0);
        put(f->store, 0, "a", "{}", 1);
        assert_int_equal(store_commit(f->store, 1, &errors), 0);
        assert_int_equal(stat(f->path, &seen), 0);
        assert_int_equal(seen.st_mode & 0777, 0600);
        snprintf(log, sizeof(log), "%s-wal", f->path);
        assert_int_equal(stat(log, &seen), 0);
        assert_int_equal(seen.st_mode & 0777, 0600);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_rows_come_back, setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_rollback_leaves_nothing, setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_wrong_rows, setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_deletions_are_remembered, setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_old_deletions_are_forgotten, setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_second_opener, setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_garbage, setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_foreign_database, setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_newer_schema, setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_damage, setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_no_directory, setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_file_is_private, setup, fixture_teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
