/* IPv6 neighbour discovery messages (RFC 4861 4.3, 4.4), as tenants' questions and the underlay's resolver need them.
 */
#pragma once

#include <rte_byteorder.h>
#include <rte_ether.h>

#define ND_SOLICITATION  135
#define ND_ADVERTISEMENT 136

#define ND_SOLICITED 0x40000000 /* flags of an advertisement */
#define ND_OVERRIDE  0x20000000

#define ND_OPTION_SOURCE 1
#define ND_OPTION_TARGET 2

/* A solicitation or advertisement with one link-layer address option. */
struct nd_message {
        uint8_t type, code;
        rte_be16_t checksum;
        rte_be32_t flags;
        uint8_t target[16];
        uint8_t option_type, option_length; /* the length in units of 8 bytes: 1 */
        struct rte_ether_addr option_mac;
} __rte_packed __rte_aligned(2);
