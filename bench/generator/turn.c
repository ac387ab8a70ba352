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

static void fill(struct port *port)
{
        unsigned missing = BURST - port->filled;
        struct rte_mbuf **empty = port->burst + port->filled;

        if (missing == 0 || rte_mempool_get_bulk(port->pool, (void **)empty, missing) < 0)
                return;
        for (unsigned i = 0; i < missing; i++) {
                frame_set_flow(&port->sends, rte_pktmbuf_mtod(empty[i], struct frame *), port->next_flow);
                if (++port->next_flow == port->sends.flows)
                        port->next_flow = 0;
        }
        port->filled = BURST;
}

/* How many of the burst were taken. */
static unsigned offer(struct port *port)
{
        unsigned sent;

        fill(port);
        sent = rte_eth_tx_burst(port->id, 0, port->burst, port->filled);
        port->filled -= sent;
        port->counters.value[COUNT_TX] += sent;
        port->counters.value[COUNT_TX_REFUSED] += port->filled;
        if (sent > 0 && port->filled > 0)
                memmove(port->burst, port->burst + sent, port->filled * sizeof(port->burst[0]));
        return sent;
}

static void look_at(struct port *port, struct rte_mbuf **received, unsigned count)
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
                if (i == 0 && verdict == FRAME_RIGHT && !frame_same(&port->expects, frame, port->scratch))
                        verdict = FRAME_WRONG_CONTENT;
                if (unlikely(verdict != FRAME_RIGHT))
                        port->counters.value[counter[verdict]]++;
        }
        port->counters.value[COUNT_RX] += count;
        port->counters.value[COUNT_RX_BYTES] += bytes;
}

static unsigned take(struct port *port)
{
        struct rte_mbuf *received[BURST];
        unsigned count = rte_eth_rx_burst(port->id, 0, received, BURST);

        if (count > 0) {
                look_at(port, received, count);
                rte_pktmbuf_free_bulk(received, count);
        }
        return count;
}

static void timed(struct port *port, unsigned clocks, unsigned packets, uint64_t took)
{
        if (unlikely(took > INTERRUPTED))
                return;
        port->counters.value[clocks] += took;
        port->counters.value[packets] += BURST;
}

void port_turn(struct port *port)
{
        uint64_t start = rte_rdtsc(), now;
        unsigned count = offer(port);

        now = rte_rdtsc();
        if (count == BURST)
                timed(port, COUNT_TX_CLOCKS, COUNT_TX_TIMED, now - start);
        for (unsigned i = 0; i < RX_BURSTS; i++) {
                start = now;
                count = take(port);
                now = rte_rdtsc();
                if (count < BURST)
                        return;
                timed(port, COUNT_RX_CLOCKS, COUNT_RX_TIMED, now - start);
        }
}
