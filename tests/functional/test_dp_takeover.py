"""What one apply takes from one port and gives to another: sockets, MACs, networks; devices and next hops that are not
the same as before; guests whose claims do not fit."""

import contextlib
import struct

import pytest
from scapy.all import IP, TCP, UDP, Dot1AD, Dot1Q, Ether, IPv6, IPv6ExtHdrDestOpt, Raw
from scapy.layers.vxlan import VXLAN

import intent
import testpmd
from far_vtep import THEIRS4, FarVtep
from guest import VNET, internet_checksum
from guest import Raw as RawSocket
from netns import veth, wait_until
from node import Node
from raw_wire import Wire
from vhost_guest import GSO_TCPV4, MULTIQUEUE, NEEDS_CSUM, OFFLOADS, PLAIN, SET_VRING_ENABLE, VhostGuest

pytestmark = pytest.mark.netns

MAC = [intent.mac(i) for i in range(10)]
BROADCAST = "ff:ff:ff:ff:ff:ff"
BLUE = intent.network("blue", vni=5, mtu=1500)
RING_PACKED = 1 << 34
GSO_UDP = 3


def frame(source, destination, payload):
    return bytes(Ether(src=source, dst=destination) / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1000)
                 / Raw(payload.ljust(40)))


def passes(sender, source, receiver, destination, payload):
    sender.send(frame(source, destination, payload))
    return receiver.recv(2, match=lambda f: payload in f) is not None


@pytest.fixture
def sockets(lab):
    """sockets[i]: a guest on a socket of its own, not connected yet."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(VhostGuest(f"{lab.directory}/v{i}.sock", OFFLOADS)) for i in range(4)]


def on(guest, name, mac, network="blue", **more):
    """A port called `name` with that MAC, whose guest that is."""
    return intent.vhost_port(name, network, MAC[mac], socket=guest.path, **more)


def connect(node, **guests):
    for name, guest in guests.items():
        guest.accept()
        node.wait_status("Port", name, state="up", connected=True)


# ---- what changes hands ----

def test_a_port_renamed_keeps_its_socket(one_node, sockets):
    """To the dataplane one port goes and another comes, with the socket of the first, in one generation."""
    one_node.apply(BLUE, on(sockets[0], "v0", 1), on(sockets[1], "v1", 2))
    connect(one_node, v0=sockets[0], v1=sockets[1])
    one_node.apply(intent.underlay(), BLUE, on(sockets[0], "v0", 1), on(sockets[1], "renamed", 2), replace=True)
    connect(one_node, renamed=sockets[1])
    assert passes(sockets[0], MAC[1], sockets[1], MAC[2], b"to-renamed")
    assert passes(sockets[1], MAC[2], sockets[0], MAC[1], b"from-renamed")


def test_two_ports_swap_their_sockets(one_node, sockets):
    one_node.apply(BLUE, on(sockets[0], "v0", 1), on(sockets[1], "v1", 2), on(sockets[2], "v2", 3))
    connect(one_node, v0=sockets[0], v1=sockets[1], v2=sockets[2])
    one_node.apply(on(sockets[2], "v1", 2), on(sockets[1], "v2", 3))
    connect(one_node, v1=sockets[2], v2=sockets[1])
    assert passes(sockets[0], MAC[1], sockets[2], MAC[2], b"to-v1")
    assert passes(sockets[0], MAC[1], sockets[1], MAC[3], b"to-v2")


def test_two_ports_swap_their_macs(one_node, sockets):
    one_node.apply(BLUE, on(sockets[0], "v0", 1), on(sockets[1], "v1", 2))
    connect(one_node, v0=sockets[0], v1=sockets[1])
    one_node.apply(on(sockets[0], "v0", 2), on(sockets[1], "v1", 1))
    assert passes(sockets[0], MAC[2], sockets[1], MAC[1], b"to-v1")
    assert passes(sockets[1], MAC[1], sockets[0], MAC[2], b"to-v0")


def test_a_declared_mac_is_no_longer_a_learned_one(one_node, sockets):
    """Whether a port or a peer's host takes it over, and however often: the count of learned MACs is right."""
    red = intent.network("red", vni=6, mtu=1500, flood=True)
    one_node.apply(red, on(sockets[0], "v0", 1, "red"))
    connect(one_node, v0=sockets[0])

    def learn(mac):
        sockets[0].send(frame(MAC[mac], BROADCAST, b"learn me"))
        wait_until(lambda: one_node.learned("red")[0] == 1, 5, "learned")
    for number in (1, 2):
        learn(4 + number)
        one_node.apply(on(sockets[number], f"v{number}", 4 + number, "red"))
        assert one_node.learned("red")[0] == 0
    learn(7)
    one_node.apply(intent.peer("far", THEIRS4, red=[(MAC[7], [])]))
    assert one_node.learned("red")[0] == 0


def test_a_port_leaves_its_network_at_once(module_lab, sockets):
    """Also when the one it is to join is not there: it is in none then, and not in the old one any more."""
    node = Node(module_lab.directory, "wire")
    one, two, three = sockets[1:]
    node.dataplane.start()
    try:
        with contextlib.closing(Wire(node)) as wire:
            assert wire.commit(wire.network(1), wire.network(2), wire.port(1, 1, one), wire.port(2, 1, two),
                               wire.port(3, 2, three)) == 0
            for guest in (one, two, three):
                guest.accept()
            assert passes(two, MAC[2], one, MAC[1], b"before")
            assert passes(one, MAC[1], two, MAC[2], b"before")

            assert wire.commit(wire.port(1, 77, one)) == 1
            for destination in (MAC[2], BROADCAST):
                one.send(frame(MAC[1], destination, b"from nowhere"))
            one.wait_sent()
            two.send(frame(MAC[2], BROADCAST, b"to the rest"))
            two.wait_sent()
            assert not two.recv(0.3, match=lambda f: b"from nowhere" in f)
            assert not one.recv(0.3, match=lambda f: b"to the rest" in f)

            assert wire.commit(wire.port(1, 2, one)) == 0
            assert passes(one, MAC[1], three, MAC[3], b"in the other")
            assert passes(three, MAC[3], one, MAC[1], b"in the other")
    finally:
        node.stop()


# ---- queues ----

class FirstPairOnly(VhostGuest):
    """As a guest whose driver uses fewer queue pairs than QEMU sets up."""

    def _tell(self, request, payload=b"", fds=(), acknowledged=False):
        if request == SET_VRING_ENABLE:
            index, _ = struct.unpack("<II", payload)
            payload = struct.pack("<II", index, index < 2)
        return super()._tell(request, payload, fds, acknowledged)


def test_a_guest_may_use_fewer_queues_than_its_port_has(lab, sockets):
    """Each worker sends to a queue pair of its own; none may choose one that nobody reads."""
    node = lab.node("n-queues", workers=2)
    veth(node.namespace, "underlay0", lab.space("far-queues"), "underlay0", 1600)
    node.start()
    with FirstPairOnly(f"{lab.directory}/multi.sock", PLAIN | MULTIQUEUE, queues=2) as multi:
        node.apply(intent.underlay(), BLUE, on(multi, "multi", 3, queues=2),
                   on(sockets[0], "v0", 1, workers=[0]), on(sockets[1], "v1", 2, workers=[1]))
        connect(node, multi=multi, v0=sockets[0], v1=sockets[1])
        assert node.status("Port", "multi")["queues"] == 1
        for number in range(10):
            assert passes(sockets[0], MAC[1], multi, MAC[3], b"worker 0, %d." % number)
            assert passes(sockets[1], MAC[2], multi, MAC[3], b"worker 1, %d." % number)


@pytest.mark.testpmd
def test_packed_rings_are_not_offered(one_node, lab):
    """DPDK 22.11 cannot tell whether a packed ring holds packets: a worker that serves one could never sleep."""
    path = f"{lab.directory}/packed.sock"
    one_node.apply(BLUE, intent.vhost_port("packed", "blue", MAC[1], socket=path))
    with testpmd.guest([path], "--forward-mode=rxonly", "--no-flush-rx", device="queues=1,packed_vq=1"):
        status = one_node.wait_status("Port", "packed", timeout=20, connected=True)
        assert not int(status["features"]) & RING_PACKED


# ---- devices and next hops ----

def test_a_guest_on_an_interface_keeps_its_tag(one_node, lab, sockets):
    """The kernel takes a tag off before a packet socket sees the frame; it is the guest's all the same. Also where a
    checksum behind it is still to be made."""
    space = lab.space("tagging")
    veth(one_node.namespace, "tagging0", space, "eth0", 1504)
    device = {"device": {"af_packet": {"interface": "tagging0"}}}
    with VhostGuest(f"{lab.directory}/plain.sock", PLAIN) as guest:
        one_node.apply(BLUE, on(guest, "plain", 1), intent.port("device", "blue", MAC[2], attachment=device))
        connect(one_node, plain=guest)
        one_node.wait_status("Port", "device", state="up")
        sent = Ether(src=MAC[2], dst=MAC[1]) / Dot1Q(vlan=77, prio=5) \
            / IP(src="10.0.0.2", dst="10.0.0.1") / UDP() / Raw(b"tagged")
        finished = bytes(sent)
        sent[UDP].chksum = ~internet_checksum(finished[30:38] + struct.pack("!HH", 17, 8 + 6)) & 0xFFFF
        with RawSocket(space, "eth0") as raw:
            raw.send(finished)
            received = guest.recv(2, match=lambda f: b"tagged" in f)
            assert received and received[0] == finished
            raw.socket.send(VNET.pack(NEEDS_CSUM, 0, 0, 0, 18 + 20, 6) + bytes(sent))
            received = guest.recv(2, match=lambda f: b"tagged" in f)
            assert received and received[0] == finished


def test_another_gateway_is_resolved_anew(one_node, lab, sockets):
    """Peers behind a gateway that is replaced are not sent to the old one, whether or not the new one answers."""
    far, other = FarVtep(lab.far, one_node), lab.space("gateway")
    lab.far.ip("link", "add", "link", "underlay0", "name", "eth0", "netns", other.name,
               "type", "macvlan", "mode", "bridge")
    other.ip("link", "set", "eth0", "up")
    other.ip("addr", "add", "192.0.2.3/24", "dev", "eth0")
    try:
        one_node.apply(intent.underlay(gateway_ipv4=THEIRS4), BLUE, on(sockets[0], "v0", 1),
                       intent.peer("remote", "198.51.100.1", blue=[(MAC[2], [])]))
        connect(one_node, v0=sockets[0])
        one_node.wait_status("Peer", "remote", state="reachable", next_hop_mac=far.mac)

        one_node.apply(intent.underlay(gateway_ipv4="192.0.2.77"))
        sockets[0].send(frame(MAC[1], MAC[2], b"whither"))
        wait_until(lambda: one_node.drops("v0", "neighbour_unresolved") == 1, 5, "dropped")
        assert not far.raw.recv(0.1, lambda f: b"whither" in f)
        one_node.wait_status("Peer", "remote", state="unresolved")

        one_node.apply(intent.underlay(gateway_ipv4="192.0.2.3"))
        one_node.wait_status("Peer", "remote", state="reachable", next_hop_mac=other.mac("eth0"))
    finally:
        far.close()
        one_node.delete(("Peer", "remote"))
        one_node.apply(intent.underlay())


# ---- claims ----

def tcp(length):
    return Ether(src=MAC[1], dst=MAC[2]) / IP(src="10.0.0.1", dst="10.0.0.2") / TCP() / Raw(b"\x5a" * length)


@pytest.mark.parametrize("packet, header", [
    (tcp(3000), (NEEDS_CSUM, GSO_TCPV4, 54, 255, 34, 16)),
    (Ether(frame(MAC[1], MAC[2], b"x" * 1400)), (0, GSO_UDP, 42, 512, 0, 0)),
], ids=["tiny segments", "UDP fragmentation"])
def test_claims_that_do_not_fit_are_refused(one_node, sockets, packet, header):
    one_node.apply(BLUE, on(sockets[0], "v0", 1), on(sockets[1], "v1", 2))
    connect(one_node, v0=sockets[0], v1=sockets[1])
    before = one_node.drops("v0", "rx_offload")
    sockets[0].send(bytes(packet), header)
    wait_until(lambda: one_node.drops("v0", "rx_offload") == before + 1, 5, "refused")
    assert not sockets[1].recv(0.1, match=lambda f: f[6:12] == bytes(packet)[6:12])


def unusual():
    """(name, frame, where its inner checksum starts)"""
    inner = IP(src="1.1.1.1", dst="2.2.2.2") / UDP(sport=1, dport=2, chksum=0x1234) / Raw(b"unusual, and of odd length")
    ether = Ether(src=MAC[1], dst=MAC[2])
    v6 = IPv6(src="fd00::1", dst="fd00::2") / IPv6ExtHdrDestOpt() \
        / UDP(sport=1, dport=2, chksum=0x1234) / Raw(b"unusual")
    yield "extension header", ether / v6, 14 + 40 + 8
    yield "two tags", ether / Dot1AD(vlan=1) / Dot1Q(vlan=2) / inner, 14 + 8 + 20
    yield "a guest's own VXLAN", ether / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(chksum=0) / VXLAN(vni=3, flags=8) \
        / Ether(src=MAC[3], dst=MAC[4]) / inner, 14 + 20 + 16 + 14 + 20


@pytest.mark.parametrize("packet, start", [u[1:] for u in unusual()], ids=[u[0] for u in unusual()])
def test_unusual_checksums_are_made(one_node, lab, sockets, packet, start):
    """For a guest that takes none unfinished, wherever in the frame the sender has left one."""
    with VhostGuest(f"{lab.directory}/plain.sock", PLAIN) as plain:
        one_node.apply(BLUE, on(sockets[0], "v0", 1), on(plain, "plain", 2))
        connect(one_node, v0=sockets[0], plain=plain)
        sent = bytes(packet)
        sockets[0].send(sent, (NEEDS_CSUM, 0, 0, 0, start, 6))
        received = plain.recv(2, match=lambda f: b"unusual" in f)
        assert received, f"did not arrive: {one_node.counters('v0')['drops']}"
        at = start + 6
        expected = internet_checksum(sent[start:]).to_bytes(2, "big")
        assert received[0] == sent[:at] + expected + sent[at + 2:]
