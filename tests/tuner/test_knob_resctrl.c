/* Shares of cache and memory bandwidth. */
#include <errno.h>
#include <string.h>

#include "knob_fixture.h"

#define ROOT  "/sys/fs/resctrl"
#define GROUP ROOT "/socle-dataplane"

/* Lines that were written are merged into all that the group has, as the kernel shows it. */
static void kernel(struct tree *tree, enum host_step step, const char *path)
{
        static char l3[64], mb[64];

        if (step == HOST_MAKE_DIRECTORY) {
                tree_put(tree, GROUP "/cpus_list", "%s", "");
                tree_put(tree, GROUP "/schemata", "    L3:0=7ff;1=7ff\n    MB:0=100;1=100");
                snprintf(l3, sizeof(l3), "L3:0=7ff;1=7ff");
                snprintf(mb, sizeof(mb), "MB:0=100;1=100");
        }
        if (step != HOST_WRITE || strcmp(path, GROUP "/schemata") != 0)
                return;
        cleanup_free char *line = tree_get(tree, path);
        snprintf(strncmp(line, "L3", 2) ? mb : l3, sizeof(l3), "%s", line);
        if (strcmp(l3, "L3:0=f0;1=f0") == 0)
                snprintf(l3, sizeof(l3), "L3:0=0f0;1=0f0");
        tree_put(tree, path, "    %s\n    %s", l3, mb);
}

static int remove_files(struct tree *tree, enum host_step step, const char *path)
{
        struct host quiet = {.root = tree->root};

        if (step != HOST_REMOVE_DIRECTORY)
                return 0;
        tree_remove(tree, GROUP);
        return host_make_directory(&quiet, GROUP);
}

static int setup(void **state)
{
        tree_setup(state);
        struct tree *tree = *state;

        tree_put(tree, ROOT "/schemata", "    L3:0=7ff;1=7ff\n    MB:0=100;1=100");
        tree_put(tree, ROOT "/info/L3/cbm_mask", "7ff");
        tree_put(tree, ROOT "/info/L3/min_cbm_bits", "1");
        tree_put(tree, ROOT "/info/MB/bandwidth_gran", "10");
        tree_put(tree, ROOT "/info/MB/min_bandwidth", "10");
        tree_put(tree, ROOT "/info/last_cmd_status", "ok");
        tree->answer = kernel;
        tree->refuse = remove_files;
        return 0;
}

static struct plan plan_cache(uint32_t mask, int percent)
{
        struct plan plan = plan_nothing();

        plan.classes[CLASS_DATAPLANE] = cpus("2-3");
        plan.cache.l3_mask[CLASS_DATAPLANE] = mask;
        plan.cache.mb_percent[CLASS_DATAPLANE] = percent;
        return plan;
}

static void test_there_and_back(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-3", "0-3", NULL);
        struct plan plan = plan_cache(0xf0, 35), cache_only = plan_cache(0xf, 0);
        cleanup_wishes struct wishes wishes = {}, other = {};

        there_and_back(tree, topology, &plan, 1);
        wishes_of(tree, topology, &plan, &wishes);
        assert_wish(&wishes, "resctrl", "dataplane", "cpus 2-3 L3 f0 MB 40"); /* as the CPU rounds it */
        apply_changes(tree, &wishes, 1);
        tree_assert(tree, GROUP "/cpus_list", "2-3");
        tree_assert(tree, GROUP "/schemata", "    L3:0=0f0;1=0f0\n    MB:0=40;1=40");
        wishes_of(tree, topology, &cache_only, &other);
        apply_changes(tree, &other, 1);
        assert_reads(tree, "resctrl", "dataplane", "cpus 2-3 L3 f MB 40");
        tree_put(tree, GROUP "/schemata", "    L3:0=00f;1=7ff\n    MB:0= 40;1= 50");
        assert_reads(tree, "resctrl", "dataplane", "cpus 2-3 L3 0=00f;1=7ff MB 0=40;1=50");
        restore_ok(tree);
        tree_assert_absent(tree, GROUP);
}

static int refuse(struct tree *tree, enum host_step step, const char *path)
{
        if (step == HOST_WRITE && strcmp(path, GROUP "/schemata") == 0) {
                tree_put(tree, ROOT "/info/last_cmd_status", "non-consecutive 1-bits in mask");
                return -EINVAL;
        }
        return remove_files(tree, step, path);
}

static void test_refused(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-3", "0-3", NULL);
        struct plan plan = plan_cache(0x5, 0);
        cleanup_wishes struct wishes wishes = {};

        tree_put(tree, ROOT "/info/last_cmd_status", "non-consecutive 1-bits in mask");
        wishes_of(tree, topology, &plan, &wishes);
        tree->refuse = refuse;
        apply_fails(tree, &wishes, -EINVAL, "the kernel says: non-consecutive 1-bits in mask");
        tree_assert_absent(tree, GROUP);
}

static void test_bad_mask(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-3", "0-3", NULL);
        struct plan plan = plan_cache(0x1000, 0);
        cleanup_wishes struct wishes wishes = {};
        struct errors errors = {};

        assert_int_equal(knobs_wish(&tree->host, topology, &plan, &wishes, &errors), -EINVAL);
        assert_string_equal(errors.list[0].pointer, "/spec/cache/dataplane");
        assert_string_equal(errors.list[0].expected, "at least 1 adjacent bits of 7ff");
}

static void test_not_mounted(void **state)
{
        struct tree *tree = *state;
        cleanup_topology struct topology *topology = topology_small("0-3", "0-3", NULL);
        struct plan plan = plan_cache(0xf, 0);
        cleanup_wishes struct wishes wishes = {};

        tree_remove(tree, ROOT);
        wishes_of(tree, topology, &plan, &wishes);
        assert_int_equal(wishes.count, 0);
        assert_note(&wishes, "resctrl", "mount -t resctrl resctrl /sys/fs/resctrl");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_there_and_back, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_refused, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_bad_mask, setup, tree_teardown),
                cmocka_unit_test_setup_teardown(test_not_mounted, setup, tree_teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
