"""soclectl sessions, trace and capture, and their methods, against a real socled and a scripted dataplane: what is asked,
what is made of the answers, and what becomes of who does not listen. pcapng files are read by tshark."""

import base64
import json
import os
import re
import signal
import subprocess
import time

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.utils import PcapNgWriter, wrpcap

from cli_fixture import BUILD, DROPPED, OK, REFUSED, SOCLECTL, SOCLED, TIMEOUT, USAGE, Node, run
from socled_dataplane import (COUNT, DROPS_MODE, KILL, LIST, PORT_MODE, TRACE_MODE, TYPES, FakeDataplane, capture_end,
                              captured, mapped, record, session, trace_end, trace_step)
from socled_fixture import Rpc
from test_soclectl_dataplane import WORLD

pytestmark = pytest.mark.skipif(not (SOCLED.exists() and SOCLECTL.exists()),
                                reason=f"needs socled and soclectl in {BUILD} (SOCLE_BUILD)")


@pytest.fixture(scope="module")
def shared():
    node = Node()
    with FakeDataplane(node.dir / "dataplane.sock") as dataplane:
        node.fake = dataplane
        node.start().apply(WORLD)
        node.ids = {o["name"]: o["id"] for o in node.ctl("get", "-o", "json").json()["objects"]}
        try:
            yield node
            end_in_the_middle(node)
        finally:
            node.stop()


def end_in_the_middle(node):
    """socled ends well with captures, traces and lists under way; a sanitizer would say what it forgot."""
    node.fake.reset()
    assert node.ctl("apply", "-f", "-", stdin=WORLD).status == OK, "in force"
    with Rpc(node.socket) as rpc:
        for method, params in (("capture", {"port": "vm1"}), ("trace", {"port": "vm1", "frame_hex": "00" * 14}),
                               ("sessions", {}), ("sessions", {}), ("capture", {"port": "vm1", "trace": True})):
            rpc.send({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        node.fake.wait_for(lambda d: len(d.asked) == 4)  # the second list waits its turn
        node.kill(signal.SIGTERM)
    assert node.socled.returncode == 0


@pytest.fixture
def node(shared):
    shared.fake.reset()
    shared.fake.wait_for(lambda d: d.connected)
    assert shared.ctl("apply", "-f", "-", stdin=WORLD).status == OK, "in force"
    return shared


def asked(node, name):
    """What was asked last."""
    node.fake.wait_for(lambda d: any(kind == name for kind, _ in d.asked))
    return [said for kind, said in node.fake.asked if kind == name][-1]


def until(condition):
    deadline = time.monotonic() + 60
    while not (value := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return value


# ---- sessions ----

def two_sessions(node, matched=2):
    ids = node.ids

    def answer(cookie, said):
        if said["action"] == LIST:
            yield session(cookie, ids["blue"], (ids["vm1"], 0), (0, ids["node2"]), ("10.0.0.1", "10.0.0.3"), (33000, 443), 6,
                          "tcp_established", (12, 10), (1500, 90000), (61000, 1000, 432000000))
            yield session(cookie, ids["blue"], (ids["vm2"], ids["vm1"]), (0, 0), ("fd00::2", "fd00::1"), (7, 128), 58,
                          "icmp", (1, 0), (64, 0), (100, 100, 29900), reply_allowed=0)
        yield record(TYPES["SESSIONS_END"], cookie + matched.to_bytes(8, "little"))
    node.fake.answers["SESSIONS_GET"] = answer


def test_sessions_list(node):
    two_sessions(node)
    answer = node.ctl("sessions", "-o", "json").json()
    assert answer["matched"] == 2
    tcp, icmp = answer["sessions"]
    assert tcp == {
        "network": "blue", "protocol": "tcp", "state": "tcp_established", "age_ms": 61000, "idle_ms": 1000,
        "expires_ms": 432000000, "reply_allowed": True,
        "initiator": {"ip": "10.0.0.1", "l4_port": 33000, "port": "vm1", "peer": None, "packets": 12, "bytes": 1500},
        "responder": {"ip": "10.0.0.3", "l4_port": 443, "port": None, "peer": "node2", "packets": 10, "bytes": 90000}}
    assert (icmp["protocol"], icmp["icmp_identifier"], icmp["icmp_type"], icmp["reply_allowed"]) == ("ipv6-icmp", 7, 128, False)
    assert icmp["initiator"]["ip"] == "fd00::2" and "l4_port" not in icmp["initiator"]
    assert asked(node, "SESSIONS_GET") == {"action": LIST, "limit": 1000, "port": 0, "network": 0, "ip": bytes(16),
                                           "prefix": 0, "protocol": 256, "l4_port": 0, "state": 0, "family": 0}


def test_sessions_for_people(node):
    two_sessions(node, matched=12345)
    done = node.ctl("sessions", "-n", "2")
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert lines[0] == "PROTOCOL INITIATOR RESPONDER NETWORK FROM → TO STATE PACKETS BYTES AGE IDLE EXPIRES"
    assert lines[1] == ("tcp 10.0.0.1:33000 10.0.0.3:443 blue vm1 → node2 tcp_established 12 / 10 1.50k / 90.0k 1 min 1 s "
                        "1 s 5 d 0 h")
    assert lines[2] == "ipv6-icmp 128 id 7 fd00::2 fd00::1 blue vm2 → vm1 icmp 1 / 0 64 / 0 0 s 0 s 29 s"
    assert lines[3].startswith("2 of 12345 sessions;") and asked(node, "SESSIONS_GET")["limit"] == 2
    node.fake.answers["SESSIONS_GET"] = lambda cookie, said: [record(TYPES["SESSIONS_END"], cookie + bytes(8))]
    assert node.ctl("sessions").out == "0 sessions\n"


def test_sessions_conditions(node):
    two_sessions(node)
    done = node.ctl("sessions", "--port", "vm1", "--network", "blue", "--ip", "10.0.0.0/24", "--l4-port", "443", "--protocol",
                    "TCP", "--state", "tcp_established", "--family", "4", "--count")
    assert (done.status, done.out) == (OK, "2\n")
    assert asked(node, "SESSIONS_GET") == {
        "action": COUNT, "limit": 0, "port": node.ids["vm1"], "network": node.ids["blue"], "ip": mapped("10.0.0.0"),
        "prefix": 120, "protocol": 6, "l4_port": 443, "state": 8, "family": 4}
    node.ctl("sessions", "--ip", "fd00::1", "--protocol", "89")
    assert {k: asked(node, "SESSIONS_GET")[k] for k in ("ip", "prefix", "protocol", "family")} == {
        "ip": mapped("fd00::1"), "prefix": 128, "protocol": 89, "family": 0}
    node.ctl("sessions", "--ip", "::/0")
    assert asked(node, "SESSIONS_GET")["family"] == 6, "all of IPv6 is not all there is"


def test_sessions_kill(node):
    two_sessions(node, matched=7)
    done = node.ctl("sessions", "--kill", "--ip", "10.0.0.9")
    assert (done.status, done.out) == (OK, "7 killed\n") and asked(node, "SESSIONS_GET")["action"] == KILL
    node.fake.asked.clear()
    done = node.ctl("sessions", "--kill")
    assert done.status == USAGE and "all sessions of the node" in done.err and "--all" in done.err
    for more in ([], ["--port", "vm1"]):
        with Rpc(node.socket) as rpc:
            error = rpc.error("sessions_kill", **({"port": "vm1", "all": True} if more else {}))
        assert error["code"] == -32602 and error["data"]["errors"][0]["pointer"] == "/all"
    assert not node.fake.asked, "nothing was killed"
    assert node.ctl("sessions", "--kill", "--all", "-o", "json").json()["matched"] == 7
    assert asked(node, "SESSIONS_GET")["prefix"] == 0


@pytest.mark.parametrize("arguments, status, words", [
    (["--port", "vm9"], REFUSED, 'no Port "vm9"'), (["--port", "physnet0"], REFUSED, 'no Port "physnet0"'),
    (["--network", "green"], REFUSED, 'no Network "green"'), (["--ip", "10.0.0.0/33"], REFUSED, "neither an IP address nor"),
    (["--protocol", "tpc"], REFUSED, 'no protocol "tpc"'), (["--protocol", "256"], REFUSED, 'no protocol "256"'),
    (["--protocol", "-1"], REFUSED, 'no protocol "-1"'), (["--ip", "10.0.0.0/8", "--family", "6"], REFUSED, "other family"),
    (["--state", "tcp_open"], USAGE, '--state cannot be "tcp_open"'), (["--limit", "0"], USAGE, "from 1 to 10000"),
    (["--l4-port", "65536"], USAGE, "from 1 to 65535"), (["--all"], USAGE, "--all is for --kill"),
    (["--kill", "--all", "--port", "vm1"], USAGE, "and a condition too"), (["--kill", "--count", "--all"], USAGE, "--kill ends all"),
])
def test_sessions_complaints(node, arguments, status, words):
    done = node.ctl("sessions", *arguments)
    assert done.status == status and words in done.err and not node.fake.asked, done


def test_sessions_more_than_asked_for_is_not_in_the_protocol(node):
    """A dataplane gone mad does not fill socled's memory: the connection is dropped, who asked is told."""
    two_sessions(node)
    before = node.fake.connections
    done = node.ctl("sessions", "--limit", "1")
    assert done.status == REFUSED and "does not answer" in done.err
    node.fake.wait_for(lambda d: d.connections > before)


def test_sessions_questions_wait_their_turn(node):
    """A hundred callers, one answer under way: each gets its own, also when one before it goes."""
    two_sessions(node)
    with Rpc(node.socket) as rpc, Rpc(node.socket) as going:
        node.fake.reading = False
        for i in range(20):
            going.send({"jsonrpc": "2.0", "id": i, "method": "sessions"})
        for i in range(100):
            rpc.send({"jsonrpc": "2.0", "id": i, "method": "sessions", "params": {"limit": i + 2}})
        going.close()
        node.fake.reading = True
        answers = [rpc.receive() for _ in range(100)]
    assert [a["id"] for a in answers] == list(range(100))
    assert all(len(a["result"]["sessions"]) == 2 for a in answers)


def test_no_dataplane(node):
    node.fake.answers["SESSIONS_GET"] = lambda *_: [b"x" * 16]  # not in the protocol: the connection is dropped
    node.fake.version = 99  # the next one's
    done = node.ctl("sessions")
    assert done.status == REFUSED and "does not answer" in done.err
    until(lambda: node.ctl("info", "-o", "json").json()["dataplane"]["state"] == "incompatible")
    for arguments in (["sessions"], ["trace", "vm1", "icmp 10.0.0.1 > 10.0.0.2 dst-mac fa:16:3e:00:00:02"],
                      ["capture", "vm1"], ["trace", "vm1", "--live"]):
        done = node.ctl(*arguments)
        assert done.status == REFUSED and "not connected" in done.err, done
    node.fake.reset()
    until(lambda: node.ctl("info", "-o", "json").json()["dataplane"]["state"] == "connected")


# ---- trace ----

def allowed(node):
    ids = node.ids

    def answer(cookie, said):
        yield trace_step(cookie, "receive", "Port is up", "PORT", ids["vm1"])
        yield trace_step(cookie, "forward", "it has the destination MAC", "PORT", ids["vm2"])
        yield trace_step(cookie, "output", "tap")
        yield trace_end(cookie)
    return answer


def denied(cookie, said):
    yield trace_step(cookie, "ingress", "nothing allows it", passed=0, drop="sg_ingress")
    yield trace_end(cookie, 0, "sg_ingress")


def test_trace(node):
    node.fake.answers["TRACE"] = allowed(node)
    done = node.ctl("trace", "vm1", "tcp 10.0.0.1:33000 > 10.0.0.2:443")
    assert done.status == OK and done.out == (
        "tcp 10.0.0.1:33000 > 10.0.0.2:443 flags syn length 40\n"
        "from Port vm1, fa:16:3e:00:00:01 > fa:16:3e:00:00:02\n"
        "  1. ✓ receive  Port is up\n       Port vm1\n"
        "  2. ✓ forward  it has the destination MAC\n       Port vm2\n"
        "  3. ✓ output   tap\n"
        "it would be delivered\n")
    said = asked(node, "TRACE")
    assert said["port"] == node.ids["vm1"] and said["underlay"] == 0
    frame = Ether(said["frame"])
    assert (frame.src, frame.dst) == ("fa:16:3e:00:00:01", "fa:16:3e:00:00:02") and frame[TCP].flags == "S"
    del frame[IP].chksum, frame[TCP].chksum
    assert bytes(frame) == said["frame"], "scapy has the same checksums"


def test_trace_of_what_is_dropped(node):
    node.fake.answers["TRACE"] = denied
    done = node.ctl("trace", "vm1", "udp [fd00::1]:1 > [fd00::2]:53")
    assert done.status == DROPPED
    assert "  1. ✗ ingress  nothing allows it\n" in done.out
    assert done.out.endswith("it would be dropped: sg_ingress: no security group rule of the receiving port allows it\n")
    done = node.ctl("trace", "vm1", "udp [fd00::1]:1 > [fd00::2]:53", "-o", "json")
    trace = done.json()
    assert done.status == DROPPED and trace["delivered"] is False and trace["drop"]["reason"] == "sg_ingress"
    assert trace["steps"] == [{"stage": "ingress", "pass": False, "text": "nothing allows it", "object": None,
                               "drop": trace["drop"]}]
    assert trace["packet"] == "udp [fd00::1]:1 > [fd00::2]:53 length 48"
    assert bytes.fromhex(trace["frame_hex"]) == asked(node, "TRACE")["frame"]


def test_words_may_come_unquoted_but_for_the_arrow(node):
    node.fake.answers["TRACE"] = denied
    assert node.ctl("trace", "vm1", "icmp", "10.0.0.1", ">", "10.0.0.2", "echo-request").status == DROPPED
    assert Ether(asked(node, "TRACE")["frame"])[ICMP].type == 8


@pytest.mark.parametrize("words, destination", [
    ("icmp 10.0.0.1 > 10.0.0.3", "fa:16:3e:00:00:03"), ("icmp6 fd00::1 > fd00::3", "fa:16:3e:00:00:03"),
    ("udp 10.0.0.1:68 > 255.255.255.255:67", "ff:ff:ff:ff:ff:ff"), ("udp 10.0.0.1:1 > 239.129.2.3:1", "01:00:5e:01:02:03"),
    ("icmp6 fd00::1 > ff02::1:ff00:2", "33:33:ff:00:00:02"), ("arp who-has 10.0.0.77 tell 10.0.0.1", "ff:ff:ff:ff:ff:ff"),
    ("icmp 10.0.0.1 > 192.0.2.7 dst-mac fa:16:3e:00:00:99", "fa:16:3e:00:00:99"),
])
def test_trace_finds_the_destination(node, words, destination):
    node.fake.answers["TRACE"] = denied
    assert node.ctl("trace", "vm1", words).status == DROPPED
    frame = Ether(asked(node, "TRACE")["frame"])
    assert frame.dst == destination and frame.src == "fa:16:3e:00:00:01"
    if ARP in frame:
        assert (frame[ARP].pdst, frame[ARP].psrc, frame[ARP].hwsrc) == ("10.0.0.77", "10.0.0.1", "fa:16:3e:00:00:01")


def test_the_complaint_points_at_the_character(node):
    done = node.ctl("trace", "vm1", "tcp 10.0.0.1:33000 > 10.0.0.2:443 flags syn,akc")
    assert done.status == USAGE and done.err == (
        'soclectl: character 45: there is no TCP flag "akc"\n'
        "  tcp 10.0.0.1:33000 > 10.0.0.2:443 flags syn,akc\n"
        "                                              ^\n"
        "  right would be: fin, syn, rst, psh, ack, urg, ece, cwr, with commas, or none\n")
    done = node.ctl("trace", "vm1", "icmp 10.0.0.1 > 10.0.0.77")
    assert done.status == USAGE and "nobody in Network blue declares 10.0.0.77" in done.err
    assert done.err.splitlines()[2].index("^") - 2 == "icmp 10.0.0.1 > 10.0.0.77".index("10.0.0.77")
    assert 'at the end "dst-mac MAC"' in done.err
    done = node.ctl("capture", "vm1", "tcp any > any:443")
    assert done.status == USAGE and "neither side says whether it is IPv4 or IPv6" in done.err and "^" in done.err
    assert not node.fake.asked


def test_trace_of_a_frame(node, tmp_path):
    node.fake.answers["TRACE"] = denied
    frames = [bytes(Ether(src="fa:16:3e:00:00:01", dst="fa:16:3e:00:00:02") / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(dport=n))
              for n in (1, 2, 3)]
    done = node.ctl("trace", "vm1", "--hex", frames[0].hex(":"))
    assert done.status == DROPPED and done.out.startswith("udp 10.0.0.1:53 > 10.0.0.2:1 length 28\n")
    assert asked(node, "TRACE")["frame"] == frames[0]

    wrpcap(str(tmp_path / "classic.pcap"), [Ether(f) for f in frames])
    with PcapNgWriter(str(tmp_path / "new.pcapng")) as writer:
        for frame in frames:
            writer.write(Ether(frame))
    for name in ("classic.pcap", "new.pcapng"):
        for number in (None, 3):
            more = ["--number", number] if number else []
            assert node.ctl("trace", "vm1", "--pcap", tmp_path / name, *more).status == DROPPED
            assert asked(node, "TRACE")["frame"] == frames[(number or 1) - 1]
    assert node.ctl("trace", "physnet0", "--hex", frames[0].hex()).status == DROPPED
    assert asked(node, "TRACE")["underlay"] == 1 and asked(node, "TRACE")["port"] == node.ids["physnet0"]
    assert node.ctl("trace", "Underlay/physnet0", "--hex", frames[0].hex()).status == DROPPED
    assert asked(node, "TRACE")["underlay"] == 1


@pytest.mark.parametrize("arguments, status, words", [
    ([], USAGE, "from which port?"), (["vm1"], USAGE, "which packet?"),
    (["vm1", "icmp 10.0.0.1 > 10.0.0.2", "--hex", "00"], USAGE, "more than one packet"),
    (["vm1", "--live", "--hex", "00"], USAGE, "--live follows real packets"), (["vm1", "icmp x", "-n", "3"], USAGE, "for --live"),
    (["vm1", "icmp x", "--number", "3"], USAGE, "--number is for --pcap"),
    (["vm9", "icmp 10.0.0.1 > 10.0.0.2"], REFUSED, 'no Port or Underlay "vm9"'),
    (["physnet0", "icmp 10.0.0.1 > 10.0.0.2"], REFUSED, "gets the tunnels' own"),
    (["vm1", "--hex", "00:0g"], REFUSED, "character 5: not a hexadecimal digit"),
    (["vm1", "--hex", "0" * 29], REFUSED, "half a byte"), (["vm1", "--hex", "00" * 13], REFUSED, "less than an Ethernet header"),
    (["vm1", "--hex", "00" * 2049], REFUSED, "at most 2048 bytes"), (["vm1", "--pcap", "/nowhere.pcap"], USAGE, "/nowhere.pcap"),
    (["vm1", "--pcap", "/dev/null"], USAGE, "/dev/null"),
])
def test_trace_complaints(node, arguments, status, words):
    done = node.ctl("trace", *arguments)
    assert done.status == status and words in done.err and not node.fake.asked, done


def test_files_that_hold_no_such_frame(node, tmp_path):
    wrpcap(str(tmp_path / "one.pcap"), [Ether() / ARP()])
    done = node.ctl("trace", "vm1", "--pcap", tmp_path / "one.pcap", "--number", "2")
    assert done.status == USAGE and "holds 1 packet, there is no number 2" in done.err
    wrpcap(str(tmp_path / "raw.pcap"), [IP() / ICMP()])
    done = node.ctl("trace", "vm1", "--pcap", tmp_path / "raw.pcap")
    assert done.status == USAGE and "link type IPV4" in done.err
    cut = (tmp_path / "one.pcap").read_bytes()[:-5]
    (tmp_path / "cut.pcap").write_bytes(cut)
    done = node.ctl("trace", "vm1", "--pcap", tmp_path / "cut.pcap")
    assert done.status == USAGE and "packet 1: truncated" in done.err


def test_trace_without_an_end(node):
    """A dataplane that hangs up in the middle of its answer."""
    node.fake.answers["TRACE"] = lambda cookie, said: [trace_step(cookie, "receive", "so far"), b"x" * 16]
    done = node.ctl("trace", "vm1", "icmp 10.0.0.1 > 10.0.0.2")
    assert done.status == REFUSED and "does not answer" in done.err


# ---- capture ----

SYN = bytes(Ether(src="fa:16:3e:00:00:01", dst="fa:16:3e:00:00:02") / IP(src="10.0.0.1", dst="10.0.0.2") / TCP(dport=443))
PING6 = bytes(Ether(src="fa:16:3e:00:00:02", dst="fa:16:3e:00:00:01") / IPv6(src="fd00::2", dst="fd00::1") / UDP(dport=53))
WHEN = 1_700_000_000_123_456_789


def three_packets(node, ends=True):
    ids = node.ids

    def answer(cookie, said):
        snap = said["snap"]
        yield captured(cookie, ids["vm1"], SYN[:snap], "rx", time_ns=WHEN, length=len(SYN))
        yield captured(cookie, ids["vm1"], PING6[:snap], "tx", time_ns=WHEN + 1, length=len(PING6))
        yield captured(cookie, ids["physnet0"], SYN[:snap], "drop", "unknown_vtep", WHEN + 2, len(SYN), underlay=1)
        if ends:
            yield capture_end(cookie, 3, missed=2)
    node.fake.answers["CAPTURE_START"] = answer


def tshark(path, *names):
    """These fields of each packet, and nothing that tshark would complain of."""
    done = subprocess.run(["tshark", "-r", path, "-T", "fields", "-E", "separator=|", *[a for n in names for a in ("-e", n)]],
                          capture_output=True, text=True, env={**os.environ, "HOME": "/nonexistent"})
    complaints = [line for line in done.stderr.splitlines() if line and "dangerous" not in line]
    assert done.returncode == 0 and not complaints, done
    return [line.split("|") for line in done.stdout.splitlines()]


def interfaces(path):
    """Their names, as capinfos reads them."""
    done = subprocess.run(["capinfos", "-I", path], capture_output=True, text=True, check=True)
    return re.findall(r"Name = (\S+)", done.stdout)


def test_capture_into_a_file(node, tmp_path):
    three_packets(node)
    path = tmp_path / "c.pcapng"
    done = node.ctl("capture", "vm1", "-w", path)
    assert (done.status, done.out, done.err) == (OK, "3 captured, 2 missed\n", "")
    said = asked(node, "CAPTURE_START")
    assert said == {"mode": PORT_MODE, "port": node.ids["vm1"], "underlay": 0, "snap": 9216, "count": 1000, "seconds": 60,
                    "family": 0, "protocol": 0, "l4_0": 0, "l4_1": 0, "ip_0": bytes(16), "ip_1": bytes(16)}
    rows = tshark(path, "frame.time_epoch", "frame.interface_name", "frame.interface_description",
                  "frame.packet_flags_direction", "frame.comment", "frame.len", "frame.protocols")
    assert rows == [
        ["1700000000.123456789", "vm1", "Port vm1", "0x00000001", "", str(len(SYN)), "eth:ethertype:ip:tcp"],
        ["1700000000.123456790", "vm1", "Port vm1", "0x00000002", "", str(len(PING6)), "eth:ethertype:ipv6:udp"],
        ["1700000000.123456791", "physnet0", "Underlay physnet0", "0x00000000",
         "dropped: unknown_vtep: an overlay packet from a VTEP that is no peer", str(len(SYN)), "eth:ethertype:ip:tcp"]]


def test_capture_to_standard_output(node):
    three_packets(node)
    with subprocess.Popen([SOCLECTL, "--socket", node.socket, "capture", "vm1", "-w", "-"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as ctl:
        done = subprocess.run(["tshark", "-r", "-", "-T", "fields", "-e", "frame.interface_name"], stdin=ctl.stdout,
                              capture_output=True, text=True, timeout=60)
        assert ctl.wait(60) == OK and ctl.stderr.read() == b"3 captured, 2 missed\n"
    assert done.stdout.split() == ["vm1", "vm1", "physnet0"]


def test_capture_for_people_and_for_programs(node):
    three_packets(node)
    done = node.ctl("capture", "vm1")
    lines = done.out.splitlines()
    assert done.status == OK and lines[-1] == "3 captured, 2 missed"
    assert lines[0].split(maxsplit=1)[0].endswith(".123456789")
    assert lines[0].split(maxsplit=1)[1] == "vm1             rx    tcp 10.0.0.1:20 > 10.0.0.2:443 flags syn length 40"
    assert lines[2].split(maxsplit=1)[1] == ("physnet0        drop  tcp 10.0.0.1:20 > 10.0.0.2:443 flags syn length 40  "
                                             "unknown_vtep: an overlay packet from a VTEP that is no peer")
    done = node.ctl("capture", "vm1", "-o", "json")
    first, second, third = map(json.loads, done.out.splitlines())
    assert (first["number"], second["number"], first["time_ns"]) == (1, 2, WHEN) and done.err == "3 captured, 2 missed\n"
    assert first["at"] == {"kind": "Port", "name": "vm1"} and base64.b64decode(second["frame"]) == PING6
    assert (first["way"], second["way"], third["way"], third["drop"]["reason"]) == ("rx", "tx", "drop", "unknown_vtep")


def test_capture_options(node, tmp_path):
    three_packets(node)
    path = tmp_path / "c.pcapng"
    assert node.ctl("capture", "vm1", "tcp 10.0.0.1 > 10.0.0.2:443", "-s", "64", "-n", "5", "-t", "7", "-w", path).status == OK
    said = asked(node, "CAPTURE_START")
    assert (said["snap"], said["count"], said["seconds"]) == (64, 5, 7)
    assert (said["family"], said["protocol"], said["l4_0"], said["l4_1"]) == (4, 6, 0, 443)
    assert (said["ip_0"], said["ip_1"]) == (mapped("10.0.0.1"), mapped("10.0.0.2"))
    assert tshark(path, "frame.cap_len", "frame.len")[1] == [str(min(64, len(PING6))), str(len(PING6))]
    node.ctl("capture", "--drops")
    assert {k: asked(node, "CAPTURE_START")[k] for k in ("mode", "port")} == {"mode": DROPS_MODE, "port": 0}
    node.ctl("capture", "--drops", "icmp any > 10.0.0.2")
    assert {k: asked(node, "CAPTURE_START")[k] for k in ("mode", "port", "protocol")} == {"mode": DROPS_MODE, "port": 0,
                                                                                       "protocol": 1}
    node.ctl("capture", "--drops", "physnet0", "ip any > fd00::1")
    said = asked(node, "CAPTURE_START")
    assert (said["port"], said["underlay"], said["family"], said["protocol"]) == (node.ids["physnet0"], 1, 6, 0)


@pytest.mark.parametrize("arguments, status, words", [
    ([], USAGE, "of which port?"), (["vm9"], REFUSED, 'no Port or Underlay "vm9"'), (["vm1", "-n", "0"], USAGE, "--count cannot be"),
    (["vm1", "-s", "63"], USAGE, "from 64 to 9216"), (["vm1", "tcp 10.0.0.1 > any flags syn"], USAGE, "a filter ends with"),
    (["vm1", "-w", "/nowhere/c.pcapng"], REFUSED, "cannot write to /nowhere/c.pcapng"),
])
def test_capture_complaints(node, arguments, status, words):
    done = node.ctl("capture", *arguments)
    assert done.status == status and words in done.err and not node.fake.asked, done


def test_a_full_disk_is_said(node):
    three_packets(node, ends=False)
    stopped(node)
    done = node.ctl("capture", "vm1", "-w", "/dev/full")
    assert done.status == REFUSED and "cannot write to /dev/full: No space left on device" in done.err


def stopped(node, packets=3):
    """The dataplane ends the capture when it is told to."""
    cookies = []
    start = node.fake.answers["CAPTURE_START"]
    node.fake.answers["CAPTURE_START"] = lambda cookie, said: cookies.append(cookie) or start(cookie, said)
    node.fake.answers["CAPTURE_STOP"] = lambda cookie, said: [capture_end(cookie, packets)] if cookie in cookies else []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_the_file_is_whole(node, tmp_path, number):
    three_packets(node, ends=False)
    stopped(node)
    path = tmp_path / "c.pcapng"
    ctl = node.spawn("capture", "vm1", "-w", path)
    until(lambda: path.exists() and path.stat().st_size > 500)
    ctl.send_signal(number)
    out, err = ctl.communicate(timeout=60)
    assert (ctl.returncode, out, err) == (OK, "3 captured, 0 missed\n", "")
    assert len(tshark(path, "frame.number")) == 3


def test_a_capture_without_packets_is_a_file_too(node, tmp_path):
    node.fake.answers["CAPTURE_START"] = lambda cookie, said: [capture_end(cookie, 0)]
    done = node.ctl("capture", "vm1", "-w", tmp_path / "c.pcapng")
    assert (done.status, done.out) == (OK, "0 captured, 0 missed\n")
    assert tshark(tmp_path / "c.pcapng", "frame.number") == []
    assert interfaces(tmp_path / "c.pcapng") == ["vm1"]
    assert node.ctl("capture", "Underlay/physnet0", "-w", tmp_path / "c.pcapng").status == OK
    assert interfaces(tmp_path / "c.pcapng") == ["physnet0"]
    assert node.ctl("capture", "--drops", "-w", tmp_path / "c.pcapng").status == OK
    assert interfaces(tmp_path / "c.pcapng") == []


def test_the_end_of_a_capture_that_failed(node):
    node.fake.answers["CAPTURE_START"] = lambda cookie, said: [capture_end(cookie, 0, error=28, text=b"too many captures")]
    done = node.ctl("capture", "vm1")
    assert done.status == REFUSED and "the capture ended early: too many captures" in done.err
    three_packets(node, ends=False)
    ctl = node.spawn("capture", "vm1")
    assert len([ctl.stdout.readline() for _ in range(3)]) == 3
    node.fake.connection.shutdown(2)
    out, err = ctl.communicate(timeout=60)
    assert ctl.returncode == REFUSED and "the dataplane is gone" in err and out == "3 captured, 0 missed\n"


def test_who_vanishes_takes_the_capture_along(node):
    three_packets(node, ends=False)
    ctl = node.spawn("capture", "vm1")
    ctl.stdout.readline()
    ctl.kill()
    ctl.communicate()
    node.fake.wait_for(lambda d: ("CAPTURE_STOP", {}) in d.asked)


def test_who_does_not_read_misses_and_socled_does_not_grow(node):
    """30,000 frames of 9,000 bytes for a client that reads none: they are counted, not kept."""
    frame, frames, so_far = SYN + bytes(9000 - len(SYN)), 30000, []

    def flood(cookie, said):
        for i in range(frames):
            yield captured(cookie, node.ids["vm1"], frame)
        yield capture_end(cookie, frames)
        so_far.append(frames)
    node.fake.answers["CAPTURE_START"] = flood
    memory = lambda: node.ctl("info", "-o", "json").json()["memory_bytes"]  # noqa: E731
    before = memory()
    with Rpc(node.socket) as rpc:
        assert rpc.call("capture", port="vm1", count=10**6) and not rpc.notifications
        until(lambda: so_far)
        node.ctl("info")
        assert memory() - before < 32 << 20
        messages = [rpc.receive()["params"]]
        while "end" not in messages[-1]:
            messages.append(rpc.receive()["params"])
    end = messages[-1]["end"]
    assert end["packets"] == len(messages) - 1 > 0 and end["packets"] + end["missed"] == frames and end["error"] is None
    assert [m["packet"]["number"] for m in messages[:-1]] == list(range(1, len(messages)))


def test_captures_are_few(node):
    with Rpc(node.socket) as rpc:
        ids = [rpc.call("capture", port="vm1")["capture"] for _ in range(4)]
        assert len(set(ids)) == 4
        assert rpc.error("capture", port="vm1")["code"] == -32006
        assert rpc.error("capture_stop", capture=max(ids) + 1)["code"] == -32003
    node.fake.wait_for(lambda d: d.asked.count(("CAPTURE_STOP", {})) == 4)
    with Rpc(node.socket) as rpc:
        assert rpc.call("capture", port="vm1")["capture"] not in ids
        for params in ({}, {"drops": True, "trace": True, "port": "vm1"}, {"port": "vm1", "snap": 1}):
            assert rpc.error("capture", **params)["code"] == -32602


# ---- live traces ----

def two_traced(cookie, node, end=True):
    """As two workers' would be, and what really was sent and dropped behind them."""
    yield captured(cookie, node.ids["vm1"], SYN, packet=5)
    yield trace_step(cookie, "session", "none", packet=5)
    yield captured(cookie, node.ids["vm1"], PING6, packet=9)
    yield trace_step(cookie, "egress", "nothing allows it", packet=9, passed=0, drop="sg_egress")
    yield trace_end(cookie, 0, "sg_egress", packet=9)
    yield captured(cookie, node.ids["vm1"], PING6, "drop", "sg_egress", packet=9)
    yield trace_step(cookie, "output", "tap", "PORT", node.ids["vm2"], packet=5)
    if end:
        yield trace_end(cookie, packet=5)
    yield captured(cookie, node.ids["vm2"], SYN, "tx", packet=5)
    yield capture_end(cookie, 2)


def test_live_trace(node):
    node.fake.answers["CAPTURE_START"] = lambda cookie, said: two_traced(cookie, node)
    done = node.ctl("trace", "vm1", "tcp 10.0.0.1 > 10.0.0.2:443", "--live", "-n", "2", "--seconds", "5")
    said = asked(node, "CAPTURE_START")
    assert (said["mode"], said["port"], said["count"], said["seconds"], said["l4_1"]) == (TRACE_MODE, node.ids["vm1"], 2, 5, 443)
    assert done.status == DROPPED and done.out == (
        "#9 udp [fd00::2]:53 > [fd00::1]:53 length 48\n"
        "  1. ✗ egress   nothing allows it\n"
        "to be dropped: sg_egress: no security group rule of the sending port allows it\n"
        "#9 dropped at Port vm1: sg_egress: no security group rule of the sending port allows it\n"
        "#5 tcp 10.0.0.1:20 > 10.0.0.2:443 flags syn length 40\n"
        "  1. ✓ session  none\n"
        "  2. ✓ output   tap\n       Port vm2\n"
        "to be delivered\n"
        "#5 sent at Port vm2\n")
    done = node.ctl("trace", "vm1", "--live", "-o", "json")
    packets = [json.loads(line) for line in done.out.splitlines()]
    assert [(p["number"], p["way"], p.get("delivered")) for p in packets] == [
        (9, "rx", False), (9, "drop", None), (5, "rx", True), (5, "tx", None)]
    assert len(packets[2]["steps"]) == 2 and "steps" not in packets[3]
    assert asked(node, "CAPTURE_START")["count"] == 10


def test_live_trace_of_what_never_ends(node):
    """Its end was lost: it is shown when the capture ends, undecided."""
    node.fake.answers["CAPTURE_START"] = lambda cookie, said: two_traced(cookie, node, end=False)
    packets = [json.loads(line) for line in node.ctl("trace", "vm1", "--live", "-o", "json").out.splitlines()]
    assert [p["delivered"] for p in packets if p["way"] == "rx"] == [False, None]


def test_live_trace_without_a_packet(node):
    node.fake.answers["CAPTURE_START"] = lambda cookie, said: [capture_end(cookie, 0)]
    done = node.ctl("trace", "vm1", "--live", "-t", "3")
    assert done.status == TIMEOUT and "no such packet came in 3 s" in done.err


def test_more_open_packets_than_are_kept(node):
    def answer(cookie, said):
        for i in range(200):
            yield captured(cookie, node.ids["vm1"], SYN, packet=i)
        for i in range(200):
            yield trace_step(cookie, "session", "late", packet=i)
            yield trace_end(cookie, packet=i)
        yield capture_end(cookie, 200)
    node.fake.answers["CAPTURE_START"] = answer
    packets = [json.loads(line) for line in node.ctl("trace", "vm1", "--live", "-n", "200", "-o", "json").out.splitlines()]
    assert [p["number"] for p in packets] == list(range(200))
    assert [p["delivered"] for p in packets] == [None] * 168 + [True] * 32


def test_live_trace_takes_no_flags(node):
    done = node.ctl("trace", "vm1", "tcp 10.0.0.1:1 > 10.0.0.2:443 flags syn", "--live")
    assert done.status == USAGE and "a filter ends with its addresses" in done.err


def test_help_says_how():
    assert "icmp6 fd00::1 > fd00::2 type 1 code 4" in run("trace", "--help").out
