"""socle-dataplane on a virtual function bound to vfio-pci, as the node's underlay: VXLAN over a real (emulated) wire to the
other NIC, which the kernel drives in a network namespace."""

import intent
import pytest
from far_vtep import OURS4, THEIRS4, FarVtep
from guest import Guest
from machine import PCI, bind, driver, make_vfs
from netns import Namespace, run
from scapy.all import IP, UDP, Ether, Raw

GUEST, BEYOND = intent.mac(1), intent.mac(2)


@pytest.fixture
def underlay_vf(nics, vfs, huge_pages):
    """The address of a VF of the first NIC, bound to vfio-pci, with memory for its dataplane."""
    huge_pages(0, 160)
    vf = vfs(nics[0], 2)[1]
    bind(vf, "vfio-pci")
    return vf


@pytest.fixture
def beyond(nics):
    """The second NIC, alone in a namespace; back in the machine's own afterwards."""
    space, interface = Namespace("beyond"), nics[1].interface
    run("ip", "link", "set", interface, "netns", space.name)
    space.ip("link", "set", interface, "mtu", "1600", "up")
    run("ip", "link", "set", nics[0].interface, "mtu", "1600", "up")  # a VF has no link while its PF is down
    yield space
    run("ip", "link", "set", nics[0].interface, "down")
    space.ip("link", "set", interface, "netns", "1")
    space.delete()


@pytest.fixture
def guest():
    guest = Guest("guest", GUEST, ["10.0.0.1"])
    yield guest
    guest.delete()


def underlay(address, **more):
    made = intent.underlay(mtu=1600, **more)
    made["spec"]["device"] = {"pci": {"address": address}}
    return made


def test_vxlan_over_a_vf(underlay_vf, beyond, guest, nics, node):
    node = node(cpu=2)
    node.apply(underlay(underlay_vf), intent.network("blue", vni=9), guest.port("blue"),
               intent.peer("far", THEIRS4, blue=[(BEYOND, ["10.0.0.2"])]))
    node.wait_status("Underlay", "physnet0", state="up", timeout=60)
    far = FarVtep(beyond, node, nics[1].interface)
    guest.up(silent=True)
    node.wait_status("Peer", "far", state="reachable", timeout=60)
    with guest.raw() as raw:
        raw.send(Ether(src=GUEST, dst=BEYOND) / IP() / UDP() / Raw(b"outwards"))
        packet = far.recv(b"outwards", 60)
        assert packet and (packet[IP].src, packet[IP].dst) == (OURS4, THEIRS4)
        far.send(Ether(src=BEYOND, dst=GUEST) / IP() / UDP() / Raw(b"inwards"), 9)
        assert raw.recv(60, lambda frame: b"inwards" in frame)
        # The largest packet that the underlay takes, too.
        raw.send(Ether(src=GUEST, dst=BEYOND) / IP() / UDP() / Raw(b"large" * 290))
        assert far.recv(b"large" * 290, 60)
    far.close()
    counters = node.counters("physnet0", "Underlay")
    assert counters["rx_packets"] > 0 and counters["tx_packets"] > 0


def test_a_vf_bound_to_the_kernel_is_refused(nics, vfs, huge_pages, node):
    """And says what would be right."""
    huge_pages(0, 160)
    vf = vfs(nics[0], 1)[0]
    node = node(cpu=2)
    result = node.call("apply", objects=[underlay(vf)], wait=30)
    words = str(result["failures"])
    assert vf in words and "vfio-pci" in words
    assert driver(vf) == "igbvf"


def test_a_vf_that_is_taken_away(underlay_vf, nics, node):
    """Who takes VFs away waits in the kernel until their user lets go: the dataplane does, and takes it again when it is back."""
    node = node(cpu=2)
    node.apply(underlay(underlay_vf))
    run("sh", "-c", f"echo 0 >{PCI}/{nics[0].address}/sriov_numvfs", timeout=300)
    node.wait_status("Underlay", "physnet0", state="error", timeout=60)
    assert underlay_vf in node.status("Underlay", "physnet0")["error"]
    assert make_vfs(nics[0], 2)[1] == underlay_vf
    bind(underlay_vf, "vfio-pci")
    run("ip", "link", "set", nics[0].interface, "up")
    node.wait_status("Underlay", "physnet0", state="up", timeout=120)
    run("ip", "link", "set", nics[0].interface, "down")
