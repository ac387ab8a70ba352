/* See capture.h. */
#include "capture.h"
#include "flow.h"
#include "socle/wire.h"
#include "vxlan.h"

const struct dp_capture_set *dp_captures;

/* A TRACE's mark of a packet: the slots that follow it, and its number. */
#define MARK_SLOTS_SHIFT 24
#define MARK_NUMBER      ((1u << MARK_SLOTS_SHIFT) - 1)

static uint32_t last_number;

static uint32_t mark_of(const struct rte_mbuf *m)
{
        bool marked = dp_meta_const(m)->flags & DP_META_CAPTURED;

        return marked ? m->hash.fdir.hi : 0;
}

/* ---- the filter ---- */

static bool end_matches(const struct dp_capture_filter *filter, unsigned int i, const uint8_t ip[16], uint16_t port,
                        bool has_port)
{
        return (wire_ip_is_unset(filter->ip[i]) || memcmp(filter->ip[i], ip, 16) == 0) &&
               (filter->port[i] == 0 || !has_port || filter->port[i] == port);
}

static bool is_of_flow(const struct dp_capture_filter *filter, const struct rte_mbuf *m)
{
        struct dp_flow flow;

        dp_flow_parse(m, 0, &flow);
        if (flow.kind == DP_FLOW_NOT_IP || flow.kind == DP_FLOW_MALFORMED || flow.v6 != (filter->family == 6) ||
            (filter->protocol != 0 && flow.protocol != filter->protocol))
                return false;
        bool has_port = flow.kind == DP_FLOW_WHOLE || flow.kind == DP_FLOW_FIRST_FRAGMENT;
        if (flow.protocol == IPPROTO_ICMP || flow.protocol == IPPROTO_ICMPV6)
                has_port = false;
        return (end_matches(filter, 0, flow.source, flow.source_port, has_port) &&
                end_matches(filter, 1, flow.destination, flow.destination_port, has_port)) ||
               (end_matches(filter, 0, flow.destination, flow.destination_port, has_port) &&
                end_matches(filter, 1, flow.source, flow.source_port, has_port));
}

/* The frame inside a VXLAN packet, as an mbuf that only looks like one; false: it is none. */
static bool look_inside(const struct rte_mbuf *m, rte_be16_t vxlan_port, struct rte_mbuf *ret)
{
        struct dp_flow flow;
        uint16_t headers;

        dp_flow_parse(m, 0, &flow);
        headers = flow.l4 + sizeof(struct rte_udp_hdr) + sizeof(struct rte_vxlan_hdr);
        if (flow.kind != DP_FLOW_WHOLE || flow.protocol != IPPROTO_UDP ||
            flow.destination_port != rte_be_to_cpu_16(vxlan_port) ||
            m->data_len < headers + sizeof(struct rte_ether_hdr))
                return false;
        *ret = *m;
        ret->data_off += headers;
        ret->data_len -= headers;
        ret->pkt_len -= headers;
        return true;
}

static bool wants(const struct dp_capture *capture, const struct rte_mbuf *m, const struct dp_port *port)
{
        const struct dp_underlay *underlay = port ? dp_load(port->underlay) : NULL;
        struct rte_mbuf inner;

        if (capture->filter.family == 0 || is_of_flow(&capture->filter, m))
                return true;
        return underlay && look_inside(m, underlay->udp_port, &inner) && is_of_flow(&capture->filter, &inner);
}

static bool is_open(const struct dp_capture *capture)
{
        return !__atomic_load_n(&capture->closed, __ATOMIC_RELAXED);
}

/* Takes one from max_packets. */
static bool take_place(struct dp_capture *capture)
{
        if (__atomic_fetch_add(&capture->taken, 1, __ATOMIC_RELAXED) < capture->max_packets)
                return true;
        __atomic_fetch_sub(&capture->taken, 1, __ATOMIC_RELAXED);
        return false;
}

/* ---- copies ---- */

/* NULL: missed. */
static struct rte_mbuf *make_copy(struct dp_capture *capture, struct dp_worker *worker, struct rte_mbuf *m)
{
        struct dp_capture_worker *mine = &capture->workers[worker->index];
        struct rte_mbuf *copy = NULL;

        if (rte_ring_free_count(mine->ring) > 0)
                copy = rte_pktmbuf_copy(m, capture->pool, 0, capture->snap);
        mine->missed += !copy;
        return copy;
}

static void hand_over(struct dp_capture *capture, struct dp_worker *worker, struct rte_mbuf *copy,
                      struct dp_captured captured)
{
        captured.now_ms = worker->now_ms;
        *dp_captured(copy) = captured;
        worker->notify = true;
        if (rte_ring_sp_enqueue(capture->workers[worker->index].ring, copy) == 0)
                return;
        capture->workers[worker->index].missed++;
        rte_pktmbuf_free_bulk(&copy, 1);
}

static struct dp_captured describe(const struct rte_mbuf *m, uint16_t port, enum wire_captured_how how)
{
        return (struct dp_captured){.tsc = rte_rdtsc(),
                                    .length = m->pkt_len,
                                    .packet = mark_of(m) & MARK_NUMBER,
                                    .port = port,
                                    .how = how,
                                    .drop = SOCLE_DROP_COUNT};
}

/* A packet that this capture wants. */
static void take(struct dp_capture *capture, struct dp_worker *worker, struct rte_mbuf *m, struct dp_captured captured)
{
        bool counts = capture->mode != DP_CAPTURE_TRACE;

        if (counts && !take_place(capture))
                return;
        struct rte_mbuf *copy = make_copy(capture, worker, m);
        if (copy)
                hand_over(capture, worker, copy, captured);
        else if (counts)
                __atomic_fetch_sub(&capture->taken, 1, __ATOMIC_RELAXED);
}

/* Does it follow what becomes of the packet, to or at this port? */
static bool follows(const struct dp_capture *capture, const struct rte_mbuf *m, const struct dp_port *port,
                    uint16_t index, enum dp_capture_mode mode)
{
        if (capture->mode == DP_CAPTURE_TRACE)
                return mark_of(m) >> MARK_SLOTS_SHIFT >> capture->slot & 1;
        return capture->mode == mode && is_open(capture) &&
               (capture->port == DP_INDEX_NONE || capture->port == index) && wants(capture, m, port);
}

/* ---- reception ---- */

/* Marks the packet for the TRACEs that want it. */
static void mark(const struct dp_capture_set *set, struct rte_mbuf *m, const struct dp_port *port)
{
        uint32_t slots = 0;

        for (uint16_t i = 0; i < set->count; i++) {
                struct dp_capture *capture = set->captures[i];
                if (capture->mode == DP_CAPTURE_TRACE && is_open(capture) &&
                    (capture->port == DP_INDEX_NONE || capture->port == port->index) && wants(capture, m, port) &&
                    take_place(capture))
                        slots |= 1u << capture->slot;
        }
        if (!slots)
                return;
        uint32_t number = __atomic_add_fetch(&last_number, 1, __ATOMIC_RELAXED) & MARK_NUMBER;
        dp_meta(m)->flags |= DP_META_CAPTURED;
        m->hash.fdir.hi = slots << MARK_SLOTS_SHIFT | (number ? number : 1);
}

void dp_capture_received(const struct dp_capture_set *set, struct dp_worker *worker, const struct dp_port *port,
                         struct rte_mbuf **packets, uint16_t n)
{
        for (uint16_t i = 0; i < n; i++) {
                mark(set, packets[i], port);
                for (uint16_t c = 0; c < set->count; c++)
                        if (follows(set->captures[c], packets[i], port, port->index, DP_CAPTURE_PORT))
                                take(set->captures[c], worker, packets[i],
                                     describe(packets[i], port->index, WIRE_CAPTURED_RX));
        }
}

/* ---- transmission ---- */

/* Copies made before the device has the packets, handed over for those that it took. */
struct copies {
        uint16_t count;
        struct {
                struct dp_capture *capture;
                struct rte_mbuf *copy;
                struct dp_captured captured;
                uint16_t packet;
        } of[2 * RTE_GRAPH_BURST_SIZE];
};

static void copy_before(const struct dp_capture_set *set, struct dp_worker *worker, const struct dp_port *port,
                        struct rte_mbuf **packets, uint16_t n, struct copies *copies)
{
        for (uint16_t i = 0; i < n; i++)
                for (uint16_t c = 0; c < set->count; c++) {
                        struct dp_capture *capture = set->captures[c];
                        struct rte_mbuf *copy;
                        if (!follows(capture, packets[i], port, port->index, DP_CAPTURE_PORT))
                                continue;
                        if (copies->count == RTE_DIM(copies->of))
                                capture->workers[worker->index].missed++;
                        else if ((copy = make_copy(capture, worker, packets[i]))) {
                                copies->of[copies->count].capture = capture;
                                copies->of[copies->count].copy = copy;
                                copies->of[copies->count].captured =
                                        describe(packets[i], port->index, WIRE_CAPTURED_TX);
                                copies->of[copies->count++].packet = i;
                        }
                }
}

uint16_t dp_capture_transmit(const struct dp_capture_set *set, struct dp_worker *worker, struct dp_port *port,
                             struct rte_mbuf **packets, uint16_t n, enum socle_drop *ret_reason)
{
        struct copies copies;
        uint16_t sent;

        copies.count = 0;
        copy_before(set, worker, port, packets, n, &copies);
        sent = dp_load(port->tx)(port, worker->index, packets, n, ret_reason);
        for (uint16_t i = 0; i < copies.count; i++) {
                struct dp_capture *capture = copies.of[i].capture;
                if (copies.of[i].packet < sent && (capture->mode == DP_CAPTURE_TRACE || take_place(capture)))
                        hand_over(capture, worker, copies.of[i].copy, copies.of[i].captured);
                else
                        rte_pktmbuf_free_bulk(&copies.of[i].copy, 1);
        }
        return sent;
}

/* ---- drops ---- */

void dp_capture_dropped(const struct dp_capture_set *set, struct dp_worker *worker, struct rte_mbuf *m, uint16_t port,
                        enum socle_drop reason)
{
        const struct dp_port *object = dp_port_get(port);

        for (uint16_t i = 0; i < set->count; i++) {
                struct dp_captured captured = describe(m, port, WIRE_CAPTURED_DROP);
                captured.drop = reason;
                if (follows(set->captures[i], m, object, port, DP_CAPTURE_DROPS))
                        take(set->captures[i], worker, m, captured);
        }
}
