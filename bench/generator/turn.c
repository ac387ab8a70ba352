/* What the generator does all the time: send a burst, take what has come, look at it. */
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_prefetch.h>

#include "port.h"

/* A switch may return more in a turn than we sent, yet must not keep us from sending. */
#define RX_BURSTS 4

/* A burst that took more clocks than that was interrupted, by another thread or by the hypervisor. */
#define INTERRUPTED 50000

static void write_frame(struct port *port, struct rte_mbuf *mbuf, uint64_t now)
{
        const struct shape *shape = &port->sends.shapes[port->sends.pattern[port->turn]];
        struct frame *frame = rte_pktmbuf_mtod(mbuf, struct frame *);
        uint32_t flow = port->next.flow, number = port->next.number;

        port_set_length(mbuf, shape->length);
        if (port->talks) {
                struct talk *talk = &port->talks[flow];
                frame_set_tcp(&port->sends, frame, shape, flow, number, talk->next[port->id], talk->seen[!port->id]);
                talk->next[port->id] += shape->payload;
        } else {
                frame_set_udp(&port->sends, frame, shape, flow, number);
        }
        if (port->delay)
                delay_stamp(port->delay, number, now);
        port->next.number++;
        if (++port->next.flow == port->sends.flows)
                port->next.flow = 0;
        if (++port->turn == port->sends.turns)
                port->turn = 0;
}

static void fill(struct port *port, uint64_t now)
{
        unsigned missing = pace_allows(&port->pace, now, BURST - port->filled);
        struct rte_mbuf **empty = port->burst + port->filled;

        if (missing == 0 || rte_mempool_get_bulk(port->pool, (void **)empty, missing) < 0)
                return;
        for (unsigned i = 0; i < missing; i++)
                write_frame(port, empty[i], now);
        port->filled += missing;
        port->pace.sent += missing;
}

/* How many of the burst were taken. */
static unsigned offer(struct port *port, uint64_t now)
{
        unsigned sent;

        fill(port, now);
        if (port->filled == 0)
                return 0;
        sent = rte_eth_tx_burst(port->id, 0, port->burst, port->filled);
        port->filled -= sent;
        port->counters.value[COUNT_TX] += sent;
        port->counters.value[COUNT_TX_REFUSED] += port->filled;
        if (sent > 0 && port->filled > 0)
                memmove(port->burst, port->burst + sent, port->filled * sizeof(port->burst[0]));
        return sent;
}

/* The frame's number is not the one that was expected: some were lost, or it comes too late. */
static void lose_step(struct port *port, uint32_t number)
{
        int64_t step = (int32_t)(number - port->expected.number), flows = port->expects.flows;

        if (step < -flows)
                port->counters.value[COUNT_REORDERED]++;
        port->expected.number = number;
        port->expected.flow = (port->expected.flow + step % flows + flows) % flows;
}

static void hear(struct port *port, const struct frame *frame, uint32_t flow)
{
        uint32_t bytes = rte_be_to_cpu_16(frame->ip.total_length) - sizeof(frame->ip) - sizeof(frame->tcp);

        talk_heard(&port->talks[flow], !port->id, rte_be_to_cpu_32(frame->tcp.sent_seq) + bytes);
}

/* Of a frame that frame_check() found right; `sample`: every byte of it. */
static enum frame_verdict follow(struct port *port, const struct frame *frame, uint32_t length, uint64_t now,
                                 bool sample)
{
        uint32_t number = rte_be_to_cpu_32(frame_tag(&port->expects, frame)->sequence), flow;

        if (unlikely(number != port->expected.number))
                lose_step(port, number);
        flow = port->expected.flow;
        port->expected.number++;
        if (++port->expected.flow == port->expects.flows)
                port->expected.flow = 0;
        if (sample && unlikely(!frame_same(&port->expects, frame, length, flow, port->scratch)))
                return FRAME_WRONG_CONTENT;
        if (port->talks)
                hear(port, frame, flow);
        if (port->arrivals)
                delay_take(port->arrivals, number, now, port->not_before);
        port->counters.value[COUNT_RX_MARKED] += number - port->mark < port->marked;
        return FRAME_RIGHT;
}

static void look_at(struct port *port, struct rte_mbuf **received, unsigned count, uint64_t now)
{
        static const unsigned counter[] = {
                [FRAME_WRONG_MAC] = COUNT_WRONG_MAC,
                [FRAME_WRONG_LENGTH] = COUNT_WRONG_LENGTH,
                [FRAME_WRONG_CONTENT] = COUNT_WRONG_CONTENT,
        };
        uint64_t bytes = 0;

        for (unsigned i = 0; i < count; i++)
                rte_prefetch0(rte_pktmbuf_mtod(received[i], void *));
        for (unsigned i = 0; i < count; i++) {
                const struct frame *frame = rte_pktmbuf_mtod(received[i], struct frame *);
                enum frame_verdict verdict = frame_check(&port->expects, frame, received[i]->data_len);

                bytes += received[i]->pkt_len;
                if (likely(verdict == FRAME_RIGHT))
                        verdict = follow(port, frame, received[i]->data_len, now, i == 0);
                if (unlikely(verdict != FRAME_RIGHT))
                        port->counters.value[counter[verdict]]++;
        }
        port->counters.value[COUNT_RX] += count;
        port->counters.value[COUNT_RX_BYTES] += bytes;
}

static unsigned take(struct port *port, uint64_t now)
{
        struct rte_mbuf *received[BURST];
        unsigned count = rte_eth_rx_burst(port->id, 0, received, BURST);

        if (count == 0)
                return 0;
        port->silence = RTE_MAX(port->silence, now - port->last_rx);
        port->last_rx = now;
        look_at(port, received, count, now);
        rte_pktmbuf_free_bulk(received, count);
        return count;
}

static void timed(struct port *port, unsigned clocks, unsigned packets, uint64_t took)
{
        if (unlikely(took > INTERRUPTED))
                return;
        port->counters.value[clocks] += took;
        port->counters.value[packets] += BURST;
}

bool port_turn(struct port *port, bool send)
{
        uint64_t start = rte_rdtsc(), now;
        unsigned count = send ? offer(port, start) : 0;
        bool useful = count > 0;

        now = rte_rdtsc();
        if (count == BURST)
                timed(port, COUNT_TX_CLOCKS, COUNT_TX_TIMED, now - start);
        for (unsigned i = 0; i < RX_BURSTS; i++) {
                start = now;
                count = take(port, start);
                now = rte_rdtsc();
                useful |= count > 0;
                if (count < BURST)
                        break;
                timed(port, COUNT_RX_CLOCKS, COUNT_RX_TIMED, now - start);
        }
        return useful;
}

void port_paused(struct port *port, uint64_t now)
{
        port->not_before = now;
        port->last_rx = now;
}
