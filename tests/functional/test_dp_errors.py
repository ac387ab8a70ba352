"""What the dataplane cannot do is said where a person looks: in the object's status, in words; the rest is in force."""

import pytest

import intent
from netns import run, wait_until

pytestmark = pytest.mark.netns

MAC = [intent.mac(i) for i in range(10)]


def fails(node, *objects):
    """Applies; returns the failures, and asserts that the objects that are right are in force."""
    result = node.call("apply", objects=list(objects), wait=20)
    return result.get("failures") or []


def error_of(node, kind, name):
    status = node.wait_status(kind, name, state="error")
    assert status["error"], "no words"
    return str(status["error"])


def test_missing_namespace(one_node, lab):
    good = lab.guest("good", MAC[1])
    bad = intent.port("bad", "blue", MAC[2], attachment={"tap": {"name": "eth0", "netns": "no-such-namespace"}})
    failures = fails(one_node, intent.network("blue", vni=1), good.port("blue"), bad)
    assert [f["name"] for f in failures] == ["bad"]
    assert "no-such-namespace" in error_of(one_node, "Port", "bad")
    one_node.wait_status("Port", "good", state="up")


def test_name_taken_by_another_interface(one_node, lab):
    guest = lab.guest("guest", MAC[1])
    guest.namespace.ip("link", "add", "eth0", "type", "dummy", check=False)
    if "eth0" not in guest.namespace.ip("link", "show"):
        guest.namespace.ip("link", "add", "eth0", "type", "veth", "peer", "name", "other")
    fails(one_node, intent.network("blue", vni=1), guest.port("blue"))
    assert "eth0" in error_of(one_node, "Port", "guest")
    # Once the name is free, and the port is declared anew, it works.
    guest.namespace.ip("link", "del", "eth0")
    one_node.delete(("Port", "guest"))
    one_node.apply(guest.port("blue"))
    one_node.wait_status("Port", "guest", state="up")


def test_missing_interface(one_node, lab):
    port = intent.port("p", "blue", MAC[1], attachment={"device": {"af_packet": {"interface": "nope0"}}})
    failures = fails(one_node, intent.network("blue", vni=1), port)
    assert [f["name"] for f in failures] == ["p"]
    assert "nope0" in error_of(one_node, "Port", "p")


def test_missing_pci_device(one_node, lab):
    port = intent.port("p", "blue", MAC[1], attachment={"device": {"pci": {"address": "0000:7f:1f.7"}}})
    fails(one_node, intent.network("blue", vni=1), port)
    assert "0000:7f:1f.7" in error_of(one_node, "Port", "p")


def test_socket_that_is_not_there_yet_is_no_error(one_node, lab):
    """The guest starts later; the port is down, not wrong."""
    one_node.apply(intent.network("blue", vni=1), intent.vhost_port("v", "blue", MAC[1], socket="/run/none/v.sock"))
    one_node.wait_status("Port", "v", state="down", connected=False)


def test_underlay_without_its_interface(lab):
    """A node that starts before its wire is there: told in the status, and repaired when it is declared again."""
    node = lab.node("alone")
    node.start()
    result = node.call("apply", objects=[intent.underlay(interface="later0"), intent.network("blue", vni=1)], wait=20)
    assert [f["name"] for f in result["failures"]] == ["physnet0"]
    assert "later0" in error_of(node, "Underlay", "physnet0")
    run("ip", "link", "add", "later0", "netns", node.namespace.name, "mtu", "1600", "type", "veth",
        "peer", "name", "far0", "mtu", "1600", "netns", node.namespace.name)
    node.namespace.ip("link", "set", "later0", "up")
    node.namespace.ip("link", "set", "far0", "up")
    node.delete(("Network", "blue"), ("Underlay", "physnet0"))
    node.apply(intent.underlay(interface="later0"))
    wait_until(lambda: node.status("Underlay", "physnet0")["state"] == "up")
