/* See policy_control.h: from one snapshot to the next. All memory that a change needs is taken before anything is
 * changed, so that there is no half of it. What a snapshot no longer shares is freed after the grace period behind the
 * next one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy_private.h"
#include "rcu.h"
#include "socle/log.h"

struct policy_in_force policy_in_force;

static bool touched, index_touched, held, failing;

static const void **retired;
static size_t retired_count, retired_room;

void policy_retire(const void *block)
{
        if (!block)
                return;
        if (retired_count == retired_room) {
                size_t room = retired_room ? retired_room * 2 : 64;
                const void **grown = reallocarray(retired, room, sizeof(*grown));
                if (!grown)
                        return; /* lost, since a worker may be reading it */
                retired = grown;
                retired_room = room;
        }
        retired[retired_count++] = block;
}

void policy_touch(void)
{
        touched = true;
}

void policy_touch_index(void)
{
        index_touched = true;
}

void policy_hold(bool hold)
{
        held = hold;
}

static struct dp_policy *snapshot_alloc(void)
{
        return malloc(sizeof(struct dp_policy) + sizeof(policy_in_force.ports) +
                      sizeof(policy_in_force.groups[0]) * groups_count());
}

/* Fills the snapshot from policy_in_force, and lets it take the place of the one before. */
static void publish(struct dp_policy *snapshot)
{
        const struct dp_policy *before = dp.policy;

        snapshot->generation = before ? before->generation + 1 : 1;
        snapshot->group_count = groups_count();
        snapshot->remotes = policy_in_force.remotes;
        snapshot->groups = (const struct dp_group **)&snapshot->ports[DP_PORT_MAX];
        memcpy(snapshot->ports, policy_in_force.ports, sizeof(policy_in_force.ports));
        memcpy(snapshot->groups, policy_in_force.groups, sizeof(snapshot->groups[0]) * snapshot->group_count);
        dp_store(dp.policy, snapshot);
        dp_rcu_defer((void *)(uintptr_t)before, free);
        for (size_t i = 0; i < retired_count; i++)
                dp_rcu_defer((void *)(uintptr_t)retired[i], free);
        retired_count = 0;
        touched = index_touched = false;
}

int policy_init(void)
{
        int r;

        if ((r = remotes_init()) < 0 || (r = members_init()) < 0 || (r = groups_init()) < 0 || (r = ports_init()) < 0)
                return r;
        struct dp_policy *snapshot = snapshot_alloc();
        if (!snapshot)
                return -ENOMEM;
        publish(snapshot);
        return 0;
}

/* Out of memory: said once, tried again with every call. */
static int give_up(void)
{
        if (!failing)
                log_error("out of memory for the policy: what changed is not in force yet");
        failing = true;
        return -ENOMEM;
}

/* Ports and indices that are gone, before anybody else can get the index. */
static int settle_removals(void)
{
        struct dp_policy *snapshot;

        if (!index_touched)
                return 0;
        snapshot = snapshot_alloc();
        if (!snapshot)
                return give_up();
        publish(snapshot);
        return 0;
}

/* Makes all that changed. 0: it comes to the same, 1, or -ENOMEM: nothing was made. */
static int build(void)
{
        int groups = groups_build(), ports, members;

        if (groups >= 0)
                groups_note_open();
        ports = groups < 0 ? groups : ports_build();
        members = ports < 0 ? ports : members_build();
        if (members >= 0)
                return groups | ports | members;
        groups_discard();
        ports_discard();
        members_discard();
        return members;
}

int policy_settle(void)
{
        if (held)
                return settle_removals();
        remotes_reap();
        int differs = build();
        if (differs < 0)
                return give_up();
        struct dp_policy *snapshot = differs || touched || index_touched ? snapshot_alloc() : NULL;
        if (!snapshot && (differs || touched || index_touched)) {
                groups_discard();
                ports_discard();
                members_discard();
                return give_up();
        }
        ports_lower();
        groups_apply();
        ports_apply();
        members_apply();
        if (snapshot)
                publish(snapshot);
        ports_raise();
        failing = false;
        return 0;
}
