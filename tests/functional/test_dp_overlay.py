"""Two nodes, tenants' traffic between them over VXLAN, on an IPv4 and on an IPv6 underlay."""

import socket

import pytest
from scapy.all import ARP, IP, UDP, Ether, Raw
from scapy.layers.vxlan import VXLAN

import intent
from guest import Raw as RawSocket
from guest import tcp_transfer
from netns import wait_until

pytestmark = pytest.mark.netns

MAC = [intent.mac(i) for i in range(10)]
BROADCAST = "ff:ff:ff:ff:ff:ff"


@pytest.fixture
def tenants(two_nodes, lab):
    """red and blue on both nodes, with the same MACs and addresses: {("red", 1): guest, …}."""
    first, second, vteps = two_nodes
    guests = {}
    for tenant in ("red", "blue"):
        for number in (1, 2):
            guests[tenant, number] = lab.guest(f"{tenant}{number}", MAC[number],
                                               [f"10.0.0.{number}", f"fd00::{number}"])
    networks = [intent.network("red", vni=100), intent.network("blue", vni=0xFFFFFF)]
    for node, here, there in ((first, 1, 2), (second, 2, 1)):
        hosts = [(MAC[there], [f"10.0.0.{there}", f"fd00::{there}"])]
        node.apply(*networks, guests["red", here].port("red"), guests["blue", here].port("blue"),
                   intent.peer(f"n{there}", vteps[there - 1], red=hosts, blue=hosts))
    first.wait_peers()
    second.wait_peers()
    for guest in guests.values():
        guest.up()
    return guests


def test_reach(tenants):
    for tenant in ("red", "blue"):
        tenants[tenant, 1].reaches("10.0.0.2")
        tenants[tenant, 2].reaches("fd00::1")


def test_tcp_both_ways_with_offloads(two_nodes, tenants):
    for address in ("10.0.0.2", "fd00::2"):
        tcp_transfer(tenants["red", 1], tenants["red", 2], address)


def test_two_tenants_at_once_stay_apart(tenants):
    """The same five-tuples in both tenants at the same time; each must hear its own."""
    sockets = {}
    for tenant in ("red", "blue"):
        for number in (1, 2):
            sock = tenants[tenant, number].namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((f"10.0.0.{number}", 7000))
            sock.settimeout(2)
            sockets[tenant, number] = sock
    for i in range(200):
        for tenant in ("red", "blue"):
            sockets[tenant, 1].sendto(f"{tenant} {i}".encode(), ("10.0.0.2", 7000))
            assert sockets[tenant, 2].recv(100) == f"{tenant} {i}".encode()
    for sock in sockets.values():
        sock.close()


def test_declared_neighbours_are_not_asked(two_nodes, tenants):
    """Resolving a declared address takes no frame over the underlay but the tenant's own."""
    first, second, _ = two_nodes
    with RawSocket(second.namespace, "underlay0") as on_wire, tenants["red", 2].raw() as at_guest:
        tenants["red", 1].namespace.ip("neigh", "flush", "dev", "eth0")
        tenants["red", 1].reaches("10.0.0.2")
        crossed = [Ether(f) for f in on_wire.collect(1000, 0.5)]
        heard = [Ether(f) for f in at_guest.collect(1000, 0.3)]
    inner = [f[VXLAN].payload for f in crossed if f.haslayer(VXLAN)]
    assert inner, "the pings were not seen on the wire"
    assert not [f for f in inner if f.haslayer(ARP)]
    assert not [f for f in heard if f.haslayer(ARP) and f[ARP].op == 1 and f[ARP].pdst == "10.0.0.2"]


def test_broadcast_reaches_the_flood_list(two_nodes, tenants):
    frame = Ether(src=MAC[1], dst=BROADCAST) / IP(src="10.0.0.1", dst="255.255.255.255") / UDP() / Raw(b"to-all-of-red")
    with tenants["red", 1].raw() as raw, tenants["red", 2].raw() as red, tenants["blue", 2].raw() as blue:
        raw.send(frame)
        assert red.recv(2, lambda f: b"to-all-of-red" in f)
        assert not red.recv(0.2, lambda f: b"to-all-of-red" in f), "delivered twice"
        assert not blue.recv(0.2, lambda f: b"to-all-of-red" in f)


def test_no_broadcast_where_the_peer_is_not_on_the_flood_list(two_nodes, tenants):
    first, second, vteps = two_nodes
    hosts = [(MAC[2], ["10.0.0.2", "fd00::2"])]
    first.apply(intent.peer("n2", vteps[1], red=[*hosts, False], blue=hosts))
    before = first.drops("red1", "no_flood_target")
    with tenants["red", 1].raw() as raw, tenants["red", 2].raw() as red:
        raw.send(Ether(src=MAC[1], dst=BROADCAST) / IP(dst="255.255.255.255") / UDP() / Raw(b"to-all-of-red"))
        assert not red.recv(0.5, lambda f: b"to-all-of-red" in f)
    assert first.drops("red1", "no_flood_target") > before
    tenants["red", 1].reaches("10.0.0.2")


def test_both_ends_count_the_same(two_nodes, tenants):
    """What the first node sends into the wire is what the second takes from it, and delivers."""
    first, second, _ = two_nodes

    def counters():
        return (first.counters("physnet0", "Underlay")["tx_packets"],
                second.counters("physnet0", "Underlay")["rx_packets"], second.counters("red2")["tx_packets"])
    # The guests' kernels greet the network for a while (MLD, router solicitations): not while we read twice.
    before = wait_until(lambda: (c := counters()) == counters() and c, 10)
    tenants["red", 1].reaches("10.0.0.2", count=50, interval=0.005)

    def balanced():
        sent, taken, delivered = (b - a for a, b in zip(before, counters()))
        return sent >= 50 and sent == taken and delivered >= 50
    wait_until(balanced, 5, "sent = taken from the wire")


def test_peer_status(two_nodes, tenants):
    first, second, _ = two_nodes
    tenants["red", 1].reaches("10.0.0.2")
    assert first.wait_status("Peer", "n2", state="reachable")["next_hop_mac"] == second.namespace.mac("underlay0")
    assert second.status("Underlay", "physnet0")["mac_address"] == second.namespace.mac("underlay0")
    assert first.status("Port", "red1")["state"] == "up"
