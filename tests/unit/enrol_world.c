/* See enrol_world.h. */
#include <string.h>

#include "desired.h"
#include "enrol_world.h"
#include "values.h"

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

int world_setup(void **state)
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

int world_teardown(void **state)
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

void want_ports(struct world *world, const char *ports)
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

void take_request(struct world *world, const struct next *next)
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

void look(struct world *world)
{
        world->view.node = world->node;
        world->view.ports = world->ports;
        world->view.portgroups = world->portgroups;
        world->view.traits = json_object_get(world->node, "traits");
}

/* Until there is no more to do; what is left of `next` is the last word. */
enum next_type run(struct world *world, void (*plan)(const struct view *, struct next *), struct next *next)
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

void set_state(struct world *world, const char *state)
{
        json_object_set_new(world->node, "provision_state", json_string(state));
}

void enrol(struct world *world)
{
        struct next next = {};

        world->view.asked = 0; /* a new run */
        assert_int_equal(run(world, plan_enrolment, &next), NEXT_DONE);
        next_clear(&next);
}
