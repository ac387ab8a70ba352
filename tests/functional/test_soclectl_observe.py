"""soclectl sessions, trace and capture against real daemons: what they say is what happens to kernel stacks' packets.
(Every form of question and answer: test_soclectl_questions.py, with a scripted dataplane.)"""

import contextlib
import json
import socket
import subprocess

import pytest

import intent
from cli_fixture import DROPPED, OK, SOCLECTL, run
from intent import rule, security_group
from netns import wait_until
from talk import BRIEF, PATIENT, Echo, answers, dial, tcp, udp
from test_soclectl_questions import tshark

pytestmark = pytest.mark.netns

MAC = [intent.mac(i) for i in range(10)]
# What looks like the answer to something from before the switch started is not let in here.
STRICT = {"kind": "SessionSettings", "name": "node", "spec": {"pickup": 0}}


class World:
    """A client and a server in groups of their own: the server takes TCP port 80 from clients, and pings."""

    def __init__(self, node, lab):
        self.node = node
        node.apply(STRICT, intent.network("blue", vni=100), security_group("clients", rule("egress")),
                   security_group("web", rule("ingress", "icmp", 8), rule("ingress", "tcp", 80, remote_group="clients")))
        self.client, self.server = (lab.guest(name, MAC[i], [f"10.0.0.{i}"]) for i, name in ((1, "client"), (2, "server")))
        node.apply(self.client.port("blue", port_security=True, security_groups=["clients"]),
                   self.server.port("blue", port_security=True, security_groups=["web"]))
        for guest in (self.client, self.server):
            guest.up(silent=True)
        self.ctl("sessions", "--kill", "--all")

    def ctl(self, *arguments):
        return run("--socket", self.node.control_socket, *arguments)

    def json(self, *arguments):
        done = self.ctl(*arguments, "-o", "json")
        assert done.status in (OK, DROPPED), done
        return done.json()

    @contextlib.contextmanager
    def in_background(self, *arguments):
        """soclectl while what is within goes on: the list it yields is its lines at the end."""
        lines = []
        with subprocess.Popen([SOCLECTL, "--socket", self.node.control_socket, *map(str, arguments)], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as ctl:
            yield ctl, lines
            out, err = ctl.communicate(timeout=60)
            assert ctl.returncode in (OK, DROPPED) and not err, (ctl.returncode, out, err)
            lines += out.splitlines()


@pytest.fixture
def world(one_node, lab):
    return World(one_node, lab)


def step(trace, stage):
    found = [s for s in trace["steps"] if s["stage"] == stage]
    assert len(found) == 1, (stage, trace["steps"])
    return found[0]


# ---- trace ----

def test_a_trace_says_which_rule_allows(world):
    trace = world.json("trace", "client", "tcp 10.0.0.1:4000 > 10.0.0.2:80")
    assert trace["delivered"] and trace["drop"] is None
    assert step(trace, "egress")["object"] == {"kind": "SecurityGroup", "name": "clients", "pointer": "/spec/rules/0",
                                               "rule": "egress IPv4 any protocol to anyone"}
    assert step(trace, "ingress")["object"] == {"kind": "SecurityGroup", "name": "web", "pointer": "/spec/rules/1",
                                                "rule": "ingress IPv4 tcp port 80 from SecurityGroup clients"}
    assert trace["steps"][-1]["object"] == {"kind": "Port", "name": "server"}
    assert world.json("sessions")["matched"] == 0, "nothing was sent, no session began"
    for_people = world.ctl("trace", "client", "tcp 10.0.0.1:4000 > 10.0.0.2:80")
    assert for_people.status == OK and for_people.out.endswith("\nit would be delivered\n")
    assert "SecurityGroup web /spec/rules/1: ingress IPv4 tcp port 80 from SecurityGroup clients\n" in for_people.out
    with Echo(world.server, 80):
        assert tcp(world.client, "10.0.0.2", 80), "and so it is"


@pytest.mark.parametrize("port, words, stage, reason", [
    ("client", "tcp 10.0.0.1:4000 > 10.0.0.2:81", "ingress", "sg_ingress"),
    ("client", "udp 10.0.0.1:4000 > 10.0.0.2:80", "ingress", "sg_ingress"),
    ("server", "tcp 10.0.0.2:4000 > 10.0.0.1:80", "egress", "sg_egress"),
    ("client", "tcp 10.0.0.9:4000 > 10.0.0.2:80", "guard", "spoofed_ip"),
    ("client", "tcp 10.0.0.1:4000 > 10.0.0.2:80 src-mac fa:16:3e:00:00:09", "guard", "spoofed_mac"),
    ("client", "arp who-has 10.0.0.2 tell 10.0.0.2", "guard", "spoofed_arp"),
    ("client", "tcp 10.0.0.1:4000 > 10.0.0.2:80 flags ack,rst", "track", "session_invalid"),
    ("client", "icmp 10.0.0.1 > 10.0.0.2 dst-mac fa:16:3e:00:00:07", "forward", "unknown_mac"),
])
def test_a_trace_says_what_stops_it(world, port, words, stage, reason):
    done = world.ctl("trace", port, words, "-o", "json")
    last = done.json()["steps"][-1]
    if stage == "ingress":
        assert last["object"]["name"] == "server" and "its groups (web)" in last["text"]
    assert done.status == DROPPED and done.json()["drop"]["reason"] == reason
    assert (last["stage"], last["pass"], last["drop"]["reason"]) == (stage, False, reason)


def test_a_trace_finds_the_session_and_follows_a_change_of_rules(world):
    answer = "tcp 10.0.0.2:80 > 10.0.0.1:{} flags ack"
    with Echo(world.server, 80), dial(world.client, socket.SOCK_STREAM, "10.0.0.2", 80, PATIENT) as connection:
        assert answers(connection, PATIENT)
        port = connection.getsockname()[1]
        trace = world.json("trace", "client", f"tcp 10.0.0.1:{port} > 10.0.0.2:80 flags ack")
        assert "established" in step(trace, "session")["text"], trace
        world.node.apply(security_group("web", rule("ingress", "icmp", 8)))
        trace = world.json("trace", "server", answer.format(port))
        assert not trace["delivered"], "the session is no longer allowed"


def test_an_arp_request_is_answered_in_place(world):
    trace = world.json("trace", "client", "arp who-has 10.0.0.2 tell 10.0.0.1")
    assert trace["delivered"] and step(trace, "answer")["pass"] and step(trace, "output")["object"]["name"] == "client"


def test_a_live_trace_tells_what_becomes_of_real_packets(world):
    with world.in_background("trace", "client", "--live", "udp 10.0.0.1 > 10.0.0.2:80", "-n", "1", "-o", "json") as (ctl, lines):
        wait_until(lambda: udp(world.client, "10.0.0.2", 80, 0.05) or ctl.poll() is not None, 30, "a packet was followed")
    came, *outcomes = map(json.loads, lines)
    assert came["way"] == "rx" and came["summary"].startswith("udp 10.0.0.1:") and came["delivered"] is False
    assert came["steps"][-1]["drop"]["reason"] == "sg_ingress" == came["drop"]["reason"]
    assert [(o["way"], o["drop"]["reason"], o["number"]) for o in outcomes] == [("drop", "sg_ingress", came["number"])]

    with world.in_background("trace", "client", "--live", "icmp 10.0.0.1 > 10.0.0.2", "-n", "1", "-o", "json") as (ctl, lines):
        wait_until(lambda: world.client.ping("10.0.0.2", count=1)[0] and ctl.poll() is not None, 30, "a ping was followed")
    came, outcome = map(json.loads, lines)
    assert came["delivered"] is True and (outcome["way"], outcome["at"]["name"]) == ("tx", "server")


# ---- capture ----

def test_drops_are_captured_with_their_reasons(world, tmp_path):
    path = tmp_path / "drops.pcapng"
    with world.in_background("capture", "--drops", "-n", "4", "-w", path) as (ctl, lines):
        wait_until(lambda: tcp(world.client, "10.0.0.2", 81, BRIEF) or ctl.poll() is not None, 60, "four drops")
    assert lines == ["4 captured, 0 missed"]
    rows = tshark(path, "frame.comment", "frame.interface_name", "ip.src", "tcp.dstport")
    assert len(rows) == 4
    assert {tuple(r) for r in rows} == {("dropped: sg_ingress: no security group rule of the receiving port allows it",
                                         rows[0][1], "10.0.0.1", "81")}
    assert rows[0][1] in ("client", "server")


@pytest.mark.parametrize("flow", ["icmp 10.0.0.1 > 10.0.0.2", "ip any > 10.0.0.1"])
def test_a_port_is_captured_both_ways(world, tmp_path, flow):
    path = tmp_path / "port.pcapng"
    with world.in_background("capture", "server", flow, "-n", "6", "-w", path) as (ctl, lines):
        wait_until(lambda: world.client.ping("10.0.0.2", count=1)[0] and ctl.poll() is not None, 60, "three pings")
    assert lines == ["6 captured, 0 missed"]
    rows = tshark(path, "frame.interface_name", "frame.packet_flags_direction", "icmp.type", "icmp.checksum.status")
    assert [(name, int(way, 16), kind, good) for name, way, kind, good in rows] == [
        ("server", 2, "8", "1"), ("server", 1, "0", "1")] * 3
    times = [float(t[0]) for t in tshark(path, "frame.time_epoch")]
    assert times == sorted(times)


# ---- sessions ----

def test_sessions_are_listed_and_killed(world):
    with Echo(world.server, 80), dial(world.client, socket.SOCK_STREAM, "10.0.0.2", 80, PATIENT) as connection:
        assert answers(connection, PATIENT)
        ours = ["--port", "client", "--ip", "10.0.0.0/30", "--l4-port", "80", "--protocol", "tcp", "--network", "blue"]
        found = world.json("sessions", *ours)
        assert found["matched"] == 1
        session = found["sessions"][0]
        ends = {e: (session[e]["ip"], session[e]["l4_port"], session[e]["port"]) for e in ("initiator", "responder")}
        assert ends == {"initiator": ("10.0.0.1", connection.getsockname()[1], "client"), "responder": ("10.0.0.2", 80, "server")}
        assert session["state"] == "tcp_established" and session["network"] == "blue" and session["reply_allowed"]
        assert session["initiator"]["packets"] >= 3 and session["responder"]["packets"] >= 2
        assert world.ctl("sessions", *ours, "--state", "tcp_established", "--count").out == "1\n"
        assert world.ctl("sessions", *ours, "--state", "udp", "--count").out == "0\n"
        assert world.ctl("sessions", "--protocol", "tcp", "--port", "server", "--kill").out == "1 killed\n"
        assert world.json("sessions", *ours)["matched"] == 0
    killed = world.json("stats")["sessions"]["killed"]
    assert killed >= 1
