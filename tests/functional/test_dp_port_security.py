"""Port security: what a guest may not send, each dropped by its name and seen by nobody; what every guest may; addresses
beside its own. (What groups allow: test_dp_security_groups.py.)"""

import pytest
from scapy.all import (ARP, BOOTP, DHCP, IP, UDP, Dot1Q, Ether, ICMPv6MLReport, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA,
                       ICMPv6ND_Redirect, ICMPv6ND_RS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6,
                       IPv6ExtHdrDestOpt, Raw)
from scapy.layers.dhcp6 import DHCP6_Advertise, DHCP6_Solicit

import intent
from intent import rule, security_group
from netns import wait_until
from talk import BRIEF, Echo, ping, tcp, udp

pytestmark = pytest.mark.netns

MAC = [intent.mac(i) for i in range(10)]
BROADCAST, ALL_NODES = "ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01"
LINK_LOCAL = "fe80::f816:3eff:fe00:1"  # of MAC[1]
WORD = b"a-word-that-is-looked-for"
ANYTHING = security_group("anything", rule("egress"), rule("egress", ethertype="IPv6"), rule("ingress"),
                          rule("ingress", ethertype="IPv6"))


def ether(destination=MAC[2], source=MAC[1]):
    return Ether(src=source, dst=destination)


def ip(source="10.0.0.1", destination="10.0.0.2"):
    return IP(src=source, dst=destination)


def ip6(source="fd00::1", destination="fd00::2", **more):
    return IPv6(src=source, dst=destination, **more)


def word(source=1000, destination=2000):
    return UDP(sport=source, dport=destination) / Raw(WORD)


@pytest.fixture
def pair(one_node, lab):
    """g1 has port security, and a group that allows everything; g2 has none. Neither speaks by itself."""
    guests = [lab.guest(f"g{i}", MAC[i], [f"10.0.0.{i}", f"fd00::{i}"]) for i in (1, 2)]
    one_node.apply(ANYTHING, intent.network("blue", vni=100), secured(guests[0]), guests[1].port("blue"))
    for guest in guests:
        guest.up(silent=True)
    return guests


def secured(guest, groups=("anything",), **more):
    return guest.port("blue", port_security=True, security_groups=list(groups), **more)


SPOOFED = {
    "another's MAC": ("spoofed_mac", ether(source=MAC[2]) / ip() / word()),
    "another's MAC, to all": ("spoofed_mac", ether(BROADCAST, MAC[3]) / ip() / word()),
    "another's MAC on ARP": ("spoofed_mac", ether(BROADCAST, MAC[3]) / ARP(hwsrc=MAC[1], psrc="10.0.0.1", pdst="10.0.0.9")
                             / Raw(WORD)),
    "another's IPv4 address": ("spoofed_ip", ether() / ip("10.0.0.3") / word()),
    "no IPv4 address": ("spoofed_ip", ether() / ip("0.0.0.0") / word()),
    "another's IPv4 address, to all": ("spoofed_ip", ether(BROADCAST) / ip("10.0.0.3", "10.0.0.255") / word()),
    "another's IPv6 address": ("spoofed_ip", ether() / ip6("fd00::3") / word()),
    "another's link-local address": ("spoofed_ip", ether() / ip6("fe80::f816:3eff:fe00:2") / word()),
    "IPv4 in IPv6's clothes": ("spoofed_ip", ether() / ip6("::ffff:10.0.0.1") / word()),
    "ARP as another": ("spoofed_arp", ether(BROADCAST) / ARP(op=1, hwsrc=MAC[1], psrc="10.0.0.3", pdst="10.0.0.9")
                       / Raw(WORD)),
    "an ARP answer for another": ("spoofed_arp", ether() / ARP(op=2, hwsrc=MAC[1], psrc="10.0.0.3", hwdst=MAC[2],
                                                              pdst="10.0.0.2") / Raw(WORD)),
    "ARP with another's MAC in it": ("spoofed_arp", ether(BROADCAST) / ARP(op=2, hwsrc=MAC[3], psrc="10.0.0.1",
                                                                          pdst="10.0.0.1") / Raw(WORD)),
    "a neighbour advertisement for another": (
        "spoofed_nd", ether(ALL_NODES) / ip6(LINK_LOCAL, "ff02::1", hlim=255)
        / ICMPv6ND_NA(tgt="fd00::3", S=0, O=1) / ICMPv6NDOptDstLLAddr(lladdr=MAC[1])),
    "a neighbour advertisement with another's MAC": (
        "spoofed_nd", ether(ALL_NODES) / ip6("fd00::1", "ff02::1", hlim=255)
        / ICMPv6ND_NA(tgt="fd00::1", S=0, O=1) / ICMPv6NDOptDstLLAddr(lladdr=MAC[3])),
    "a solicitation that tells another's MAC": (
        "spoofed_nd", ether(ALL_NODES) / ip6("fd00::1", "ff02::1", hlim=255)
        / ICMPv6ND_NS(tgt="fd00::9") / ICMPv6NDOptSrcLLAddr(lladdr=MAC[3])),
    "a solicitation as another": (
        "spoofed_nd", ether(ALL_NODES) / ip6("fd00::3", "ff02::1", hlim=255)
        / ICMPv6ND_NS(tgt="fd00::9") / ICMPv6NDOptSrcLLAddr(lladdr=MAC[1])),
    "a DHCP server": ("dhcp_server", ether(BROADCAST) / ip("10.0.0.1", "255.255.255.255") / UDP(sport=67, dport=68)
                      / BOOTP(op=2, chaddr=bytes(6)) / DHCP(options=[("message-type", "offer"), "end"])),
    "a DHCPv6 server": ("dhcp_server", ether() / ip6(LINK_LOCAL, "fe80::2") / UDP(sport=547, dport=546)
                        / DHCP6_Advertise()),
    "a router": ("router_advertisement", ether(ALL_NODES) / ip6(LINK_LOCAL, "ff02::1", hlim=255) / ICMPv6ND_RA()),
    "a router behind an extension header": (
        "router_advertisement", ether(ALL_NODES) / ip6(LINK_LOCAL, "ff02::1", hlim=255) / IPv6ExtHdrDestOpt()
        / ICMPv6ND_RA()),
    "a redirect": ("router_advertisement", ether() / ip6(LINK_LOCAL, "fd00::2", hlim=255)
                   / ICMPv6ND_Redirect(tgt=LINK_LOCAL, dst="fd00::9")),
    "another EtherType": ("ethertype", Ether(src=MAC[1], dst=BROADCAST, type=0x88B5) / Raw(WORD)),
    "a VLAN tag": ("ethertype", ether() / Dot1Q(vlan=7) / ip() / word()),
}


@pytest.mark.parametrize("what", SPOOFED)
def test_dropped_by_name(one_node, pair, what):
    reason, frame = SPOOFED[what]
    before = one_node.counters("g1")["drops"]
    with pair[0].raw() as out, pair[1].raw() as at_other:
        out.send(frame)
        wait_until(lambda: one_node.drops("g1", reason) == before.get(reason, 0) + 1, 5,
                   f"dropped as {reason}: {one_node.counters('g1')['drops']}")
        out.send(ether() / ip() / word())  # … and what is its own gets through, behind it
        assert at_other.recv(5) == bytes(ether() / ip() / word()), "the other saw it"
    after = one_node.counters("g1")["drops"]
    assert {k: v - before.get(k, 0) for k, v in after.items() if v != before.get(k, 0)} == {reason: 1}


@pytest.mark.parametrize("what", SPOOFED)
def test_without_port_security_it_passes(one_node, pair, what):
    """So it was port security, not a frame that nobody would forward."""
    one_node.apply(pair[0].port("blue"))
    reason, frame = SPOOFED[what]
    with pair[0].raw() as out, pair[1].raw() as at_other:
        out.send(frame)
        out.send(ether() / ip() / word(7))
        seen = at_other.collect(2, 2)
    assert one_node.drops("g1", reason) == 0
    dropped = sum(count for name, count in one_node.counters("g1")["drops"].items())
    assert len(seen) == 2 or dropped == 1, "delivered, or dropped for another reason that every port has"


ALLOWED = {
    "its own addresses": ether() / ip() / word(),
    "its own IPv6 address": ether() / ip6() / word(),
    "its link-local address": ether() / ip6(LINK_LOCAL, "fe80::2") / word(),
    "an ARP request": ether(BROADCAST) / ARP(op=1, hwsrc=MAC[1], psrc="10.0.0.1", pdst="10.0.0.9"),
    "an ARP probe": ether(BROADCAST) / ARP(op=1, hwsrc=MAC[1], psrc="0.0.0.0", pdst="10.0.0.9"),
    "an announcement": ether(BROADCAST) / ARP(op=2, hwsrc=MAC[1], psrc="10.0.0.1", hwdst=BROADCAST, pdst="10.0.0.1"),
    "a neighbour solicitation": ether(ALL_NODES) / ip6("fd00::1", "ff02::1", hlim=255) / ICMPv6ND_NS(tgt="fd00::9")
    / ICMPv6NDOptSrcLLAddr(lladdr=MAC[1]),
    "duplicate address detection": ether("33:33:ff:00:00:09") / ip6("::", "ff02::1:ff00:9", hlim=255)
    / ICMPv6ND_NS(tgt="fd00::9"),
    "its own advertisement": ether(ALL_NODES) / ip6("fd00::1", "ff02::1", hlim=255) / ICMPv6ND_NA(tgt="fd00::1", S=0, O=1)
    / ICMPv6NDOptDstLLAddr(lladdr=MAC[1]),
    "a router solicitation": ether("33:33:00:00:00:02") / ip6(LINK_LOCAL, "ff02::2", hlim=255) / ICMPv6ND_RS(),
    "a multicast report": ether("33:33:00:00:00:fb") / ip6(LINK_LOCAL, "ff02::fb", hlim=1)
    / ICMPv6MLReport(mladdr="ff02::fb"),
    "a DHCP request": ether(BROADCAST) / ip("0.0.0.0", "255.255.255.255") / UDP(sport=68, dport=67)
    / BOOTP(chaddr=bytes(6)) / DHCP(options=[("message-type", "discover"), "end"]),
    "a DHCPv6 request": ether("33:33:00:01:00:02") / ip6(LINK_LOCAL, "ff02::1:2") / UDP(sport=546, dport=547)
    / DHCP6_Solicit(),
}


@pytest.mark.parametrize("groups", [("anything",), ()], ids=["in a group", "in none"])
@pytest.mark.parametrize("what", ALLOWED)
def test_what_a_guest_may_send(one_node, pair, what, groups):
    """Its own addresses with a group that allows it; what it needs to find its neighbours, even without."""
    one_node.apply(secured(pair[0], groups))
    frame = bytes(ALLOWED[what])
    own = what.startswith("its") and "advertisement" not in what
    with pair[0].raw() as out, pair[1].raw() as at_other:
        out.send(frame)
        if own and not groups:
            wait_until(lambda: one_node.drops("g1", "sg_egress") == 1, 5)
        else:
            assert at_other.recv(5, lambda f: f == frame), one_node.counters("g1")["drops"]


INWARDS = {
    "ARP": Ether(src=MAC[2], dst=MAC[1]) / ARP(op=2, hwsrc=MAC[2], psrc="10.0.0.2", hwdst=MAC[1], pdst="10.0.0.1"),
    "a router": Ether(src=MAC[2], dst=ALL_NODES) / ip6("fe80::2", "ff02::1", hlim=255) / ICMPv6ND_RA(),
    "a neighbour": Ether(src=MAC[2], dst=MAC[1]) / ip6("fd00::2", "fd00::1", hlim=255) / ICMPv6ND_NA(tgt="fd00::2")
    / ICMPv6NDOptDstLLAddr(lladdr=MAC[2]),
    "a DHCP server": Ether(src=MAC[2], dst=MAC[1]) / ip("10.0.0.2", "10.0.0.1") / UDP(sport=67, dport=68)
    / BOOTP(op=2, chaddr=bytes(6)) / DHCP(options=[("message-type", "offer"), "end"]),
    "a DHCPv6 server": Ether(src=MAC[2], dst=MAC[1]) / ip6("fe80::2", LINK_LOCAL) / UDP(sport=547, dport=546)
    / DHCP6_Advertise(),
}


@pytest.mark.parametrize("what", INWARDS)
def test_what_a_guest_without_groups_still_gets(one_node, pair, what):
    """From a port that is trusted: without it nobody would get an address."""
    one_node.apply(secured(pair[0], ()))
    frame = bytes(INWARDS[what])
    with pair[1].raw() as out, pair[0].raw() as at_guest:
        out.send(frame)
        assert at_guest.recv(5, lambda f: f == frame), one_node.counters("g1")["drops"]


# ---- allowed address pairs ----

def use(guest, *addresses):
    for address in addresses:
        guest.namespace.ip("addr", "add", address, "dev", "eth0", *(["nodad"] if ":" in address else []))


def test_pairs_with_prefixes(one_node, lab):
    """A guest that routes for others: sources within its prefixes pass, those beside them do not, and answers return."""
    router, far = lab.guest("g1", MAC[1], ["10.0.0.1", "fd00::1"]), lab.guest("g2", MAC[2], ["10.0.0.2", "fd00::2"])
    pairs = [{"ip_address": "172.16.0.0/24"}, {"ip_address": "2001:db8:7::/48"}]
    one_node.apply(ANYTHING, intent.network("blue", vni=100), secured(router, allowed_address_pairs=pairs),
                   far.port("blue"))
    router.up(), far.up()
    use(router, "172.16.0.77/32", "172.16.1.77/32", "2001:db8:7:1::77/128", "2001:db8:8::77/128")
    far.namespace.ip("route", "add", "172.16.0.0/16", "via", "10.0.0.1")
    far.namespace.ip("-6", "route", "add", "2001:db8::/32", "via", "fd00::1")
    with Echo(far, 80):
        for source, to in (("172.16.0.77", "10.0.0.2"), ("2001:db8:7:1::77", "fd00::2")):
            assert tcp(router, to, 80, source=source) and udp(router, to, 80, source=source)
        for source, to in (("172.16.1.77", "10.0.0.2"), ("2001:db8:8::77", "fd00::2")):
            before = one_node.drops("g1", "spoofed_ip")
            assert not tcp(router, to, 80, BRIEF, source=source)
            assert one_node.drops("g1", "spoofed_ip") > before


def test_pairs_with_a_mac_of_their_own(one_node, pair):
    """As VRRP does it: the address goes with that MAC, and neither goes with the other's."""
    vrrp = "00:00:5e:00:01:07"
    one_node.apply(secured(pair[0], allowed_address_pairs=[{"ip_address": "10.0.0.7", "mac_address": vrrp}]))
    with pair[0].raw() as out, pair[1].raw() as at_other:
        for source, address, reason in ((vrrp, "10.0.0.7", None), (MAC[1], "10.0.0.1", None),
                                        (vrrp, "10.0.0.1", "spoofed_ip"), (MAC[1], "10.0.0.7", "spoofed_ip"),
                                        ("00:00:5e:00:01:08", "10.0.0.7", "spoofed_mac")):
            frame = bytes(ether(source=source) / ip(address) / word())
            before = one_node.drops("g1", reason) if reason else 0
            out.send(frame)
            if reason:
                wait_until(lambda: one_node.drops("g1", reason) == before + 1, 5, f"{source} {address}")
            else:
                assert at_other.recv(5, lambda f: f == frame), f"{source} {address}"
        announcement = bytes(ether(BROADCAST, vrrp)
                             / ARP(op=2, hwsrc=vrrp, psrc="10.0.0.7", hwdst=BROADCAST, pdst="10.0.0.7"))
        out.send(announcement)
        assert at_other.recv(5, lambda f: f == announcement)
        assert not at_other.recv(0.1), "one that was dropped arrived"


def test_pairs_are_members_too(one_node, lab):
    """A rule that speaks of a group takes its members' other addresses for theirs."""
    client, server = lab.guest("g1", MAC[1], ["10.0.0.1"]), lab.guest("g2", MAC[2], ["10.0.0.2"])
    one_node.apply(security_group("clients", rule("egress")),
                   security_group("web", rule("ingress", "tcp", 80, remote_group="clients")),
                   intent.network("blue", vni=100),
                   secured(client, ["clients"], allowed_address_pairs=[{"ip_address": "10.0.0.64/26"}]),
                   secured(server, ["web"]))
    client.up(), server.up()
    use(client, "10.0.0.77/24")
    with Echo(server, 80):
        assert tcp(client, "10.0.0.2", 80, source="10.0.0.77")
        one_node.apply(security_group("others", rule("egress")),
                       secured(client, ["others"], allowed_address_pairs=[{"ip_address": "10.0.0.64/26"}]))
        before = one_node.drops("g2", "sg_ingress")
        assert not tcp(client, "10.0.0.2", 80, BRIEF, source="10.0.0.77")
        assert one_node.drops("g2", "sg_ingress") > before


def test_an_address_that_is_taken_away(one_node, lab):
    """Its sessions are cut with it."""
    guest, far = lab.guest("g1", MAC[1], ["10.0.0.1"]), lab.guest("g2", MAC[2], ["10.0.0.2"])
    one_node.apply(ANYTHING, intent.network("blue", vni=100), secured(guest), far.port("blue"))
    guest.up(), far.up()
    assert ping(guest, "10.0.0.2")
    one_node.apply(secured(guest, fixed_ips=["10.0.0.9"]))
    before = one_node.drops("g1", "spoofed_ip")
    assert not ping(guest, "10.0.0.2", BRIEF)
    assert one_node.drops("g1", "spoofed_ip") > before
