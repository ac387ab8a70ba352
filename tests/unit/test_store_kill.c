/* What was acknowledged survives kill -9 of the process that wrote it, at any moment; and a file system that is really
 * full refuses with words and loses nothing. The real disk, the real SQLite VFS, real processes. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "socle/cleanup.h"

static json_t *numbered_networks(uint64_t number)
{
        json_t *objects = json_array();

        /* Two objects that always change together: half a transaction would show. */
        json_array_append_new(objects, parse_format("{'kind':'Network','name':'n','spec':{'underlay':'u','vni':%u}}",
                                                    (unsigned)number * 2 + 1));
        json_array_append_new(objects, parse_format("{'kind':'Network','name':'m','spec':{'underlay':'u','vni':%u}}",
                                                    (unsigned)number * 2 + 2));
        json_array_append_new(objects, parse_format("{'kind':'Network','name':'x%u','spec':{'underlay':'u','vlan':%u}}",
                                                    (unsigned)number, (unsigned)number % 4095));
        return objects;
}

/* Applies until killed, and writes each revision to the pipe once it is acknowledged. */
static void write_until_killed(const char *path, int pipe_fd)
{
        struct fixture f = {0};
        struct errors errors = {0};

        snprintf(f.path, sizeof(f.path), "%s", path);
        if (store_open(&f.store, f.path, &errors) < 0 || model_new(&f.model, f.store, &errors) < 0)
                _exit(1);
        for (uint64_t number = model_revision(f.model);; number++) {
                if (apply_json(&f, numbered_networks(number), APPLY_DEFAULT, &errors) < 0)
                        _exit(2);
                uint64_t revision = model_revision(f.model);
                if (write(pipe_fd, &revision, sizeof(revision)) != sizeof(revision))
                        _exit(3);
        }
}

static uint64_t last_acknowledged(int pipe_fd, uint64_t before)
{
        uint64_t revision;

        while (read(pipe_fd, &revision, sizeof(revision)) == sizeof(revision))
                before = revision;
        return before;
}

static int64_t vni(struct fixture *f, const char *name)
{
        return json_integer_value(json_object_get(model_find(f->model, "Network", name)->spec, "vni"));
}

static void test_kill(void **state)
{
        struct fixture *f = *state;
        uint64_t acknowledged;

        acknowledged = apply_ok(f, "[{'kind':'Underlay','name':'u','spec':{'device':{'tap':{'name':'v'}}}}]");
        f->model = model_free(f->model);
        f->store = store_close(f->store);
        srand(3);
        for (int round = 0; round < 20; round++) {
                int pipes[2], status;

                assert_int_equal(pipe(pipes), 0);
                pid_t child = fork();
                if (child == 0) {
                        close(pipes[0]);
                        write_until_killed(f->path, pipes[1]);
                }
                close(pipes[1]);
                /* At least one is acknowledged, then it dies at some moment of the next ones. */
                uint64_t first;
                assert_int_equal(read(pipes[0], &first, sizeof(first)), sizeof(first));
                usleep(rand() % 20000);
                kill(child, SIGKILL);
                acknowledged = last_acknowledged(pipes[0], first);
                close(pipes[0]);
                assert_int_equal(waitpid(child, &status, 0), child);
                assert_true(WIFSIGNALED(status));

                fixture_restart(f);
                uint64_t revision = model_revision(f->model);
                assert_in_range(revision, acknowledged, acknowledged + 1);
                assert_int_equal(vni(f, "n"), (revision - 1) * 2 + 1);
                assert_int_equal(vni(f, "m"), (revision - 1) * 2 + 2);
                assert_int_equal(model_count(f->model, kind_find("Network")), 2 + revision - 1);
                f->model = model_free(f->model);
                f->store = store_close(f->store);
        }
        assert_true(acknowledged > 20);
        fixture_restart(f);
}

/* ---- a file system that is really full ---- */

/* A small tmpfs over the fixture's directory, in a mount namespace of the child's own. */
static bool mount_small(const char *directory)
{
        return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
               mount("tmpfs", directory, "tmpfs", 0, "size=512k") == 0;
}

static void fill_up(struct fixture *f)
{
        char path[128], block[4096] = {1};

        snprintf(path, sizeof(path), "%s/ballast", f->directory);
        cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
        while (write(fd, block, sizeof(block)) > 0)
                ;
}

static void empty_again(struct fixture *f)
{
        char path[128];

        snprintf(path, sizeof(path), "%s/ballast", f->directory);
        unlink(path);
}

static json_t *many_networks(void)
{
        json_t *objects = json_array();

        for (int i = 0; i < 300; i++)
                json_array_append_new(objects, parse_format("{'kind':'Network','name':'many-%d','spec':{'underlay':'u',"
                                                            "'vni':%d}}",
                                                            i, 5000 + i));
        return objects;
}

static void full_in_child(void **state)
{
        struct fixture *f = *state;
        struct errors errors = {0};
        size_t refused = 0;

        apply_ok(f, small_world);
        fill_up(f);
        cleanup_free char *before = model_image(f->model);
        for (int i = 0; i < 3; i++) {
                errors = (struct errors){0};
                assert_int_equal(apply_json(f, many_networks(), APPLY_DEFAULT, &errors), -ENOSPC);
                assert_only_complaint(&errors, -ENOSPC, "", errors.list[0].name, "", "free space");
                refused++;
        }
        cleanup_free char *memory = model_image(f->model);
        assert_string_equal(memory, before);
        fixture_restart(f); /* opens on a full disk, too */
        cleanup_free char *disk = model_image(f->model);
        assert_string_equal(disk, before);
        empty_again(f);
        errors = (struct errors){0};
        assert_int_equal(apply_json(f, many_networks(), APPLY_DEFAULT, &errors), 0);
        fixture_restart(f);
        assert_int_equal(model_count(f->model, kind_find("Network")), 301);
        assert_int_equal(refused, 3);
}

static void test_full_file_system(void **state)
{
        struct fixture *f = *state;
        int status;

        if (geteuid() != 0) {
                print_message("needs root, for a small tmpfs: skipped\n");
                skip();
        }
        f->model = model_free(f->model);
        f->store = store_close(f->store);
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
                if (!mount_small(f->directory))
                        _exit(77);
                fixture_restart(f);
                const struct CMUnitTest inner[] = {cmocka_unit_test_prestate(full_in_child, f)};
                int failed = cmocka_run_group_tests_name("full file system", inner, NULL, NULL);
                fflush(NULL);
                _exit(failed);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        fixture_restart(f);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
                print_message("no mount namespace here: skipped\n");
                skip();
        }
        assert_int_equal(status, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_kill, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_full_file_system, fixture_setup, fixture_teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
