"""Whatever a guest sends: the dataplane lives, counts it, and serves everybody else as before."""

import random
import struct

import pytest
from scapy.all import ARP, ICMP, IP, TCP, UDP, Dot1Q, Ether, ICMPv6ND_NS, IPv6, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop
from scapy.all import Raw

import intent
from netns import wait_until
from vhost_guest import GUEST_BASE, INDIRECT, NEEDS_CSUM, NEXT, OFFLOADS, WRITE, VhostGuest

pytestmark = pytest.mark.netns

MAC = [intent.mac(i) for i in range(10)]

SEEDS = [
    Ether(src=MAC[1], dst=MAC[2]) / IP(dst="10.0.0.2") / TCP() / Raw(b"t" * 60),
    Ether(src=MAC[1], dst=MAC[2]) / IP(dst="10.0.0.2", options=b"\x07\x07\x04\0\0\0\0\0") / UDP() / Raw(b"u" * 60),
    Ether(src=MAC[1], dst=MAC[2]) / IP(dst="10.0.0.2", flags="MF", frag=3) / Raw(b"f" * 64),
    Ether(src=MAC[1], dst=MAC[2]) / IPv6(dst="fd00::2") / IPv6ExtHdrHopByHop() / UDP() / Raw(b"6" * 60),
    Ether(src=MAC[1], dst=MAC[2]) / IPv6(dst="fd00::2") / IPv6ExtHdrFragment(offset=9, m=1) / Raw(b"6" * 60),
    Ether(src=MAC[1], dst=MAC[2]) / Dot1Q(vlan=5) / Dot1Q(vlan=6) / IP(dst="10.0.0.2") / ICMP() / Raw(b"q" * 60),
    Ether(src=MAC[1], dst="ff:ff:ff:ff:ff:ff") / ARP(psrc="10.0.0.1", pdst="10.0.0.2"),
    Ether(src=MAC[1], dst="33:33:ff:00:00:02") / IPv6(src="fd00::1", dst="ff02::1:ff00:2", hlim=255)
    / ICMPv6ND_NS(tgt="fd00::2") / Raw(b"\x01\x01" + b"\x11" * 6),
]


def mutations(rng, count):
    """Prefixes of the seeds, and seeds with bytes replaced, doubled or cut."""
    for seed in SEEDS:
        data = bytes(seed)
        for length in range(14, len(data)):
            yield data[:length]
    for _ in range(count):
        data = bytearray(bytes(rng.choice(SEEDS)))
        for _ in range(rng.randrange(1, 8)):
            at = rng.randrange(12, len(data))
            data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        if rng.random() < 0.2:
            data += bytes(rng.randrange(1400))
        yield bytes(data[:1514])


@pytest.fixture
def world(one_node, lab):
    """(node, evil tap guest, two good guests that must always reach each other)."""
    evil, good = lab.guest("evil", MAC[1]), lab.guest("good", MAC[2], ["10.0.0.2", "fd00::2"])
    other = lab.guest("other", MAC[3], ["10.0.0.3", "fd00::3"])
    one_node.apply(intent.network("blue", vni=3, mtu=1500), *(g.port("blue") for g in (evil, good, other)))
    evil.up(silent=True), good.up(), other.up()
    pid = one_node.dataplane.pid
    yield one_node, evil, good, other
    assert one_node.dataplane.alive() and one_node.dataplane.pid == pid
    other.reaches("10.0.0.2")
    other.reaches("fd00::2")


def test_frames_of_a_tap_guest(world):
    node, evil, good, _ = world
    sent = 0
    before = node.counters("evil")
    with evil.raw() as raw:
        for data in mutations(random.Random(7), 6000):
            raw.send(data)
            sent += 1
    wait_until(lambda: node.counters("evil")["rx_packets"] - before["rx_packets"] == sent, 10,
               "every frame was taken")


@pytest.fixture
def vhost(world, lab):
    """An evil vhost-user guest beside them."""
    node = world[0]
    guest = VhostGuest(f"{lab.directory}/evil.sock", OFFLOADS)
    node.apply(intent.vhost_port("vevil", "blue", MAC[4], socket=guest.path))
    guest.accept()
    node.wait_status("Port", "vevil", state="up")
    yield guest
    guest.close()


def good_frame(payload=b"good" * 12):
    return bytes(Ether(src=MAC[4], dst=MAC[2]) / IP(src="10.0.0.4", dst="10.0.0.2") / UDP() / Raw(payload))


def still_serves(node, guest):
    """The evil guest is served again once it behaves (its queue may have been given up: then after a reconnect)."""
    before = node.counters("good")["tx_packets"]
    try:
        guest.send(good_frame())
        wait_until(lambda: node.counters("good")["tx_packets"] > before, 1)
    except (TimeoutError, AssertionError, OSError):
        guest.disconnect()
        guest.accept()
        guest.send(good_frame())
        wait_until(lambda: node.counters("good")["tx_packets"] > before, 5)


def test_frames_of_a_vhost_guest(world, vhost):
    node = world[0]
    before, sent = node.counters("vevil"), 0
    for data in mutations(random.Random(8), 3000):
        vhost.send(data)
        sent += 1
    wait_until(lambda: node.counters("vevil")["rx_packets"] - before["rx_packets"] == sent, 10)
    still_serves(node, vhost)


def test_virtio_headers(world, vhost):
    """Offloads that do not fit the frame: every one is taken, and nothing of it harms anybody."""
    node = world[0]
    before = node.counters("vevil")["rx_packets"]
    rng = random.Random(9)
    odd = (0, 1, 13, 14, 33, 34, 54, 65535, 32768)
    for _ in range(3000):
        data = bytearray(bytes(rng.choice(SEEDS)))
        data += bytes(rng.choice((0, 10, 3000, 30000)))
        header = (rng.choice((0, NEEDS_CSUM, 2, 255)), rng.choice((0, 1, 3, 4, 5, 0x80, 0x81, 255)), rng.choice(odd),
                  rng.choice((*odd, 536, 1400)), rng.choice(odd), rng.choice((0, 6, 16, 65535)))
        vhost.send(data, header)
    wait_until(lambda: node.counters("vevil")["rx_packets"] - before == 3000, 10)
    still_serves(node, vhost)


SLOT = GUEST_BASE + 8192
CHAINS = {
    "address outside of memory": [(0xDEAD_0000_0000, 100, 0, 0)],
    "address zero": [(0, 100, 0, 0)],
    "address that wraps": [(0xFFFF_FFFF_FFFF_FFF0, 100, 0, 0)],
    "runs over the end of memory": [(GUEST_BASE + 0x10_0000_0000, 1 << 31, 0, 0)],
    "length zero": [(SLOT, 0, 0, 0)],
    "shorter than the virtio header": [(SLOT, 5, 0, 0)],
    "only a header": [(SLOT, 12, 0, 0)],
    "header and one byte": [(SLOT, 13, 0, 0)],
    "four gigabytes": [(SLOT, 0xFFFFFFFF, 0, 0)],
    "a loop of one": [(SLOT, 100, NEXT, 0)],
    "a loop of two": [(SLOT, 100, NEXT, 1), (SLOT, 100, NEXT, 0)],
    "next outside of the ring": [(SLOT, 100, NEXT, 60000)],
    "writable where readable is due": [(SLOT, 100, WRITE, 0)],
    "indirect table outside of memory": [(0xDEAD_0000_0000, 160, INDIRECT, 0)],
    "indirect table of an odd size": [(SLOT, 17, INDIRECT, 0)],
    "indirect within indirect": [(GUEST_BASE + 4096, 16, INDIRECT | NEXT, 0)],
    "many small ones": [(SLOT, 3, NEXT, i + 1) for i in range(200)] + [(SLOT, 3, 0, 0)],
}


@pytest.mark.parametrize("what", CHAINS)
def test_descriptors(world, vhost, what):
    node = world[0]
    vhost.send_chain(CHAINS[what])
    still_serves(node, vhost)


def test_heads_and_indices(world, vhost):
    """A head outside of the ring; an available index far ahead of itself."""
    node = world[0]
    vhost.send_chain([(SLOT, 100, 0, 0)], head=60000)
    still_serves(node, vhost)
    vhost.send_chain([(SLOT, 100, 0, 0)], index_step=40000)
    still_serves(node, vhost)


def test_receive_buffers(world, vhost):
    """Buffers to receive into that are too small, or lie outside of memory."""
    node, _, good, _ = world
    ring = vhost.rings[0]
    for address, length in ((0xDEAD_0000_0000, 4096), (SLOT, 1), (SLOT, 0)):
        for head in range(ring.size):
            struct.pack_into("<QIHH", vhost.memory, ring.desc + 16 * head, address, length, WRITE, 0)
        vhost._publish(ring)
        good.namespace.ip("neigh", "replace", "10.0.0.4", "lladdr", MAC[4], "dev", "eth0")
        good.ping("10.0.0.4", count=20, interval=0.005, wait=1)
    still_serves(node, vhost)


@pytest.mark.parametrize("data", [
    b"", b"\0" * 5, b"\xff" * 12, struct.pack("<III", 1, 1, 0xFFFFFFFF), struct.pack("<III", 200, 1, 0),
    struct.pack("<III", 5, 1, 8) + b"\xff" * 8, struct.pack("<III", 8, 1, 8) + b"\xff" * 8,
    struct.pack("<III", 9, 1, 40) + b"\xff" * 40, struct.pack("<III", 12, 1, 8) + b"\xff" * 8,
])
def test_vhost_user_messages(world, vhost, data):
    """Nonsense on the vhost-user socket, and then the guest is gone."""
    node = world[0]
    if data:
        vhost.connection.sendall(data)
    vhost.disconnect()
    vhost.accept()
    still_serves(node, vhost)
