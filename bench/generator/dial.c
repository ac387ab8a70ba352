/* See dial.h. What either end answers follows from the segment it got; only which conversations are complete is kept.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "dial.h"

enum { STAGE_NEW, STAGE_ANSWERED, STAGE_DONE };
enum { CLIENT, SERVER };

#define ACK RTE_TCP_ACK_FLAG
#define SYN RTE_TCP_SYN_FLAG
#define FIN RTE_TCP_FIN_FLAG
#define RST RTE_TCP_RST_FLAG

int dial_start(struct dialer *ret, struct port ports[2], const struct dial_options *options)
{
        uint8_t *stage = calloc(options->conversations, sizeof(*stage));

        if (!stage)
                return -ENOMEM;
        *ret = (struct dialer){.ports = ports, .options = *options, .stage = stage};
        return 0;
}

void dial_stop(struct dialer *dialer)
{
        free(dialer->stage);
        dialer->stage = NULL;
}

static uint8_t *stage_of(struct dialer *dialer, uint32_t flow)
{
        return &dialer->stage[flow - dialer->options.first];
}

static bool tcp(const struct dialer *dialer)
{
        return dialer->ports[0].sends.protocol == IPPROTO_TCP;
}

/* A buffer at the end of what the port is to send; NULL when there is no room. */
static struct rte_mbuf *append(struct dialer *dialer, unsigned from)
{
        struct rte_mbuf *mbuf;

        if (dialer->out[from].count == DIAL_OUT || rte_mempool_get(dialer->ports[from].pool, (void **)&mbuf) < 0)
                return NULL;
        dialer->out[from].packets[dialer->out[from].count++] = mbuf;
        return mbuf;
}

static void send_datagram(struct dialer *dialer, unsigned from, uint32_t flow)
{
        const struct stream *stream = &dialer->ports[from].sends;
        struct rte_mbuf *mbuf = append(dialer, from);

        if (!mbuf)
                return;
        port_set_length(mbuf, stream->shapes[0].length);
        frame_set_udp(stream, rte_pktmbuf_mtod(mbuf, struct frame *), &stream->shapes[0], flow, flow);
}

static void send_segment(struct dialer *dialer, unsigned from, uint32_t flow, uint8_t flags, uint32_t seq, uint32_t ack)
{
        struct rte_mbuf *mbuf = append(dialer, from);

        if (!mbuf)
                return;
        port_set_length(mbuf, FRAME_MIN);
        frame_set_control(&dialer->ports[from].sends, rte_pktmbuf_mtod(mbuf, struct frame *), flow, flags, seq, ack);
}

static void complete(struct dialer *dialer, uint32_t flow)
{
        uint8_t *stage = stage_of(dialer, flow);

        dialer->done += *stage != STAGE_DONE;
        *stage = STAGE_DONE;
}

/* To the client: SYN+ACK, or the server's FIN. */
static void client_hears(struct dialer *dialer, uint32_t flow, uint8_t flags, uint32_t seq, uint32_t ack)
{
        if (flags & SYN) {
                uint8_t *stage = stage_of(dialer, flow);
                *stage = RTE_MAX(*stage, STAGE_ANSWERED);
                send_segment(dialer, CLIENT, flow, ACK, ack, seq + 1);
                if (dialer->options.close == DIAL_RST)
                        send_segment(dialer, CLIENT, flow, RST | ACK, ack, seq + 1);
                if (dialer->options.close == DIAL_FIN)
                        send_segment(dialer, CLIENT, flow, FIN | ACK, ack, seq + 1);
        } else if (flags & FIN) {
                send_segment(dialer, CLIENT, flow, ACK, ack, seq + 1);
                complete(dialer, flow);
        }
}

/* To the server: SYN, the ACK that opens, FIN, the ACK that closes, or RST. */
static void server_hears(struct dialer *dialer, uint32_t flow, uint8_t flags, uint32_t seq, uint32_t ack)
{
        if (flags & SYN)
                send_segment(dialer, SERVER, flow, SYN | ACK, talk_begin(flow, SERVER), seq + 1);
        else if (flags & FIN)
                send_segment(dialer, SERVER, flow, FIN | ACK, ack, seq + 1);
        else if (dialer->options.close != DIAL_FIN)
                complete(dialer, flow); /* of RST, the ACK before it may have been lost: the end is what counts */
}

static void hear(struct dialer *dialer, unsigned at, struct rte_mbuf *mbuf)
{
        struct port *port = &dialer->ports[at];
        const struct frame *frame = rte_pktmbuf_mtod(mbuf, struct frame *);
        uint32_t flow = mbuf->data_len < FRAME_MIN ? FLOW_NONE : frame_flow(&port->expects, frame);

        if (flow == FLOW_NONE || flow - dialer->options.first >= dialer->options.conversations ||
            frame->ip.next_proto_id != port->expects.protocol) {
                dialer->foreign++;
        } else if (tcp(dialer)) {
                uint32_t seq = rte_be_to_cpu_32(frame->tcp.sent_seq), ack = rte_be_to_cpu_32(frame->tcp.recv_ack);
                (at == CLIENT ? client_hears : server_hears)(dialer, flow, frame->tcp.tcp_flags, seq, ack);
        } else if (at == SERVER) {
                send_datagram(dialer, SERVER, flow);
        } else {
                complete(dialer, flow);
        }
}

/* Takes a burst, as far as there is room to answer it: up to two frames each. */
static void receive(struct dialer *dialer, unsigned at)
{
        struct rte_mbuf *received[BURST];
        unsigned count;

        if (dialer->out[at].count + 2 * BURST > DIAL_OUT)
                return;
        count = rte_eth_rx_burst(dialer->ports[at].id, 0, received, BURST);
        for (unsigned i = 0; i < count; i++)
                hear(dialer, at, received[i]);
        if (count > 0) {
                dialer->ports[at].counters.value[COUNT_RX] += count;
                rte_pktmbuf_free_bulk(received, count);
        }
}

static void transmit(struct dialer *dialer, unsigned from)
{
        struct rte_mbuf **packets = dialer->out[from].packets;
        unsigned count = dialer->out[from].count, sent;

        if (count == 0)
                return;
        sent = rte_eth_tx_burst(dialer->ports[from].id, 0, packets, count);
        dialer->ports[from].counters.value[COUNT_TX] += sent;
        dialer->out[from].count = count - sent;
        if (sent < count)
                memmove(packets, packets + sent, (count - sent) * sizeof(*packets));
}

/* The client's first frame, or the one that was lost. */
static void begin(struct dialer *dialer, uint32_t flow, uint64_t now)
{
        uint32_t at = (dialer->head + dialer->count++) % DIAL_WINDOW;
        uint32_t seq = talk_begin(flow, CLIENT), peer = talk_begin(flow, SERVER);

        dialer->under_way[at].flow = flow;
        dialer->under_way[at].since = now;
        if (!tcp(dialer))
                send_datagram(dialer, CLIENT, flow);
        else if (*stage_of(dialer, flow) == STAGE_ANSWERED)
                send_segment(dialer, CLIENT, flow, ACK, seq + 1, peer + 1);
        else
                send_segment(dialer, CLIENT, flow, SYN, seq, 0);
}

/* Those that are complete leave the ring, and those that take too long. */
static void settle(struct dialer *dialer, uint64_t now)
{
        uint64_t timeout = DIAL_TIMEOUT * rte_get_tsc_hz();

        while (dialer->count > 0) {
                uint32_t flow = dialer->under_way[dialer->head].flow;
                bool done = *stage_of(dialer, flow) == STAGE_DONE;

                if (!done && now - dialer->under_way[dialer->head].since < timeout)
                        return;
                dialer->head = (dialer->head + 1) % DIAL_WINDOW;
                dialer->count--;
                dialer->failed += !done;
                if (!done && dialer->options.insist)
                        begin(dialer, flow, now);
        }
}

bool dial_turn(struct dialer *dialer, uint64_t now)
{
        for (unsigned i = 0; i < 2; i++) {
                transmit(dialer, i);
                receive(dialer, i);
        }
        settle(dialer, now);
        for (unsigned i = 0; i < BURST; i++) {
                if (dialer->opened == dialer->options.conversations || dialer->count >= dialer->options.window ||
                    dialer->out[CLIENT].count + 2 * BURST >= DIAL_OUT)
                        break;
                begin(dialer, dialer->options.first + dialer->opened++, now);
        }
        for (unsigned i = 0; i < 2; i++)
                transmit(dialer, i);
        return dialer->count > 0 || dialer->opened < dialer->options.conversations;
}
