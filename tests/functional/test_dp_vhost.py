"""vhost-user ports: forwarding, offloads, multi-queue, guests and switch that come and go. The guest is our own driver
(vhost_guest.py), and dpdk-testpmd where speed or another implementation matters."""

import time

import pytest
from scapy.all import IP, TCP, UDP, Ether, IPv6, Raw
from scapy.layers.vxlan import VXLAN

import intent
import testpmd
from far_vtep import THEIRS4, FarVtep
from netns import wait_until
from vhost_guest import GSO_TCPV4, GSO_TCPV6, MULTIQUEUE, NEEDS_CSUM, OFFLOADS, PLAIN, VhostGuest

pytestmark = pytest.mark.netns

MAC = [intent.mac(i) for i in range(10)]


def frame(source, destination, payload=b"vhost", sport=1000):
    return bytes(Ether(src=source, dst=destination) / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=sport)
                 / Raw(payload.ljust(40)))


def segments(length, family=4):
    """(TCP packet with `length` bytes of data and its checksum left to do, the virtio header that says so, the data)."""
    ip = IP(src="10.0.0.1", dst="10.0.0.2") if family == 4 else IPv6(src="fd00::1", dst="fd00::2")
    packet = Ether(src=MAC[1], dst=MAC[2]) / ip / TCP(sport=1, dport=2, seq=1, flags="PA", chksum=0)
    headers = bytes(packet)
    data = bytes(i * 7 & 255 for i in range(length))
    packet = Ether(bytes(packet / Raw(data)))
    tcp_at = len(headers) - 20
    pseudo = (bytes(packet)[26:34] if family == 4 else bytes(packet)[22:54])
    total = sum(int.from_bytes(pseudo[i:i + 2], "big") for i in range(0, len(pseudo), 2)) + 6 + 20 + length
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    raw = bytearray(bytes(packet))
    raw[tcp_at + 16:tcp_at + 18] = total.to_bytes(2, "big")
    mss = 1400
    return bytes(raw), (NEEDS_CSUM, GSO_TCPV4 if family == 4 else GSO_TCPV6, len(headers), mss, tcp_at, 16), data


@pytest.fixture
def pair(one_node, lab):
    """Two vhost-user guests with all offloads, on blue."""
    guests = [VhostGuest(f"{lab.directory}/v{i}.sock", OFFLOADS) for i in (1, 2)]
    one_node.apply(intent.network("blue", vni=5, mtu=1500),
                   *(intent.vhost_port(f"v{i}", "blue", MAC[i], socket=guests[i - 1].path) for i in (1, 2)))
    for guest in guests:
        guest.accept()
    for i in (1, 2):
        one_node.wait_status("Port", f"v{i}", state="up", connected=True)
    yield guests
    for guest in guests:
        guest.close()


def crosses(one, two, payload=b"crosses", tries=100):
    """Frames get from one to two (tried again for a while: somebody is coming back)."""
    for _ in range(tries):
        one.send(frame(MAC[1], MAC[2], payload))
        if two.recv(0.1, match=lambda f: payload in f):
            return True
    return False


def test_forwarding(one_node, pair):
    one, two = pair
    for length in (60, 61, 64, 65, 1000, 1514):
        sent = bytes(Ether(src=MAC[1], dst=MAC[2], type=0x88B5) / Raw(bytes(i & 255 for i in range(length - 14))))
        one.send(sent)
        received = two.recv()
        assert received and received[0] == sent, f"{length} bytes"
    status = one_node.status("Port", "v1")
    assert status["connected"] and status["queues"] == 1
    assert int(status["features"]) & OFFLOADS == OFFLOADS & pair[0].features


def test_bursts_are_complete_and_in_order(pair):
    one, two = pair
    numbers = []
    for start in range(0, 4000, 100):
        for i in range(start, start + 100):
            one.send(frame(MAC[1], MAC[2], b"n%06d." % i))
        while len(numbers) < start + 100:
            received = two.recv(1)
            assert received, f"lost after {len(numbers)}"
            numbers.append(int(received[0][43:49]))
    wrong = [(at, number) for at, number in enumerate(numbers) if at != number]
    assert not wrong, f"{len(wrong)} in the wrong place, such as {wrong[:20]}"


@pytest.mark.parametrize("family", [4, 6])
def test_large_segments_pass_as_they_are(pair, family):
    """From guest to guest nothing is segmented, and no checksum is worked out that the receiver does not want."""
    one, two = pair
    for length in (1000, 30000, 65000):
        packet, header, data = segments(length, family)
        if length <= 1400:
            header = (NEEDS_CSUM, 0, 0, 0, *header[4:])
        one.send(packet, header)
        received = two.recv()
        assert received, f"{length} bytes did not arrive"
        assert received[1][0] & NEEDS_CSUM and received[1][4:6] == header[4:6]
        assert received[1][1] == header[1] and (header[1] == 0 or received[1][3] == 1400)
        # DPDK's vhost library leaves the length out of a large segment's pseudo-header sum, as Intel's cards want it.
        at = header[4] + 16 if header[1] else len(packet)
        assert received[0][:at] + received[0][at + 2:] == packet[:at] + packet[at + 2:]


@pytest.mark.parametrize("family", [4, 6])
def test_segmented_for_a_guest_without_offloads(one_node, lab, family):
    """A guest that takes neither large segments nor unfinished checksums gets proper packets."""
    one, two = VhostGuest(f"{lab.directory}/v1.sock", OFFLOADS), VhostGuest(f"{lab.directory}/v2.sock", PLAIN)
    one_node.apply(intent.network("blue", vni=5, mtu=1500),
                   *(intent.vhost_port(f"v{i}", "blue", MAC[i], socket=g.path) for i, g in ((1, one), (2, two))))
    with one, two:
        one.accept(), two.accept()
        one_node.wait_status("Port", "v2", state="up")
        packet, header, data = segments(30000, family)
        one.send(packet, header)
        expect_segments([two.recv() for _ in range(22)], data)
        assert two.recv(0.1) is None


def expect_segments(received, data):
    """[(frame, virtio header)]: whole packets within the MTU, right in sequence and checksums."""
    got = b""
    for item in received:
        assert item, f"only {len(got)} of {len(data)} bytes arrived"
        assert item[1][0] & NEEDS_CSUM == 0 and item[1][1] == 0
        packet = Ether(item[0])
        assert packet[TCP].seq == 1 + len(got)
        assert len(item[0]) <= 1514
        for layer in (IP, TCP):
            if packet.haslayer(layer):
                fresh = Ether(item[0])
                del fresh[layer].chksum
                assert Ether(bytes(fresh))[layer].chksum == packet[layer].chksum, f"{layer.__name__} checksum"
        got += bytes(packet[TCP].payload)
    assert got == data


@pytest.mark.parametrize("family", [4, 6])
def test_segmented_for_the_wire(one_node, lab, pair, family):
    """AF_PACKET cannot segment: what reaches the wire are whole VXLAN packets with right inner checksums."""
    far = FarVtep(lab.far, one_node)
    one_node.delete(("Port", "v2"))
    one_node.apply(intent.peer("far", THEIRS4, blue=[(MAC[2], [])]))
    one_node.wait_status("Peer", "far", state="reachable")
    packet, header, data = segments(30000, family)
    pair[0].send(packet, header)
    frames = far.raw.collect(22, 3, lambda f: Ether(f).haslayer(VXLAN))
    far.close()
    inner = sorted((bytes(Ether(f)[VXLAN].payload) for f in frames), key=lambda f: Ether(f)[TCP].seq)
    expect_segments([(f, (0, 0)) for f in inner], data)


def test_to_a_tap_and_back(one_node, lab, pair):
    tap = lab.guest("tap", MAC[3])
    one_node.apply(tap.port("blue"))
    tap.up(silent=True)
    with tap.raw() as raw:
        pair[0].send(frame(MAC[1], MAC[3], b"to-the-tap"))
        assert raw.recv(2, lambda f: b"to-the-tap" in f)
        raw.send(frame(MAC[3], MAC[1], b"from-the-tap"))
        assert pair[0].recv(2, match=lambda f: b"from-the-tap" in f)


def test_guest_comes_back(pair):
    """A guest that restarts is connected again without anybody doing anything."""
    one, two = pair
    assert crosses(one, two)
    for _ in range(3):
        two.disconnect()
        one.send(frame(MAC[1], MAC[2]))
        two.accept()
        assert crosses(one, two)
    one.accept()  # the old connection ends only here
    assert crosses(one, two) and crosses(two, one, b"back") is not None


def test_absent_guest_is_counted(one_node, pair):
    one, two = pair
    assert crosses(one, two)
    two.disconnect()
    one_node.wait_status("Port", "v2", connected=False, state="down")
    before = one_node.drops("v2", "guest_absent") + one_node.drops("v1", "guest_absent")
    for _ in range(10):
        one.send(frame(MAC[1], MAC[2]))
    wait_until(lambda: one_node.drops("v2", "guest_absent") + one_node.drops("v1", "guest_absent") == before + 10)


def test_full_queue_is_counted(one_node, pair):
    """A guest that does not read: what does not fit into its queue is dropped under tx_full, and nothing blocks."""
    one, two = pair
    total = 1000
    before = one_node.counters("v2")
    for _ in range(total):
        one.send(frame(MAC[1], MAC[2]))
    one.wait_sent()

    def accounted():
        after = one_node.counters("v2")
        delivered = after["tx_packets"] - before["tx_packets"]
        full = one_node.drops("v2", "tx_full") + one_node.drops("v1", "tx_full")
        return delivered == two.size and delivered + full == total
    wait_until(accounted, 5, "delivered + tx_full = sent")


def test_multi_queue(one_node, lab):
    """Flows of one guest arrive on all queues of the other; a queue keeps a flow."""
    guests = [VhostGuest(f"{lab.directory}/v{i}.sock", PLAIN | MULTIQUEUE, queues=4) for i in (1, 2)]
    one_node.apply(intent.network("blue", vni=5), *(intent.vhost_port(f"v{i}", "blue", MAC[i], queues=4,
                                                                      socket=guests[i - 1].path) for i in (1, 2)))
    one, two = guests
    with one, two:
        one.accept(), two.accept()
        one_node.wait_status("Port", "v2", state="up", queues=4)
        for flow in range(64):
            one.send(frame(MAC[1], MAC[2], b"flow%d." % flow, sport=flow), queue=flow % 4)
        one.wait_sent()
        found = {}
        end = time.monotonic() + 5
        while sum(found.values()) < 64 and time.monotonic() < end:
            for queue in range(4):
                while two.recv(0, queue):
                    found[queue] = found.get(queue, 0) + 1
        assert sum(found.values()) == 64, found
        wait_until(lambda: not one.asked_for_buffers() + two.asked_for_buffers(), 5, "nobody waits for buffers")


def test_switch_comes_back(one_node, lab, pair):
    """The dataplane is killed: guests are connected to the new one, and frames pass, without anybody doing anything."""
    one, two = pair
    assert crosses(one, two)
    one_node.dataplane.kill()
    one_node.dataplane.start()
    one.accept(), two.accept()
    assert crosses(one, two)
    one_node.wait_status("Port", "v1", state="up")


def test_deleted_port_lets_go_of_its_guest(one_node, pair):
    one, two = pair
    one_node.delete(("Port", "v2"))
    wait_until(lambda: two.connection.recv(1) == b"", 5, "the switch closes the connection")


@pytest.mark.testpmd
def test_testpmd_as_guest(one_node, lab):
    """Another driver: DPDK's virtio-user. What goes into one port of its io forwarding comes out of the other."""
    paths = [f"{lab.directory}/t{i}.sock" for i in (1, 2)]
    left, right = lab.guest("left", MAC[1]), lab.guest("right", MAC[2])
    with testpmd.guest(paths, "--forward-mode=io"):
        one_node.apply(intent.network("red", vni=1, flood=True), intent.network("blue", vni=2, flood=True),
                       left.port("red"), right.port("blue"),
                       intent.vhost_port("t1", "red", MAC[5], socket=paths[0]),
                       intent.vhost_port("t2", "blue", MAC[6], socket=paths[1]))
        left.up(silent=True), right.up(silent=True)
        one_node.wait_status("Port", "t1", state="up")
        one_node.wait_status("Port", "t2", state="up")
        with left.raw() as raw, right.raw() as far:
            for _ in range(50):
                raw.send(frame(MAC[1], MAC[9], b"through-testpmd"))
                if far.recv(0.1, lambda f: b"through-testpmd" in f):
                    break
            else:
                raise AssertionError("nothing came through testpmd")


@pytest.mark.testpmd
def test_testpmd_killed_in_mid_burst(one_node, lab):
    """A guest that vanishes while it sends at full speed, three times; the switch lives and takes it back."""
    paths = [f"{lab.directory}/t{i}.sock" for i in (1, 2)]
    one_node.apply(intent.network("blue", vni=2), *(intent.vhost_port(f"t{i}", "blue", MAC[i], socket=p)
                                                    for i, p in enumerate(paths, 1)))
    pid = one_node.dataplane.pid
    for _ in range(3):
        with testpmd.guest(paths, "--forward-mode=flowgen", f"--eth-peer=0,{MAC[2]}", f"--eth-peer=1,{MAC[1]}"):
            start = one_node.counters("t1")["rx_packets"]
            wait_until(lambda: one_node.counters("t1")["rx_packets"] > start + 20000, 30, "traffic runs")
        # left by SIGKILL
        one_node.wait_status("Port", "t1", connected=False)
    assert one_node.dataplane.alive() and one_node.dataplane.pid == pid

    def accounted():
        counters = [one_node.counters(f"t{i}") for i in (1, 2)]
        received = sum(c["rx_packets"] for c in counters)
        return received == sum(c["tx_packets"] + sum(c["drops"].values()) for c in counters)
    wait_until(accounted, 5, "received = sent + dropped")
