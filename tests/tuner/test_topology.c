/* Machines read from synthetic strings and from this host: whatever the machine, the struct hangs together. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "topology_support.h"

static void test_synthetic_machines(void **state)
{
        static const struct {
                const char *text;
                unsigned cpus, cores, nodes, packages;
                bool smt;
        } machines[] = {
                {"pu:1", 1, 1, 1, 0, false},
                {"pu:3", 3, 3, 1, 0, false},
                {"core:1 pu:2", 2, 1, 1, 0, true},
                {"pack:2 numa:1 core:8 pu:2", 32, 16, 2, 2, true},
                {"pack:2 numa:4 l3:2 core:4 pu:2", 128, 64, 8, 2, true},
                {"numa:2 pack:2 core:3 pu:1", 12, 12, 2, 4, false},
                {"pack:8 numa:4 l3:4 core:4 pu:2", 1024, 512, 32, 8, true},
                {"pack:4 core:64 pu:4", 1024, 256, 1, 4, true},
        };

        for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
                cleanup_(topology_free_p) struct topology *t = read_synthetic(machines[i].text);

                check_consistent(t);
                assert_int_equal(t->cpu_count, machines[i].cpus);
                assert_int_equal(t->core_count, machines[i].cores);
                assert_int_equal(t->node_count, machines[i].nodes);
                for (size_t n = 0; n < t->node_count; n++)
                        assert_int_equal(cpu_set_count(&t->nodes[n].cpus), machines[i].cpus / machines[i].nodes);
                assert_int_equal(t->package_count, machines[i].packages);
                assert_int_equal(t->smt, machines[i].smt);
                assert_false(t->live);
        }
}

static void test_synthetic_details(void **state)
{
        cleanup_(topology_free_p) struct topology *t =
                read_synthetic("pack:2 [numa(memory=4GiB)] l3:2 core:2 pu:2(indexes=core,pu)");

        check_consistent(t);
        assert_int_equal(t->node_count, 2);
        assert_int_equal(t->nodes[1].memory_bytes, 4ULL << 30);
        assert_int_equal(t->memory_bytes, 8ULL << 30);
        assert_int_equal(t->nodes[0].distances[0], 10);
        assert_int_equal(t->nodes[0].distances[1], 20);
        assert_int_equal(t->nodes[0].page_count, 2); /* x86's, since nobody says */
        /* numbered as Linux does, siblings half the machine apart */
        assert_int_equal(t->cpus[8].core, t->cpus[0].core);
        assert_int_equal(t->cpus[1].l3, t->cpus[8].l3);
        assert_int_not_equal(t->cpus[2].l3, t->cpus[0].l3);
}

static void test_wrong_synthetic(void **state)
{
        static const struct {
                const char *text, *says;
        } wrong[] = {
                {"garbage", "unknown object type at 'garbage'"},
                {"pack:2 foo:3", "'foo:3'"},
                {"", "synthetic \"\""},
                {"numa:2 core:4 pu:2 (", "synthetic"},
                {"pu:1000000", "more CPUs than"},
                {"pack:99999999999999999999 pu:2", "more CPUs than"},
                {"pack:4096 core:4096 pu:4096", "more CPUs than"},
                {"1048576 2", "more CPUs than"},
        };

        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                struct topology_source source = {.synthetic = wrong[i].text};
                expect_refusal(&source, -EINVAL, wrong[i].says);
        }
}

/* This host: as the kernel tells it to everybody. */
static void test_this_host(void **state)
{
        cleanup_(topology_free_p) struct topology *t = read_source(&(struct topology_source){});

        check_consistent(t);
        assert_true(t->live);
        assert_string_equal(t->source, "this host");
        assert_int_equal(cpu_set_count(&t->online), sysconf(_SC_NPROCESSORS_ONLN));
        assert_true(t->memory_bytes > 0);
        cleanup_fclose FILE *list = fopen("/sys/devices/system/cpu/present", "re");
        char text[4096];
        struct cpu_set present;
        if (!list || !fgets(text, sizeof(text), list))
                skip();
        assert_int_equal(cpu_set_from_list(text, &present), 0);
        assert_true(cpu_set_equal(&present, &t->present));
}

/* What a user has set for hwloc neither makes another machine of this one, nor is it changed. */
static void test_environment(void **state)
{
        setenv("HWLOC_SYNTHETIC", "pu:7", 1);
        setenv("HWLOC_FSROOT", "/nonexistent", 1);
        setenv("HWLOC_XMLFILE", "/nonexistent", 1);
        cleanup_(topology_free_p) struct topology *t = read_source(&(struct topology_source){});
        cleanup_(topology_free_p) struct topology *five = read_synthetic("pu:5");
        assert_int_equal(cpu_set_count(&t->online), sysconf(_SC_NPROCESSORS_ONLN));
        assert_int_equal(five->cpu_count, 5);
        assert_string_equal(getenv("HWLOC_SYNTHETIC"), "pu:7");
        assert_string_equal(getenv("HWLOC_FSROOT"), "/nonexistent");
        unsetenv("HWLOC_SYNTHETIC");
        unsetenv("HWLOC_FSROOT");
        unsetenv("HWLOC_XMLFILE");
}

/* Somebody may have started us with SIGCHLD ignored, so that no exit status is left of the child that reads. */
static void test_ignored_children(void **state)
{
        void (*before)(int) = signal(SIGCHLD, SIG_IGN);
        cleanup_(topology_free_p) struct topology *t = read_synthetic("pu:3");

        assert_int_equal(t->cpu_count, 3);
        expect_refusal(&(struct topology_source){.synthetic = "fish"}, -EINVAL, "'fish'");
        signal(SIGCHLD, before);
}

static atomic_bool enough;

static void *disturb(void *user)
{
        while (!enough) {
                setenv("SOCLE_DISTURBED", "yes", 1);
                free(malloc(100000));
                unsetenv("SOCLE_DISTURBED");
        }
        return NULL;
}

static void *read_often(void *user)
{
        for (int i = 0; i < 20; i++) {
                cleanup_(topology_free_p) struct topology *t = read_synthetic("core:3 pu:2");
                assert_int_equal(t->cpu_count, 6);
        }
        return NULL;
}

/* From several threads at once, while others have the locks of malloc() and setenv(). */
static void test_threads(void **state)
{
        pthread_t readers[3], other;

        enough = false;
        assert_int_equal(pthread_create(&other, NULL, disturb, NULL), 0);
        for (size_t i = 0; i < ARRAY_LEN(readers); i++)
                assert_int_equal(pthread_create(&readers[i], NULL, read_often, NULL), 0);
        for (size_t i = 0; i < ARRAY_LEN(readers); i++)
                pthread_join(readers[i], NULL);
        enough = true;
        pthread_join(other, NULL);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_synthetic_machines),
                cmocka_unit_test(test_synthetic_details),
                cmocka_unit_test(test_wrong_synthetic),
                cmocka_unit_test(test_this_host),
                cmocka_unit_test(test_environment),
                cmocka_unit_test(test_ignored_children),
                cmocka_unit_test(test_threads),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
