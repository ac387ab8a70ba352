"""Networks that flood and learn: unknown MACs are flooded, known ones go to one place, idle ones are forgotten."""

import pytest
from scapy.all import IP, UDP, Ether, Raw

import intent
from far_vtep import THEIRS4, FarVtep
from netns import wait_until

pytestmark = pytest.mark.netns

MAC = [intent.mac(i) for i in range(300)]
VNI = 300


def frame(payload, source, destination):
    return Ether(src=source, dst=destination) / IP(src="10.0.0.1", dst="10.0.0.2") / UDP() / Raw(payload)


def carries(payload):
    return lambda data: payload in data


@pytest.fixture(scope="module")
def far(one_node, module_lab):
    vtep = FarVtep(module_lab.far, one_node)
    yield vtep
    vtep.close()


@pytest.fixture
def guests(one_node, lab, far):
    guests = [lab.guest(f"g{i}", MAC[i]) for i in (1, 2, 3)]
    one_node.apply(intent.network("blue", vni=VNI, flood=True, learn_max=64, learn_age=2),
                   *(g.port("blue") for g in guests), intent.peer("far", THEIRS4, blue=[]))
    for guest in guests:
        guest.up(silent=True)
    one_node.wait_status("Peer", "far", state="reachable")
    return guests


def learned(node):
    return node.learned("blue")[0]


def test_unknown_is_flooded_and_learned(one_node, guests, far):
    with guests[0].raw() as one, guests[1].raw() as two, guests[2].raw() as three:
        one.send(frame(b"where-are-you", MAC[1], MAC[200]))
        assert two.recv(2, carries(b"where-are-you"))
        assert three.recv(2, carries(b"where-are-you"))
        assert far.recv(b"where-are-you")
        # It answers from behind the far VTEP: from now on frames go there, and only there.
        far.send(frame(b"here-i-am", MAC[200], MAC[1]), VNI)
        assert one.recv(2, carries(b"here-i-am"))
        wait_until(lambda: learned(one_node) >= 1)
        one.send(frame(b"there-you-are", MAC[1], MAC[200]))
        assert far.recv(b"there-you-are")
        assert not two.recv(0.3, carries(b"there-you-are"))
        assert not three.recv(0.1, carries(b"there-you-are"))


def test_learned_from_a_guest(one_node, guests, far):
    """A MAC behind a guest that is not its port's (a nested bridge)."""
    with guests[0].raw() as one, guests[1].raw() as two, guests[2].raw() as three:
        two.send(frame(b"nested", MAC[210], MAC[1]))
        assert one.recv(2, carries(b"nested"))
        wait_until(lambda: learned(one_node) >= 1)
        one.send(frame(b"to-nested", MAC[1], MAC[210]))
        assert two.recv(2, carries(b"to-nested"))
        assert not three.recv(0.3, carries(b"to-nested"))
        assert not far.recv(b"to-nested", 0.1)
        # It moves: the newest sighting holds.
        three.send(frame(b"moved", MAC[210], MAC[1]))
        assert one.recv(2, carries(b"moved"))
        wait_until(lambda: moved(one, three, MAC[210]), 3, "frames follow a MAC that moved")


def moved(sender, receiver, mac):
    sender.send(frame(b"to-moved", MAC[1], mac))
    return receiver.recv(0.2, carries(b"to-moved"))


def test_forgotten_when_idle(one_node, guests, far):
    with guests[0].raw() as one, guests[1].raw() as two:
        far.send(frame(b"short-visit", MAC[220], MAC[1]), VNI)
        assert one.recv(2, carries(b"short-visit"))
        wait_until(lambda: learned(one_node) >= 1)
        wait_until(lambda: learned(one_node) == 0, 15, "forgotten after learn_age")
        one.send(frame(b"flood-again", MAC[1], MAC[220]))
        assert two.recv(2, carries(b"flood-again"))


def test_no_more_than_learn_max(one_node, guests, far):
    with guests[0].raw() as one, guests[1].raw() as two:
        for i in range(64 + 40):
            two.send(frame(b"many", "02:00:00:00:01:%02x" % i, MAC[1]))
        one.collect(104, 3, carries(b"many"))

        def bounded():
            macs, full = one_node.learned("blue")
            return macs == 64 and full >= 40
        wait_until(bounded, 2, "64 learned, and the rest counted")


def test_a_local_port_is_never_learned_away(one_node, guests, far):
    """A peer or guest that claims a local port's MAC does not take its traffic."""
    with guests[0].raw() as one, guests[1].raw() as two:
        far.send(frame(b"i-am-two", MAC[2], MAC[1]), VNI)
        assert one.recv(2, carries(b"i-am-two"))
        one.send(frame(b"for-two", MAC[1], MAC[2]))
        assert two.recv(2, carries(b"for-two"))
        assert not far.recv(b"for-two", 0.2)


def test_flooding_off_forgets_and_drops(one_node, guests, far):
    with guests[0].raw() as one, guests[1].raw() as two:
        one_node.apply(intent.network("blue", vni=VNI, flood=False))
        before = one_node.drops("g1", "unknown_mac")
        one.send(frame(b"no-flood", MAC[1], MAC[230]))
        wait_until(lambda: one_node.drops("g1", "unknown_mac") == before + 1)
        assert not two.recv(0.2, carries(b"no-flood"))
