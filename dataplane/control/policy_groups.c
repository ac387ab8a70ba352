/* Security groups, address groups, their rules and members. */
#include <errno.h>
#include <stdlib.h>

#include "policy_private.h"
#include "socle/cleanup.h"

#define GROUP_MAX UINT16_MAX

static struct indices group_indices;
static struct group **groups; /* by index */
static struct dp_map rules;   /* group id << 32 | number → struct rule */
static STAILQ_HEAD(, group) dirty = STAILQ_HEAD_INITIALIZER(dirty);

int groups_init(void)
{
        int r = indices_init(&group_indices, GROUP_MAX);

        if (r < 0)
                return r;
        groups = calloc(GROUP_MAX, sizeof(struct group *));
        policy_in_force.groups = calloc(GROUP_MAX, sizeof(struct dp_group *));
        return groups && policy_in_force.groups ? dp_map_init(&rules, 1, 1024) : -ENOMEM;
}

uint32_t groups_count(void)
{
        return group_indices.next;
}

/* ---- groups ---- */

struct group *group_find(uint32_t id)
{
        uint16_t index = indices_find(&group_indices, id);

        return index == DP_INDEX_NONE ? NULL : groups[index];
}

static void mark(struct group *group)
{
        if (group->dirty)
                return;
        group->dirty = true;
        STAILQ_INSERT_TAIL(&dirty, group, dirty_entry);
}

static struct group *group_take(uint32_t id)
{
        struct group *group = group_find(id);

        if (group)
                return group;
        uint16_t index = indices_take(&group_indices, id);
        if (index == DP_INDEX_NONE)
                return NULL;
        group = calloc(1, sizeof(*group));
        if (!group) {
                indices_drop(&group_indices, id, index);
                return NULL;
        }
        group->id = id;
        group->index = index;
        groups[index] = group;
        return group;
}

void group_release(struct group *group)
{
        if (!group->declared && LIST_EMPTY(&group->rules) && LIST_EMPTY(&group->members))
                mark(group); /* settle() takes it out of the snapshot, then away */
}

int security_group_put(const struct wire_security_group *record, struct dp_io_error *error)
{
        struct group *group = group_take(record->id);
        int r = group ? remote_declare(record->id) : -ENOMEM;

        if (r < 0) {
                if (group)
                        group_release(group);
                return dp_io_fail(error, -r, "no room for security group %s: no more than %u on a node", record->name,
                                  GROUP_MAX);
        }
        if (!group->declared || group->stateful != record->stateful)
                mark(group);
        group->declared = true;
        group->stateful = record->stateful;
        return 0;
}

void security_group_remove(const struct wire_security_group *record)
{
        struct group *group = group_find(record->id);

        remote_undeclare(record->id);
        if (!group)
                return;
        group->declared = false;
        mark(group);
}

/* ---- rules ---- */

static uint64_t rule_key(const struct wire_rule *record)
{
        return (uint64_t)record->group << 32 | record->number;
}

static void drop_rule(uint64_t key)
{
        struct rule *rule = policy_find(&rules, &key);

        if (!rule)
                return;
        dp_map_remove(&rules, &key);
        LIST_REMOVE(rule, entry);
        rule->group->rule_count--;
        mark(rule->group);
        remote_release(rule->remote);
        free(rule);
}

/* The remote that the rule speaks of, NULL for any; 0 or -errno with words. */
static int find_remote(const struct wire_rule *record, struct remote **ret, struct dp_io_error *error)
{
        bool everything = record->prefix <= (record->family == 4 ? 96 : 0);

        if (record->remote == WIRE_REMOTE_ANY || (record->remote == WIRE_REMOTE_CIDR && everything)) {
                *ret = NULL;
                return 0;
        }
        if (record->remote == WIRE_REMOTE_SET) {
                *ret = remote_of_set(record->remote_set);
                return *ret ? 0
                            : dp_io_fail(error, ENOENT, "rule %u names the remote group %u, which is not there",
                                         record->number, record->remote_set);
        }
        if (record->remote != WIRE_REMOTE_CIDR || record->prefix > 128 ||
            wire_ip_is_v4(record->ip) != (record->family == 4))
                return dp_io_fail(error, EINVAL, "rule %u has a remote that is no prefix of its family",
                                  record->number);
        *ret = remote_of_cidr(record->ip, record->prefix);
        return *ret ? 0 : dp_io_fail(error, ENOMEM, "out of memory");
}

static int check_rule(const struct wire_rule *record, struct dp_io_error *error)
{
        if ((record->family != 4 && record->family != 6) ||
            (record->direction != WIRE_INGRESS && record->direction != WIRE_EGRESS) ||
            record->protocol > WIRE_PROTOCOL_ANY || record->first > record->last)
                return dp_io_fail(error, EINVAL, "rule %u is of no known direction, family, protocol or range",
                                  record->number);
        return 0;
}

int rule_put(const struct wire_rule *record, struct dp_io_error *error)
{
        struct group *group = group_find(record->group);
        struct remote *remote;
        uint64_t key = rule_key(record);

        drop_rule(key); /* whatever becomes of the new one: what the old one allowed is no longer wanted */
        if (!group || !group->declared)
                return dp_io_fail(error, ENOENT, "rule %u names the security group %u, which is not there",
                                  record->number, record->group);
        if (check_rule(record, error) < 0 || find_remote(record, &remote, error) < 0)
                return -error->error;
        struct rule *rule = malloc(sizeof(*rule));
        remote_hold(remote);
        if (!rule || dp_map_set(&rules, &key, policy_value(rule)) < 0) {
                free(rule);
                remote_release(remote);
                return dp_io_fail(error, ENOMEM, "out of memory");
        }
        *rule = (struct rule){
                .group = group,
                .remote = remote,
                .number = record->number,
                .protocol = record->protocol,
                .range = {record->first, record->last},
                .v6 = record->family == 6,
                .direction = record->direction == WIRE_INGRESS ? DP_INGRESS : DP_EGRESS,
        };
        LIST_INSERT_HEAD(&group->rules, rule, entry);
        group->rule_count++;
        mark(group);
        return 0;
}

void rule_remove(const struct wire_rule *record)
{
        drop_rule(rule_key(record));
}

/* ---- address groups and members ---- */

int address_group_put(const struct wire_address_group *record, struct dp_io_error *error)
{
        int r = remote_declare(record->id);

        return r < 0 ? dp_io_fail(error, -r, "no room for address group %s", record->name) : 0;
}

void address_group_remove(const struct wire_address_group *record)
{
        remote_undeclare(record->id);
}

int member_put(const struct wire_member *record, struct dp_io_error *error)
{
        struct remote *set = remote_of_set(record->set);
        bool fresh;

        if (!set)
                return dp_io_fail(error, ENOENT, "a member names the group %u, which is not there", record->set);
        if (record->prefix > 128)
                return dp_io_fail(error, EINVAL, "a member of group %u has a prefix of %u bits", record->set,
                                  record->prefix);
        if (members_add(dp_address_load(record->ip), record->prefix, set->number, record->owner, &fresh) < 0)
                return dp_io_fail(error, ENOMEM, "out of memory");
        if (fresh)
                remote_hold(set);
        return 0;
}

void member_remove(const struct wire_member *record)
{
        struct remote *set = remote_of_set_in_use(record->set);

        if (set && record->prefix <= 128 &&
            members_drop(dp_address_load(record->ip), record->prefix, set->number, record->owner))
                remote_release(set);
}

/* ---- the snapshot's part ---- */

bool group_is_open(const struct group *group)
{
        const struct dp_group *made = group->dirty ? group->fresh : policy_in_force.groups[group->index];

        return made && made->open;
}

static struct dp_group *build(const struct group *group)
{
        cleanup_free struct dp_group_rule *list = calloc(group->rule_count + 1, sizeof(*list));
        const struct rule *rule;
        uint32_t count = 0;

        if (!list)
                return NULL;
        LIST_FOREACH (rule, &group->rules, entry)
                list[count++] = (struct dp_group_rule){
                        .key = dp_group_key(rule->direction, rule->v6, rule->protocol,
                                            rule->remote ? rule->remote->number : DP_REMOTE_ANY),
                        .range = rule->range,
                };
        return dp_group_build(group->id, group->stateful, list, count);
}

int groups_build(void)
{
        struct group *group;
        int r = 0;

        STAILQ_FOREACH (group, &dirty, dirty_entry) {
                if (group->declared && !(group->fresh = build(group)))
                        return -ENOMEM;
                r |= !dp_group_same(group->fresh, policy_in_force.groups[group->index]);
        }
        return r;
}

void groups_discard(void)
{
        struct group *group;

        STAILQ_FOREACH (group, &dirty, dirty_entry) {
                free(group->fresh);
                group->fresh = NULL;
        }
}

/* Ports whose groups are all as open as before need not be looked at. */
void groups_note_open(void)
{
        struct group *group;

        STAILQ_FOREACH (group, &dirty, dirty_entry) {
                const struct dp_group *now = policy_in_force.groups[group->index];
                if ((now && now->open) != group_is_open(group))
                        ports_of_group_changed(group);
        }
}

static void forget(struct group *group)
{
        groups[group->index] = NULL;
        indices_drop(&group_indices, group->id, group->index);
        free(group);
}

void groups_apply(void)
{
        struct group *group;

        while ((group = STAILQ_FIRST(&dirty))) {
                STAILQ_REMOVE_HEAD(&dirty, dirty_entry);
                group->dirty = false;
                if (dp_group_same(group->fresh, policy_in_force.groups[group->index])) {
                        free(TAKE_PTR(group->fresh));
                } else {
                        policy_retire(policy_in_force.groups[group->index]);
                        policy_in_force.groups[group->index] = TAKE_PTR(group->fresh);
                }
                if (!group->declared && LIST_EMPTY(&group->rules) && LIST_EMPTY(&group->members))
                        forget(group);
        }
}
