/* What the fuzzers of the path make of an input: port, flags, segment size (2), l2_len, l3_len, l4_len, then the frame.
 */
#pragma once

#include "harness.h"

#define FRAME_INPUT_HEADER 7
#define FRAME_INPUT_MAX    16384

static inline bool frame_input_fits(const uint8_t *data, size_t size)
{
        return size > FRAME_INPUT_HEADER && size <= FRAME_INPUT_MAX;
}

static inline struct rte_mbuf *frame_input_make(const uint8_t *data, size_t size)
{
        struct rte_mbuf *m = harness_packet(data + FRAME_INPUT_HEADER, size - FRAME_INPUT_HEADER);

        if (data[1] & 1) {
                m->ol_flags |= data[1] & 2 ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
                m->ol_flags |= data[1] & 4 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4;
                m->l2_len = data[4];
                m->l3_len = data[5];
                m->l4_len = data[6];
        }
        if ((data[1] & 9) == 9) {
                m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
                m->tso_segsz = data[2] << 8 | data[3];
        }
        /* Only the port types say that a packet is a tunnel's, and they have parsed it then. */
        return m;
}
