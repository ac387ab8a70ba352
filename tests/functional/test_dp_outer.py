"""What stands on the wire around a tenant's frame, and what is made of what comes from the wire."""

import random

import pytest
from scapy.all import ARP, IP, TCP, UDP, Ether, IPv6, Raw
from scapy.layers.vxlan import VXLAN

import intent
from far_vtep import OURS4, OURS6, THEIRS4, THEIRS6, FarVtep
from netns import wait_until

pytestmark = pytest.mark.netns

MAC = [intent.mac(i) for i in range(10)]
VNI = 0xABCDEF


@pytest.fixture(scope="module")
def far(one_node, module_lab):
    vtep = FarVtep(module_lab.far, one_node)
    yield vtep
    vtep.close()


@pytest.fixture
def guest(one_node, lab):
    """One silent guest on blue; MAC 2 is behind the far IPv4 VTEP, MAC 3 behind the far IPv6 one."""
    guest = lab.guest("g1", MAC[1])
    one_node.apply(intent.underlay(), intent.network("blue", vni=VNI), guest.port("blue"),
                   intent.peer("far4", THEIRS4, blue=[(MAC[2], ["10.0.0.2"])]),
                   intent.peer("far6", THEIRS6, blue=[(MAC[3], ["10.0.0.3"])]))
    guest.up(silent=True)
    one_node.wait_peers()
    return guest


def inner(payload, source=MAC[1], destination=MAC[2], sport=1000, **ip):
    return (Ether(src=source, dst=destination) / IP(src="10.0.0.1", dst="10.0.0.2", **ip) / UDP(sport=sport)
            / Raw(payload))


def out(guest, far, frame, payload):
    """Sends a frame from the guest and returns what arrives on the wire."""
    with guest.raw() as raw:
        raw.send(frame)
    packet = far.recv(payload)
    assert packet, "nothing arrived on the wire"
    return packet


def test_ipv4_header(guest, far):
    frame = inner(b"hello-ipv4", id=7)
    packet = out(guest, far, frame, b"hello-ipv4")
    assert (packet.src, packet.dst) == (far.node_mac, far.mac)
    assert (packet[IP].src, packet[IP].dst, packet[IP].ttl, packet[IP].proto) == (OURS4, THEIRS4, 64, 17)
    assert packet[UDP].dport == 4789
    assert (packet[VXLAN].vni, packet[VXLAN].flags) == (VNI, 8)
    assert bytes(packet[VXLAN].payload)[:len(bytes(frame))] == bytes(frame), "the tenant's frame was changed"
    fresh = Ether(bytes(packet))
    del fresh[IP].chksum
    assert Ether(bytes(fresh))[IP].chksum == packet[IP].chksum, "wrong header checksum"
    assert packet[IP].len == len(bytes(packet)) - 14 and packet[UDP].len == packet[IP].len - 20


def test_ipv6_header(guest, far):
    frame = inner(b"hello-ipv6", destination=MAC[3])
    packet = out(guest, far, frame, b"hello-ipv6")
    assert (packet.src, packet.dst) == (far.node_mac, far.mac)
    assert (packet[IPv6].src, packet[IPv6].dst, packet[IPv6].hlim) == (OURS6, THEIRS6, 64)
    assert packet[UDP].dport == 4789 and packet[VXLAN].vni == VNI
    assert bytes(packet[VXLAN].payload)[:len(bytes(frame))] == bytes(frame)
    # Zero is allowed for tunnels (RFC 6935); anything else must be right.
    if packet[UDP].chksum:
        sent = packet[UDP].chksum
        del packet[UDP].chksum
        assert Ether(bytes(packet))[UDP].chksum == sent


@pytest.mark.parametrize("destination", [MAC[2], MAC[3]])
def test_source_port_follows_the_inner_flow(guest, far, destination):
    ports = {}
    for sport in range(1000, 1064):
        payload = b"flow-%d." % sport
        for _ in range(2):
            packet = out(guest, far, inner(payload, destination=destination, sport=sport), payload)
            ports.setdefault(sport, set()).add(packet[UDP].sport)
    assert all(len(p) == 1 for p in ports.values()), "one flow must keep to one path"
    assert len(set.union(*ports.values())) >= 48, "64 flows share too few source ports"
    assert all(min(p) >= 49152 for p in ports.values()), "RFC 7348: from the dynamic port range"


@pytest.mark.parametrize("configured, expected", [("inherit", 46), ("0", 0), ("10", 10)])
def test_dscp(one_node, guest, far, configured, expected):
    one_node.apply(intent.underlay(dscp=configured))
    packet = out(guest, far, inner(b"dscp-test", tos=46 << 2), b"dscp-test")
    assert packet[IP].tos >> 2 == expected
    packet = out(guest, far, inner(b"dscp-v6-test", destination=MAC[3], tos=46 << 2), b"dscp-v6-test")
    assert packet[IPv6].tc >> 2 == expected


def test_ttl(one_node, guest, far):
    one_node.apply(intent.underlay(ttl=33))
    packet = out(guest, far, inner(b"ttl-test", ttl=5), b"ttl-test")
    assert packet[IP].ttl == 33
    assert packet[VXLAN].payload[IP].ttl == 5, "a bridge must not touch the tenant's TTL"
    assert out(guest, far, inner(b"ttl-v6-test", destination=MAC[3]), b"ttl-v6-test")[IPv6].hlim == 33


@pytest.mark.parametrize("ecn", [0, 1, 2, 3])
def test_ecn_going_out(guest, far, ecn):
    """RFC 6040, normal mode: the outer header takes the inner field."""
    assert out(guest, far, inner(b"ecn-test", tos=ecn), b"ecn-test")[IP].tos & 3 == ecn


# RFC 6040, figure 4: (inner, outer) -> what the tenant sees; None: dropped.
ECN_IN = {(0, 0): 0, (0, 1): 0, (0, 2): 0, (0, 3): None, (1, 0): 1, (1, 1): 1, (1, 2): 1, (1, 3): 3,
          (2, 0): 2, (2, 1): 1, (2, 2): 2, (2, 3): 3, (3, 0): 3, (3, 1): 3, (3, 2): 3, (3, 3): 3}


@pytest.mark.parametrize("family", [4, 6])
def test_ecn_coming_in(one_node, guest, far, family):
    before = one_node.drops("physnet0", "ecn_violation", "Underlay")
    source = MAC[2] if family == 4 else MAC[3]
    with guest.raw() as raw:
        for (tenant, wire), expected in ECN_IN.items():
            payload = b"ecn-%d-%d." % (tenant, wire)
            frame = inner(payload, source, MAC[1], tos=tenant)
            far.send(frame, VNI, family, **({"tos": wire} if family == 4 else {"tc": wire}))
            seen = raw.recv(0.3 if expected is None else 2, lambda f: payload in f)
            if expected is None:
                assert seen is None, f"inner {tenant}, outer {wire} must be dropped"
                continue
            assert seen, f"inner {tenant}, outer {wire} did not arrive"
            packet = Ether(seen)
            assert packet[IP].tos & 3 == expected, f"inner {tenant}, outer {wire}"
            sent = packet[IP].chksum
            del packet[IP].chksum
            assert Ether(bytes(packet))[IP].chksum == sent, "the inner checksum was not adjusted"
    assert one_node.drops("physnet0", "ecn_violation", "Underlay") == before + 1


@pytest.mark.parametrize("family", [4, 6])
def test_into_the_guest(guest, far, family):
    frame = Ether(src=MAC[2], dst=MAC[1]) / IP(src="10.0.0.2", dst="10.0.0.1") / TCP(dport=80) / Raw(b"from-outside")
    with guest.raw() as raw:
        far.send(frame, VNI, family)
        assert raw.recv(2, lambda f: b"from-outside" in f) == bytes(frame)


@pytest.mark.parametrize("what, reason", [
    ({"vni": 4711}, "no_network"),
    ({"source": "192.0.2.77"}, "unknown_vtep"),
    ({"destination": MAC[9]}, "unknown_mac"),
])
def test_dropped_from_the_wire(one_node, guest, far, what, reason):
    before = one_node.drops("physnet0", reason, "Underlay")
    frame = Ether(src=MAC[2], dst=what.get("destination", MAC[1])) / IP() / UDP() / Raw(b"unwanted")
    with guest.raw() as raw:
        far.send(frame, what.get("vni", VNI), source=what.get("source"))
        wait_until(lambda: one_node.drops("physnet0", reason, "Underlay") == before + 1, 5, f"one {reason}")
        assert not raw.recv(0.2, lambda f: b"unwanted" in f)


@pytest.mark.parametrize("what", ["another address", "another MAC"])
def test_not_for_us(one_node, guest, far, what):
    """What a switch of the underlay floods to us is not ours, though it be a good packet otherwise."""
    before = one_node.drops("physnet0", "not_for_us", "Underlay")
    packet = far.outer() / VXLAN(vni=VNI, flags=8) / inner(b"not-for-us", MAC[2], MAC[1])
    if what == "another address":
        packet[IP].dst = "192.0.2.99"
    else:
        packet.dst = intent.mac(77)
    with guest.raw() as raw:
        far.raw.send(packet)
        assert not raw.recv(0.3, lambda f: b"not-for-us" in f)
    wait_until(lambda: one_node.drops("physnet0", "not_for_us", "Underlay") == before + 1, 2)


def test_broadcast_from_the_wire_goes_to_guests_only(guest, far):
    """Never back into the wire: peers that flood to one another would loop."""
    frame = Ether(src=MAC[2], dst="ff:ff:ff:ff:ff:ff") / IP(dst="255.255.255.255") / UDP() / Raw(b"flooded-in")
    far.raw.drain()
    with guest.raw() as raw:
        far.send(frame, VNI)
        assert raw.recv(2, lambda f: b"flooded-in" in f)
    assert far.recv(b"flooded-in", 0.3) is None


def test_truncated_and_broken_overlay_packets(one_node, guest, far):
    """Every prefix of a good packet, and random bytes in it: all are taken and counted, and it lives on."""
    good = bytes(far.outer() / VXLAN(vni=VNI, flags=8) / inner(b"y" * 30, MAC[2], MAC[1]))
    rng = random.Random(1)
    before = one_node.counters("physnet0", "Underlay")
    count = 0
    for length in range(14, len(good)):
        far.raw.send(good[:length])
        count += 1
    for _ in range(2000):
        bad = bytearray(good)
        for _ in range(rng.randrange(1, 6)):
            bad[rng.randrange(14, len(bad))] = rng.randrange(256)
        far.raw.send(bad)
        count += 1

    def taken():
        return one_node.counters("physnet0", "Underlay")["rx_packets"] - before["rx_packets"] >= count
    wait_until(taken, 10, "all were taken from the wire")
    after = one_node.counters("physnet0", "Underlay")
    assert after["drops"].get("malformed", 0) > before["drops"].get("malformed", 0)
    test_into_the_guest(guest, far, 4)


def test_the_node_answers_arp_and_nd_for_its_vtep(far, guest):
    far.space.ip("neigh", "flush", "dev", "underlay0")
    far.space.run("ping", "-c", "1", "-W", "1", OURS4, check=False)
    far.space.run("ping", "-c", "1", "-W", "1", OURS6, check=False)
    wait_until(lambda: far.space.ip("neigh", "show").count(f"lladdr {far.node_mac}") >= 2, 5)


def test_the_vtep_is_asked_for_by_arp_and_nd(one_node, guest, far):
    """A new peer's next hop is resolved, whatever else is sent; to a VTEP that is silent, drops are counted."""
    far.raw.drain()
    one_node.apply(intent.peer("silent4", "192.0.2.9", blue=[(MAC[4], [])]),
                   intent.peer("silent6", "fd00:2::9", blue=[(MAC[5], [])]))
    before = one_node.drops("g1", "neighbour_unresolved")
    with guest.raw() as raw:
        raw.send(inner(b"to-nobody", destination=MAC[4]))
        raw.send(inner(b"to-nobody", destination=MAC[5]))
    asked = far.raw.recv(3, lambda f: Ether(f).haslayer(ARP) and Ether(f)[ARP].pdst == "192.0.2.9")
    assert asked and Ether(asked)[ARP].psrc == OURS4
    wait_until(lambda: one_node.drops("g1", "neighbour_unresolved") == before + 2, 5)
    assert one_node.status("Peer", "silent4")["state"] == "unresolved"
