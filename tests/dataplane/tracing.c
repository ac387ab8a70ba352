/* See tracing.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fragments.h"
#include "harness_policy.h"
#include "table.h"
#include "tracing.h"
#include "worker.h"

struct record_table *tracing_records;
bool tracing_absent[HARNESS_PORTS];

/* ---- names ---- */

static uint32_t port_id(uint16_t index, bool *ret_is_underlay)
{
        *ret_is_underlay = index == HARNESS_UNDERLAY;
        return index < HARNESS_PORTS ? index + 1 : 0;
}

static uint32_t network_id(uint16_t index)
{
        return index < 2 ? index + 101 : 0;
}

static uint32_t peer_id(uint16_t tunnel)
{
        return tunnel < 2 ? tunnel + 201 : 0;
}

static uint16_t find_port(uint32_t id, bool is_underlay)
{
        bool underlay = id == HARNESS_UNDERLAY + 1;

        return id >= 1 && id <= HARNESS_PORTS && underlay == is_underlay ? id - 1 : DP_INDEX_NONE;
}

static uint16_t find_network(uint32_t id)
{
        return id >= 101 && id <= 102 ? id - 101 : DP_INDEX_NONE;
}

static bool connected(uint16_t port)
{
        return port < HARNESS_PORTS && !tracing_absent[port];
}

static const struct record_table *records(void)
{
        return tracing_records;
}

const struct observe_names tracing_names = {
        .port = port_id,
        .network = network_id,
        .peer = peer_id,
        .find_port = find_port,
        .find_network = find_network,
        .connected = connected,
        .records = records,
};

void tracing_init(void)
{
        harness_init();
        tracing_records = record_table_new();
        if (!tracing_records)
                abort();
}

/* ---- traces ---- */

static void put(void *user, const void *record)
{
        struct traced *traced = user;
        const struct wire_header *header = record;

        if (header->type == WIRE_TRACE_END)
                traced->end = *(const struct wire_trace_end *)record;
        else if (traced->count < TRACING_STEPS_MAX)
                traced->steps[traced->count++] = *(const struct wire_trace_step *)record;
}

void tracing_trace(unsigned int port, struct rte_mbuf *m, struct traced *ret)
{
        const struct trace trace = {
                .names = &tracing_names, .cookie = 7, .now_ms = dp.workers->now_ms, .put = put, .user = ret};

        memset(ret, 0, sizeof(*ret));
        trace_packet(&trace, port, m);
}

const struct wire_trace_step *tracing_step(const struct traced *traced, enum wire_stage stage)
{
        for (unsigned int i = 0; i < traced->count; i++)
                if (traced->steps[i].stage == stage)
                        return &traced->steps[i];
        return NULL;
}

void tracing_print(const struct traced *traced)
{
        for (unsigned int i = 0; i < traced->count; i++) {
                const struct wire_trace_step *step = &traced->steps[i];
                fprintf(stderr, "  %u %s %u/%u/%u %s: %s\n", step->stage,
                        step->object_type ? wire_type_info[step->object_type].name : "-", step->object, step->number,
                        step->pass, step->drop < SOCLE_DROP_COUNT ? socle_drop_info[step->drop].name : "", step->text);
        }
        fprintf(stderr, "  end: delivered %u, drop %s\n", traced->end.delivered,
                traced->end.drop < SOCLE_DROP_COUNT ? socle_drop_info[traced->end.drop].name : "-");
}

/* ---- agreement ---- */

/* All that a packet may change, counted. */
struct seen {
        uint64_t drops[SOCLE_DROP_COUNT], all_drops, sent, punted, held, created, deleted, learned, reevaluated;
};

static struct seen look(void)
{
        const struct dp_session_pool *pool = &dp_sessions.pools[0];
        struct seen seen = {
                .punted = harness_punted(),
                .held = dp.workers->fragments->count,
                .created = pool->created,
                .deleted = pool->deleted,
                .reevaluated = pool->reevaluated,
                .learned = rte_ring_count(dp.workers->learn),
        };

        for (unsigned int p = 0; p < HARNESS_PORTS; p++) {
                seen.sent += harness_sent_count(p);
                for (unsigned int d = 0; d < SOCLE_DROP_COUNT; d++)
                        seen.drops[d] += harness_drops(p, d);
        }
        for (unsigned int d = 0; d < SOCLE_DROP_COUNT; d++)
                seen.all_drops += d == SOCLE_DROP_ANSWERED ? 0 : seen.drops[d];
        return seen;
}

/* What the trace says that is sent, and which of the copies are not. */
static void count_steps(const struct traced *traced, uint64_t *ret_sent, uint64_t *ret_refused, bool *ret_many)
{
        *ret_sent = *ret_refused = 0;
        *ret_many = false;
        for (unsigned int i = 0; i < traced->count; i++) {
                const struct wire_trace_step *step = &traced->steps[i];
                *ret_sent += step->pass && strncmp(step->text, "sent,", 5) == 0;
                *ret_sent += strncmp(step->text, "the sender is told", 18) == 0;
                *ret_refused += !step->pass || strncmp(step->text, "no copy", 7) == 0;
                *ret_many |= strstr(step->text, "cut into") != NULL;
        }
}

static const char *compare(const struct traced *traced, const struct seen *before, const struct seen *after)
{
        static char text[200];
        uint64_t said_sent, said_refused, held = after->held > before->held;
        bool many;

        count_steps(traced, &said_sent, &said_refused, &many);
        if (traced->end.drop < SOCLE_DROP_COUNT && after->drops[traced->end.drop] == before->drops[traced->end.drop]) {
                snprintf(text, sizeof(text), "said to be dropped as %s, and was not",
                         socle_drop_info[traced->end.drop].name);
                return text;
        }
        if (traced->end.delivered && after->sent + after->punted == before->sent + before->punted)
                return "said to be delivered, and was not";
        if (!traced->end.delivered && traced->end.drop == SOCLE_DROP_COUNT && !held)
                return "said to wait for another fragment, and does not";
        if (!many && after->sent - before->sent != said_sent) {
                snprintf(text, sizeof(text), "said to send %lu packets, and sent %lu", said_sent,
                         after->sent - before->sent);
                return text;
        }
        if (after->all_drops - before->all_drops != said_refused) {
                snprintf(text, sizeof(text), "said to drop %lu packets, and dropped %lu", said_refused,
                         after->all_drops - before->all_drops);
                return text;
        }
        return NULL;
}

/* The same packet, with as little room behind the frame. */
static struct rte_mbuf *twin(const struct rte_mbuf *m)
{
        struct rte_mbuf *copy = harness_packet(rte_pktmbuf_mtod(m, const void *), m->data_len);

        copy->ol_flags |= m->ol_flags & ~RTE_MBUF_F_EXTERNAL;
        copy->tx_offload = m->tx_offload;
        return copy;
}

const char *tracing_agrees(unsigned int port, struct rte_mbuf *m)
{
        struct rte_mbuf *copy = twin(m);
        struct seen before = look(), traced_only;
        struct traced traced;
        const char *wrong = NULL;

        tracing_trace(port, copy, &traced);
        traced_only = look();
        if (memcmp(&before, &traced_only, sizeof(before)) != 0)
                wrong = "the trace changed something";
        harness_walk(); /* fragments whose time has come */
        before = look();
        harness_offer(port, &m, 1);
        harness_walk();
        struct seen after = look();
        if (!wrong)
                wrong = compare(&traced, &before, &after);
        if (wrong)
                tracing_print(&traced);
        harness_clear();
        return wrong;
}

/* ---- security groups ---- */

static void put_policy(unsigned int index, const struct tracing_port *port)
{
        struct harness_rule rules[32];
        unsigned int count = 0;

        if (!port->secured) {
                harness_unsecure(index);
                return;
        }
        for (unsigned int i = 0; i < port->count && count + 2 <= RTE_DIM(rules); i++)
                for (unsigned int v6 = 0; v6 < 2; v6++)
                        rules[count++] = (struct harness_rule){port->rules[i].direction, v6, port->rules[i].protocol,
                                                               port->rules[i].first, port->rules[i].last};
        harness_secure(index, port->stateful, rules, count);
}

void tracing_policy(const struct tracing_port *a, const struct tracing_port *b)
{
        put_policy(HARNESS_PORT_A, a);
        put_policy(HARNESS_PORT_B, b);
}
