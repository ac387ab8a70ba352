/* What the nodes decide about one packet, for whoever wants to know it without a graph (observe/trace*.c): the
 * functions that the nodes themselves run. They change the packet as its node would; they count, learn, send and
 * remember nothing. Each returns the name of the next node. What sessions decide is admission.h. */
#pragma once

#include "node.h"

const char *dp_rx_next(struct rte_mbuf *m, const struct dp_port *port);
const char *dp_underlay_next(struct rte_mbuf *m);
const char *dp_bridge_next(struct rte_mbuf *m);
const char *dp_neigh_next(struct rte_mbuf *m);
const char *dp_encap_next(struct rte_mbuf *m);
const char *dp_wire_next(struct rte_mbuf *m);
const char *dp_gso_next(struct rte_mbuf *m, uint32_t *ret_pieces);

/* Is the frame flooded at all? SOCLE_DROP_COUNT: yes. */
enum socle_drop dp_flood_refuses(const struct rte_mbuf *m, uint16_t ether_len);

/* Does a flooded frame go to this port? SOCLE_DROP_COUNT: yes; SOCLE_DROP_SAME_PORT: it is not asked (the sender's own,
 * or down); else why not. `size`: dp_l3_size(). */
enum socle_drop dp_flood_to_port(const struct rte_mbuf *m, const struct dp_port *port, uint32_t size);

/* What a packet's sender is told when it is too big: a new packet, or NULL: nothing. *ret_mtu: what would fit. */
struct rte_mbuf *dp_too_big_answer(struct rte_mbuf *m, uint16_t *ret_mtu);

/* Would tx hand the packet to the device of port meta->out? SOCLE_DROP_COUNT: yes. */
enum socle_drop dp_tx_refuses(struct rte_mbuf *m);
