/* Machines read from trees of /proc and /sys, as they are on a host and as hwloc-gather-topology packs them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine_tree.h"
#include "topology_support.h"

static struct topology *read_root(const struct machine_tree *tree)
{
        struct topology *t = read_source(&(struct topology_source){.root = tree->root});

        check_consistent(t);
        assert_true(t->live);
        return t;
}

static void assert_cpus(const struct cpu_set *set, const char *list)
{
        cleanup_free char *text = cpu_set_to_list(set);

        assert_string_equal(text, list);
}

static const struct topology_pci *pci(const struct topology *t, const char *name)
{
        int index = topology_find_pci(t, name);

        assert_true(index >= 0);
        return &t->pci[index];
}

static void check_two_sockets_cpus(const struct topology *t)
{
        assert_cpus(&t->present, "0-7");
        assert_cpus(&t->online, "0-6");
        assert_int_equal(t->package_count, 2);
        assert_int_equal(t->core_count, 4);
        assert_true(t->smt);
        assert_int_equal(t->cores[2].count, 2);
        assert_int_equal(t->core_cpus[t->cores[2].first + 1], 6);
        assert_int_equal(t->cores[3].count, 1);
        assert_int_equal(t->cores[0].l3, t->cores[1].l3);
        assert_int_not_equal(t->cores[0].l3, t->cores[2].l3);
        assert_int_equal(t->node_count, 3);
        assert_cpus(&t->nodes[0].cpus, "0-1,4-5");
        assert_cpus(&t->nodes[1].cpus, "2-3,6");
        assert_cpus(&t->nodes[2].cpus, "");
        assert_int_equal(t->nodes[2].os_index, 4);
        assert_int_equal(t->nodes[1].distances[2], 28);
        assert_int_equal(t->nodes[2].memory_bytes, 32ULL << 30);
        assert_int_equal(t->nodes[1].page_count, 2);
        assert_int_equal(t->nodes[1].pages[1].page_bytes, 1 << 30);
        assert_int_equal(t->nodes[1].pages[1].count, 2);
}

static void test_two_sockets(void **state)
{
        cleanup_tree struct machine_tree tree = tree_make("two-sockets.tree");
        cleanup_(topology_free_p) struct topology *t = read_root(&tree);

        check_two_sockets_cpus(t);
        assert_cpus(&t->allowed, "0-2,4-6");
        assert_int_equal(t->nodes[0].pages[0].free, 500);
        assert_int_equal(t->nodes[1].free_bytes, 4ULL << 30);
        assert_true(t->iommu && t->resctrl_l3 && t->resctrl_mb && !t->hybrid);
}

static void test_nics(void **state)
{
        cleanup_tree struct machine_tree tree = tree_make("two-sockets.tree");
        cleanup_(topology_free_p) struct topology *t = read_root(&tree);
        const struct topology_pci *e810 = pci(t, "81:00.0"), *vf = pci(t, "0000:81:01.1"), *cx5 = pci(t, "ens1f0np0");

        assert_int_equal(t->pci_count, 6);
        assert_string_equal(e810->interface, "ens2f0");
        assert_string_equal(e810->mac_address, "02:00:00:00:02:00");
        assert_string_equal(e810->driver, "ice");
        assert_int_equal(e810->node, 1);
        assert_int_equal(e810->iommu_group, 17);
        assert_int_equal(e810->sriov_total, 8);
        assert_int_equal(e810->sriov_count, 2);
        assert_int_equal(e810->speed_mbps, 100000);
        assert_int_equal(vf->physical_function, e810 - t->pci);
        assert_int_equal(vf->vf_number, 1);
        assert_string_equal(vf->driver, "iavf");
        assert_string_equal(pci(t, "81:01.0")->driver, "vfio-pci");
        assert_string_equal(pci(t, "81:01.0")->interface, "");

        /* neither the representor nor the second port; a node that nobody tells */
        assert_string_equal(cx5->address, "0000:01:00.0");
        assert_string_equal(cx5->mac_address, "02:00:00:00:01:00");
        assert_int_equal(cx5->node, -1);
        assert_int_equal(cx5->iommu_group, -1);
        assert_int_equal(pci(t, "82:00.0")->sriov_total, 16);
        assert_int_equal(pci(t, "84:00.0")->node, -1);
        assert_int_equal(pci(t, "84:00.0")->sriov_total, 0);
        assert_int_equal(topology_find_pci(t, "83:00.0"), -1);
        assert_int_equal(topology_find_pci(t, ""), -1);
        assert_int_equal(topology_find_pci(t, "81:00.0x"), -1);
}

static void test_disks(void **state)
{
        static const struct {
                const char *name;
                enum topology_disk_type type;
                uint64_t sectors;
                int node;
        } expected[] = {
                {"nvme0n1", DISK_NVME, 3125627568, 1},
                {"sda", DISK_HDD, 7814037168, 0},
                {"sdb", DISK_SSD, 1875385008, 0},
        };
        cleanup_tree struct machine_tree tree = tree_make("two-sockets.tree");
        cleanup_(topology_free_p) struct topology *t = read_root(&tree);

        assert_int_equal(t->disk_count, ARRAY_LEN(expected));
        for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
                assert_string_equal(t->disks[i].name, expected[i].name);
                assert_int_equal(t->disks[i].type, expected[i].type);
                assert_int_equal(t->disks[i].size_bytes, expected[i].sectors * 512);
                assert_int_equal(t->disks[i].node, expected[i].node);
                assert_true(t->disks[i].type_known);
        }
}

static void test_big_little(void **state)
{
        cleanup_tree struct machine_tree tree = tree_make("big-little.tree");
        cleanup_(topology_free_p) struct topology *t = read_root(&tree);

        assert_true(t->hybrid && !t->smt && !t->iommu);
        assert_int_equal(t->cores[3].kind, 0);
        assert_int_equal(t->cores[4].kind, 1);
        assert_int_equal(t->cores[4].l3, t->cores[5].l3); /* their L2, since there is nothing above it */
        assert_int_not_equal(t->cores[3].l3, t->cores[4].l3);
        assert_int_equal(t->node_count, 1);
        assert_int_equal(t->memory_bytes, 4ULL << 30);
        assert_int_equal(t->nodes[0].page_count, 1);
        assert_int_equal(t->nodes[0].pages[0].count, 3);
        assert_int_equal(t->pci_count + t->disk_count, 0);
}

static void test_sparse(void **state)
{
        cleanup_tree struct machine_tree tree = tree_make("sparse.tree");
        cleanup_(topology_free_p) struct topology *t = read_root(&tree);

        assert_cpus(&t->present, "2-3,96-97,4000");
        assert_cpus(&t->online, "2,96-97");
        assert_int_equal(t->cpu_limit, 4001);
        assert_int_equal(t->node_count, 2);
        assert_int_equal(t->nodes[1].os_index, 255);
        assert_cpus(&t->nodes[0].cpus, "2"); /* by hwloc's word, since cpulist is garbage */
        assert_cpus(&t->nodes[1].cpus, "96-97");
        assert_int_equal(t->nodes[1].memory_bytes, 0);
        assert_int_equal(t->nodes[0].pages[0].count, 0);
        assert_int_equal(t->pci_count + t->disk_count, 0);
}

/* Nothing at all in /sys: CPUs without anything around them, on one node. */
static void test_nothing_told(void **state)
{
        cleanup_tree struct machine_tree tree = tree_make(NULL);

        tree_write(&tree, "sys/empty", "");
        cleanup_(topology_free_p) struct topology *t = read_root(&tree);
        assert_int_equal(t->core_count, t->cpu_count);
        assert_int_equal(t->node_count, 1);
        assert_int_equal(t->package_count, 0);
}

/* What vanishes between two looks is unknown, and everything else is still there. */
static void test_vanished_files(void **state)
{
        static const char *const gone[] = {"sys/bus/pci/devices/0000:81:00.0/numa_node",
                                           "sys/bus/pci/devices/0000:81:00.0/driver",
                                           "sys/devices/system/node/node2/meminfo",
                                           "sys/devices/system/cpu/cpu2/topology/core_id",
                                           "sys/devices/system/cpu/present",
                                           "sys/devices/system/node/node0/cpulist",
                                           "sys/bus/pci/devices/0000:81:00.0/virtfn1",
                                           "sys/class/net/ens2f0",
                                           "sys/class/block/sda",
                                           "sys/bus/pci/devices/0000:81:01.0",
                                           "sys/devices/system/cpu/cpu5/topology/core_siblings"};
        cleanup_tree struct machine_tree tree = tree_make("two-sockets.tree");

        for (size_t i = 0; i < ARRAY_LEN(gone); i++) {
                char path[PATH_MAX];

                snprintf(path, sizeof(path), "%s/%s", tree.root, gone[i]);
                assert_int_equal(remove(path), 0);
                cleanup_(topology_free_p) struct topology *t = read_root(&tree);
                assert_int_equal(t->node_count, 3);
        }
}

/* Lists that hwloc would misunderstand, by name. */
static void test_wrong_lists(void **state)
{
        static const char *const files[] = {"cpu/online", "cpu/present", "cpu/possible", "node/online"};
        static const char *const wrong[] = {"0--1", "fish", "0-8192", "3-1"};

        for (size_t i = 0; i < ARRAY_LEN(files); i++) {
                cleanup_tree struct machine_tree tree = tree_make("sparse.tree");
                char name[128];

                snprintf(name, sizeof(name), "sys/devices/system/%s", files[i]);
                tree_write(&tree, name, wrong[i]);
                expect_refusal(&(struct topology_source){.root = tree.root}, -EINVAL, files[i]);
        }
}

/* Any damage to what the files say: a machine that hangs together, or words. Not to what the cgroup says, because hwloc
 * counts a range from −1 on to its end: such reading is ended after half a minute. */
static void test_damaged_files(void **state)
{
        static const char *const files[] = {"two-sockets.tree", "sparse.tree", "big-little.tree"};
        unsigned seed = 3, read = 0;

        for (int i = 0; i < 60; i++) {
                cleanup_tree struct machine_tree tree = tree_make(NULL);
                cleanup_fclose FILE *file = fopen(MACHINE(files[(size_t)i % ARRAY_LEN(files)]), "re");
                cleanup_(topology_free_p) struct topology *t = NULL;
                struct errors errors = {};
                char line[8192];

                assert_non_null(file);
                while (fgets(line, sizeof(line), file)) {
                        char *value = strstr(line, " = ");

                        line[strcspn(line, "\n")] = 0;
                        if (value && value[3] && strncmp(line, "sys/fs/cgroup", 13) != 0 && rand_r(&seed) % 30 == 0)
                                value[3 + rand_r(&seed) % strlen(value + 3)] = (char)(' ' + rand_r(&seed) % 95);
                        if (rand_r(&seed) % 200 != 0)
                                tree_line(&tree, line);
                }
                int r = topology_read(&t, &(struct topology_source){.root = tree.root}, &errors);
                assert_true(r == 0 ? errors.count == 0 : errors.count == 1 && errors.code == r);
                if (r == 0)
                        check_consistent(t);
                read += r == 0;
        }
        assert_true(read > 0);
}

static void run(const char *format, ...)
{
        char command[2 * PATH_MAX];
        va_list args;

        va_start(args, format);
        vsnprintf(command, sizeof(command), format, args);
        va_end(args);
        assert_int_equal(system(command), 0);
}

/* A gathered tree: as a directory, with all in one directory inside, and packed. Not live, so all CPUs are allowed. */
static void test_gathered(void **state)
{
        static const char *const names[] = {"big", ".", "big.tar.bz2", "big.tar"};
        cleanup_tree struct machine_tree tree = tree_make("two-sockets.tree"), place = tree_make(NULL);

        run("cp -a %s %s/big", tree.root, place.root);
        run("mkdir %s/packed && tar -C %s -cjf %s/packed/big.tar.bz2 big", place.root, place.root, place.root);
        run("tar -C %s -cf %s/packed/big.tar big && mkdir %s/whole && mv %s/big %s/whole", place.root, place.root,
            place.root, place.root, place.root);
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                char file[PATH_MAX];

                snprintf(file, sizeof(file), "%s/%s/%s", place.root, i < 2 ? "whole" : "packed", names[i]);
                cleanup_(topology_free_p) struct topology *t = read_file(file);
                check_consistent(t);
                check_two_sockets_cpus(t);
                assert_false(t->live);
                assert_true(cpu_set_equal(&t->allowed, &t->online));
                assert_int_equal(t->pci_count, 6);
        }
}

static void test_wrong_files(void **state)
{
        cleanup_tree struct machine_tree tree = tree_make(NULL);
        char path[PATH_MAX];

        expect_refusal(&(struct topology_source){.file = tree.root}, -EINVAL, "has no sys/devices/system/cpu in it");
        expect_refusal(&(struct topology_source){.file = "/nonexistent"}, -ENOENT, "file /nonexistent: No such");
        expect_refusal(&(struct topology_source){.root = "/nonexistent"}, -ENOENT, "this host");
        expect_refusal(&(struct topology_source){.file = "/dev/null"}, -EINVAL, "neither a file nor a directory");
        tree_write(&tree, "cut.tar.bz2", "BZh91AY&SY");
        snprintf(path, sizeof(path), "%s/cut.tar.bz2", tree.root);
        expect_refusal(&(struct topology_source){.file = path}, -EINVAL, "cannot be unpacked");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_two_sockets),    cmocka_unit_test(test_nics),
                cmocka_unit_test(test_disks),          cmocka_unit_test(test_big_little),
                cmocka_unit_test(test_sparse),         cmocka_unit_test(test_nothing_told),
                cmocka_unit_test(test_vanished_files), cmocka_unit_test(test_wrong_lists),
                cmocka_unit_test(test_damaged_files),  cmocka_unit_test(test_gathered),
                cmocka_unit_test(test_wrong_files),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
