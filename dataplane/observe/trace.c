/* See trace.h: the walk from node to node, as the graph's edges lead. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>

#include "clock.h"
#include "rcu.h"
#include "tracer.h"

#define NODES_MAX 16  /* on a packet's way; none is that long */
#define POOL_SIZE 127 /* packets of ours at a time: a flooded frame's copies go one by one */
#define DATA_ROOM (RTE_PKTMBUF_HEADROOM + WIRE_FRAME_MAX)

/* ---- steps ---- */

struct tracer_object tracer_port(const struct tracer *t, uint16_t index)
{
        bool is_underlay = false;
        uint32_t id = t->trace->names->port(index, &is_underlay);

        return (struct tracer_object){!id ? WIRE_NONE : is_underlay ? WIRE_UNDERLAY : WIRE_PORT, id, 0};
}

struct tracer_object tracer_network(const struct tracer *t, uint16_t index)
{
        uint32_t id = t->trace->names->network(index);

        return (struct tracer_object){id ? WIRE_NETWORK : WIRE_NONE, id, 0};
}

struct tracer_object tracer_peer(const struct tracer *t, uint16_t tunnel)
{
        uint32_t id = t->trace->names->peer(tunnel);

        return (struct tracer_object){id ? WIRE_PEER : WIRE_NONE, id, 0};
}

static void put_step(struct tracer *t, enum wire_stage stage, struct tracer_object object, enum socle_drop drop,
                     const char *format, va_list arguments)
{
        struct wire_trace_step step;

        wire_init(&step, WIRE_TRACE_STEP);
        step.cookie = t->trace->cookie;
        step.packet = t->trace->packet;
        step.stage = stage;
        step.object_type = object.type;
        step.object = object.id;
        step.number = object.number;
        step.pass = drop == SOCLE_DROP_COUNT;
        step.drop = drop;
        vsnprintf(step.text, sizeof(step.text), format, arguments);
        t->trace->put(t->trace->user, &step);
}

void tracer_say(struct tracer *t, enum wire_stage stage, struct tracer_object object, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        put_step(t, stage, object, SOCLE_DROP_COUNT, format, arguments);
        va_end(arguments);
}

void tracer_drop(struct tracer *t, enum wire_stage stage, struct tracer_object object, enum socle_drop drop,
                 const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        put_step(t, stage, object, drop, format, arguments);
        va_end(arguments);
        t->drop = drop;
        t->next = NULL;
}

/* ---- the walk ---- */

static const struct {
        const char *node;
        void (*step)(struct tracer *t);
} nodes[] = {
        {"session", tracer_session}, {"admit", tracer_session},        {"bridge", tracer_bridge},
        {"neigh", tracer_neigh},     {"underlay_in", tracer_underlay}, {"punt", tracer_punt},
        {"flood", tracer_flood},     {"encap", tracer_encap},          {"wire", tracer_wire},
        {"gso", tracer_gso},         {"too_big", tracer_too_big},      {"tx", tracer_tx},
};

static void step(struct tracer *t)
{
        for (unsigned int i = 0; i < RTE_DIM(nodes); i++)
                if (strcmp(nodes[i].node, t->next) == 0) {
                        nodes[i].step(t);
                        return;
                }
        t->next = NULL;
}

void tracer_walk(struct tracer *t)
{
        for (unsigned int i = 0; t->next && i < NODES_MAX; i++)
                step(t);
}

static void receive(struct tracer *t, uint16_t index)
{
        const struct dp_port *port = dp_port_get(index);
        char packet[WORDS_LONG];

        if (!port) {
                tracer_drop(t, WIRE_STAGE_RECEIVE, TRACER_NO_OBJECT, SOCLE_DROP_PORT_GONE, "there is no such port");
                return;
        }
        t->next = dp_rx_next(t->m, port);
        if (strcmp(t->next, "drop") == 0)
                tracer_drop(t, WIRE_STAGE_RECEIVE, tracer_port(t, index), dp_meta(t->m)->drop,
                            "its admin_state_up is false: nothing that it sends is looked at");
        else if (port->role == DP_ROLE_TENANT)
                tracer_say(t, WIRE_STAGE_RECEIVE, tracer_port(t, index), "%s, %u bytes", words_packet(t->m, packet),
                           t->m->pkt_len);
}

void trace_packet(const struct trace *trace, uint16_t port, struct rte_mbuf *m)
{
        struct tracer t = {.trace = trace, .m = m, .drop = SOCLE_DROP_COUNT};
        struct wire_trace_end end;

        dp_rcu_enter();
        receive(&t, port);
        tracer_walk(&t);
        dp_rcu_leave();
        rte_pktmbuf_free(m);

        wire_init(&end, WIRE_TRACE_END);
        end.cookie = trace->cookie;
        end.packet = trace->packet;
        end.delivered = t.delivered;
        end.drop = t.drop;
        trace->put(trace->user, &end);
}

/* ---- the request ---- */

static struct rte_mempool *pool(void)
{
        static struct rte_mempool *pool;

        if (!pool)
                pool = rte_pktmbuf_pool_create("traces", POOL_SIZE, 0, 0, DATA_ROOM, SOCKET_ID_ANY);
        return pool;
}

static void put_record(void *user, const void *record)
{
        wire_put(user, record);
}

static void cannot(const struct wire_trace *wanted, struct wire_writer *writer, enum socle_drop drop, const char *why)
{
        const struct trace trace = {.cookie = wanted->cookie, .put = put_record, .user = writer};
        struct tracer t = {.trace = &trace};
        struct wire_trace_end end;

        tracer_drop(&t, WIRE_STAGE_RECEIVE, TRACER_NO_OBJECT, drop, "%s", why);
        wire_init(&end, WIRE_TRACE_END);
        end.cookie = wanted->cookie;
        end.drop = drop;
        wire_put(writer, &end);
        wire_flush(writer);
}

void trace_answer(const struct wire_trace *wanted, const struct observe_names *names, struct wire_writer *writer)
{
        const struct trace trace = {.names = names,
                                    .cookie = wanted->cookie,
                                    .now_ms = dp_clock_ms(rte_rdtsc()),
                                    .put = put_record,
                                    .user = writer};
        uint16_t port = names->find_port(wanted->port, wanted->is_underlay);
        struct rte_mbuf *m;

        if (port == DP_INDEX_NONE) {
                cannot(wanted, writer, SOCLE_DROP_PORT_GONE, "no such port or underlay is in force");
                return;
        }
        if (wanted->length > sizeof(wanted->frame) || wanted->length == 0) {
                cannot(wanted, writer, SOCLE_DROP_MALFORMED, "a frame of 1 to 2048 bytes is wanted");
                return;
        }
        m = pool() ? rte_pktmbuf_alloc(pool()) : NULL;
        if (!m) {
                cannot(wanted, writer, SOCLE_DROP_NO_MBUF, "out of packet memory");
                return;
        }
        memcpy(rte_pktmbuf_append(m, wanted->length), wanted->frame, wanted->length);
        trace_packet(&trace, port, m);
        wire_flush(writer);
}
