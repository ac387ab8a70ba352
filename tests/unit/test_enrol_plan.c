/* The planner of enrolments, with an Ironic made of JSON: from every state it gets where it shall, in few steps, asks
 * for nothing twice, and takes back what was made and only that. */
#include "support.h"

#include <string.h>

#include "desired.h"
#include "plan.h"
#include "values.h"

#define UUID  "4c4c4544-0051-3610-8056-b4c04f4d3332"
#define STEPS 60

struct world {
        json_t *node, *ports, *portgroups;
        unsigned serial;
        unsigned writes;
        const char *refuse; /* a verb that Ironic cannot do */
        struct view view;
};

/* `ports`: of the spec, as JSON. */
static json_t *make_desired(const char *ports)
{
        json_t *spec =
                parse("{'ironic': {'endpoint': 'http://x'}, 'bmc': {'redfish': {'address': 'https://bmc/', "
                      "'username': 'root', 'password': {'file': '/x'}, 'verify': true}}, 'target': 'manageable', "
                      "'resource_class': 'large', 'traits': ['CUSTOM_A'], 'capabilities': ['rack:7']}");
        json_t *inventory = parse(
                "{'uuid': '" UUID "', 'inventory': {'interfaces': ["
                "{'name': 'a', 'mac_address': '52:54:00:00:00:01', 'lldp': [[1, '04001122334455'], [2, '0545746831'], "
                "[5, '737731']]}, {'name': 'b', 'mac_address': '52:54:00:00:00:02'},"
                "{'name': 'c', 'mac_address': '52:54:00:00:00:02'}, {'name': 'u', 'mac_address': '02:00:00:00:00:01', "
                "'usb': true}], 'cpu': {'architecture': 'x86_64', 'count': 4}, 'memory': {'physical_mb': 1024}, "
                "'disks': [{'size': 107374182400}], 'boot': {'current_boot_mode': 'uefi'}},"
                "'bonds': [{'name': 'bond0', 'mode': '802.3ad', 'address': '52:54:00:00:00:01', 'interfaces': ['a'], "
                "'properties': {'miimon': '100'}}], 'cpu_flags': ['vmx'], 'hugepages': [2097152], 'sriov': true}");
        struct errors errors = {};
        json_t *desired = NULL;

        json_object_set_new(spec, "ports", parse(ports));
        assert_int_equal(desired_make(&desired, "n1", spec, inventory, 82, "me", &errors), 0);
        json_decref(spec);
        json_decref(inventory);
        return desired;
}

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));

        world->ports = json_array();
        world->portgroups = json_array();
        world->view = (struct view){.desired = make_desired("[]"),
                                    .target = "manageable",
                                    .by = "me",
                                    .version = 82,
                                    .notes = json_array()};
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        json_decref(world->node);
        json_decref(world->ports);
        json_decref(world->portgroups);
        json_decref((json_t *)world->view.desired);
        json_decref(world->view.notes);
        free(world);
        return 0;
}

/* ---- the Ironic of JSON ---- */

static void give_uuid(struct world *world, json_t *thing)
{
        json_object_set_new(thing, "uuid", json_sprintf("00000000-0000-0000-0000-%012u", ++world->serial));
}

static void want_ports(struct world *world, const char *ports)
{
        json_decref((json_t *)world->view.desired);
        world->view.desired = make_desired(ports);
}

static void patch(json_t *thing, const json_t *operations)
{
        json_t *operation;
        size_t i;

        json_array_foreach ((json_t *)operations, i, operation) {
                const char *path = spec_string(operation, "path") + 1, *slash = strchr(path, '/');
                json_t *value = json_object_get(operation, "value");
                char parent[64];

                if (!slash) {
                        json_object_set(thing, path, value);
                        continue;
                }
                snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
                if (!json_object_get(thing, parent))
                        json_object_set_new(thing, parent, json_object());
                if (strcmp(spec_string(operation, "op"), "remove") == 0)
                        assert_int_equal(json_object_del(json_object_get(thing, parent), slash + 1), 0);
                json_object_set(json_object_get(thing, parent), slash + 1, value);
        }
}

static json_t *find(json_t *list, const char *uuid, size_t *ret_at)
{
        json_t *entry;
        size_t i;

        json_array_foreach (list, i, entry)
                if (strcmp(spec_string(entry, "uuid"), uuid) == 0) {
                        *ret_at = i;
                        return entry;
                }
        fail_msg("there is no %s", uuid);
        return NULL;
}

static void write_list(struct world *world, json_t *list, const struct next *next)
{
        const char *uuid = strrchr(next->path, '/') + 1;
        size_t at = 0;

        if (strcmp(next->method, "POST") == 0) {
                json_t *made = json_deep_copy(next->body);
                assert_string_equal(spec_string(made, "node_uuid"), UUID);
                give_uuid(world, made);
                json_array_append_new(list, made);
        } else if (strcmp(next->method, "PATCH") == 0)
                patch(find(list, uuid, &at), next->body);
        else {
                find(list, uuid, &at);
                json_array_remove(list, at);
        }
}

static void take_verb(struct world *world, const char *verb)
{
        static const char *const moves[][3] = {
                {"enroll", "manage", "manageable"},       {"manageable", "provide", "available"},
                {"available", "manage", "manageable"},    {"manageable", "adopt", "active"},
                {"clean failed", "manage", "manageable"}, {"inspect failed", "manage", "manageable"},
                {"adopt failed", "manage", "manageable"}, {"adopt failed", "adopt", "active"},
                {"clean wait", "abort", "clean failed"},
        };
        const char *before = seen_state(world->node);

        if (world->refuse && strcmp(world->refuse, verb) == 0) {
                json_object_set_new(world->node, "last_error", json_string("it could not"));
                if (strcmp(verb, "adopt") == 0)
                        json_object_set_new(world->node, "provision_state", json_string("adopt failed"));
                return;
        }
        for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++)
                if (strcmp(before, moves[i][0]) == 0 && strcmp(verb, moves[i][1]) == 0) {
                        json_object_set_new(world->node, "provision_state", json_string(moves[i][2]));
                        return;
                }
        fail_msg("Ironic does not take \"%s\" in the state \"%s\"", verb, before);
}

static void take_request(struct world *world, const struct next *next)
{
        bool at_once = next->verb || next->inspection || strstr(next->path, "/maintenance");

        world->writes++;
        assert_true(world->view.checked || at_once);
        if (next->inspection) {
                assert_string_equal(next->path, "/v1/continue_inspection?node_uuid=" UUID);
                world->view.inspected = true;
                json_object_set_new(world->node, "provision_state", json_string("manageable"));
        } else if (next->verb)
                take_verb(world, next->verb);
        else if (strncmp(next->path, "/v1/ports", 9) == 0)
                write_list(world, world->ports, next);
        else if (strncmp(next->path, "/v1/portgroups", 14) == 0)
                write_list(world, world->portgroups, next);
        else if (strcmp(next->path, "/v1/nodes") == 0) {
                assert_null(world->node);
                world->node = json_deep_copy(next->body);
                json_object_set_new(world->node, "provision_state", json_string("enroll"));
        } else if (strcmp(next->path, "/v1/nodes/" UUID "/traits") == 0)
                json_object_set(world->node, "traits", json_object_get(next->body, "traits"));
        else if (strcmp(next->path, "/v1/nodes/" UUID "/maintenance") == 0)
                json_object_set_new(world->node, "maintenance", json_boolean(strcmp(next->method, "PUT") == 0));
        else if (strcmp(next->path, "/v1/nodes/" UUID "?reset_interfaces=true") == 0)
                patch(world->node, next->body);
        else if (strcmp(next->path, "/v1/nodes/" UUID) != 0)
                fail_msg("%s %s", next->method, next->path);
        else if (strcmp(next->method, "PATCH") == 0)
                patch(world->node, next->body);
        else {
                assert_string_equal(next->method, "DELETE");
                json_decref(world->node);
                world->node = NULL;
                json_array_clear(world->ports);
                json_array_clear(world->portgroups);
        }
}

static void look(struct world *world)
{
        world->view.node = world->node;
        world->view.ports = world->ports;
        world->view.portgroups = world->portgroups;
        world->view.traits = json_object_get(world->node, "traits");
}

/* Until there is no more to do; what is left of `next` is the last word. */
static enum next_type run(struct world *world, void (*plan)(const struct view *, struct next *), struct next *next)
{
        for (int step = 0; step < STEPS; step++) {
                next_clear(next);
                json_array_clear(world->view.notes);
                look(world);
                plan(&world->view, next);
                switch (next->type) {
                case NEXT_CHECK:
                        assert_false(world->view.checked);
                        world->view.checked = true;
                        break;
                case NEXT_VALIDATE:
                        world->view.validated = true;
                        break;
                case NEXT_RELEASE:
                        world->view.released = true;
                        break;
                case NEXT_REQUEST:
                        if (next->verb) {
                                bool again = strcmp(world->view.verb ?: "", next->verb) == 0;
                                world->view.asked = again ? world->view.asked + 1 : 1;
                                world->view.verb = next->verb;
                        }
                        take_request(world, next);
                        break;
                default:
                        return next->type;
                }
        }
        fail_msg("it goes on and on: %s", next->step);
        return NEXT_FAIL;
}

static void set_state(struct world *world, const char *state)
{
        json_object_set_new(world->node, "provision_state", json_string(state));
}

static void enrol(struct world *world)
{
        struct next next = {};

        world->view.asked = 0; /* a new run */
        assert_int_equal(run(world, plan_enrolment, &next), NEXT_DONE);
        next_clear(&next);
}

/* ---- tests ---- */

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

/* ---- what a review found ---- */

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

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(test_enrol_and_again),
                T(test_cut_off_anywhere),
                T(test_from_every_state),
                T(test_release_is_asked_for_each_time),
                T(test_once_settled_the_state_is_others_business),
                T(test_a_verb_that_fails_is_given_up),
                T(test_a_lock_is_waited_for),
                T(test_what_others_have_put_there_stays),
                T(test_leaving),
                T(test_leaving_what_was_there_before),
                T(test_answers_that_are_no_nodes),
                T(test_a_nic_that_is_not_seen_keeps_its_port),
                T(test_what_a_port_is_plugged_into_waits_for_manageable),
                T(test_pxe_is_others_unless_the_spec_names_it),
                T(test_letters_of_a_hardware_address_are_all_one),
                T(test_settled_it_stays_while_ironic_is_at_it),
                T(test_our_own_maintenance_is_ended),
                T(test_another_driver_leaves_nothing_of_the_last_one),
                T(test_a_resource_class_waits),
                T(test_an_inspection_is_answered_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
