/* See report.h. */
#include <string.h>

#include <rte_cycles.h>
#include <rte_graph_worker.h>

#include "assign.h"
#include "ageing.h"
#include "clock.h"
#include "objects.h"
#include "observe.h"
#include "report.h"
#include "table.h"
#include "worker.h"

static void underlay_state(struct wire_writer *writer, const struct port_object *object)
{
        struct wire_underlay_state state;

        wire_init(&state, WIRE_UNDERLAY_STATE);
        state.id = object->id;
        state.link = object->open && object->io->link;
        memcpy(state.mac, &object->port->mac, 6);
        state.error = object->error.error;
        snprintf(state.text, sizeof(state.text), "%s", object->error.text);
        wire_put(writer, &state);
}

static void port_state(struct wire_writer *writer, const struct port_object *object)
{
        struct wire_port_state state;

        wire_init(&state, WIRE_PORT_STATE);
        state.id = object->id;
        if (object->open) {
                state.link = object->io->link && object->port->admin_up;
                state.connected = object->io->connected;
                state.queues = object->io->queues;
                state.features = object->io->features;
        }
        state.error = object->error.error;
        snprintf(state.text, sizeof(state.text), "%s", object->error.text);
        wire_put(writer, &state);
}

static void peer_state(struct wire_writer *writer, const struct tunnel_object *object)
{
        struct wire_peer_state state;

        wire_init(&state, WIRE_PEER_STATE);
        state.id = object->record.id;
        state.reachable = object->resolved;
        memcpy(state.mac, &object->mac, 6);
        wire_put(writer, &state);
}

void report_states(struct wire_writer *writer, bool all)
{
        for (uint16_t i = 0; i < port_indices.next; i++) {
                struct port_object *object = port_objects[i];
                if (!object || !(all || object->report))
                        continue;
                object->report = false;
                if (object->is_underlay)
                        underlay_state(writer, object);
                else
                        port_state(writer, object);
        }
        for (uint16_t i = 0; i < tunnel_indices.next; i++) {
                struct tunnel_object *object = tunnel_objects[i];
                if (!object || !(all || object->report))
                        continue;
                object->report = false;
                peer_state(writer, object);
        }
        wire_flush(writer);
}

static void port_stats(struct wire_writer *writer, const struct port_object *object)
{
        struct wire_port_stats stats;

        wire_init(&stats, WIRE_PORT_STATS);
        stats.id = object->id;
        stats.is_underlay = object->is_underlay;
        for (unsigned int w = 0; w < dp.worker_count; w++) {
                const struct dp_port_counters *counters = &object->port->counters[w];
                stats.rx_packets += counters->rx_packets;
                stats.rx_bytes += counters->rx_bytes;
                stats.tx_packets += counters->tx_packets;
                stats.tx_bytes += counters->tx_bytes;
                for (unsigned int d = 0; d < SOCLE_DROP_COUNT; d++)
                        stats.drops[d] += counters->drops[d];
        }
        wire_put(writer, &stats);
}

static uint64_t to_ns(uint64_t tsc)
{
        return (double)tsc * 1e9 / rte_get_tsc_hz();
}

static void worker_stats(struct wire_writer *writer, const struct dp_worker *worker)
{
        struct wire_worker_stats stats;

        wire_init(&stats, WIRE_WORKER_STATS);
        stats.index = worker->index;
        stats.cpu = worker->cpu;
        stats.busy_ns = to_ns(worker->busy_tsc);
        stats.poll_ns = to_ns(worker->poll_tsc);
        stats.sleep_ns = to_ns(worker->sleep_tsc);
        stats.wakeups = worker->wakeups;
        stats.packets = worker->packets;
        stats.queues = assign_count(worker->index);
        stats.numa_node = worker->numa_node;
        memcpy(stats.drops, worker->drops, sizeof(stats.drops));
        wire_put(writer, &stats);
}

/* rte_graph counts every node; of `rx` it counts the rounds that polled in vain too, which perf does not. */
static void node_stats(struct wire_writer *writer, const struct dp_worker *worker, const struct rte_node *node)
{
        const struct dp_worker_perf *perf = &worker->perf;
        struct wire_node_stats stats;

        wire_init(&stats, WIRE_NODE_STATS);
        stats.worker = worker->index;
        stats.calls = node->total_calls;
        stats.packets = node->total_objs;
        stats.cycles = node->total_cycles;
        if (strcmp(node->name, "rx") == 0) {
                stats.calls = perf->rx_rounds;
                stats.packets = perf->rx_packets;
                stats.cycles = perf->rx_tsc;
                stats.io_cycles = perf->rx_io_tsc;
        } else if (strcmp(node->name, "tx") == 0) {
                stats.io_cycles = perf->tx_io_tsc;
        }
        snprintf(stats.name, sizeof(stats.name), "%s", node->name);
        wire_put(writer, &stats);
}

static void graph_stats(struct wire_writer *writer, const struct dp_worker *worker)
{
        const struct rte_graph *graph = worker->graph;
        struct rte_node *node;
        rte_graph_off_t offset;
        rte_node_t i;

        rte_graph_foreach_node (i, offset, graph, node)
                node_stats(writer, worker, node);
}

static void session_stats(struct wire_writer *writer)
{
        const struct dp_session_census *census = &dp_session_census;
        struct wire_session_stats stats;
        uint64_t deleted = 0;

        wire_init(&stats, WIRE_SESSION_STATS);
        for (unsigned int i = 0; i <= dp.worker_count; i++) {
                const struct dp_session_pool *pool = &dp_sessions.pools[i];
                stats.created += pool->created;
                stats.evicted += pool->evicted;
                stats.cut += pool->cut;
                stats.reevaluated += pool->reevaluated;
                deleted += pool->deleted;
        }
        stats.capacity = dp_sessions.capacity;
        stats.live = stats.created > deleted ? stats.created - deleted : 0; /* read while workers count */
        stats.expired = census->expired;
        stats.killed = observe_killed();
        stats.memory_bytes = dp_session_table_bytes();
        stats.tsc_hz = dp_clock.hz;
        memcpy(stats.by_state, census->by_state, sizeof(stats.by_state));
        wire_put(writer, &stats);
}

void report_stats(struct wire_writer *writer, uint64_t cookie)
{
        struct wire_stats_end end;

        for (uint16_t i = 0; i < port_indices.next; i++)
                if (port_objects[i])
                        port_stats(writer, port_objects[i]);
        for (unsigned int i = 0; i < dp.worker_count; i++)
                worker_stats(writer, &dp.workers[i]);
        for (unsigned int i = 0; i < dp.worker_count; i++)
                graph_stats(writer, &dp.workers[i]);
        for (uint16_t i = 0; i < network_indices.next; i++) {
                struct wire_network_stats stats;
                if (!network_objects[i] || !network_objects[i]->record.flood)
                        continue;
                wire_init(&stats, WIRE_NETWORK_STATS);
                stats.id = network_objects[i]->record.id;
                stats.learned = network_objects[i]->learned;
                stats.learn_full = network_objects[i]->learn_full;
                wire_put(writer, &stats);
        }
        session_stats(writer);
        wire_init(&end, WIRE_STATS_END);
        end.cookie = cookie;
        wire_put(writer, &end);
        wire_flush(writer);
}
