/* Topologies as JSON documents: there and back, as files, and what is none. */
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

static void check_there_and_back(const struct topology *t)
{
        cleanup_(topology_free_p) struct topology *back = NULL;
        struct errors errors = {};
        json_t *json = topology_to_json(t), *again;

        assert_int_equal(topology_from_json(&back, json, &errors), 0);
        check_consistent(back);
        again = topology_to_json(back);
        assert_true(json_equal(json, again));
        assert_int_equal(t->cpu_count, back->cpu_count);
        for (size_t i = 0; i < t->cpu_count; i++)
                assert_memory_equal(&t->cpus[i], &back->cpus[i], sizeof(t->cpus[i]));
        for (size_t i = 0; i < t->core_count; i++)
                assert_memory_equal(&t->cores[i], &back->cores[i], sizeof(t->cores[i]));
        json_decref(json);
        json_decref(again);
}

static void test_there_and_back(void **state)
{
        static const char *const synthetic[] = {"pu:1", "core:3 pu:2", "pack:2 numa:4 l3:2 core:4 pu:2",
                                                "pack:8 numa:4 l3:4 core:4 pu:2"};
        static const char *const xml[] = {"two-sockets.xml", "hbm.xml", "hybrid.xml", "version1.xml"};
        static const char *const trees[] = {"two-sockets.tree", "big-little.tree", "sparse.tree", NULL};

        for (size_t i = 0; i < ARRAY_LEN(synthetic); i++) {
                cleanup_(topology_free_p) struct topology *described = read_synthetic(synthetic[i]);
                cleanup_(topology_free_p) struct topology *exported = read_file(MACHINE(xml[i]));
                cleanup_tree struct machine_tree tree = tree_make(trees[i]);
                cleanup_(topology_free_p) struct topology *gathered =
                        read_source(&(struct topology_source){.root = trees[i] ? tree.root : "/"});

                check_there_and_back(described);
                check_there_and_back(exported);
                check_there_and_back(gathered);
        }
}

/* A document in a file is another machine, whatever it was. */
static void test_as_file(void **state)
{
        cleanup_tree struct machine_tree tree = tree_make("two-sockets.tree"), place = tree_make(NULL);
        cleanup_(topology_free_p) struct topology *t = read_source(&(struct topology_source){.root = tree.root});
        json_t *json = topology_to_json(t);
        cleanup_free char *text = json_dumps(json, JSON_INDENT(1));
        char path[PATH_MAX];

        tree_write(&place, "machine.json", text);
        snprintf(path, sizeof(path), "%s/machine.json", place.root);
        cleanup_(topology_free_p) struct topology *read = read_file(path);
        check_consistent(read);
        assert_false(read->live);
        assert_true(cpu_set_equal(&read->allowed, &t->online));
        assert_int_equal(read->pci_count, t->pci_count);
        assert_memory_equal(read->pci, t->pci, t->pci_count * sizeof(*t->pci));
        assert_memory_equal(read->disks, t->disks, t->disk_count * sizeof(*t->disks));
        assert_true(read->iommu && read->resctrl_l3);
        json_decref(json);

        tree_write(&place, "machine.json", "\n {\"cpus\": fish}");
        expect_refusal(&(struct topology_source){.file = path}, -EINVAL, "line 2, column");
        tree_write(&place, "machine.json", "{\"objects\": []}");
        expect_refusal(&(struct topology_source){.file = path}, -EINVAL, "/cpus/online");
}

static const struct {
        const char *pointer; /* what is complained of */
        const char *change;  /* merged into the document */
} wrong[] = {
        {"/cpus/online", "{\"cpus\": {\"online\": \"\"}}"},
        {"/cpus/online", "{\"cpus\": 3}"},
        {"/cpus/present", "{\"cpus\": {\"online\": \"0-3\", \"present\": \"0-2\", \"allowed\": \"0\"}}"},
        {"/cpus/allowed", "{\"cpus\": {\"online\": \"0-3\", \"present\": \"0-3\", \"allowed\": \"4\"}}"},
        {"/nodes", "{\"nodes\": []}"},
        {"/nodes", "{\"nodes\": \"fish\"}"},
        {"/nodes/0/number", "{\"nodes\": [{}]}"},
        {"/nodes/0/cpus", "{\"nodes\": [{\"number\": 0, \"cpus\": \"0-4\"}]}"},
        {"/nodes/0/free_bytes", "{\"nodes\": [{\"number\": 0, \"cpus\": \"0-3\", \"free_bytes\": 1}]}"},
        {"/nodes/0/huge_pages",
         "{\"nodes\": [{\"number\": 0, \"cpus\": \"0-3\", \"huge_pages\": [{\"page_bytes\": 4096}]}]}"},
        {"/nodes/0/distances", "{\"nodes\": [{\"number\": 0, \"cpus\": \"0-3\", \"distances\": [0]}]}"},
        {"/nodes/1/number", "{\"nodes\": [{\"number\": 1, \"cpus\": \"\", \"distances\": [10, 20]}, {\"number\": 1}]}"},
        {"/cores", "{\"cores\": []}"},
        {"/cores/0/cpus", "{\"cores\": [{\"cpus\": \"0-8\"}]}"},
        {"/cores/1/cpus", "{\"cores\": [{\"cpus\": \"0-2\"}, {\"cpus\": \"2-3\"}]}"},
        {"/pci/0/address", "{\"pci\": [{\"address\": \"81:00.0\"}]}"},
        {"/pci/1/address", "{\"pci\": [{\"address\": \"0000:81:00.0\"}, {\"address\": \"0000:81:00.0\"}]}"},
        {"/pci/0/sriov_count", "{\"pci\": [{\"address\": \"0000:81:00.0\", \"sriov_count\": 1}]}"},
        {"/disks/0", "{\"disks\": [{\"name\": \"sda\", \"type\": \"tape\", \"size_bytes\": 1}]}"},
        {"/disks/0", "{\"disks\": [{\"name\": \"sda\", \"type\": \"hdd\"}]}"},
};

static void test_wrong_documents(void **state)
{
        cleanup_(topology_free_p) struct topology *t = read_synthetic("core:2 pu:2");

        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                struct topology *untouched = t, *back = untouched;
                json_t *json = topology_to_json(t), *change = json_loads(wrong[i].change, 0, NULL);
                struct errors errors = {};

                assert_int_equal(json_object_update(json, change), 0);
                assert_int_equal(topology_from_json(&back, json, &errors), -EINVAL);
                assert_ptr_equal(back, untouched);
                assert_int_equal(errors.count, 1);
                assert_string_equal(errors.list[0].pointer, wrong[i].pointer);
                assert_true(*errors.list[0].expected);
                json_decref(json);
                json_decref(change);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_there_and_back),
                cmocka_unit_test(test_as_file),
                cmocka_unit_test(test_wrong_documents),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
