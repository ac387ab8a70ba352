/* Internet checksums that a sender left to us (virtio's NEEDS_CSUM, DPDK's TX_*_CKSUM): the field holds the sum of the
 * pseudo header; l2_len and l3_len say where the L4 header is. */
#pragma once

#include <rte_mbuf.h>

/* Completes the checksum in software and clears the request. false: the request does not fit the packet. */
bool dp_csum_finish(struct rte_mbuf *m);

/* The checksum field of the L4 header that is requested, or NULL when it is not in the first segment. */
rte_be16_t *dp_csum_field(struct rte_mbuf *m);
