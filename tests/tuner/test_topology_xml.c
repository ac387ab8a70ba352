/* Machines read from hwloc's XML: of version 2 and 1, with devices, odd memory and kinds of cores; and what is none. */
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

static void test_same_as_tree(void **state)
{
        cleanup_tree struct machine_tree tree = tree_make("two-sockets.tree");
        cleanup_(topology_free_p) struct topology *real = read_source(&(struct topology_source){.root = tree.root});
        cleanup_(topology_free_p) struct topology *t = read_file(MACHINE("two-sockets.xml"));

        check_consistent(t);
        assert_true(cpu_set_equal(&t->present, &real->present) && cpu_set_equal(&t->online, &real->online));
        assert_true(cpu_set_equal(&t->allowed, &t->online)); /* of a file, all */
        assert_int_equal(t->cpu_count, real->cpu_count);
        for (size_t i = 0; i < t->cpu_count; i++)
                assert_memory_equal(&t->cpus[i], &real->cpus[i], sizeof(t->cpus[i]));
        assert_int_equal(t->node_count, real->node_count);
        for (size_t i = 0; i < t->node_count; i++) {
                assert_true(cpu_set_equal(&t->nodes[i].cpus, &real->nodes[i].cpus));
                assert_int_equal(t->nodes[i].memory_bytes, real->nodes[i].memory_bytes);
                assert_int_equal(t->nodes[i].page_count, real->nodes[i].page_count);
                assert_memory_equal(t->nodes[i].distances, real->nodes[i].distances, t->node_count * sizeof(uint16_t));
        }
        assert_string_equal(t->packages[0].model, "Example CPU 9000");
}

static void test_devices(void **state)
{
        cleanup_(topology_free_p) struct topology *t = read_file(MACHINE("two-sockets.xml"));
        int nic = topology_find_pci(t, "ens2f0"), lost = topology_find_pci(t, "01:00.0");

        assert_int_equal(t->pci_count, 5); /* not the GPU: XML does not tell SR-IOV */
        assert_int_equal(t->pci[nic].node, 1);
        assert_int_equal(t->pci[nic].vendor, 0x8086);
        assert_int_equal(t->pci[nic].class_code, 0x020000);
        assert_string_equal(t->pci[nic].mac_address, "02:00:00:00:02:00");
        assert_int_equal(t->pci[lost].node, -1);
        assert_int_equal(t->disk_count, 3);
        assert_string_equal(t->disks[0].name, "nvme0n1");
        assert_true(t->disks[0].type_known && t->disks[0].node == 1);
        assert_true(!t->disks[1].type_known && t->disks[1].node == 0);
}

static void test_memory_beside(void **state)
{
        static const unsigned cpus[] = {0, 4, 4, 0};
        cleanup_(topology_free_p) struct topology *t = read_file(MACHINE("hbm.xml"));

        check_consistent(t);
        assert_int_equal(t->node_count, 4);
        for (size_t i = 0; i < t->node_count; i++)
                assert_int_equal(cpu_set_count(&t->nodes[i].cpus), cpus[i]);
        assert_int_equal(t->nodes[1].page_count, 2);
}

static void test_memory_far(void **state)
{
        cleanup_(topology_free_p) struct topology *t = read_file(MACHINE("far-memory.xml"));

        check_consistent(t);
        assert_int_equal(t->node_count, 3);
        assert_true(cpu_set_empty(&t->nodes[0].cpus));
        assert_true(cpu_set_has(&t->nodes[1].cpus, 0) && cpu_set_has(&t->nodes[2].cpus, 1));
}

static void test_hybrid(void **state)
{
        cleanup_(topology_free_p) struct topology *t = read_file(MACHINE("hybrid.xml"));

        check_consistent(t);
        assert_true(t->hybrid && t->smt);
        assert_int_equal(t->core_count, 5);
        assert_int_equal(t->cores[0].kind, 1);
        for (size_t i = 1; i < t->core_count; i++)
                assert_int_equal(t->cores[i].kind, 0);
}

static void test_version_1(void **state)
{
        cleanup_(topology_free_p) struct topology *t = read_file(MACHINE("version1.xml"));

        check_consistent(t);
        assert_int_equal(t->cpu_count, 8);
        assert_int_equal(cpu_set_count(&t->online), 4);
        assert_int_equal(t->node_count, 1);
        assert_int_equal(t->memory_bytes, 2ULL << 30);
        assert_int_equal(t->packages[1].os_index, 3);
        assert_int_equal(t->core_count, 3);
}

/* ---- what is none ---- */

#define MACHINE_XML(cpuset, inner)                                                                                     \
        "<topology version=\"2.0\"><object type=\"Machine\" os_index=\"0\" cpuset=\"" cpuset                           \
        "\" complete_cpuset=\"" cpuset "\" allowed_cpuset=\"" cpuset "\" nodeset=\"0x1\" complete_nodeset=\"0x1\" "    \
        "allowed_nodeset=\"0x1\" gp_index=\"1\">" inner "</object></topology>"
#define NODE_XML(cpuset, gp)                                                                                           \
        "<object type=\"NUMANode\" os_index=\"0\" cpuset=\"" cpuset "\" complete_cpuset=\"" cpuset                     \
        "\" nodeset=\"0x1\" complete_nodeset=\"0x1\" gp_index=\"" gp "\" local_memory=\"4096\"/>"
#define PU_XML(number, cpuset, gp)                                                                                     \
        "<object type=\"PU\" os_index=\"" number "\" cpuset=\"" cpuset "\" complete_cpuset=\"" cpuset                  \
        "\" nodeset=\"0x1\" complete_nodeset=\"0x1\" gp_index=\"" gp "\"/>"

static const struct {
        const char *text, *says;
} wrong[] = {
        {"", "line 2, column 1: no element found"},
        {"fish", "line 1, column 1"},
        {"<topology>\n <object>\n</topology>", "line 3, column 3: mismatched tag"},
        {"<html/>", "the root element is <html>, not <topology>"},
        {"<topology/>", "not a topology"},
        {"<topology version=\"2.0\"></topology>", "not a topology"},
        {"<topology version=\"3.0\"><object/></topology>", "not a topology"},
        {"<topology version=\"2.0\"><object type=\"Fish\"/></topology>", "not a topology"},
        {MACHINE_XML("0x1", ""), "file"},
        {MACHINE_XML("fish", PU_XML("0", "0x1", "2")), "file"},
        {MACHINE_XML("0x3", PU_XML("0", "0x1", "2") PU_XML("0", "0x1", "3") NODE_XML("0x3", "4")), "file"},
        {MACHINE_XML("0xf...f", PU_XML("0", "0xf...f", "2")), "file"},
        {"<topology version=\"2.0\"><!DOCTYPE a></topology>", "line 1"},
};

static void write_xml(char *path, size_t size, const struct machine_tree *place, const char *text)
{
        tree_write(place, "wrong.xml", text);
        snprintf(path, size, "%s/wrong.xml", place->root);
}

static void test_wrong_xml(void **state)
{
        cleanup_tree struct machine_tree place = tree_make(NULL);

        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                char path[PATH_MAX];

                write_xml(path, sizeof(path), &place, wrong[i].text);
                expect_refusal(&(struct topology_source){.file = path}, -EINVAL, wrong[i].says);
        }
}

/* Any damage to good XML: refused with words, or a machine that hangs together. */
static void test_damaged_xml(void **state)
{
        static const char *const machines[] = {"hybrid.xml", "version1.xml", "hbm.xml"};
        cleanup_tree struct machine_tree place = tree_make(NULL);
        char text[8192], path[PATH_MAX];
        unsigned seed = 1, read = 0;

        for (size_t i = 0; i < 300; i++) {
                cleanup_fclose FILE *file = fopen(MACHINE(machines[i % ARRAY_LEN(machines)]), "re");
                cleanup_(topology_free_p) struct topology *t = NULL;
                struct errors errors = {};

                assert_non_null(file);
                size_t length = fread(text, 1, sizeof(text) - 1, file);
                text[length] = 0;
                for (int n = 0; n < 3; n++) { /* digits for digits: XML stays well-formed, and hwloc has to judge */
                        char *at = text + rand_r(&seed) % length;
                        at += strcspn(at, "0123456789abcdef");
                        if (*at)
                                *at = "0123456789abcdef"[rand_r(&seed) % 16];
                }
                write_xml(path, sizeof(path), &place, text);
                int r = topology_read(&t, &(struct topology_source){.file = path}, &errors);
                assert_true(r == 0 ? errors.count == 0 : errors.count == 1 && errors.code == r);
                if (r == 0)
                        check_consistent(t);
                read += r == 0;
        }
        assert_true(read > 0 && read < 300);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_same_as_tree),  cmocka_unit_test(test_devices),
                cmocka_unit_test(test_memory_beside), cmocka_unit_test(test_memory_far),
                cmocka_unit_test(test_hybrid),        cmocka_unit_test(test_version_1),
                cmocka_unit_test(test_wrong_xml),     cmocka_unit_test(test_damaged_xml),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
