/* Port security for ports of the harness: one group a port, built as control builds it, and a snapshot put into force.
 */
#pragma once

#include "harness.h"
#include "policy.h"

struct harness_rule {
        enum dp_direction direction;
        bool v6;
        uint16_t protocol; /* or DP_PROTOCOL_ANY */
        uint16_t first, last;
};

#define HARNESS_ANY(direction, v6)                                                                                     \
        {                                                                                                              \
                direction, v6, DP_PROTOCOL_ANY, 0, UINT16_MAX                                                          \
        }

/* The port may use any address with its own MAC; the rules are those of its one group. */
void harness_secure(unsigned int port, bool stateful, const struct harness_rule *rules, unsigned int count);
void harness_unsecure(unsigned int port);

/* As if something else had changed: every session is to be looked at again. */
void harness_policy_touch(void);
