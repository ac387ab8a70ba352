"""Logs as Filebeat and Fluentd read them: a JSON object a line, with the object, network and revision it is about. (The
journal gets the same fields; tests/lab has a real one.)"""

import itertools
import json

import pytest

import intent
from netns import wait_until

pytestmark = pytest.mark.netns

MAC = [intent.mac(i) for i in range(10)]
NUMBERS = itertools.count(1)


def lines(daemon):
    """The whole log, parsed; a line that is no JSON object is an error."""
    parsed = [json.loads(line) for line in daemon.log.read_text().splitlines()]
    assert all(isinstance(entry, dict) for entry in parsed)
    return parsed


def wait_line(daemon, **wanted):
    def found():
        for entry in lines(daemon):
            if all(entry.get(name) == value for name, value in wanted.items()):
                return entry
        return None
    return wait_until(found, 10, f"a log line with {wanted}")


@pytest.fixture
def json_node(module_lab):
    node = module_lab.node(f"n{next(NUMBERS)}")
    for daemon in (node.dataplane, node.socled):
        daemon.command += ("--log-format", "json")
    node.start()
    node.apply({"kind": "Underlay", "name": "physnet0", "spec": {"device": {"tap": {"name": "underlay0"}},
                                                                 "vtep_ipv4": "192.0.2.1/24", "mtu": 1600}})
    yield node
    module_lab.forget_guests()
    module_lab.nodes.remove(node)
    node.stop()


def broken(name, mac, interface="nope0"):
    return intent.port(name, "blue", mac, attachment={"device": {"af_packet": {"interface": interface}}})


def test_every_line_is_json_with_time_level_and_program(json_node):
    for daemon, program in ((json_node.socled, "socled"), (json_node.dataplane, "socle-dataplane")):
        entries = lines(daemon)
        assert entries, "it says nothing at its start"
        for entry in entries:
            assert entry["program"] == program and entry["message"]
            assert entry["level"] in ("debug", "info", "notice", "warning", "error")
            assert entry["@timestamp"].endswith("Z") and "T" in entry["@timestamp"]


def test_a_port_that_fails_names_itself_its_network_and_its_revision(json_node, module_lab):
    result = json_node.call("apply", objects=[intent.network("blue", vni=4711), broken("p", MAC[1])], wait=20)
    assert [f["name"] for f in result["failures"]] == ["p"]

    said = wait_line(json_node.socled, object="Port/p", state="error")
    assert (said["level"], said["port"], said["network"], said["vni"]) == ("warning", "p", "blue", "4711")
    assert said["revision"] == str(result["revision"]) and "nope0" in said["message"]

    said = wait_line(json_node.dataplane, port="p")
    assert (said["object"], said["network"], said["vni"]) == ("Port/p", "blue", "4711")

    # It is told when it works, and when it goes down; not when it merely comes into force.
    guest = module_lab.guest("guest", MAC[1])
    json_node.apply({**guest.port("blue"), "name": "p"})
    assert wait_line(json_node.socled, object="Port/p", state="up")["level"] == "notice"
    json_node.apply(intent.network("green", vlan=7))
    assert not [e for e in lines(json_node.socled) if e.get("object") == "Network/green" and "state" in e]


def test_names_and_words_cannot_break_a_line(json_node):
    """A name from outside, with all that JSON escapes."""
    interface = 'a"b\\c'
    json_node.call("apply", objects=[intent.network("blue", vni=1), broken("q", MAC[2], interface)], wait=20)
    assert interface in wait_line(json_node.socled, object="Port/q", state="error")["message"]


def test_a_change_is_told_with_who_made_it(json_node):
    revision = json_node.apply(intent.network("red", vni=5))["revision"]
    said = wait_line(json_node.socled, socle_audit="1", revision=str(revision))
    assert (said["who"], said["method"], said["object"]) == ("uid 0", "apply", "Network/red")
