/* virtio_net_hdr, which taps and packet sockets put before each frame, to and from an mbuf's offload fields. */
#pragma once

#include <linux/virtio_net.h>
#include <rte_mbuf.h>

/* Takes over what the sender left to do: checksum, segmentation; on an underlay also inside a VXLAN packet (as the
 * kernel hands them over on veth). A checksum in an unusual place is made at once. false: the header does not fit the
 * frame. */
bool vnet_to_mbuf(const struct virtio_net_hdr *vnet, struct rte_mbuf *m, bool underlay);

/* What is left to do, for the kernel to do or to pass on. */
void vnet_from_mbuf(struct virtio_net_hdr *vnet, const struct rte_mbuf *m);
