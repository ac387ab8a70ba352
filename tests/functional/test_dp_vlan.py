"""Networks that are VLANs of the underlay: the tag on the wire, and nothing but the tag between tenants."""

import pytest
from scapy.all import IP, UDP, Dot1Q, Ether, Raw

import intent
from guest import Raw as RawSocket
from guest import tcp_transfer
from netns import wait_until

pytestmark = pytest.mark.netns

MAC = [intent.mac(i) for i in range(10)]
BROADCAST = "ff:ff:ff:ff:ff:ff"


def frame(payload, source=MAC[1], destination=BROADCAST):
    return Ether(src=source, dst=destination) / IP(src="10.0.0.1", dst="10.0.0.2") / UDP() / Raw(payload)


@pytest.fixture
def guests(one_node, lab):
    """red on VLAN 100, blue on VLAN 4094, green untagged; all with the same MAC. The far end is the wire itself."""
    guests = {name: lab.guest(name, MAC[1]) for name in ("red", "blue", "green")}
    one_node.apply(*(intent.network(n, vlan=v, flood=True) for n, v in (("red", 100), ("blue", 4094), ("green", 0))),
                   *(g.port(n) for n, g in guests.items()))
    for guest in guests.values():
        guest.up(silent=True)
    return guests


@pytest.fixture
def wire(one_node, module_lab):
    with RawSocket(module_lab.far, "underlay0") as raw:
        yield raw


@pytest.mark.parametrize("name, tag", [("red", 100), ("blue", 4094), ("green", None)])
def test_tag_on_the_wire(guests, wire, name, tag):
    sent = frame(b"tagged?")
    with guests[name].raw() as raw:
        raw.send(sent)
    seen = wire.recv(2, lambda f: b"tagged?" in f)
    assert seen, "nothing arrived on the wire"
    if tag is None:
        assert seen == bytes(sent)
    else:
        assert Ether(seen)[Dot1Q].vlan == tag
        assert seen[:12] + seen[16:] == bytes(sent), "the frame was changed"


def test_from_the_wire_only_to_its_tenant(guests, wire):
    raws = {name: guest.raw() for name, guest in guests.items()}
    for name, tag in (("red", 100), ("blue", 4094), ("green", None)):
        payload = b"for-" + name.encode()
        sent = frame(payload, source=MAC[2])
        tagged = sent if tag is None else \
            Ether(src=MAC[2], dst=BROADCAST) / Dot1Q(vlan=tag) / sent.payload
        wire.send(tagged)
        assert raws[name].recv(2, lambda f: payload in f) == bytes(sent), "the tag must be off"
        for other, raw in raws.items():
            if other != name:
                assert not raw.recv(0.1, lambda f: payload in f), f"{name}'s frame reached {other}"
    for raw in raws.values():
        raw.close()


def test_unknown_vlan_is_dropped(one_node, guests, wire):
    before = one_node.drops("physnet0", "no_network", "Underlay")
    wire.send(Ether(src=MAC[2], dst=BROADCAST) / Dot1Q(vlan=77) / IP() / UDP() / Raw(b"no-such-vlan"))
    wait_until(lambda: one_node.drops("physnet0", "no_network", "Underlay") == before + 1)


def test_learned_from_the_wire(one_node, guests, wire):
    """A source seen on the wire is where answers go; MACs of one VLAN mean nothing in another."""
    wire.send(Ether(src=MAC[2], dst=MAC[1]) / Dot1Q(vlan=100) / frame(b"teach").payload)
    wait_until(lambda: one_node.learned("red")[0] == 1)
    with guests["red"].raw() as raw:
        raw.send(frame(b"answer", destination=MAC[2]))
    assert Ether(wire.recv(2, lambda f: b"answer" in f))[Dot1Q].vlan == 100


def test_two_nodes_over_vlans(lab, two_nodes):
    first, second, _ = two_nodes
    left = lab.guest("left", MAC[1], ["10.0.0.1", "fd00::1"])
    right = lab.guest("right", MAC[2], ["10.0.0.2", "fd00::2"])
    for node, guest in ((first, left), (second, right)):
        node.apply(intent.network("vlan7", vlan=7, flood=True, mtu=1500), guest.port("vlan7"))
        guest.up()
    left.reaches("10.0.0.2")
    left.reaches("fd00::2")
    tcp_transfer(left, right, "10.0.0.2", megabytes=4)
