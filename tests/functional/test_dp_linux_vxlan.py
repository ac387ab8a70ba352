"""The Linux kernel's own vxlan device as the peer: what another implementation makes of our packets, and we of its.

The peer keeps its offloads: it hands us TCP segments of up to 64 KiB with the checksums left to do, as it would to a
network card."""

import socket

import pytest
from scapy.all import IP, UDP, Ether, Raw

import intent
from guest import Host, tcp_transfer
from guest import Raw as RawSocket
from netns import ipv6

pytestmark = pytest.mark.netns

GUEST, PEER = intent.mac(1), intent.mac(2)
VNI = 4096
UNDERLAY_MTU = 1600


class LinuxPeer(Host):
    """The bare namespace at the far end with a vxlan device `vx0` to our VTEP."""

    def __init__(self, space, ours, theirs, mtu):
        self.namespace, self.name, self.mtu = space, "linux", mtu
        space.ip("link", "add", "vx0", "address", PEER, "type", "vxlan", "id", VNI, "local", theirs, "remote", ours,
                 "dstport", "4789", "dev", "underlay0")
        space.ip("link", "set", "vx0", "mtu", mtu)
        space.ip("link", "set", "vx0", "up")
        space.ip("addr", "add", "10.0.0.2/24", "dev", "vx0")
        space.ip("addr", "add", "fd00::2/64", "dev", "vx0", "nodad")

    def remove(self):
        self.namespace.ip("link", "del", "vx0")


@pytest.fixture(params=["ipv4", "ipv6"])
def world(request, one_node, lab):
    """(node, guest, peer): a guest of ours and the Linux peer in one network."""
    ours, theirs, length, mtu = {"ipv4": ("192.0.2.1", "192.0.2.2", 24, UNDERLAY_MTU - 50),
                                 "ipv6": ("fd00:2::1", "fd00:2::2", 64, UNDERLAY_MTU - 70)}[request.param]
    ipv6(lab.far, "underlay0", True)
    lab.far.ip("addr", "replace", f"{theirs}/{length}", "dev", "underlay0", *(["nodad"] if length == 64 else []))
    guest = lab.guest("guest", GUEST, ["10.0.0.1", "fd00::1"])
    vteps = {"vtep_ipv4": None, "vtep_ipv6": None, f"vtep_{request.param}": f"{ours}/{length}"}
    one_node.apply(intent.underlay(mtu=UNDERLAY_MTU, **vteps), intent.network("blue", vni=VNI, mtu=mtu),
                   guest.port("blue"), intent.peer("linux", theirs, blue=[(PEER, ["10.0.0.2", "fd00::2"])]))
    one_node.wait_peers()
    guest.up()
    peer = LinuxPeer(lab.far, ours, theirs, mtu)
    yield one_node, guest, peer
    peer.remove()


def test_reach(world):
    _, guest, peer = world
    guest.reaches("10.0.0.2")
    peer.reaches("10.0.0.1")
    guest.reaches("fd00::2")
    peer.reaches("fd00::1")


@pytest.mark.parametrize("address", ["10.0.0.2", "fd00::2"])
def test_tcp_both_ways(world, address):
    _, guest, peer = world
    tcp_transfer(guest, peer, address, megabytes=16)


def test_tcp_started_by_the_peer(world):
    _, guest, peer = world
    tcp_transfer(peer, guest, "10.0.0.1", megabytes=16)


@pytest.mark.parametrize("what, state", [("tx", "off"), ("tso", "off"), ("gso", "off"), ("gro", "on")])
def test_tcp_whatever_the_offloads(world, what, state):
    _, guest, peer = world
    peer.namespace.run("ethtool", "-K", "vx0", what, state)
    guest.namespace.run("ethtool", "-K", "eth0", what, state)
    tcp_transfer(guest, peer, "10.0.0.2", megabytes=4)


@pytest.mark.parametrize("ours, theirs, headers", [("10.0.0.1", "10.0.0.2", 28), ("fd00::1", "fd00::2", 48)])
def test_mtu_edge(world, ours, theirs, headers):
    """The largest packet of either side passes; nothing is fragmented on the underlay."""
    _, guest, peer = world
    guest.reaches(theirs, size=peer.mtu - headers, more=["-M", "do"])
    peer.reaches(ours, size=peer.mtu - headers, more=["-M", "do"])


def test_one_byte_too_many(world):
    node, guest, peer = world
    guest.namespace.ip("link", "set", "eth0", "mtu", peer.mtu + 100)
    received, _ = guest.ping("10.0.0.2", count=1, size=peer.mtu - 27, more=["-M", "do"])
    assert received == 0
    assert node.drops("guest", "mtu_exceeded") == 1
    assert f"mtu {peer.mtu}" in guest.namespace.ip("route", "get", "10.0.0.2")


def test_udp_of_every_size(world):
    """Checksums are right whatever the length: the kernel at the far end drops what is not."""
    _, guest, peer = world
    receiver = peer.namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("10.0.0.2", 7000))
    receiver.settimeout(2)
    sender = guest.namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for size in [*range(0, 70), 255, 256, 1000, 1001, peer.mtu - 29, peer.mtu - 28]:
        sender.sendto(b"u" * size, ("10.0.0.2", 7000))
        assert len(receiver.recv(2000)) == size
    sender.close()
    receiver.close()


def test_broadcast_both_ways(world):
    _, guest, peer = world
    frame = IP(src="10.0.0.2", dst="255.255.255.255") / UDP(dport=68) / Raw(b"hear-ye")
    with guest.raw() as at_guest, RawSocket(peer.namespace, "vx0") as at_peer:
        at_peer.send(Ether(src=PEER, dst="ff:ff:ff:ff:ff:ff") / frame)
        assert at_guest.recv(2, lambda f: b"hear-ye" in f)
        at_guest.send(Ether(src=GUEST, dst="ff:ff:ff:ff:ff:ff") / frame)
        assert at_peer.recv(2, lambda f: b"hear-ye" in f)
