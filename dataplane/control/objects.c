/* What all objects share. */
#include <errno.h>
#include <string.h>

#include "ageing.h"
#include "assign.h"
#include "objects.h"
#include "policy_control.h"
#include "rcu.h"

struct indices port_indices, network_indices, tunnel_indices;
struct port_object *port_objects[DP_PORT_MAX];
struct network_object *network_objects[DP_NETWORK_MAX];
struct tunnel_object *tunnel_objects[DP_TUNNEL_MAX];
struct record_table *objects_in_force;

int objects_init(void)
{
        int r;

        objects_in_force = record_table_new();
        if (!objects_in_force)
                return -ENOMEM;
        if ((r = indices_init(&port_indices, DP_PORT_MAX)) < 0 ||
            (r = indices_init(&network_indices, DP_NETWORK_MAX)) < 0 ||
            (r = indices_init(&tunnel_indices, DP_TUNNEL_MAX)) < 0)
                return r;
        if ((r = dp_map_init(&dp.fdb, 1, 1024)) < 0 || (r = dp_map_init(&dp.neigh, DP_NEIGH_WORDS, 1024)) < 0 ||
            (r = dp_map_init(&dp.segments, 1, 64)) < 0)
                return r;
        if ((r = dp_map_init(&dp.vteps, DP_VTEP_WORDS, 64)) < 0)
                return r;
        return policy_init();
}

/* Ports whose sessions are still in the table. */
static bool departed[DP_PORT_MAX], any_departed;

void sessions_forget_port(uint16_t index)
{
        departed[index] = any_departed = true;
}

static void sessions_settle(void)
{
        if (!any_departed)
                return;
        dp_rcu_enter();
        dp_session_forget_owners(dp.worker_count, departed);
        dp_rcu_leave();
        memset(departed, 0, sizeof(departed));
        any_departed = false;
}

void objects_settle(void)
{
        networks_settle();
        assign_settle();
        learning_settle();
        if (policy_settle() < 0) /* nobody may get an index that sessions still know as another's */
                return;
        dp_rcu_reclaim();
        sessions_settle();
}
