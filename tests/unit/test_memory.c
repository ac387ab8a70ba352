/* Out of memory at every allocation in turn, the model's, jansson's and SQLite's: a request then succeeds all the same,
 * or is refused in whole. The allocator of the process is replaced for that, which a sanitizer does not like. */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "socle/cleanup.h"

#if defined(__SANITIZE_ADDRESS__)

int main(void)
{
        print_message("the sanitizer has the allocator: skipped\n");
        return 77; /* meson: skipped */
}

#else

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);

static bool armed;
static size_t allocations, fail_at;

static bool fails(void)
{
        return armed && allocations++ == fail_at;
}

void *malloc(size_t size)
{
        return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
        return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *pointer, size_t size)
{
        return fails() ? NULL : __libc_realloc(pointer, size);
}

static const char change[] =
        "[{'kind':'Underlay','name':'u','spec':{'device':{'af_packet':{'interface':'eth1'}},'vtep_ipv4':'192.0.2.1/24',"
        "  'workers':[1,2],'dscp':5}},"
        " {'kind':'Network','name':'n','spec':{'underlay':'u','vni':101}},"
        " {'kind':'Network','name':'m','spec':{'underlay':'u','vni':100}},"
        " {'kind':'Port','name':'q','spec':{'network':'m','mac_address':'FA:16:3E:00:00:01','fixed_ips':['FD00::1'],"
        "  'attachment':{'vhost_user':{'socket':'/s'}}}},"
        " {'kind':'Port','name':'r','spec':{'network':'m','mac_address':'FA:16:3E:00:00:02','attachment':{'tap':{'name'"
        ":"
        "  'tap0'}}}},"
        " {'kind':'Peer','name':'z','spec':{'underlay':'u','vtep':'192.0.2.2','networks':[{'network':'n','hosts':["
        "  {'mac_address':'fa:16:3e:00:00:02','ip_addresses':['10.0.0.2','fd00::2']}]},{'network':'m'}]}}]";

static int attempt(struct fixture *f, bool delete, size_t at, struct errors *errors)
{
        cleanup_(json_decrefp) json_t *objects =
                parse(delete ? "[{'kind':'Port','name':'p'},{'kind':'Network','name':'n'}]" : change);
        struct apply_request apply = {.objects = objects, .replace = true, .role = ROLE_ADMIN};
        struct delete_request removal = {.objects = objects, .role = ROLE_ADMIN};
        struct transaction *transaction = NULL;

        *errors = (struct errors){0};
        allocations = 0;
        fail_at = at;
        armed = true;
        int r = delete ? model_plan_delete(f->model, &removal, &transaction, errors)
                       : model_plan_apply(f->model, &apply, &transaction, errors);
        if (r == 0)
                r = model_commit(f->model, transaction, NULL, errors);
        armed = false;
        return r;
}

static void every_allocation(bool delete)
{
        size_t refused = 0, at = 0;
        bool through = false;

        for (; !through; at++) {
                struct errors errors;
                void *state;

                fixture_setup(&state);
                struct fixture *f = state;
                apply_ok(f, small_world);
                cleanup_free char *before = model_image(f->model);
                int r = attempt(f, delete, at, &errors);
                through = allocations <= at;
                if (r < 0) {
                        cleanup_free char *after = model_image(f->model);
                        assert_int_equal(r, -ENOMEM);
                        assert_int_equal(errors.code, -ENOMEM);
                        assert_string_equal(before, after);
                        fixture_restart(f);
                        cleanup_free char *stored = model_image(f->model);
                        assert_string_equal(before, stored);
                        refused++;
                        r = attempt(f, delete, SIZE_MAX, &errors);
                }
                assert_int_equal(r, 0);
                cleanup_free char *done = model_image(f->model);
                fixture_restart(f);
                cleanup_free char *stored = model_image(f->model);
                assert_string_equal(done, stored);
                assert_int_equal(model_count(f->model, kind_find("Port")), delete ? 0 : 2);
                fixture_teardown(&state);
        }
        print_message("%zu allocations, refused at %zu of them\n", at - 1, refused);
        assert_true(refused > (delete ? 3 : 100));
}

static void test_apply(void **state)
{
        every_allocation(false);
}

static void test_delete(void **state)
{
        every_allocation(true);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_apply), cmocka_unit_test(test_delete)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
