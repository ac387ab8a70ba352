/* Flows by number: which addresses and ports conversation N has, and back. Host parts of the addresses and ports only;
 * the networks are the stream's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FLOWS_MAX    (1U << 24)
#define FLOW_NONE    UINT32_MAX
#define FLOW_SPREAD  0x9e3779b1U
#define FLOW_GATHER  0xe8b2f51U /* FLOW_SPREAD * FLOW_GATHER = 1 modulo 2^32 */
#define FLOW_CLIENTS 1024       /* clients' ports from here on, 4096 of them */
#define FLOW_SERVERS 8000       /* servers' ports, 256 of them */

struct flow {
        uint16_t src_host, dst_host, src_port, dst_port;
};

/* Multiplying by an odd number permutes the residues of a power of two: no two flows below FLOWS_MAX share both source
 * address and source port, and neighbours are far apart. A client's port never is a server's, so that flows of the two
 * directions meet in no 5-tuple unless they are mirrored. */
static inline struct flow flow_tuple(uint32_t number, bool mirrored)
{
        uint32_t mixed = number * FLOW_SPREAD & (FLOWS_MAX - 1);
        uint16_t one = 1 + (mixed & 0xfff), other = 1 + (mixed >> 6 & 0xfff);
        uint16_t client = FLOW_CLIENTS + (mixed >> 12), server = FLOW_SERVERS + (number & 0xff);

        return mirrored ? (struct flow){other, one, server, client} : (struct flow){one, other, client, server};
}

/* The number of the flow with this tuple, or FLOW_NONE when no flow has it. */
static inline uint32_t flow_number(struct flow flow, bool mirrored)
{
        uint16_t one = mirrored ? flow.dst_host : flow.src_host, other = mirrored ? flow.src_host : flow.dst_host;
        uint16_t client = mirrored ? flow.dst_port : flow.src_port, server = mirrored ? flow.src_port : flow.dst_port;
        uint32_t mixed = (uint32_t)(uint16_t)(client - FLOW_CLIENTS) << 12 | (uint16_t)(one - 1);
        uint32_t number = mixed * FLOW_GATHER & (FLOWS_MAX - 1);

        if (mixed >= FLOWS_MAX || (uint16_t)(one - 1) > 0xfff || other != 1 + (mixed >> 6 & 0xfff) ||
            server != FLOW_SERVERS + (number & 0xff))
                return FLOW_NONE;
        return number;
}
