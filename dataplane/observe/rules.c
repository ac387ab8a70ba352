/* See rules.h. Two passes: the sets that the remote address is a member of, then the rules. */
#include <string.h>

#include "rules.h"

#define SETS_MAX 256 /* that one address is a member of; more are not looked for */

struct sets {
        unsigned int count;
        uint32_t ids[SETS_MAX];
};

static bool is_within(const uint8_t ip[16], const uint8_t prefix[16], unsigned int bits)
{
        if (memcmp(ip, prefix, bits / 8) != 0)
                return false;
        return bits % 8 == 0 || ((ip[bits / 8] ^ prefix[bits / 8]) >> (8 - bits % 8)) == 0;
}

/* ::/0 holds no IPv4 address. */
static bool contains(const uint8_t prefix[16], unsigned int bits, const uint8_t ip[16])
{
        return bits <= 128 && (bits >= 96 || !wire_ip_is_v4(ip)) && is_within(ip, prefix, bits);
}

static void find_sets(const struct record_table *records, const uint8_t ip[16], struct sets *sets)
{
        const struct wire_header *record;

        for (size_t i = 0; (record = record_table_next(records, &i, NULL)) && sets->count < SETS_MAX;) {
                const struct wire_member *member = (const void *)record;
                if (record->type == WIRE_MEMBER && contains(member->ip, member->prefix, ip))
                        sets->ids[sets->count++] = member->set;
        }
}

static bool remote_matches(const struct wire_rule *rule, const struct sets *sets, const uint8_t ip[16])
{
        switch (rule->remote) {
        case WIRE_REMOTE_ANY:
                return true;
        case WIRE_REMOTE_CIDR:
                return contains(rule->ip, rule->prefix, ip);
        default:
                for (unsigned int i = 0; i < sets->count; i++)
                        if (sets->ids[i] == rule->remote_set)
                                return true;
                return false;
        }
}

const struct wire_rule *rules_find(const struct record_table *records, uint32_t group, enum dp_direction direction,
                                   const struct dp_subject *subject)
{
        uint8_t wanted = direction == DP_EGRESS ? WIRE_EGRESS : WIRE_INGRESS, family = subject->v6 ? 6 : 4;
        const struct wire_rule *found = NULL;
        const struct wire_header *record;
        struct sets sets = {0};

        find_sets(records, subject->remote, &sets);
        for (size_t i = 0; (record = record_table_next(records, &i, NULL));) {
                const struct wire_rule *rule = (const void *)record;
                if (record->type == WIRE_RULE && rule->group == group && rule->direction == wanted &&
                    rule->family == family &&
                    (rule->protocol == WIRE_PROTOCOL_ANY || rule->protocol == subject->protocol) &&
                    rule->first <= subject->port && subject->port <= rule->last &&
                    remote_matches(rule, &sets, subject->remote) && (!found || rule->number < found->number))
                        found = rule;
        }
        return found;
}
