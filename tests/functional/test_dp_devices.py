"""Underlays and ports on every kind of device that can be had without hardware."""

import pytest
from scapy.all import IP, UDP, Ether, Raw

import intent
from far_vtep import OURS4, THEIRS4, FarVtep
from guest import Raw as RawSocket
from guest import tcp_transfer
from netns import veth

pytestmark = pytest.mark.netns

MAC = [intent.mac(i) for i in range(10)]


def both_ways(node, lab, far):
    """A guest behind the node, and MAC 2 behind the far VTEP."""
    guest = lab.guest("guest", MAC[1], ["10.0.0.1"])
    node.apply(intent.network("blue", vni=9), guest.port("blue"),
               intent.peer("far", THEIRS4, blue=[(MAC[2], ["10.0.0.2"])]))
    guest.up(silent=True)
    node.wait_status("Peer", "far", state="reachable")
    with guest.raw() as raw:
        raw.send(Ether(src=MAC[1], dst=MAC[2]) / IP() / UDP() / Raw(b"outwards"))
        packet = far.recv(b"outwards")
        assert packet and (packet[IP].src, packet[IP].dst) == (OURS4, THEIRS4)
        far.send(Ether(src=MAC[2], dst=MAC[1]) / IP() / UDP() / Raw(b"inwards"), 9)
        assert raw.recv(2, lambda f: b"inwards" in f)


@pytest.mark.parametrize("kind", ["af_packet", "af_xdp"])
def test_underlay_on_a_kernel_interface(lab, kind):
    node, space = lab.node(f"n-{kind}"), lab.space(f"far-{kind}")
    veth(node.namespace, "underlay0", space, "underlay0", 1600)
    node.start()
    underlay = intent.underlay(mtu=1600 if kind == "af_packet" else 1500)
    underlay["spec"]["device"] = {kind: {"interface": "underlay0"}}
    node.apply(underlay)
    far = FarVtep(space, node)
    both_ways(node, lab, far)
    far.close()


def test_underlay_on_a_tap(lab):
    node, space = lab.node("n-tap"), lab.space("far-tap")
    node.start()
    underlay = intent.underlay()
    underlay["spec"]["device"] = {"tap": {"name": "wire0", "netns": space.name}}
    node.apply(underlay)
    space.ip("link", "set", "wire0", "up")
    far = FarVtep(space, node, "wire0")
    both_ways(node, lab, far)
    far.close()


@pytest.mark.parametrize("kind", ["af_packet", "af_xdp"])
def test_port_on_a_kernel_interface(one_node, lab, kind):
    """A port whose guest is at the other end of a veth of the node."""
    space = lab.space(f"beyond-{kind}")
    name = f"p-{kind}".replace("_", "")
    veth(one_node.namespace, name, space, "eth0", 1500)
    space.run("ethtool", "-K", "eth0", "tx", "off")
    tap = lab.guest("tap", MAC[1])
    one_node.apply(intent.network("blue", vni=8, mtu=1400), tap.port("blue"),
                   intent.port("dev", "blue", MAC[2], attachment={"device": {kind: {"interface": name}}}))
    tap.up(silent=True)
    one_node.wait_status("Port", "dev", state="up")
    with tap.raw() as raw, RawSocket(space, "eth0") as beyond:
        raw.send(Ether(src=MAC[1], dst=MAC[2]) / IP() / UDP() / Raw(b"to-the-device"))
        assert beyond.recv(2, lambda f: b"to-the-device" in f)
        beyond.send(Ether(src=MAC[2], dst=MAC[1]) / IP() / UDP() / Raw(b"from-the-device"))
        assert raw.recv(2, lambda f: b"from-the-device" in f)


@pytest.mark.hugepages
def test_on_huge_pages(lab):
    """As in production; all other tests run without, so that they run anywhere."""
    node, space = lab.node("n-huge", options=()), lab.space("far-huge")
    veth(node.namespace, "underlay0", space, "underlay0", 1600)
    node.start()
    assert node.call("info")["dataplane"]["hugepages"]
    node.apply(intent.underlay())
    far = FarVtep(space, node)
    both_ways(node, lab, far)
    far.close()


def test_tap_with_queues(one_node, lab):
    """A multi-queue tap: all of its queues are served."""
    one, two = lab.guest("one", MAC[1], ["10.0.0.1"]), lab.guest("two", MAC[2], ["10.0.0.2"])
    one_node.apply(intent.network("blue", vni=8), one.port("blue", queues=4), two.port("blue", queues=2))
    one.up(silent=True), two.up(silent=True)
    for port in range(9000, 9008):
        tcp_transfer(one, two, "10.0.0.2", megabytes=1, port=port)


def test_several_workers(lab):
    """Two workers share the queues; what they forward to each other arrives."""
    node, space = lab.node("n-workers", workers=2), lab.space("far-workers")
    veth(node.namespace, "underlay0", space, "underlay0", 1600)
    node.start()
    guests = [lab.guest(f"w{i}", MAC[i], [f"10.0.0.{i}"]) for i in (1, 2, 3)]
    node.apply(intent.underlay(), intent.network("blue", vni=8),
               *(g.port("blue", workers=[i % 2]) for i, g in enumerate(guests)))
    for guest in guests:
        guest.up(silent=True)
    workers = node.call("stats")["workers"]
    assert len(workers) == 2 and all(w["queues"] >= 1 for w in workers)
    tcp_transfer(guests[0], guests[1], "10.0.0.2", megabytes=4)
    tcp_transfer(guests[1], guests[2], "10.0.0.3", megabytes=4)
