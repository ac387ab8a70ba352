"""Forwarding between guests of one node: unicast, replication, isolation, answers from intent, the account of it."""

import pytest
from scapy.all import ARP, ICMPv6ND_NA, ICMPv6ND_NS, IP, UDP, Ether, ICMPv6NDOptSrcLLAddr, IPv6, Raw
from scapy.utils6 import in6_getnsma, in6_getnsmac

import intent
from guest import tcp_transfer
from netns import wait_until

pytestmark = pytest.mark.netns

MAC = [intent.mac(i) for i in range(10)]
BROADCAST = "ff:ff:ff:ff:ff:ff"


def frame(source, destination, payload=b"x" * 50):
    return Ether(src=source, dst=destination) / IP(src="10.0.0.1", dst="10.0.0.2") / UDP() / Raw(payload)


def carries(payload):
    return lambda data: payload in data


@pytest.fixture
def trio(one_node, lab):
    """Three silent guests on network blue; no addresses declared, none set."""
    guests = [lab.guest(f"g{i}", MAC[i]) for i in (1, 2, 3)]
    one_node.apply(intent.network("blue", vni=100), *(g.port("blue") for g in guests))
    for guest in guests:
        guest.up(silent=True)
    return guests


def test_same_node(one_node, lab):
    a, b = lab.guest("a", MAC[1], ["10.0.0.1", "fd00::1"]), lab.guest("b", MAC[2], ["10.0.0.2", "fd00::2"])
    one_node.apply(intent.network("blue", vni=100), a.port("blue"), b.port("blue"))
    a.up(), b.up()
    a.reaches("10.0.0.2")
    b.reaches("fd00::1")
    tcp_transfer(a, b, "10.0.0.2")
    tcp_transfer(b, a, "fd00::1")


def test_same_addresses_in_two_networks(one_node, lab):
    red = [lab.guest(f"red{i}", MAC[i], [f"10.0.0.{i}"]) for i in (1, 2)]
    blue = [lab.guest(f"blue{i}", MAC[i], [f"10.0.0.{i}"]) for i in (1, 2, 3)]
    one_node.apply(intent.network("red", vni=1), intent.network("blue", vni=2), *(g.port("red") for g in red),
                   *(g.port("blue") for g in blue))
    for guest in red + blue:
        guest.up(silent=True)
    with red[1].raw() as at_red, blue[1].raw() as at_blue:
        with red[0].raw() as raw:
            raw.send(frame(MAC[1], MAC[2], b"from-red-1"))
        assert at_red.recv(2, carries(b"from-red-1"))
        with blue[0].raw() as raw:
            raw.send(frame(MAC[1], BROADCAST, b"from-blue-1"))
        assert at_blue.recv(2, carries(b"from-blue-1"))
        assert not at_blue.recv(0.3, carries(b"from-red-1"))
        assert not at_red.recv(0.3, carries(b"from-blue-1"))
    blue[0].reaches("10.0.0.3")
    red[0].unreachable("10.0.0.3")


@pytest.mark.parametrize("destination", [BROADCAST, "01:00:5e:01:02:03", "33:33:00:00:00:fb"])
def test_replicated_to_all_others(one_node, trio, destination):
    with trio[0].raw() as first, trio[1].raw() as second, trio[2].raw() as third:
        first.send(frame(MAC[1], destination, b"to-everyone"))
        assert second.recv(2, carries(b"to-everyone"))
        assert third.recv(2, carries(b"to-everyone"))
        assert not second.recv(0.2, carries(b"to-everyone")), "delivered twice"
        assert not first.recv(0.2, carries(b"to-everyone")), "sent back to its sender"


@pytest.mark.parametrize("destination, reason", [
    (MAC[9], "unknown_mac"),
    (MAC[1], "same_port"),
    ("01:80:c2:00:00:00", "reserved_mac"),
    ("01:80:c2:00:00:0e", "reserved_mac"),
])
def test_not_forwarded(one_node, trio, destination, reason):
    before = one_node.drops("g1", reason)
    with trio[0].raw() as first, trio[1].raw() as second, trio[2].raw() as third:
        first.send(frame(MAC[1], destination, b"to-no-one"))
        wait_until(lambda: one_node.drops("g1", reason) == before + 1, 5, f"one drop counted as {reason}")
        assert not second.recv(0.2, carries(b"to-no-one"))
        assert not third.recv(0.2, carries(b"to-no-one"))


def test_alone_in_the_network(one_node, lab):
    guest = lab.guest("g1", MAC[1])
    one_node.apply(intent.network("blue", vni=100), guest.port("blue"))
    guest.up(silent=True)
    with guest.raw() as raw:
        raw.send(frame(MAC[1], BROADCAST))
    wait_until(lambda: one_node.drops("g1", "no_flood_target") == 1)


def test_admin_state_down(one_node, trio):
    one_node.apply(trio[1].port("blue", admin_state_up=False))
    assert one_node.wait_status("Port", "g2", state="down")
    with trio[0].raw() as first, trio[1].raw() as second, trio[2].raw() as third:
        first.send(frame(MAC[1], MAC[2], b"into-the-dark"))
        first.send(frame(MAC[1], BROADCAST, b"to-everyone"))
        assert third.recv(2, carries(b"to-everyone"))
        second.send(frame(MAC[2], MAC[1], b"out-of-the-dark"))
        assert not second.recv(0.3)
        assert not first.recv(0.3, carries(b"out-of-the-dark"))
        one_node.apply(trio[1].port("blue", admin_state_up=True))
        one_node.wait_status("Port", "g2", state="up")
        first.drain()
        second.send(frame(MAC[2], MAC[1], b"out-again"))
        assert first.recv(2, carries(b"out-again"))


def test_arp_is_answered_from_intent(one_node, lab):
    asker, owner = lab.guest("g1", MAC[1]), lab.guest("g2", MAC[2])
    one_node.apply(intent.network("blue", vni=100), asker.port("blue"),
                   owner.port("blue", fixed_ips=["10.0.0.2", "fd00::2"]))
    asker.up(silent=True), owner.up(silent=True)
    with asker.raw() as raw, owner.raw() as at_owner:
        raw.send(Ether(src=MAC[1], dst=BROADCAST) / ARP(op=1, hwsrc=MAC[1], psrc="10.0.0.1", pdst="10.0.0.2"))
        answer = raw.recv(2, lambda f: Ether(f).haslayer(ARP))
        assert answer, "no ARP answer"
        arp = Ether(answer)[ARP]
        assert (arp.op, arp.hwsrc, arp.psrc, arp.hwdst, arp.pdst) == (2, MAC[2], "10.0.0.2", MAC[1], "10.0.0.1")
        assert Ether(answer).dst == MAC[1]

        group = in6_getnsma(b"\xfd" + bytes(14) + b"\x02")
        raw.send(Ether(src=MAC[1], dst=in6_getnsmac(group)) / IPv6(src="fd00::1", dst="ff02::1:ff00:2", hlim=255)
                 / ICMPv6ND_NS(tgt="fd00::2") / ICMPv6NDOptSrcLLAddr(lladdr=MAC[1]))
        answer = raw.recv(2, lambda f: Ether(f).haslayer(ICMPv6ND_NA))
        assert answer, "no neighbour advertisement"
        na = Ether(answer)
        assert (na[IPv6].src, na[IPv6].dst, na[IPv6].hlim) == ("fd00::2", "fd00::1", 255)
        assert (na[ICMPv6ND_NA].tgt, na[ICMPv6ND_NA].S, na.lladdr) == ("fd00::2", 1, MAC[2])
        sent = na[ICMPv6ND_NA].cksum
        del na[ICMPv6ND_NA].cksum
        assert Ether(bytes(na))[ICMPv6ND_NA].cksum == sent, "wrong checksum"

        assert not at_owner.recv(0.3), "the owner was asked, though its address is declared"
    assert one_node.drops("g1", "answered") == 2


def test_duplicate_address_detection_is_not_answered_for_oneself(one_node, lab):
    """A guest that probes for its own declared address must not be told that somebody has it."""
    guest = lab.guest("g1", MAC[1])
    other = lab.guest("g2", MAC[2])
    one_node.apply(intent.network("blue", vni=100), other.port("blue"),
                   guest.port("blue", fixed_ips=["10.0.0.1", "fd00::1"]))
    guest.up(silent=True), other.up(silent=True)
    with guest.raw() as raw:
        raw.send(Ether(src=MAC[1], dst=BROADCAST) / ARP(op=1, hwsrc=MAC[1], psrc="0.0.0.0", pdst="10.0.0.1"))
        raw.send(Ether(src=MAC[1], dst=in6_getnsmac(in6_getnsma(b"\xfd" + bytes(14) + b"\x01")))
                 / IPv6(src="::", dst="ff02::1:ff00:1", hlim=255) / ICMPv6ND_NS(tgt="fd00::1"))
        assert not raw.recv(0.5), "answered to the owner itself"


def test_every_frame_is_accounted(one_node, trio):
    """Sent by a guest = delivered to others + dropped under a reason."""
    kinds = {MAC[2]: 300, MAC[3]: 200, MAC[9]: 100, MAC[1]: 50, "01:80:c2:00:00:01": 25}
    before = {g.name: one_node.counters(g.name) for g in trio}
    with trio[0].raw() as raw:
        for destination, count in kinds.items():
            for _ in range(count):
                raw.send(frame(MAC[1], destination))
    total = sum(kinds.values())
    wait_until(lambda: one_node.counters("g1")["rx_packets"] - before["g1"]["rx_packets"] == total, 5)
    after = {g.name: one_node.counters(g.name) for g in trio}

    def grown(name, what):
        return after[name][what] - before[name][what]

    def dropped(name):
        return sum(after[name]["drops"].values()) - sum(before[name]["drops"].values())
    assert grown("g2", "tx_packets") == 300 and grown("g3", "tx_packets") == 200
    assert total == grown("g2", "tx_packets") + grown("g3", "tx_packets") + sum(dropped(g.name) for g in trio)
    assert {k: v for k, v in after["g1"]["drops"].items() if k != "answered"} == \
        {"unknown_mac": 100, "same_port": 50, "reserved_mac": 25}
    assert grown("g1", "rx_bytes") == total * len(bytes(frame(MAC[1], MAC[2])))
