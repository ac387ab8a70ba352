/* An Ironic made of JSON, for tests of the planner of enrolments: one node, its ports and port groups, and the view of
 * them that a planner is given. Works with test_enrol_*.c. */
#pragma once

#include "plan.h"
#include "support.h"

#define UUID  "4c4c4544-0051-3610-8056-b4c04f4d3332"
#define STEPS 60

struct world {
        json_t *node, *ports, *portgroups;
        unsigned serial;
        unsigned writes;
        const char *refuse; /* a verb that Ironic cannot do */
        struct view view;
};

int world_setup(void **state);
int world_teardown(void **state);
void want_ports(struct world *world, const char *ports);
void look(struct world *world);
enum next_type run(struct world *world, void (*plan)(const struct view *, struct next *), struct next *next);
void set_state(struct world *world, const char *state);
void enrol(struct world *world);
void take_request(struct world *world, const struct next *next);
