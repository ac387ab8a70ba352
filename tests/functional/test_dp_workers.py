"""Queues wander from worker to worker, ports come and go, while packets pass: no packet may notice."""

import itertools

import pytest

import intent
from guest import tcp_transfer
from netns import veth, wait_until
from ping import Ping

MAC = [intent.mac(n) for n in range(4)]
pytestmark = pytest.mark.netns


NUMBERS = itertools.count()


@pytest.fixture
def node(lab):
    number = next(NUMBERS)
    node, space = lab.node(f"n-wander{number}", workers=2), lab.space(f"far-wander{number}")
    veth(node.namespace, "underlay0", space, "underlay0", 1600)
    node.start()
    return node


def guests_of(node, lab):
    guests = [lab.guest(f"wa{i}", MAC[i], [f"10.0.0.{i}"]) for i in (1, 2)]
    node.apply(intent.underlay(), intent.network("blue", vni=8), *(g.port("blue", workers=[0]) for g in guests))
    for guest in guests:
        guest.up(silent=True)
    return guests


def queues(node):
    return [worker["queues"] for worker in node.call("stats")["workers"]]


def test_queues_move_where_they_are_told(node, lab):
    one, two = guests_of(node, lab)
    before = queues(node)
    node.apply(one.port("blue", workers=[1]), two.port("blue", workers=[1]))
    after = queues(node)
    assert after[1] >= 2 and before[0] >= 2, (before, after)
    tcp_transfer(one, two, "10.0.0.2", megabytes=4)


def test_nothing_is_lost_on_the_way(node, lab):
    """Sixty moves under a ping of two hundred a second: each packet is answered, and the ports drop none."""
    one, two = guests_of(node, lab)
    with Ping(one, "10.0.0.2", count=800) as ping:
        for turn in range(60):
            node.apply(one.port("blue", workers=[turn % 2]), two.port("blue", workers=[(turn // 2) % 2]))
    assert ping.lost == 0, ping.out[-500:]
    for name in ("wa1", "wa2"):
        drops = node.counters(name)["drops"]
        assert set(drops) <= {"answered", "no_flood_target", "guest_absent"}, drops


def test_a_worker_that_does_not_exist_starves_nobody(node, lab):
    one, two = guests_of(node, lab)
    node.apply(one.port("blue", workers=[17]))
    one.reaches("10.0.0.2")


def test_drops_are_counted_by_worker_too(node, lab):
    """What the ports lost, the workers account for: the same sums, by reason."""
    one, _ = guests_of(node, lab)
    with one.raw() as raw:
        for _ in range(25):
            raw.send(bytes.fromhex("fa163e00ee01") + bytes.fromhex(one.mac.replace(":", "")) + b"\x88\xb5" + bytes(46))

    def counted():
        return node.drops("wa1", "unknown_mac") == 25
    wait_until(counted, 5, "25 frames to nobody")
    stats = node.call("stats")
    by_port, by_worker = ({reason: sum(entry["drops"].get(reason, 0) for entry in stats[key])
                           for reason in stats["drop_reasons"]} for key in ("ports", "workers"))
    assert by_worker["unknown_mac"] == 25
    assert by_port == by_worker
