/* Huge pages by node and size: what the kernel has in one piece, after compaction, without caches; a part is none. */
#include <errno.h>
#include <string.h>

#include "knob_fixture.h"

#define NODE0 "/sys/devices/system/node/node0"
#define SMALL NODE0 "/hugepages/hugepages-2048kB/nr_hugepages"
#define NODE1 "/sys/devices/system/node/node1"
#define LARGE NODE1 "/hugepages/hugepages-1048576kB/nr_hugepages"

static int free_pages, compactions, drops; /* of the made-up kernel */

static void kernel(struct tree *tree, enum host_step step, const char *path)
{
        if (step != HOST_WRITE)
                return;
        if (strcmp(path, SMALL) == 0) {
                cleanup_free char *asked = tree_get(tree, SMALL);
                if (strtol(asked, NULL, 10) > free_pages)
                        tree_put(tree, SMALL, "%d", free_pages);
        }
        if (strcmp(path, NODE0 "/compact") == 0 && ++compactions)
                free_pages += 100;
        if (strcmp(path, "/proc/sys/vm/drop_caches") == 0 && ++drops)
                free_pages += 100;
}

static int setup(void **state)
{
        tree_setup(state);
        struct tree *tree = *state;

        free_pages = 300;
        compactions = drops = 0;
        tree_put(tree, SMALL, "0");
        tree_put(tree, LARGE, "0");
        tree_put(tree, NODE0 "/compact", "%s", "");
        tree_put(tree, "/proc/sys/vm/drop_caches", "0");
        tree_put(tree, "/proc/cmdline", "BOOT_IMAGE=/vmlinuz quiet");
        tree->answer = kernel;
        return 0;
}

static void apply_pages(struct tree *tree, uint64_t count, int code, const char *words)
{
        struct plan_pages pages = {.node = 0, .page_bytes = 2 << 20, .count = count, .dataplane = 10};
        cleanup_topology struct topology *topology = topology_small("0-7", "0-3", "4-7", NULL);
        struct plan plan = plan_nothing();
        cleanup_wishes struct wishes wishes = {};

        plan.pages = &pages;
        plan.page_count = 1;
        wishes_of(tree, topology, &plan, &wishes);
        if (code == 0) {
                apply_changes(tree, &wishes, 1);
                return;
        }
        struct errors errors = {};
        cleanup_results struct knob_results results = {};
        assert_int_equal(knobs_apply(&tree->host, &wishes, &results, &errors), code);
        assert_true(has_words(&errors, words));
        tree_assert(tree, SMALL, "0");
}

static void test_enough(void **state)
{
        apply_pages(*state, 300, 0, NULL);
        tree_assert(*state, SMALL, "300");
        assert_int_equal(compactions + drops, 0);
        restore_ok(*state);
        tree_assert(*state, SMALL, "0");
}

static void test_compaction(void **state)
{
        apply_pages(*state, 400, 0, NULL);
        assert_int_equal(compactions, 1);
        assert_int_equal(drops, 0);
}

static void test_caches(void **state)
{
        apply_pages(*state, 600, 0, NULL);
        assert_int_equal(compactions, 2);
        assert_int_equal(drops, 1);
}

static void test_too_many(void **state)
{
        apply_pages(*state, 601, -ENOMEM,
                    "hugepages node0 2048kB: asked '601', found '600': only 600 pages could be had, after compaction");
}

/* Gigantic ones before the reboot that brings them, and after. */
static void test_gigantic(void **state)
{
        struct tree *tree = *state;
        struct plan_pages pages = {.node = 1, .page_bytes = UINT64_C(1) << 30, .count = 4};
        cleanup_topology struct topology *topology = topology_small("0-7", "0-3", "4-7", NULL);
        struct plan plan = plan_nothing();
        cleanup_wishes struct wishes before = {}, after = {};

        plan.pages = &pages;
        plan.page_count = 1;
        wishes_of(tree, topology, &plan, &before);
        assert_int_equal(before.count, 0);
        assert_note(&before, "hugepages", "4 pages of this size are only sure to be had at boot");
        tree_put(tree, "/proc/cmdline", "quiet hugepagesz=1G hugepages=1:4");
        wishes_of(tree, topology, &plan, &after);
        assert_wish(&after, "hugepages", "node1 1048576kB", "4");
}

static void test_no_such_size(void **state)
{
        struct tree *tree = *state;
        struct plan_pages pages = {.node = 1, .page_bytes = 2 << 20, .count = 4};
        cleanup_topology struct topology *topology = topology_small("0-7", "0-3", "4-7", NULL);
        struct plan plan = plan_nothing();
        cleanup_wishes struct wishes wishes = {};

        plan.pages = &pages;
        plan.page_count = 1;
        wishes_of(tree, topology, &plan, &wishes);
        assert_note(&wishes, "hugepages", "this host has no " NODE1 "/hugepages/hugepages-2048kB/nr_hugepages");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_enough, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_compaction, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_caches, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_too_many, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_gigantic, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_no_such_size, setup, tree_teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
