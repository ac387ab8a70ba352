/* See policy.h: the walk over the rules, once a conversation. What any remote may do is looked at first, since it needs
 * no address to be found. */
#include <stddef.h>

#include "policy.h"
#include "policy_remotes.h"

struct question {
        const struct dp_policy *policy;
        const struct dp_port_policy *port;
        uint32_t keys[2]; /* of the protocol and of any, for the remote 0 */
        uint16_t value;   /* port, or ICMP type and code */
        struct dp_verdict verdict;
};

static bool in_ranges(const struct dp_range *ranges, uint32_t count, uint16_t value)
{
        while (count > 1) { /* the last range that begins at or below the value */
                uint32_t half = count / 2;
                ranges += ranges[half].first <= value ? half : 0;
                count -= half;
        }
        return ranges->first <= value && value <= ranges->last;
}

static bool has(const struct dp_group *group, uint32_t key, uint16_t value)
{
        for (uint32_t at = dp_group_hash(key);; at++) {
                const struct dp_group_slot *slot = &group->slots[at & group->mask];
                if (slot->key == key)
                        return in_ranges(&group->ranges[slot->first], slot->count, value);
                if (slot->key == 0)
                        return false;
        }
}

/* Asks the groups what they let a remote do. true: a stateful one allows it, and nothing can be better than that. */
static bool ask(struct question *q, uint32_t remote)
{
        for (uint16_t i = 0; i < q->port->group_count; i++) {
                const struct dp_group *group = q->policy->groups[q->port->groups[i]];
                if (!group || (remote != DP_REMOTE_ANY && !group->selects) || (q->verdict.allowed && !group->stateful))
                        continue;
                if (!has(group, dp_group_key_of(q->keys[0], remote), q->value) &&
                    !has(group, dp_group_key_of(q->keys[1], remote), q->value))
                        continue;
                q->verdict = (struct dp_verdict){.allowed = true, .stateful = group->stateful, .group = group->id};
                if (group->stateful)
                        return true;
        }
        return false;
}

static bool ask_all(struct question *q, const uint32_t *remotes, uint32_t count)
{
        for (uint32_t i = 0; i < count; i++)
                if (ask(q, remotes[i]))
                        return true;
        return false;
}

static bool selects(const struct question *q)
{
        for (uint16_t i = 0; i < q->port->group_count; i++) {
                const struct dp_group *group = q->policy->groups[q->port->groups[i]];
                if (group && group->selects)
                        return true;
        }
        return false;
}

/* The remotes that contain the far end. */
static void ask_remotes(struct question *q, const struct dp_subject *subject)
{
        const struct dp_remotes *remotes = q->policy->remotes;
        const struct dp_prefixes *prefixes = remotes->prefixes[subject->v6];
        dp_address address = dp_address_load(subject->remote);
        const uint32_t *exact = NULL;
        uint32_t count = dp_remotes_exact(remotes, address, &exact);

        /* An IPv6 packet that gives a mapped address for its own is no IPv4 member's. */
        if (!(subject->v6 && dp_address_is_v4(address)) && ask_all(q, exact, count))
                return;
        for (uint32_t at = dp_remotes_prefix(prefixes, address); at; at = prefixes->tree[at - 1].parent)
                if (ask_all(q, prefixes->remotes + prefixes->tree[at - 1].first, prefixes->tree[at - 1].count))
                        return;
}

struct dp_verdict dp_policy_check(const struct dp_policy *policy, const struct dp_port_policy *port,
                                  enum dp_direction direction, const struct dp_subject *subject)
{
        struct question q = {
                .policy = policy,
                .port = port,
                .keys = {dp_group_key(direction, subject->v6, subject->protocol, DP_REMOTE_ANY),
                         dp_group_key(direction, subject->v6, DP_PROTOCOL_ANY, DP_REMOTE_ANY)},
                .value = subject->port,
        };

        if (!ask(&q, DP_REMOTE_ANY) && selects(&q))
                ask_remotes(&q, subject);
        return q.verdict;
}
