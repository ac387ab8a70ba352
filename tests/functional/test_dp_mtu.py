"""The MTU's edge: what just fits passes; one byte more is dropped, counted, and its sender told so by ICMP."""

import pytest
from scapy.all import ICMP, IP, UDP, Ether, ICMPv6PacketTooBig, IPv6, Raw

import intent
from guest import Raw as RawSocket
from guest import tcp_transfer
from netns import wait_until

pytestmark = pytest.mark.netns

MAC = [intent.mac(i) for i in range(10)]
MTU = 1400


@pytest.fixture
def pair(two_nodes, lab):
    """A guest on each node in a network of MTU 1400, whose own MTU is (wrongly) 4000."""
    first, second, vteps = two_nodes
    guests = [lab.guest(f"g{i}", MAC[i], [f"10.0.0.{i}", f"fd00::{i}"]) for i in (1, 2)]
    for node, here, there in ((first, 1, 2), (second, 2, 1)):
        node.apply(intent.network("blue", vni=7, mtu=MTU), guests[here - 1].port("blue"),
                   intent.peer(f"n{there}", vteps[there - 1], blue=[(MAC[there], guests[there - 1].ips)]))
    first.wait_peers()
    second.wait_peers()
    for guest in guests:
        guest.up()
        guest.namespace.ip("link", "set", "eth0", "mtu", "4000")
    return guests


@pytest.mark.parametrize("address, headers", [("10.0.0.2", 28), ("fd00::2", 48)])
def test_edge(two_nodes, pair, address, headers):
    first = two_nodes[0]
    pair[0].reaches(address, size=MTU - headers, more=["-M", "do"])
    before = first.drops("g1", "mtu_exceeded")
    received, out = pair[0].ping(address, count=1, size=MTU - headers + 1, more=["-M", "do"])
    assert received == 0, out
    assert first.drops("g1", "mtu_exceeded") == before + 1
    # The kernel has believed the message: it knows the path's MTU now.
    assert f"mtu {MTU}" in pair[0].namespace.ip("route", "get", address)


def test_icmp_is_well_formed(two_nodes, pair):
    with pair[0].raw() as raw:
        raw.send(Ether(src=MAC[1], dst=MAC[2]) / IP(src="10.0.0.1", dst="10.0.0.2", flags="DF", id=77)
                 / UDP(sport=7, dport=9) / Raw(b"z" * 1400))
        answer = raw.recv(2, lambda f: Ether(f).haslayer(ICMP) and Ether(f)[ICMP].type == 3)
        assert answer, "no ICMP came"
        packet = Ether(answer)
        assert packet.dst == MAC[1] and packet[IP].dst == "10.0.0.1"
        assert (packet[ICMP].type, packet[ICMP].code, packet[ICMP].nexthopmtu) == (3, 4, MTU)
        quoted = bytes(packet[ICMP].payload)
        assert quoted[4:6] == b"\0\x4d" and len(quoted) >= 28, "quotes the header and 8 bytes at least (RFC 792)"
        for layer in (IP, ICMP):
            fresh = Ether(answer)
            del fresh[layer].chksum
            assert Ether(bytes(fresh))[layer].chksum == packet[layer].chksum, f"wrong checksum in {layer.__name__}"

        raw.send(Ether(src=MAC[1], dst=MAC[2]) / IPv6(src="fd00::1", dst="fd00::2") / UDP(sport=7, dport=9)
                 / Raw(b"z" * 1400))
        answer = raw.recv(2, lambda f: Ether(f).haslayer(ICMPv6PacketTooBig))
        assert answer, "no ICMPv6 came"
        packet = Ether(answer)
        assert packet[IPv6].dst == "fd00::1" and packet[ICMPv6PacketTooBig].mtu == MTU
        assert packet[IPv6].plen + 40 <= 1280, "RFC 4443: not more than the minimum MTU"
        sent = packet[ICMPv6PacketTooBig].cksum
        del packet[ICMPv6PacketTooBig].cksum
        assert Ether(bytes(packet))[ICMPv6PacketTooBig].cksum == sent


def test_no_icmp_about_icmp_errors_or_groups(pair):
    """RFC 1122 3.2.2 and RFC 4443 2.4: never about an ICMP error, nor about broadcasts."""
    with pair[0].raw() as raw:
        raw.send(Ether(src=MAC[1], dst=MAC[2]) / IP(src="10.0.0.1", dst="10.0.0.2", flags="DF")
                 / ICMP(type=3, code=1) / Raw(b"z" * 1400))
        raw.send(Ether(src=MAC[1], dst="ff:ff:ff:ff:ff:ff") / IP(src="10.0.0.1", dst="10.0.0.255", flags="DF")
                 / UDP() / Raw(b"z" * 1400))
        assert not raw.recv(0.5, lambda f: Ether(f).haslayer(ICMP))


@pytest.mark.parametrize("address", ["10.0.0.2", "fd00::2"])
def test_tcp_finds_the_path_mtu(pair, address):
    """Large segments of guests with too large an MTU: PMTU discovery must bring every byte across."""
    tcp_transfer(pair[0], pair[1], address, megabytes=2)


def test_nothing_on_the_wire_is_larger_than_the_underlay(two_nodes, pair):
    with RawSocket(two_nodes[1].namespace, "underlay0") as wire:
        tcp_transfer(pair[0], pair[1], "10.0.0.2", megabytes=1)
        frames = wire.collect(3000, 1)
    assert len(frames) > 500
    assert max(map(len, frames)) <= 14 + 1600


def test_a_port_of_smaller_mtu(one_node, lab):
    """A port may take less than its network: the sender to it is told."""
    small, sender = lab.guest("small", MAC[1], ["10.0.0.1"]), lab.guest("sender", MAC[2], ["10.0.0.2"])
    one_node.apply(intent.network("blue", vni=7, mtu=1500), small.port("blue", mtu=1280), sender.port("blue"))
    small.up(), sender.up()
    sender.reaches("10.0.0.1", size=1280 - 28, more=["-M", "do"])
    received, _ = sender.ping("10.0.0.1", count=1, size=1281 - 28, more=["-M", "do"])
    assert received == 0
    wait_until(lambda: one_node.drops("small", "mtu_exceeded") + one_node.drops("sender", "mtu_exceeded") == 1)
    assert "mtu 1280" in sender.namespace.ip("route", "get", "10.0.0.1")
