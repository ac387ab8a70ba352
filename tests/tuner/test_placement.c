/* Where guests go: each rule of placement.h on a machine on which one can see it. What holds on all machines is in
 * test_placement_random.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "placement_fixture.h"
#include "socle/cleanup.h"

struct bed {
        struct machine *machine;
        struct placement_state *state;
};

/* Two nodes of 8 cores with two threads: core 0 housekeeping, 1 dataplane, 2 shared, 3 … 7 dedicated; the second node's
 * cores are 8 … 15, siblings are 16 above. 32 GiB a node, of them 8 pages of 1 GiB, 7 for guests. */
static const struct machine_shape two_nodes = {
        .nodes = 2,
        .cores = 8,
        .threads = 2,
        .node_bytes = 32 * GIB,
        .housekeeping = 1,
        .dataplane = 1,
        .shared = 1,
        .huge_bytes = GIB,
        .huge_count = 8,
};

static struct bed *bed_new(const struct machine_shape *shape)
{
        struct bed *bed = calloc(1, sizeof(*bed));

        bed->machine = machine_new(shape);
        assert_int_equal(placement_state_new(&bed->state, &bed->machine->topology, &bed->machine->plan), 0);
        return bed;
}

static void bed_free(struct bed *bed)
{
        placement_state_free(bed->state);
        machine_free(bed->machine);
        free(bed);
}

static int setup(void **state)
{
        *state = bed_new(&two_nodes);
        return 0;
}

static int teardown(void **state)
{
        bed_free(*state);
        return 0;
}

static struct guest_demand demand(const char *name, unsigned vcpus)
{
        return (struct guest_demand){
                .name = name, .vcpus = vcpus, .policy = VCPU_DEDICATED, .memory_bytes = GIB, .near_node = -1};
}

/* Finds and adds; the JSON of the placement is remembered for the checks. */
static json_t *put(struct bed *bed, const struct guest_demand *wanted)
{
        struct guest_placement *placement = NULL;
        struct errors errors = {};

        if (placement_find(bed->state, wanted, &placement, &errors) < 0)
                fail_msg("%s: %s (%s)", wanted->name, errors.list[0].message, errors.list[0].expected);
        assert_int_equal(placement_add(bed->state, wanted->name, placement, false, &errors), 0);
        json_t *json = guest_placement_to_json(placement, &bed->machine->topology);
        guest_placement_free(placement);
        return json;
}

static void assert_cpus(const json_t *placement, unsigned first, const char *expected)
{
        char text[512] = "";
        size_t used = 0;
        json_t *vcpu;
        size_t i;

        json_array_foreach (json_object_get(placement, "vcpus"), i, vcpu)
                if (i >= first)
                        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i > first ? " " : "",
                                                 json_string_value(json_object_get(vcpu, "cpus")));
        assert_string_equal(text, expected);
}

static void assert_member(const json_t *placement, const char *name, const char *expected)
{
        assert_string_equal(json_string_value(json_object_get(placement, name)), expected);
}

static void assert_nodes(const json_t *placement, const char *expected)
{
        cleanup_free char *text = json_dumps(json_object_get(placement, "nodes"), JSON_COMPACT);
        assert_string_equal(text, expected);
}

/* Puts and checks the CPUs of all vCPUs. */
static void check_cpus(struct bed *bed, const struct guest_demand *wanted, const char *expected)
{
        json_t *json = put(bed, wanted);
        assert_cpus(json, 0, expected);
        json_decref(json);
}

static void refuse(struct bed *bed, const struct guest_demand *wanted, int code, const char *pointer, const char *words,
                   const char *remedy)
{
        struct guest_placement *placement = (void *)bed;
        struct errors errors = {};

        assert_int_equal(placement_find(bed->state, wanted, &placement, &errors), code);
        assert_ptr_equal(placement, bed);
        assert_int_equal(errors.count, 1);
        assert_string_equal(errors.list[0].pointer, pointer);
        if (!strstr(errors.list[0].message, words))
                fail_msg("\"%s\" does not say \"%s\"", errors.list[0].message, words);
        if (!strstr(errors.list[0].expected, remedy))
                fail_msg("\"%s\" does not say \"%s\"", errors.list[0].expected, remedy);
}

static void test_dedicated_fills_cores(void **state)
{
        struct guest_demand a = demand("a", 4), b = demand("b", 3), c = demand("c", 1), d = demand("d", 1);
        json_t *json = put(*state, &a);

        assert_cpus(json, 0, "3 19 4 20");
        assert_member(json, "emulator", "0,16"); /* housekeeping of its node */
        assert_member(json, "iothreads", "");
        assert_member(json, "taken", "3-4,19-20");
        assert_nodes(json, "[0]");
        json_decref(json);
        check_cpus(*state, &b, "11 27 12"); /* the other node is emptier */
        check_cpus(*state, &c, "28");       /* node 1 still is; the sibling that is left, not a new core */
        check_cpus(*state, &d, "5");        /* now they are even */
}

static void test_sibling_policies(void **state)
{
        struct guest_demand a = demand("a", 2), b = demand("b", 3), c = demand("c", 1);
        json_t *json;

        a.siblings = SIBLING_ISOLATE;
        json = put(*state, &a);
        assert_cpus(json, 0, "3 4");
        assert_member(json, "taken", "3-4,19-20");
        json_decref(json);
        b.siblings = SIBLING_REQUIRE;
        json = put(*state, &b);
        assert_cpus(json, 0, "11 27 12");
        assert_member(json, "taken", "11-12,27-28"); /* the odd sibling is nobody else's */
        json_decref(json);
        c.near_node = 1;
        check_cpus(*state, &c, "13");
        /* Four cores of ten are used, one is begun: isolate needs a whole one for each. */
        struct guest_demand d = demand("d", 4);
        d.siblings = SIBLING_ISOLATE;
        d.cells = 1;
        refuse(*state, &d, -ENOSPC, "/spec/vcpus/siblings", "node 0 has 6 free dedicated CPUs", "prefer");
}

static void test_require_needs_siblings(void **state)
{
        struct machine_shape shape = two_nodes;
        shape.threads = 1;
        struct bed *bed = bed_new(&shape);
        struct guest_demand a = demand("a", 2);

        a.siblings = SIBLING_REQUIRE;
        refuse(bed, &a, -ENOSPC, "/spec/vcpus/siblings", "do not fit", "prefer");
        a.siblings = SIBLING_ISOLATE;
        check_cpus(bed, &a, "3 4");
        bed_free(bed);
}

/* No plan does that; if one did, a core that is not all the guests' would be no whole one. */
static void test_a_core_that_is_split(void **state)
{
        struct bed *bed = *state;
        struct guest_demand a = demand("a", 2);

        placement_state_free(bed->state);
        cpu_set_remove(&bed->machine->plan.classes[CLASS_GUESTS_DEDICATED], 19); /* the sibling of 3 */
        assert_int_equal(placement_state_new(&bed->state, &bed->machine->topology, &bed->machine->plan), 0);
        a.siblings = SIBLING_ISOLATE;
        a.near_node = 0;
        check_cpus(bed, &a, "4 5");
}

static void test_one_cache(void **state)
{
        struct machine_shape shape = {
                .nodes = 1, .cores = 12, .threads = 2, .caches = 3, .node_bytes = 32 * GIB, .housekeeping = 1};
        struct bed *bed = bed_new(&shape);
        struct guest_demand a = demand("a", 8), b = demand("b", 4), c = demand("c", 6), d = demand("d", 4);

        check_cpus(bed, &a, "4 16 5 17 6 18 7 19"); /* all of the second cache: the first has but 6 */
        check_cpus(bed, &b, "1 13 2 14");           /* the tightest */
        check_cpus(bed, &c, "8 20 9 21 10 22");     /* the only one left */
        check_cpus(bed, &d, "3 15 11 23");          /* one is not enough */
        bed_free(bed);
}

static void test_shared_and_mixed(void **state)
{
        struct guest_demand a = demand("a", 6), b = demand("b", 3), c = demand("c", 2);
        json_t *json;

        a.policy = VCPU_SHARED;
        json = put(*state, &a);
        assert_cpus(json, 0, "2,18 2,18 2,18 2,18 2,18 2,18");
        assert_member(json, "taken", "");
        json_decref(json);
        b.policy = VCPU_MIXED;
        cpu_set_add(&b.dedicated, 1);
        b.emulator = EMULATOR_SHARED;
        json = put(*state, &b);
        assert_cpus(json, 0, "10,26 11 10,26");
        assert_member(json, "emulator", "10,26");
        json_decref(json);
        c.policy = VCPU_SHARED; /* six on node 0, two on node 1 */
        json = put(*state, &c);
        assert_nodes(json, "[1]");
        json_decref(json);
}

static void test_threads_of_their_own(void **state)
{
        struct guest_demand a = demand("a", 2), b = demand("b", 2);
        json_t *json;

        a.emulator = a.iothread_policy = EMULATOR_OWN;
        a.iothreads = 2;
        json = put(*state, &a);
        assert_cpus(json, 0, "3 19");
        assert_member(json, "emulator", "4");
        assert_member(json, "iothreads", "5,20");
        assert_member(json, "taken", "3-5,19-20");
        json_decref(json);
        b.iothreads = 1;
        b.emulator = EMULATOR_OWN;
        b.siblings = SIBLING_ISOLATE;
        json = put(*state, &b);
        assert_cpus(json, 0, "11 12");
        assert_member(json, "emulator", "13"); /* not on the idle siblings */
        assert_member(json, "iothreads", "8,24");
        json_decref(json);
}

static void test_as_few_nodes_as_it_can(void **state)
{
        struct guest_demand a = demand("a", 16), b = demand("b", 2);
        json_t *json = put(*state, &a);

        assert_nodes(json, "[0,1]");
        assert_cpus(json, 0, "3 19 4 20 5 21 6 22 11 27 12 28 13 29 14 30");
        json_decref(json);
        b.memory_bytes = 40 * GIB; /* CPUs for it are on one node, memory is not */
        b.cells = 0;
        json = put(*state, &b);
        assert_cpus(json, 0, "7 15");
        cleanup_free char *cells = json_dumps(json_object_get(json, "cells"), JSON_COMPACT);
        assert_string_equal(cells, "[{\"node\":0,\"vcpus\":\"0\",\"memory_bytes\":21474836480},"
                                   "{\"node\":1,\"vcpus\":\"1\",\"memory_bytes\":21474836480}]");
        json_decref(json);
}

static void test_cells_as_asked(void **state)
{
        struct guest_demand a = demand("a", 3), b = demand("b", 4), c = demand("c", 2);
        struct guest_cell layout[2] = {{.memory_bytes = 3 * GIB}, {.memory_bytes = GIB}};
        json_t *json;

        a.cells = 2;
        json = put(*state, &a);
        assert_cpus(json, 0, "3 19 11");
        json_decref(json);
        /* Cells as the guest has them, not evenly; vCPU 3 is in none. */
        cpu_set_add(&layout[0].vcpus, 2);
        cpu_set_add(&layout[1].vcpus, 0);
        cpu_set_add(&layout[1].vcpus, 1);
        b.cells = 2;
        b.layout = layout;
        json = put(*state, &b);
        assert_cpus(json, 0, "12 28 4 20");
        json_decref(json);
        c.cells = 3;
        refuse(*state, &c, -EINVAL, "/spec/numa/cells", "3 cells for 2 vCPUs", "at most 2");
        c.vcpus = 4;
        refuse(*state, &c, -ENOSPC, "/spec/numa/cells", "do not fit", "0");
        c.cells = 2;
        c.page_bytes = GIB; /* one page cannot be in two cells */
        refuse(*state, &c, -ENOSPC, "/spec/numa/cells", "do not fit", "0");
}

static void test_huge_pages_are_accounted(void **state)
{
        struct guest_demand a = demand("a", 1), b = demand("b", 1), c = demand("c", 1), d = demand("d", 1);
        json_t *json;

        a.page_bytes = b.page_bytes = c.page_bytes = GIB;
        a.memory_bytes = 6 * GIB;
        b.memory_bytes = 6 * GIB + 1; /* 7 pages */
        check_cpus(*state, &a, "3");
        check_cpus(*state, &b, "11");
        c.memory_bytes = 2 * GIB;
        refuse(*state, &c, -ENOSPC, "/spec/memory",
               "in pages of 1 GiB do not fit: node 0 has 9 free dedicated CPUs, 1 GiB", "at most 1 GiB");
        placement_remove(((struct bed *)*state)->state, "b");
        json = put(*state, &c);
        assert_nodes(json, "[1]");
        json_decref(json);
        d.page_bytes = 2 * MIB;
        refuse(*state, &d, -ENOSPC, "/spec/memory/hugepages", "no node has pages of 2 MiB", "HostProfile");
        /* Normal pages: 32 GiB without 2 GiB that are reserved and 8 GiB in huge pages. */
        d.page_bytes = 0;
        d.cells = 1;
        d.memory_bytes = 22 * GIB + 1;
        refuse(*state, &d, -ENOSPC, "/spec/memory", "node 1 has 9 free dedicated CPUs, 22 GiB", "at most 22 GiB");
        d.memory_bytes = 22 * GIB;
        json_decref(put(*state, &d));
}

static void test_near(void **state)
{
        struct guest_demand a = demand("a", 6), b = demand("b", 6);
        struct bed *bed = *state;

        a.near_node = b.near_node = 1;
        b.near_required = true;
        b.cells = 1;
        check_cpus(bed, &a, "11 27 12 28 13 29"); /* though both are empty */
        refuse(bed, &b, -ENOSPC, "/spec/near/required", "node 1 has 4 free dedicated CPUs", "false");
        b.near_required = false;
        check_cpus(bed, &b, "3 19 4 20 5 21");
}

static void test_near_the_dataplane(void **state)
{
        struct machine_shape shape = two_nodes;
        shape.nodes = 4;
        shape.dataplane = 0;
        struct bed *bed = bed_new(&shape);
        struct guest_demand a = demand("a", 12), b = demand("b", 12), c = demand("c", 12);
        json_t *json;

        placement_state_free(bed->state);
        machine_set_core(bed->machine, 3 * 8 + 2, CLASS_DATAPLANE);
        assert_int_equal(placement_state_new(&bed->state, &bed->machine->topology, &bed->machine->plan), 0);
        a.near_dataplane = b.near_dataplane = c.near_dataplane = true;
        json = put(bed, &a);
        assert_nodes(json, "[2]"); /* node 3 has no core for the sixth pair left; 2 is the closest */
        json_decref(json);
        json = put(bed, &b);
        assert_nodes(json, "[0]");
        json_decref(json);
        c.vcpus = 10;
        json = put(bed, &c);
        assert_nodes(json, "[3]");
        json_decref(json);
        bed_free(bed);
}

static void test_near_the_nearest_of_several(void **state)
{
        struct machine_shape shape = two_nodes;
        shape.nodes = 4;
        shape.dataplane = 0;
        struct bed *bed = bed_new(&shape);
        struct guest_demand full = demand("full", 10), a = demand("a", 2);
        json_t *json;

        placement_state_free(bed->state);
        machine_set_core(bed->machine, 2, CLASS_DATAPLANE);
        machine_set_core(bed->machine, 3 * 8 + 2, CLASS_DATAPLANE);
        assert_int_equal(placement_state_new(&bed->state, &bed->machine->topology, &bed->machine->plan), 0);
        full.near_node = 0;
        a.near_dataplane = true;
        json_decref(put(bed, &full));
        json = put(bed, &a);
        assert_nodes(json, "[3]"); /* not 1, which is close to 0 */
        json_decref(json);
        bed_free(bed);
}

static void test_close_pairs_of_nodes(void **state)
{
        struct machine_shape shape = two_nodes;
        shape.nodes = 4;
        struct bed *bed = bed_new(&shape);
        struct guest_demand full = demand("full", 10), wide = demand("wide", 16);
        json_t *json;

        full.near_node = 1;
        json_decref(put(bed, &full));
        json = put(bed, &wide); /* 0 and 2 are empty too, but far from each other */
        assert_nodes(json, "[2,3]");
        json_decref(json);
        bed_free(bed);
}

static void test_foreign_guests_are_respected(void **state)
{
        struct bed *bed = *state;
        struct guest_placement *nova = guest_placement_new(2, 1);
        struct guest_placement *again = guest_placement_new(1, 1);
        struct guest_demand a = demand("a", 2);
        struct errors errors = {};

        cpu_set_add(&nova->vcpu_cpus[0], 3);
        cpu_set_add(&nova->vcpu_cpus[1], 0); /* where no guest should be */
        cpu_set_add(&nova->taken, 3);
        cpu_set_add(&nova->taken, 0);
        nova->cells[0] = (struct guest_cell){.node = 0, .memory_bytes = 20 * GIB};
        assert_int_equal(placement_add(bed->state, "nova", nova, true, &errors), 0);
        cpu_set_add(&again->vcpu_cpus[0], 3);
        cpu_set_add(&again->taken, 3);
        again->cells[0] = (struct guest_cell){.node = -1, .memory_bytes = 4 * GIB};
        assert_int_equal(placement_add(bed->state, "mine", again, false, &errors), -EEXIST);
        assert_non_null(strstr(errors.list[0].message, "CPU 3 is dedicated to nova"));
        assert_int_equal(placement_add(bed->state, "other", again, true, &errors), -EEXIST); /* but is there */
        placement_remove(bed->state, "nova");
        a.near_node = 0;
        check_cpus(bed, &a, "4 20"); /* CPU 3 is still other's */
        placement_remove(bed->state, "other");
        a.name = "b";
        a.vcpus = 1;
        check_cpus(bed, &a, "3");
        guest_placement_free(nova);
        guest_placement_free(again);
}

static void test_memory_on_no_node_weighs_on_all(void **state)
{
        struct bed *bed = *state;
        struct guest_placement *floating = guest_placement_new(1, 1);
        struct guest_demand a = demand("a", 1);
        struct errors errors = {};

        floating->cells[0] = (struct guest_cell){.node = -1, .memory_bytes = 20 * GIB};
        assert_int_equal(placement_add(bed->state, "floating", floating, true, &errors), 0);
        a.cells = 1;
        a.memory_bytes = 13 * GIB;
        refuse(bed, &a, -ENOSPC, "/spec/memory", "12 GiB", "at most 12 GiB");
        placement_remove(bed->state, "floating");
        a.memory_bytes = 22 * GIB;
        json_decref(put(bed, &a));
        guest_placement_free(floating);
}

static void test_without_a_class_to_share(void **state)
{
        struct machine_shape shape = two_nodes;
        shape.shared = 0;
        struct bed *bed = bed_new(&shape);
        struct guest_demand a = demand("a", 1);
        json_t *json;

        a.policy = VCPU_SHARED;
        a.emulator = EMULATOR_SHARED;
        a.near_node = 1;
        json = put(bed, &a);
        assert_cpus(json, 0, "8,24"); /* housekeeping */
        assert_member(json, "emulator", "8,24");
        json_decref(json);
        bed_free(bed);
}

static void test_what_cannot_be(void **state)
{
        struct machine_shape shape = two_nodes;
        shape.shared = 0;
        struct bed *bed = bed_new(&shape);
        struct guest_demand a = demand("a", 1);

        a.vcpus = 0;
        refuse(bed, &a, -EINVAL, "/spec/vcpus", "0 vCPUs", "vCPUs");
        a.vcpus = 30;
        refuse(bed, &a, -ENOSPC, "/spec/vcpus", "node 0 has 12 free dedicated CPUs", "at most 24 vCPUs");
        a.vcpus = 12;
        a.emulator = EMULATOR_OWN;
        a.cells = 1;
        refuse(bed, &a, -ENOSPC, "/spec/emulator", "node 0 has 12 free", "housekeeping");
        a.memory_bytes = 64 * GIB;
        refuse(bed, &a, -ENOSPC, "/spec", "do not fit", "another host");
        bed_free(bed);
}

static void test_stays_where_it_is(void **state)
{
        struct bed *bed = *state;
        struct guest_demand a = demand("a", 2), b = demand("b", 2);
        struct guest_placement *placement = NULL;
        struct errors errors = {};

        a.siblings = SIBLING_ISOLATE;
        json_decref(put(bed, &b));
        assert_int_equal(placement_find(bed->state, &a, &placement, &errors), 0);
        struct cpu_set taken = placement->taken;
        placement->taken = (struct cpu_set){};
        placement_remove(bed->state, "b"); /* another place would be as good */
        assert_true(placement_keep(bed->state, &a, placement));
        assert_true(cpu_set_equal(&placement->taken, &taken));
        a.near_node = 0;
        assert_true(placement_keep(bed->state, &a, placement)); /* it is on node 1: not worth a move */
        a.near_required = true;
        assert_false(placement_keep(bed->state, &a, placement));
        a.near_required = false;
        a.siblings = SIBLING_REQUIRE;
        assert_false(placement_keep(bed->state, &a, placement)); /* two cores, and neither is full */
        a.siblings = SIBLING_PREFER;
        a.cells = 2;
        assert_false(placement_keep(bed->state, &a, placement));
        a.cells = 0;
        a.page_bytes = GIB;
        assert_false(placement_keep(bed->state, &a, placement));
        a.page_bytes = 0;
        placement->vcpu_cpus[0] = placement->vcpu_cpus[1];
        assert_false(placement_keep(bed->state, &a, placement));
        placement->vcpu_cpus[0] = (struct cpu_set){};
        cpu_set_add(&placement->vcpu_cpus[0], 28); /* the sibling of the other's, 12 */
        assert_true(placement_keep(bed->state, &a, placement));
        a.siblings = SIBLING_ISOLATE;
        assert_false(placement_keep(bed->state, &a, placement));
        guest_placement_free(placement);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
        static const struct CMUnitTest tests[] = {
                TEST(test_dedicated_fills_cores),
                TEST(test_sibling_policies),
                cmocka_unit_test(test_require_needs_siblings),
                TEST(test_a_core_that_is_split),
                cmocka_unit_test(test_one_cache),
                TEST(test_shared_and_mixed),
                TEST(test_threads_of_their_own),
                TEST(test_as_few_nodes_as_it_can),
                TEST(test_cells_as_asked),
                TEST(test_huge_pages_are_accounted),
                TEST(test_near),
                cmocka_unit_test(test_near_the_dataplane),
                cmocka_unit_test(test_near_the_nearest_of_several),
                cmocka_unit_test(test_close_pairs_of_nodes),
                TEST(test_foreign_guests_are_respected),
                TEST(test_memory_on_no_node_weighs_on_all),
                cmocka_unit_test(test_without_a_class_to_share),
                cmocka_unit_test(test_what_cannot_be),
                TEST(test_stays_where_it_is),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
