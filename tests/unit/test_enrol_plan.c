/* The planner of enrolments, with an Ironic made of JSON (enrol_world.h): from every state it gets where it shall, in
 * few steps, asks for nothing twice, and takes back what was made. What is left alone: test_enrol_others.c. */
#include <string.h>

#include "enrol_world.h"
#include "values.h"

static void test_enrol_and_again(void **state)
{
        struct world *world = *state;

        enrol(world);
        assert_string_equal(seen_state(world->node), "manageable");
        assert_int_equal(json_array_size(world->ports), 2);
        const json_t *port = json_array_get(world->ports, 0);
        assert_string_equal(spec_string(port, "portgroup_uuid"),
                            spec_string(json_array_get(world->portgroups, 0), "uuid"));
        const json_t *link = json_object_get(port, "local_link_connection");
        assert_string_equal(spec_string(link, "switch_id"), "00:11:22:33:44:55");
        assert_string_equal(spec_string(link, "port_id"), "Eth1");
        assert_string_equal(spec_string(link, "switch_info"), "sw1");
        assert_string_equal(spec_string(json_object_get(world->node, "driver_info"), "redfish_address"), "https://bmc");

        unsigned before = world->writes;
        world->view.checked = false;
        enrol(world); /* asks for no check even */
        assert_false(world->view.checked);
        assert_int_equal(world->writes, before);
}

/* Whatever was written before it was cut off: the rest follows, and nothing twice. */
static void test_cut_off_anywhere(void **state)
{
        struct world *world = *state;

        enrol(world);
        unsigned all = world->writes;
        for (unsigned cut = 1; cut < all; cut++) {
                struct next next = {};
                json_decref(world->node);
                world->node = NULL;
                json_array_clear(world->ports);
                json_array_clear(world->portgroups);
                world->view.checked = world->view.validated = false;
                world->writes = 0;
                while (world->writes < cut) {
                        next_clear(&next);
                        look(world);
                        plan_enrolment(&world->view, &next);
                        if (next.type == NEXT_REQUEST)
                                take_request(world, &next);
                        world->view.checked = world->view.validated = true;
                }
                next_clear(&next);
                world->view.checked = world->view.validated = false;
                enrol(world);
                assert_int_equal(world->writes, all);
                assert_int_equal(json_array_size(world->ports), 2);
                assert_int_equal(json_array_size(world->portgroups), 1);
        }
}

static void test_from_every_state(void **state)
{
        static const struct {
                const char *from, *target;
                enum next_type ends;
                const char *state;
        } ways[] = {
                {"enroll", "manageable", NEXT_DONE, "manageable"},
                {"enroll", "available", NEXT_DONE, "available"},
                {"enroll", "active", NEXT_DONE, "active"},
                {"available", "manageable", NEXT_DONE, "manageable"},
                {"available", "active", NEXT_DONE, "active"},
                {"inspect failed", "available", NEXT_DONE, "available"},
                {"clean failed", "manageable", NEXT_DONE, "manageable"},
                {"clean failed", "available", NEXT_FAIL, "clean failed"},
                {"adopt failed", "manageable", NEXT_DONE, "manageable"},
                {"active", "manageable", NEXT_BLOCKED, "active"},
                {"deploy failed", "available", NEXT_BLOCKED, "deploy failed"},
                {"cleaning", "available", NEXT_WAIT, "cleaning"},
                {"verifying", "manageable", NEXT_WAIT, "verifying"},
                {"wait call-back", "manageable", NEXT_WAIT, "wait call-back"},
                {"clean wait", "available", NEXT_WAIT, "clean wait"},
                {"clean wait", "manageable", NEXT_DONE, "manageable"}, /* taken back: before the disks are wiped */
        };
        struct world *world = *state;
        struct next next = {};

        enrol(world);
        for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
                set_state(world, ways[i].from);
                world->view.target = ways[i].target;
                world->view.asked = 0;
                if (run(world, plan_enrolment, &next) != ways[i].ends)
                        fail_msg("%s to %s: %s", ways[i].from, ways[i].target, next.words);
                assert_string_equal(seen_state(world->node), ways[i].state);
        }
        next_clear(&next);
}

/* Nothing is given away by the planner alone. */
static void test_release_is_asked_for_each_time(void **state)
{
        struct world *world = *state;
        struct next next = {};

        enrol(world);
        world->view.target = "available";
        look(world);
        plan_enrolment(&world->view, &next);
        assert_int_equal(next.type, NEXT_RELEASE);
        next_clear(&next);
}

static void test_a_verb_that_fails_is_given_up(void **state)
{
        struct world *world = *state;
        struct next next = {};

        world->refuse = "manage";
        assert_int_equal(run(world, plan_enrolment, &next), NEXT_FAIL);
        assert_non_null(strstr(next.words, "it could not"));
        assert_int_equal(world->view.asked, 3);
        world->refuse = NULL;
        world->view.asked = 0; /* a new run */
        enrol(world);
        world->refuse = "adopt";
        world->view.target = "active";
        assert_int_equal(run(world, plan_enrolment, &next), NEXT_FAIL);
        next_clear(&next);
}

static void test_a_lock_is_waited_for(void **state)
{
        struct world *world = *state;
        struct next next = {};

        enrol(world);
        json_object_set_new(world->node, "reservation", json_string("conductor-7"));
        assert_int_equal(run(world, plan_enrolment, &next), NEXT_WAIT);
        assert_non_null(strstr(next.words, "conductor-7"));
        assert_int_equal(run(world, plan_leaving, &next), NEXT_WAIT);
        next_clear(&next);
}

static void test_leaving(void **state)
{
        static const char *const states[] = {"enroll",         "manageable",   "available", "clean failed",
                                             "inspect failed", "adopt failed", "clean wait"};
        struct world *world = *state;
        struct next next = {};

        for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
                enrol(world);
                set_state(world, states[i]);
                world->view.asked = 0;
                assert_int_equal(run(world, plan_leaving, &next), NEXT_DONE);
                assert_null(world->node);
        }
        enrol(world);
        set_state(world, "active"); /* somebody deployed it */
        assert_int_equal(run(world, plan_leaving, &next), NEXT_BLOCKED);
        world->view.target = "active"; /* as somebody else has deployed it */
        assert_int_equal(run(world, plan_leaving, &next), NEXT_BLOCKED);
        world->view.target = "manageable"; /* it was adopted, whatever is wanted by now */
        world->view.adopted = true;
        assert_int_equal(run(world, plan_leaving, &next), NEXT_DONE);
        assert_null(world->node);
        next_clear(&next);
}

/* As Ironic has them: nothing to be written again and again. */
static void test_letters_of_a_hardware_address_are_all_one(void **state)
{
        struct world *world = *state;

        enrol(world);
        json_t *link = json_object_get(json_array_get(world->ports, 0), "local_link_connection");
        json_object_set_new(link, "switch_id", json_string("00:11:22:33:44:55"));
        want_ports(world,
                   "[{'interface': 'a', 'enroll': true, 'link': {'switch_id': 'AA:bb:00:00:00:0C', 'port_id': 'E'}}]");
        enrol(world);
        link = json_object_get(json_array_get(world->ports, 0), "local_link_connection");
        assert_string_equal(spec_string(link, "switch_id"), "aa:bb:00:00:00:0c");
        json_object_set_new(link, "switch_id", json_string("AA:BB:00:00:00:0C"));
        unsigned before = world->writes;
        enrol(world);
        assert_int_equal(world->writes, before);
}

/* A crash between maintenance and DELETE, and the object is made anew. */
static void test_our_own_maintenance_is_ended(void **state)
{
        struct world *world = *state;

        enrol(world);
        json_object_set_new(world->node, "maintenance", json_true());
        json_object_set_new(world->node, "maintenance_reason", json_string("a disk is changed"));
        enrol(world);
        assert_true(json_is_true(json_object_get(world->node, "maintenance")));
        json_object_set_new(world->node, "maintenance_reason", json_string("its record is taken back"));
        enrol(world);
        assert_true(json_is_false(json_object_get(world->node, "maintenance")));
}

static void test_another_driver_leaves_nothing_of_the_last_one(void **state)
{
        struct world *world = *state;

        enrol(world);
        json_object_set_new(world->node, "driver", json_string("ipmi"));
        json_object_set_new(world->node, "driver_info",
                            parse("{'ipmi_address': '10.0.0.5', 'ipmi_username': 'a', 'ipmi_password': '******', "
                                  "'deploy_kernel': 'theirs'}"));
        enrol(world);
        const json_t *info = json_object_get(world->node, "driver_info");
        assert_string_equal(spec_string(world->node, "driver"), "redfish");
        assert_string_equal(spec_string(info, "deploy_kernel"), "theirs");
        assert_string_equal(spec_string(info, "redfish_address"), "https://bmc");
        assert_null(json_object_get(info, "ipmi_address"));
        assert_null(json_object_get(info, "ipmi_username"));
        assert_null(json_object_get(info, "ipmi_password"));
}

static void test_an_inspection_is_answered_once(void **state)
{
        struct world *world = *state;
        struct next next = {};
        json_t *inventory = parse("{'inventory': {'interfaces': []}, 'uuid': 'x', 'lldp_raw': {}}");

        enrol(world);
        set_state(world, "inspect wait");
        world->view.version = 95;
        assert_int_equal(run(world, plan_enrolment, &next), NEXT_WAIT); /* the spec does not say so */
        world->view.inventory = inventory;
        world->view.version = 82;
        assert_int_equal(run(world, plan_enrolment, &next), NEXT_WAIT); /* nor does Ironic have it */
        world->view.version = 84;
        world->view.checked = false;
        look(world);
        plan_enrolment(&world->view, &next);
        assert_int_equal(next.type, NEXT_REQUEST);
        assert_non_null(json_object_get(next.body, "inventory"));
        assert_null(json_object_get(next.body, "uuid"));
        next_clear(&next);
        assert_int_equal(run(world, plan_enrolment, &next), NEXT_DONE);
        set_state(world, "inspect wait");
        assert_int_equal(run(world, plan_enrolment, &next), NEXT_WAIT);
        next_clear(&next);
        json_decref(inventory);
}

static void test_answers_that_are_no_nodes(void **state)
{
        static const char *const nodes[] = {"{}", "{'uuid': 7}", "{'uuid': '../../v1/conductors'}", "[]"};
        struct world *world = *state;
        struct next next = {};

        for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
                json_decref(world->node);
                world->node = parse(nodes[i]);
                assert_int_equal(run(world, plan_enrolment, &next), NEXT_FAIL);
                assert_int_equal(run(world, plan_leaving, &next), NEXT_FAIL);
        }
        assert_int_equal(world->writes, 0);
        next_clear(&next);
}

#define T(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(test_enrol_and_again),
                T(test_cut_off_anywhere),
                T(test_from_every_state),
                T(test_release_is_asked_for_each_time),
                T(test_a_verb_that_fails_is_given_up),
                T(test_a_lock_is_waited_for),
                T(test_leaving),
                T(test_letters_of_a_hardware_address_are_all_one),
                T(test_our_own_maintenance_is_ended),
                T(test_another_driver_leaves_nothing_of_the_last_one),
                T(test_an_inspection_is_answered_once),
                T(test_answers_that_are_no_nodes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
