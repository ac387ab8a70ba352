/* See harness_policy.h. */
#include <stdlib.h>
#include <string.h>

#include "harness_policy.h"
#include "policy_build.h"

static const struct dp_group *groups[HARNESS_PORTS];
static struct dp_port_policy *ports[HARNESS_PORTS];
static const struct dp_allowed anything[] = {{.prefix = 96, .ip = {[10] = 0xff, [11] = 0xff}}, {.prefix = 0}};

static void *must(void *pointer)
{
        if (!pointer)
                abort();
        return pointer;
}

/* There is one thread: what is taken out of force can be freed at once. */
static void publish(void)
{
        const struct dp_policy *old = dp.policy;
        struct dp_policy *policy = must(calloc(1, sizeof(*policy) + sizeof(policy->ports[0]) * DP_PORT_MAX));
        static uint32_t generation;

        policy->generation = ++generation;
        policy->group_count = HARNESS_PORTS;
        policy->groups = groups;
        memcpy(policy->ports, ports, sizeof(ports));
        dp.policy = policy;
        if (generation > 1)
                free((void *)old); /* the first is the harness' own */
}

static void forget(unsigned int port)
{
        free((void *)groups[port]);
        free(ports[port]);
        groups[port] = NULL;
        ports[port] = NULL;
}

void harness_secure(unsigned int port, bool stateful, const struct harness_rule *rules, unsigned int count)
{
        struct dp_group_rule *list = must(calloc(count + 1, sizeof(*list)));
        struct dp_port_policy *policy = must(calloc(1, sizeof(*policy) + sizeof(policy->groups[0])));

        forget(port);
        for (unsigned int i = 0; i < count; i++) {
                const struct harness_rule *rule = &rules[i];
                list[i].key = dp_group_key(rule->direction, rule->v6, rule->protocol, DP_REMOTE_ANY);
                list[i].range = (struct dp_range){rule->first, rule->last};
        }
        groups[port] = must(dp_group_build(100 + port, stateful, list, count));
        free(list);
        *policy = (struct dp_port_policy){
                .id = port + 1,
                .open = groups[port]->open,
                .group_count = 1,
                .mac_count = 1,
                .allowed_count = RTE_DIM(anything),
                .quick_ether = UINT64_MAX,
                .quick_ipv4 = {DP_QUICK_NONE, DP_QUICK_NONE},
                .macs = &dp.ports[port]->mac,
                .allowed = anything,
        };
        policy->groups[0] = port;
        ports[port] = policy;
        dp.ports[port]->secured = true;
        dp.ports[port]->guarded = policy->open;
        dp.networks[0]->secured = true;
        publish();
}

void harness_unsecure(unsigned int port)
{
        forget(port);
        dp.ports[port]->secured = dp.ports[port]->guarded = false;
        dp.networks[0]->secured = false;
        for (unsigned int i = 0; i < HARNESS_PORTS; i++)
                dp.networks[0]->secured |= dp.ports[i]->secured;
        publish();
}

void harness_policy_touch(void)
{
        publish();
}
