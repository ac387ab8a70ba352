/* Frames of any size up to 64 KiB through a file descriptor, into and out of chains of mbufs: what taps and packet
 * sockets share. The buffers that wait for the next frame are the worker's, not the queue's, so a thousand taps hold no
 * more than one. */
#pragma once

#include <linux/virtio_net.h>
#include <rte_mbuf.h>
#include <sys/uio.h>

#define CHAIN_SEGMENTS 36 /* of 2,048 bytes: more than a 64 KiB segment with its headers */

struct chain {
        struct rte_mempool *pool;
        uint16_t filled; /* segments[0 … filled) are ready */
        struct virtio_net_hdr vnet;
        struct rte_mbuf *segments[CHAIN_SEGMENTS];
        struct iovec iov[CHAIN_SEGMENTS + 1]; /* vnet, then the segments */
};

/* This thread's chain with all segments ready, or NULL: out of buffers. */
struct chain *chain_ready(struct rte_mempool *pool);

/* The first `size` bytes (without vnet) as a packet, taken out of the chain. size > 0. */
struct rte_mbuf *chain_take(struct chain *chain, uint32_t size);

/* iov[0] = *vnet, iov[1…] = the packet's segments. Returns their number, 0: too many segments. */
unsigned int chain_gather(struct rte_mbuf *m, struct virtio_net_hdr *vnet, struct iovec *iov, unsigned int max);
