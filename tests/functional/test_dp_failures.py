"""Daemons killed under traffic, and changes made under traffic: nobody who is not concerned loses a packet."""

import os
import signal

import pytest

import intent
from netns import wait_until
from ping import Ping

pytestmark = pytest.mark.netns

MAC = [intent.mac(i) for i in range(60)]


@pytest.fixture
def pair(two_nodes, lab):
    """A guest on each node; the two of them on blue."""
    first, second, vteps = two_nodes
    guests = [lab.guest(f"g{i}", MAC[i], [f"10.0.0.{i}"]) for i in (1, 2)]
    for node, here, there in ((first, 1, 2), (second, 2, 1)):
        node.apply(intent.network("blue", vni=7), guests[here - 1].port("blue"),
                   intent.peer(f"n{there}", vteps[there - 1], blue=[(MAC[there], guests[there - 1].ips)]))
    first.wait_peers()
    second.wait_peers()
    for guest in guests:
        guest.up(silent=True)
    guests[0].reaches("10.0.0.2")
    return guests


def test_socled_killed(two_nodes, pair):
    first = two_nodes[0]
    with Ping(pair[0], "10.0.0.2") as ping:
        for _ in range(3):
            first.socled.kill()
            first.start_socled()
            first.wait_connected()
            first.wait_in_force()
    assert ping.lost == 0, ping.out[-500:]
    commit = first.call("info")["dataplane"]["last_commit"]
    assert commit["added"] == commit["changed"] == commit["removed"] == 0, "all was to be adopted as it is"


def test_socled_away_for_long(two_nodes, pair):
    first = two_nodes[0]
    first.socled.kill()
    pair[0].reaches("10.0.0.2", count=100, interval=0.01)
    first.start_socled()
    first.wait_connected()


def test_dataplane_killed(two_nodes, pair):
    """Its guests keep their cards and addresses, and go on as soon as it is back."""
    first = two_nodes[0]
    for _ in range(2):
        first.dataplane.kill()
        assert "10.0.0.1" in pair[0].namespace.ip("addr", "show", "eth0"), "the guest's card is gone"
        first.dataplane.start()
        wait_until(lambda: pair[0].ping("10.0.0.2", count=1, wait=1)[0] == 1, 20, "heals by itself")
    pair[1].reaches("10.0.0.1")


def test_dataplane_restarted_in_order(two_nodes, pair):
    """SIGTERM, as systemd does at an upgrade."""
    first = two_nodes[0]
    first.dataplane.stop()
    first.dataplane.start()
    wait_until(lambda: pair[0].ping("10.0.0.2", count=1, wait=1)[0] == 1, 20, "heals by itself")


def test_both_killed(two_nodes, pair):
    first = two_nodes[0]
    first.dataplane.kill()
    first.socled.kill()
    first.dataplane.start()
    first.start_socled()
    wait_until(lambda: pair[0].ping("10.0.0.2", count=1, wait=1)[0] == 1, 20, "heals by itself")


def test_changes_under_traffic(two_nodes, pair, lab):
    """Ports, networks and peers come and go, and an MTU changes; a ping of others loses nothing."""
    first = two_nodes[0]
    with Ping(pair[0], "10.0.0.2", count=1000) as ping:
        for turn in range(6):
            guests = [lab.guest(f"t{turn}-{i}", MAC[10 + i]) for i in range(3)]
            first.apply(intent.network("green", vni=99, mtu=1300 + turn), *(g.port("green") for g in guests))
            first.apply(intent.peer("far", two_nodes[2][0][:-1] + "9", green=[(MAC[30 + turn], [f"10.9.0.{turn}"])]))
            first.apply(intent.network("green", vni=100 + turn, flood=True))
            first.delete(("Peer", "far"), *(("Port", g.name) for g in guests), ("Network", "green"))
    assert ping.lost == 0, ping.out[-500:]


def test_deleted_tap_is_gone(two_nodes, pair):
    first = two_nodes[0]
    first.delete(("Port", "g1"))
    wait_until(lambda: "eth0" not in pair[0].namespace.ip("link", "show"), 5, "the tap is removed")


def test_tap_deleted_while_the_dataplane_was_down(two_nodes, pair):
    """What a killed dataplane left is cleaned up, when by then nobody wants it."""
    first = two_nodes[0]
    first.dataplane.kill()
    first.call("delete", objects=[{"kind": "Port", "name": "g1"}])
    first.dataplane.start()
    first.wait_connected()
    first.wait_in_force()
    wait_until(lambda: "eth0" not in pair[0].namespace.ip("link", "show"), 5, "the tap is removed")


def test_sigstop_of_socled_is_nothing(two_nodes, pair):
    """A socled that hangs is no different from one that is dead."""
    first = two_nodes[0]
    os.kill(first.socled.pid, signal.SIGSTOP)
    try:
        pair[0].reaches("10.0.0.2", count=100, interval=0.01)
    finally:
        os.kill(first.socled.pid, signal.SIGCONT)
