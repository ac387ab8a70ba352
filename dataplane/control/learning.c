/* See learning.h. */
#include <string.h>

#include "learning.h"
#include "objects.h"
#include "policy_control.h"
#include "worker.h"

static uint32_t learned_total;

static struct network_object *network_of(uint64_t key)
{
        uint16_t index = key >> 48;

        return index < DP_NETWORK_MAX ? network_objects[index] : NULL;
}

static void forget(uint64_t key)
{
        struct network_object *network = network_of(key);

        dp_map_remove(&dp.fdb, &key);
        learned_total--;
        if (network)
                network->learned--;
}

/* Is the place still there? An event may be older than a removal. */
static bool place_exists(const struct dp_learn *event)
{
        uint16_t index = dp_location_index(event->location);

        switch (dp_location_place(event->location)) {
        case DP_PLACE_PORT:
                return index < DP_PORT_MAX && dp.ports[index] && dp.ports[index]->network == event->key >> 48;
        case DP_PLACE_TUNNEL:
                return index < DP_TUNNEL_MAX && dp.tunnels[index];
        default:
                return true;
        }
}

/* Sessions towards it may have been allowed without this port's groups being asked: they are judged again. */
static bool is_guarded_place(uint64_t location)
{
        return dp_location_place(location) == DP_PLACE_PORT && dp.ports[dp_location_index(location)]->secured;
}

static void learn(const struct dp_learn *event)
{
        struct network_object *network = network_of(event->key);
        uint64_t known = dp_map_get(&dp.fdb, &event->key, 1);

        if (!network || !network->record.flood || !place_exists(event) || (known && !(known & DP_LOCATION_LEARNED)))
                return;
        if (!known && network->learned >= network->record.learn_max) {
                network->learn_full++;
                return;
        }
        if (dp_map_set(&dp.fdb, &event->key, event->location) < 0)
                return;
        if (is_guarded_place(event->location) && (uint32_t)known != (uint32_t)event->location)
                policy_touch();
        if (!known) {
                network->learned++;
                learned_total++;
        }
}

void learning_drain(void)
{
        struct dp_learn events[64];

        for (unsigned int i = 0; i < dp.worker_count; i++) {
                unsigned int n;
                while ((n = rte_ring_sc_dequeue_burst_elem(dp.workers[i].learn, events, sizeof(events[0]),
                                                           RTE_DIM(events), NULL)) > 0)
                        for (unsigned int j = 0; j < n; j++)
                                learn(&events[j]);
        }
}

/* Forgets the learned entries that `f` picks. */
static void sweep(bool (*pick)(uint64_t key, uint64_t location, uint64_t argument), uint64_t argument)
{
        const uint64_t *key;
        uint64_t location;

        for (uint32_t i = 0; learned_total > 0 && dp_map_next(&dp.fdb, &i, &key, &location);)
                if (location & DP_LOCATION_LEARNED && pick(*key, location, argument))
                        forget(*key);
}

static bool is_old(uint64_t key, uint64_t location, uint64_t now_s)
{
        const struct network_object *network = network_of(key);

        return !network || now_s - (location >> 32) > network->record.learn_age_s;
}

/* Places whose index is about to be free. */
static bool gone_ports[DP_PORT_MAX], gone_tunnels[DP_TUNNEL_MAX], any_gone;

static bool is_gone(uint64_t key, uint64_t location, uint64_t unused)
{
        uint16_t index = dp_location_index(location);

        switch (dp_location_place(location)) {
        case DP_PLACE_PORT:
                return gone_ports[index];
        case DP_PLACE_TUNNEL:
                return gone_tunnels[index];
        default:
                return false;
        }
}

static bool is_in(uint64_t key, uint64_t location, uint64_t network)
{
        return key >> 48 == network;
}

void learning_age(void)
{
        sweep(is_old, dp.now_s);
}

void learning_forget(enum dp_place place, uint16_t index)
{
        if (place == DP_PLACE_PORT)
                gone_ports[index] = true;
        else
                gone_tunnels[index] = true;
        any_gone = true;
}

void learning_settle(void)
{
        if (!any_gone)
                return;
        learning_drain();
        sweep(is_gone, 0);
        memset(gone_ports, 0, sizeof(gone_ports));
        memset(gone_tunnels, 0, sizeof(gone_tunnels));
        any_gone = false;
}

void learning_displaced(uint16_t network)
{
        learned_total--;
        if (network_objects[network])
                network_objects[network]->learned--;
}

void learning_forget_network(uint16_t network)
{
        learning_drain();
        sweep(is_in, network);
}
