/* Why a packet was not delivered: the one table of drop reasons. The dataplane counts by it, per port and worker;
 * socled and soclectl name them by it. Append only: the number goes over the wire. */
#pragma once

/* clang-format off */
#define SOCLE_DROP_REASONS(X) \
        X(MALFORMED, "malformed", "truncated or inconsistent headers") \
        X(RX_OFFLOAD, "rx_offload", "the sender asked for an offload that its packet does not fit") \
        X(PORT_DISABLED, "port_disabled", "the port's admin_state_up is false") \
        X(PORT_GONE, "port_gone", "the destination port was removed while the packet was under way") \
        X(GUEST_ABSENT, "guest_absent", "no guest is connected to the destination port") \
        X(TX_FULL, "tx_full", "the destination's queue was full") \
        X(TX_ERROR, "tx_error", "the destination's device refused the packet") \
        X(NO_NETWORK, "no_network", "no network has this VNI or VLAN") \
        X(UNKNOWN_VTEP, "unknown_vtep", "an overlay packet from a VTEP that is no peer") \
        X(NOT_FOR_US, "not_for_us", "an underlay packet to another host, or of a protocol we do not serve") \
        X(UNKNOWN_MAC, "unknown_mac", "nobody in the network has the destination MAC, and flood is off") \
        X(SAME_PORT, "same_port", "the destination is where the packet came from") \
        X(RESERVED_MAC, "reserved_mac", "a link-local destination (IEEE 802.1Q 8.6.3) that a switch never forwards") \
        X(NO_FLOOD_TARGET, "no_flood_target", "broadcast or multicast in a network with no other port or peer") \
        X(MTU_EXCEEDED, "mtu_exceeded", "larger than the network's or the egress port's MTU; ICMP was sent if possible") \
        X(NEIGHBOUR_UNRESOLVED, "neighbour_unresolved", "the underlay next hop has not answered ARP/ND yet") \
        X(NO_UNDERLAY_ADDRESS, "no_underlay_address", "the underlay has no VTEP address of the peer's family") \
        X(ECN_VIOLATION, "ecn_violation", "outer CE over an inner not-ECT packet (RFC 6040)") \
        X(BAD_CHECKSUM, "bad_checksum", "the outer checksum is wrong") \
        X(NO_MBUF, "no_mbuf", "out of packet buffers") \
        X(SEGMENTATION, "segmentation", "a large segment could not be segmented in software") \
        X(PUNT_FULL, "punt_full", "the control thread is not keeping up with ARP, ND and ICMP to the VTEP") \
        X(ANSWERED, "answered", "not forwarded, since answered in place (ARP, ND); not a loss") \
        X(SPLIT_HORIZON, "split_horizon", "came over the underlay for a MAC that lives behind the underlay, not here") \
        X(ROUND_LIMIT, "round_limit", "copying or segmenting it would have taken more than its share of one round") \
        X(VLAN_HOPPING, "vlan_hopping", "a tagged frame in an untagged network, which would reach another VLAN")
/* clang-format on */

enum socle_drop {
#define X(id, name, help) SOCLE_DROP_##id,
        SOCLE_DROP_REASONS(X)
#undef X
                SOCLE_DROP_COUNT
};

struct socle_drop_info {
        const char *name;
        const char *help;
};

/* Indexed by enum socle_drop. */
extern const struct socle_drop_info socle_drop_info[SOCLE_DROP_COUNT];
