/* The planner of enrolments leaves alone what is others', or must wait until it may be changed. See enrol_world.h. */
#include <string.h>

#include "desired.h"
#include "enrol_world.h"
#include "values.h"

static void test_once_settled_the_state_is_others_business(void **state)
{
        struct world *world = *state;
        struct next next = {};

        enrol(world);
        world->view.settled = true;
        set_state(world, "available");
        assert_int_equal(run(world, plan_enrolment, &next), NEXT_DONE);
        assert_string_equal(seen_state(world->node), "available");
        json_decref(world->node);
        world->node = NULL;
        assert_int_equal(run(world, plan_enrolment, &next), NEXT_FAIL);
        assert_non_null(strstr(next.words, "somebody deleted it"));
        next_clear(&next);
}

static void test_what_others_have_put_there_stays(void **state)
{
        struct world *world = *state;
        json_t *port;

        enrol(world);
        json_object_set_new(json_object_get(world->node, "properties"), "root_device", json_true());
        json_object_set_new(json_object_get(world->node, "properties"), "capabilities", json_string("theirs:1,rack:8"));
        json_array_append_new(json_object_get(world->node, "traits"), json_string("CUSTOM_THEIRS"));
        port = json_pack("{ss, ss}", "address", "52:54:00:ff:00:01", "uuid", "11111111-0000-0000-0000-000000000000");
        json_array_append_new(world->ports, port);
        enrol(world);
        const json_t *properties = json_object_get(world->node, "properties");
        assert_true(json_is_true(json_object_get(properties, "root_device")));
        assert_non_null(strstr(spec_string(properties, "capabilities"), "theirs:1"));
        assert_non_null(strstr(spec_string(properties, "capabilities"), "rack:7"));
        assert_int_equal(json_array_size(world->ports), 3);
        json_t *traits = json_object_get(world->node, "traits");
        assert_string_equal(json_string_value(json_array_get(traits, json_array_size(traits) - 1)), "CUSTOM_THEIRS");
}

static bool is_noted(const struct world *world, const char *words)
{
        json_t *note;
        size_t i;

        json_array_foreach (world->view.notes, i, note)
                if (strstr(json_string_value(note), words))
                        return true;
        return false;
}

/* A guest has the NIC (vfio-pci), and no netdev is left of it: its port stays. */
static void test_a_nic_that_is_not_seen_keeps_its_port(void **state)
{
        struct world *world = *state;

        enrol(world);
        json_array_remove(json_object_get(world->view.desired, "ports"), 1);
        json_array_clear(json_object_get(world->view.desired, "portgroups"));
        enrol(world);
        assert_int_equal(json_array_size(world->ports), 2);
        assert_int_equal(json_array_size(world->portgroups), 1);
        assert_true(is_noted(world, "port 52:54:00:00:00:02 (b) is not seen at present, and stays"));
        want_ports(world, "[{'interface': 'b', 'enroll': false}]");
        json_array_remove(json_object_get(world->view.desired, "ports"), 1);
        enrol(world); /* c has the same MAC address */
        assert_int_equal(json_array_size(world->ports), 1);
        json_object_set_new((json_t *)world->view.desired, "complete", json_true()); /* another machine, described */
        json_array_clear(json_object_get(world->view.desired, "ports"));
        enrol(world);
        assert_int_equal(json_array_size(world->ports), 0);
}

/* update_port() of Ironic's conductor refuses these elsewhere than in enroll and manageable, but for maintenance. */
static void test_what_a_port_is_plugged_into_waits_for_manageable(void **state)
{
        static const char *const states[][2] = {
                {"available", "available"}, {"active", "active"}, {"clean failed", "available"}};
        struct world *world = *state;
        struct next next = {};

        enrol(world);
        want_ports(world, "[{'interface': 'b', 'enroll': true, 'physical_network': 'x', 'pxe_enabled': false, 'link': "
                          "{'switch_id': 'AA:BB:CC:00:11:22', 'port_id': 'Eth9'}}]");
        for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
                set_state(world, states[i][0]);
                world->view.target = states[i][1];
                (void)run(world, plan_enrolment, &next);
                assert_string_equal(seen_state(world->node), states[i][0]);
                assert_true(is_noted(world, "waits for manageable"));
                assert_null(json_object_get(json_array_get(world->ports, 1), "physical_network"));
        }
        json_object_set_new(world->node, "maintenance", json_true());
        (void)run(world, plan_enrolment, &next);
        const json_t *port = json_array_get(world->ports, 1);
        assert_string_equal(spec_string(port, "physical_network"), "x");
        assert_true(json_is_false(json_object_get(port, "pxe_enabled")));
        assert_string_equal(spec_string(json_object_get(port, "local_link_connection"), "switch_id"),
                            "aa:bb:cc:00:11:22");
        next_clear(&next);
}

/* Nobody has said by what the machine boots: whatever others have set stays. */
static void test_pxe_is_others_unless_the_spec_names_it(void **state)
{
        struct world *world = *state;

        enrol(world);
        json_t *port = json_array_get(world->ports, 0);
        json_object_set_new(port, "pxe_enabled", json_false());
        enrol(world);
        assert_true(json_is_false(json_object_get(port, "pxe_enabled")));
        want_ports(world, "[{'interface': 'a', 'enroll': true, 'pxe_enabled': true}]");
        enrol(world);
        assert_true(json_is_true(json_object_get(port, "pxe_enabled")));
}

static void test_settled_it_stays_while_ironic_is_at_it(void **state)
{
        static const char *const states[] = {"deploying", "wait call-back", "cleaning", "error", "rescue"};
        struct world *world = *state;
        struct next next = {};

        enrol(world);
        world->view.settled = true;
        json_object_set_new(world->node, "reservation", json_string("conductor-7")); /* looks at its power */
        assert_int_equal(run(world, plan_enrolment, &next), NEXT_DONE);
        for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
                set_state(world, states[i]);
                assert_int_equal(run(world, plan_enrolment, &next), NEXT_DONE);
        }
        next_clear(&next);
}

/* Counted and refused by Ironic: it would be in the way of all that comes after. */
static void test_a_resource_class_waits(void **state)
{
        struct world *world = *state;
        struct next next = {};

        enrol(world);
        set_state(world, "active");
        world->view.target = "active";
        json_object_set_new(world->node, "resource_class", json_string("small"));
        assert_int_equal(run(world, plan_enrolment, &next), NEXT_DONE);
        assert_true(is_noted(world, "resource_class waits for manageable"));
        assert_string_equal(spec_string(world->node, "resource_class"), "small");
        next_clear(&next);
}

static void test_leaving_what_was_there_before(void **state)
{
        struct world *world = *state;
        struct next next = {};

        world->node = json_pack("{ss, ss, ss}", "uuid", UUID, "name", "theirs", "provision_state", "enroll");
        enrol(world);
        assert_string_equal(made_by(world->node), "");
        assert_int_equal(run(world, plan_leaving, &next), NEXT_DONE);
        assert_non_null(world->node);
        assert_int_equal(json_array_size(world->ports) + json_array_size(world->portgroups), 0);
        next_clear(&next);
}

#define T(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(test_once_settled_the_state_is_others_business),
                T(test_what_others_have_put_there_stays),
                T(test_a_nic_that_is_not_seen_keeps_its_port),
                T(test_what_a_port_is_plugged_into_waits_for_manageable),
                T(test_pxe_is_others_unless_the_spec_names_it),
                T(test_settled_it_stays_while_ironic_is_at_it),
                T(test_a_resource_class_waits),
                T(test_leaving_what_was_there_before),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
