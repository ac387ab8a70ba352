/* What must hold of dp_flow_parse() whatever the frame: shared by its test and its fuzzer. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow.h"
#include "harness.h"

#define FLOW_MUST(x)                                                                                                   \
        do {                                                                                                           \
                if (!(x)) {                                                                                            \
                        fprintf(stderr, "a flow's key: %s does not hold\n", #x);                                       \
                        abort();                                                                                       \
                }                                                                                                      \
        } while (0)

static inline bool flow_same_key(const struct dp_flow *a, const struct dp_flow *b)
{
        return a->words == b->words && memcmp(a->key, b->key, a->words * sizeof(a->key[0])) == 0;
}

/* The short cut changes nothing. */
static inline void flow_check_short_cut(const struct rte_mbuf *m, uint16_t network, const struct dp_flow *flow)
{
        struct dp_flow any;

        dp_flow_parse_any(m, network, &any);
        FLOW_MUST(memcmp(any.key, flow->key, sizeof(any.key)) == 0 && any.words == flow->words);
        FLOW_MUST(any.direction == flow->direction && any.kind == flow->kind && any.protocol == flow->protocol);
        FLOW_MUST(any.v6 == flow->v6 && any.l3 == flow->l3 && any.l4 == flow->l4 && any.l4_length == flow->l4_length);
        FLOW_MUST(any.identification == flow->identification && any.answer_type == flow->answer_type);
        FLOW_MUST(memcmp(any.source, flow->source, 16) == 0 && memcmp(any.destination, flow->destination, 16) == 0);
        FLOW_MUST(any.source_port == flow->source_port && any.destination_port == flow->destination_port);
}

/* The quick way says nothing, or what the long one says. */
static inline void flow_check_quick(const struct rte_mbuf *m, uint16_t network, const struct dp_flow *flow)
{
        uint64_t key[5] = {0};
        uint8_t direction;

        flow_check_short_cut(m, network, flow);
        bool quick4 = dp_flow_quick4(m, network, key, &direction);

        if (!quick4 && !dp_flow_quick6(m, network, key, &direction))
                return;
        FLOW_MUST(flow->kind == DP_FLOW_WHOLE && flow->words == (quick4 ? 2 : 5));
        FLOW_MUST(memcmp(flow->key, key, flow->words * sizeof(key[0])) == 0);
        FLOW_MUST(flow->direction == direction && flow->l3 == 14 && flow->l4 == (quick4 ? 34 : 54));
}

/* An answer: addresses and ports the other way round. */
static inline void flow_turn_round(uint8_t *frame, const struct dp_flow *flow)
{
        uint8_t copy[16];
        unsigned int size = flow->v6 ? 16 : 4;
        uint8_t *address = frame + flow->l3 + (flow->v6 ? 8 : 12), *ports = frame + flow->l4;

        memcpy(copy, address, size);
        memcpy(address, address + size, size);
        memcpy(address + size, copy, size);
        memcpy(copy, ports, 2);
        memcpy(ports, ports + 2, 2);
        memcpy(ports + 2, copy, 2);
}

static inline void flow_check_answer(const uint8_t *data, size_t size, const struct dp_flow *flow)
{
        uint8_t frame[UINT16_MAX];
        struct dp_flow back;

        memcpy(frame, data, size);
        flow_turn_round(frame, flow);
        struct rte_mbuf *m = harness_packet(frame, size);
        dp_flow_parse(m, 1, &back);
        rte_pktmbuf_free(m);
        FLOW_MUST(back.kind == flow->kind && flow_same_key(&back, flow));
        bool to_itself =
                memcmp(flow->source, flow->destination, 16) == 0 && flow->source_port == flow->destination_port;
        FLOW_MUST(to_itself || back.direction == !flow->direction);
        FLOW_MUST(memcmp(back.source, flow->destination, 16) == 0 && back.source_port == flow->destination_port);
}

static inline void flow_check(const uint8_t *data, size_t size)
{
        struct rte_mbuf *m = harness_packet(data, size);
        struct dp_flow flow, elsewhere;

        dp_flow_parse(m, 1, &flow);
        dp_flow_parse(m, 2, &elsewhere);
        flow_check_quick(m, 1, &flow);
        rte_pktmbuf_free(m);

        FLOW_MUST(flow.kind == elsewhere.kind && flow.kind <= DP_FLOW_MALFORMED);
        if (flow.kind >= DP_FLOW_NOT_IP)
                return;
        FLOW_MUST(flow.words == (flow.v6 ? 5 : 2) && !flow_same_key(&flow, &elsewhere));
        FLOW_MUST(flow.l4 <= size && flow.l4 + flow.l4_length <= (int)size && flow.l3 < flow.l4);
        bool with_ports = flow.protocol == IPPROTO_TCP || flow.protocol == IPPROTO_UDP || flow.protocol == IPPROTO_SCTP;
        if (flow.kind == DP_FLOW_WHOLE && with_ports && size < UINT16_MAX)
                flow_check_answer(data, size, &flow);
}
