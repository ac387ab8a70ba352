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
        X(VLAN_HOPPING, "vlan_hopping", "a tagged frame in an untagged network, which would reach another VLAN") \
        X(SPOOFED_MAC, "spoofed_mac", "port security: the source MAC is none of the port's") \
        X(SPOOFED_IP, "spoofed_ip", "port security: the source address is none of the port's, for this MAC") \
        X(SPOOFED_ARP, "spoofed_arp", "port security: the ARP sender's address or MAC is none of the port's") \
        X(SPOOFED_ND, "spoofed_nd", "port security: a neighbour message for an address or MAC that is none of the port's") \
        X(DHCP_SERVER, "dhcp_server", "port security: a guest answering as a DHCP server") \
        X(ROUTER_ADVERTISEMENT, "router_advertisement", "port security: a guest advertising itself as a router, or redirecting") \
        X(ETHERTYPE, "ethertype", "port security: neither IP, ARP nor RARP, or tagged") \
        X(SG_EGRESS, "sg_egress", "no security group rule of the sending port allows it") \
        X(SG_INGRESS, "sg_ingress", "no security group rule of the receiving port allows it") \
        X(SESSION_INVALID, "session_invalid", "belongs to no session and may not begin one (TCP state or window, an ICMP answer or error to nothing)") \
        X(SESSION_FULL, "session_full", "the session table is full, and nothing embryonic is left to give way") \
        X(SESSION_LIMIT, "session_limit", "the port holds as many sessions as its session_limit") \
        X(SESSION_RATE, "session_rate", "the port begins more sessions a second than its session_rate_limit") \
        X(FRAGMENT_LOST, "fragment_lost", "a fragment whose first fragment did not come, or was dropped") \
        X(FRAGMENT_FULL, "fragment_full", "too many fragments wait for their first one") \
        X(FRAGMENT_BAD, "fragment_bad", "a first fragment without its whole transport header, or one that overwrites it (RFC 1858, RFC 3128)")
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
