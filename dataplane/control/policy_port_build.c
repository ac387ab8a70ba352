/* What port security says of one port, in the form that workers read. */
#include <stdlib.h>
#include <string.h>

#include "policy_private.h"
#include "socle/cleanup.h"

static bool is_v4(const struct dp_allowed *allowed)
{
        return allowed->prefix >= 96 && wire_ip_is_v4(allowed->ip);
}

static bool is_exact_v4(const struct dp_allowed *allowed)
{
        return allowed->prefix == 128 && wire_ip_is_v4(allowed->ip);
}

/* Exact IPv4 addresses first; else only so that the same records make the same bytes. */
static int compare_allowed(const void *a, const void *b)
{
        const struct dp_allowed *x = a, *y = b;

        if (is_exact_v4(x) != is_exact_v4(y))
                return is_exact_v4(x) ? -1 : 1;
        return memcmp(x, y, sizeof(*x));
}

static int compare_macs(const void *a, const void *b)
{
        return memcmp(a, b, sizeof(struct rte_ether_addr));
}

static int compare_groups(const void *a, const void *b)
{
        return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

/* The port's own MAC, then the others, each once. Returns how many. */
static uint16_t gather_macs(const struct port_rules *port, struct rte_ether_addr *macs)
{
        uint16_t count = 1, kept = 1;

        macs[0] = port->mac;
        for (uint16_t i = 0; i < port->allowed_count; i++)
                macs[count++] = port->allowed[i].mac;
        qsort(macs + 1, count - 1, sizeof(*macs), compare_macs);
        for (uint16_t i = 1; i < count; i++)
                if (compare_macs(&macs[i], &macs[0]) != 0 &&
                    (kept == 1 || compare_macs(&macs[i], &macs[kept - 1]) != 0))
                        macs[kept++] = macs[i];
        return kept;
}

static uint16_t index_of(const struct rte_ether_addr *macs, uint16_t count, const struct rte_ether_addr *mac)
{
        uint16_t i = 0;

        while (i < count - 1 && compare_macs(&macs[i], mac) != 0)
                i++;
        return i;
}

static void set_quick(struct dp_port_policy *policy)
{
        const uint16_t ipv4 = RTE_BE16(RTE_ETHER_TYPE_IPV4);
        unsigned int n = 0;

        memcpy(&policy->quick_ether, &policy->macs[0], sizeof(policy->macs[0]));
        memcpy((uint8_t *)&policy->quick_ether + sizeof(policy->macs[0]), &ipv4, sizeof(ipv4));
        policy->quick_ipv4[0] = policy->quick_ipv4[1] = DP_QUICK_NONE;
        for (uint16_t i = 0; i < policy->allowed_count && n < RTE_DIM(policy->quick_ipv4); i++) {
                const struct dp_allowed *allowed = &policy->allowed[i];
                uint32_t ip, mask;
                if (!is_v4(allowed) || allowed->mac != 0)
                        continue;
                memcpy(&ip, allowed->ip + 12, sizeof(ip));
                mask = rte_cpu_to_be_32((uint32_t)(UINT64_MAX << (128 - allowed->prefix)));
                policy->quick_mask[n] = mask;
                policy->quick_ipv4[n++] = ip & mask;
        }
}

static void gather_groups(const struct port_rules *port, struct dp_port_policy *policy)
{
        const struct membership *membership;

        LIST_FOREACH (membership, &port->groups, of_port) {
                if (!membership->group->declared)
                        continue;
                policy->groups[policy->group_count++] = membership->group->index;
                policy->open |= group_is_open(membership->group);
        }
        qsort(policy->groups, policy->group_count, sizeof(policy->groups[0]), compare_groups);
}

struct dp_port_policy *port_policy_build(const struct port_rules *port)
{
        cleanup_free struct rte_ether_addr *macs = calloc(port->allowed_count + 1, sizeof(*macs));
        uint16_t mac_count = macs ? gather_macs(port, macs) : 0;
        size_t macs_at = RTE_ALIGN_CEIL(sizeof(struct dp_port_policy) + port->group_count * sizeof(uint16_t), 8);
        size_t allowed_at = RTE_ALIGN_CEIL(macs_at + mac_count * sizeof(*macs), 8);
        struct dp_port_policy *policy =
                macs ? calloc(1, allowed_at + port->allowed_count * sizeof(struct dp_allowed)) : NULL;

        if (!policy)
                return NULL;
        struct dp_allowed *allowed = (void *)((uint8_t *)policy + allowed_at);
        policy->id = port->id;
        policy->macs = memcpy((uint8_t *)policy + macs_at, macs, mac_count * sizeof(*macs));
        policy->mac_count = mac_count;
        policy->allowed = allowed;
        policy->allowed_count = port->allowed_count;
        for (uint16_t i = 0; i < port->allowed_count; i++) {
                memcpy(allowed[i].ip, port->allowed[i].ip, sizeof(allowed[i].ip));
                allowed[i].prefix = port->allowed[i].prefix;
                allowed[i].mac = index_of(macs, mac_count, &port->allowed[i].mac);
        }
        qsort(allowed, port->allowed_count, sizeof(*allowed), compare_allowed);
        gather_groups(port, policy);
        set_quick(policy);
        return policy;
}

bool port_policy_same(const struct dp_port_policy *a, const struct dp_port_policy *b)
{
        if (!a || !b)
                return a == b;
        return a->id == b->id && a->open == b->open && a->group_count == b->group_count &&
               a->mac_count == b->mac_count && a->allowed_count == b->allowed_count &&
               memcmp(a->groups, b->groups, a->group_count * sizeof(a->groups[0])) == 0 &&
               memcmp(a->macs, b->macs, a->mac_count * sizeof(a->macs[0])) == 0 &&
               memcmp(a->allowed, b->allowed, a->allowed_count * sizeof(a->allowed[0])) == 0;
}
