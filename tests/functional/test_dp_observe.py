"""What one may ask of a running dataplane, over the wire itself: sessions listed, counted and killed; trace; capture."""

import contextlib
import ipaddress
import struct
import time
from collections import Counter, namedtuple

import pytest
from scapy.all import IP, TCP, UDP, Ether, Raw

import intent
import socled_dataplane as wire_format
from netns import wait_until
from node import Node
from raw_wire import Wire
from vhost_guest import OFFLOADS, VhostGuest

pytestmark = pytest.mark.netns

T = wire_format.TYPES
MAC = [intent.mac(i) for i in range(10)]
LIST, COUNT, KILL = 1, 2, 3
PORT, DROPS, TRACE = 1, 2, 3
RX, TX, DROP = 1, 2, 3
ANY = 256
GROUP, NETWORK = 50, 1
NONE = wire_format.DROPS  # SOCLE_DROP_COUNT

Session = namedtuple("Session", "cookie network port peer port2 peer2 source destination sport dport protocol family state "
                     "packets packets_back")
Step = namedtuple("Step", "cookie packet stage object_type object number passes drop text")
Captured = namedtuple("Captured", "cookie packet time_ns port is_underlay how drop length captured frame")
End = namedtuple("End", "cookie packets missed error text")


def reason(name):
    return wire_format.DROP_REASONS.index(name)


def mapped(address):
    return ipaddress.ip_address(f"::ffff:{address}").packed


def text(raw):
    return raw.split(b"\0")[0].decode()


# ---- requests and answers ----

def ask_sessions(wire, action, cookie=1, limit=0, port=0, l4_port=0, protocol=ANY, state=0):
    wire.send(T["SESSIONS_GET"], struct.pack("=QIIII16sHHHBB", cookie, action, limit, port, 0, bytes(16), 0, protocol,
                                             l4_port, state, 0))


def session(body):
    v = struct.unpack_from("=QI2I2I16s16s2H4B4x2Q", body)
    return Session(v[0], v[1], v[2], v[4], v[3], v[5], v[6], v[7], v[8], v[9], v[10], v[11], v[12], v[14], v[15])


def sessions_of(wire):
    """(matched, the sessions) of one answer."""
    found = wire.answers(T["SESSIONS_END"])
    return struct.unpack("=QQ", found[-1][1])[1], [session(b) for kind, b in found if kind == T["SESSION"]]


def sessions(wire, action, **more):
    ask_sessions(wire, action, **more)
    return sessions_of(wire)


def stats(wire):
    wire.send(T["STATS_GET"], struct.pack("=Q", 3))
    body = dict(wire.answers(T["STATS_END"]))[T["SESSION_STATS"]]
    names = "capacity live created expired evicted cut killed reevaluated memory_bytes tsc_hz".split()
    values = dict(zip(names, struct.unpack_from("=2I8Q", body)))
    states = struct.unpack_from(f"={len(wire_format.SESSION_STATES)}I", body, 72)
    return {**values, "by_state": dict(zip(wire_format.SESSION_STATES, states))}


def step(body):
    v = struct.unpack("=QQ6I192s", body)
    return Step(*v[:8], text(v[8]))


def trace(wire, port, frame, is_underlay=0):
    """([steps], delivered, drop)"""
    wire.send(T["TRACE"], struct.pack("=QIIII2048s", 9, port, is_underlay, len(frame), 0, bytes(frame)))
    found = wire.answers(T["TRACE_END"])
    cookie, _, delivered, drop = struct.unpack("=QQII", found[-1][1])
    assert cookie == 9
    return [step(b) for kind, b in found if kind == T["TRACE_STEP"]], bool(delivered), drop


def start_capture(wire, mode, port=0, cookie=4, snap=9216, packets=1000000, seconds=1000):
    body = struct.pack("=QIIIIIIBBHH16s16s2xI", cookie, mode, port, 0, snap, packets, seconds, 0, 0, 0, 0, bytes(16),
                       bytes(16), 0)
    wire.send(T["CAPTURE_START"], body)
    time.sleep(0.05)  # nothing says that it has begun


def stop_capture(wire, cookie=4):
    wire.send(T["CAPTURE_STOP"], struct.pack("=Q", cookie))


def captured(body):
    v = struct.unpack_from("=QQQ6I", body)
    return Captured(*v, body[48:48 + v[8]])


def capture_of(wire):
    """([Captured], [Step], End)"""
    found = wire.answers(T["CAPTURE_END"])
    cookie, packets, missed, error, _, words = struct.unpack("=QQQII192s", found[-1][1])
    return ([captured(b) for kind, b in found if kind == T["CAPTURED"]],
            [step(b) for kind, b in found if kind == T["TRACE_STEP"]], End(cookie, packets, missed, error, text(words)))


# ---- a dataplane with two secured guests ----

def policy(*ports):
    """One stateful group that lets everything out and TCP and UDP port 53 in; these ports are in it."""
    def rule(number, direction, protocol, first, last):
        return wire_format.record(T["RULE"], struct.pack("=IIBBBBHHHHI16s", GROUP, number, direction, 4, 0, 0, protocol,
                                                         first, last, 0, 0, bytes(16)))
    records = [wire_format.record(T["SECURITY_GROUP"], struct.pack("=II64s", GROUP, 1, b"group")),
               rule(0, 2, ANY, 0, 65535), rule(1, 1, 17, 53, 53), rule(2, 1, 6, 53, 53)]
    for port in ports:
        mac = bytes.fromhex(MAC[port].replace(":", ""))
        records.append(wire_format.record(T["PORT_GROUP"], struct.pack("=II", port, GROUP)))
        records.append(wire_format.record(T["ALLOWED"], struct.pack("=IH6s16sI", port, 128, mac,
                                                                    mapped(f"10.0.0.{port}"), 0)))
    return records


@pytest.fixture(scope="module")
def place(module_lab):
    """(node, guest 1, guest 2) and the records that make it so."""
    with contextlib.ExitStack() as stack:
        node = Node(module_lab.directory, "observed")
        stack.callback(node.stop)
        node.dataplane.start()
        guests = [stack.enter_context(VhostGuest(f"{module_lab.directory}/o{i}.sock", OFFLOADS)) for i in (1, 2)]
        yield node, guests


@pytest.fixture
def wire(place):
    node, guests = place
    with contextlib.closing(Wire(node)) as wire:
        assert wire.commit(wire.network(NETWORK), *(wire.port(i, NETWORK, g, 1) for i, g in enumerate(guests, 1)),
                           *policy(1, 2)) == 0
        for guest in guests:
            if not guest.connection:
                guest.accept()
        sessions(wire, KILL)
        yield wire


@pytest.fixture
def guests(place):
    for guest in place[1]:
        while guest.recv(0):
            pass
    return place[1]


def udp(source, destination, sport, dport, payload=b"payload"):
    return bytes(Ether(src=MAC[source], dst=MAC[destination]) / IP(src=f"10.0.0.{source}", dst=f"10.0.0.{destination}")
                 / UDP(sport=sport, dport=dport) / Raw(payload.ljust(20)))


def passes(guests, frame, receiver=1):
    guests[1 - receiver].send(frame)
    return guests[receiver].recv(2, match=lambda f: f == frame) is not None


def fill(guests, count):
    """So many UDP sessions begun by guest 1."""
    for i in range(count):
        guests[0].send(udp(1, 2, 1024 + i % 60000, 53, b"%d" % i))
        if i % 8 == 0:
            while guests[1].recv(0):
                pass
    guests[0].wait_sent()


# ---- sessions ----

def test_a_session_is_listed_and_killed(wire, guests):
    assert passes(guests, udp(1, 2, 4000, 53))
    assert passes(guests, udp(2, 1, 53, 4000), receiver=0)
    before = stats(wire)
    matched, found = sessions(wire, LIST, cookie=77)
    assert matched == 1
    assert found == [Session(77, NETWORK, 1, 0, 2, 0, mapped("10.0.0.1"), mapped("10.0.0.2"), 4000, 53, 17, 4,
                             wire_format.SESSION_STATES.index("udp_stream"), 1, 1)]
    assert sessions(wire, COUNT, port=2)[0] == 1
    assert sessions(wire, COUNT, port=3)[0] == 0
    assert sessions(wire, COUNT, protocol=6)[0] == 0

    assert sessions(wire, KILL, l4_port=4000) == (1, [])
    assert sessions(wire, COUNT)[0] == 0
    after = stats(wire)
    assert after["killed"] == before["killed"] + 1
    assert after["live"] == before["live"] - 1
    # The answer of a session that is no more is nobody's answer; the question begins it anew.
    guests[1].send(udp(2, 1, 53, 4001, b"no answer"))
    assert passes(guests, udp(1, 2, 4000, 53))
    assert sessions(wire, COUNT, l4_port=4000)[0] == 1


def test_statistics_are_told(wire, guests):
    fill(guests, 50)
    told = stats(wire)
    assert told["capacity"] == 1 << 20
    assert told["live"] >= 50 and told["created"] >= 50
    assert told["memory_bytes"] > 0 and told["tsc_hz"] > 1e8
    # The walk that counts by state goes round within seconds.
    wait_until(lambda: stats(wire)["by_state"]["udp"] >= 50, 20, "the census")


def test_a_client_that_does_not_read_is_waited_for(wire, guests):
    """The dataplane goes on with other things, and with the walk as soon as the client reads."""
    fill(guests, 4000)
    matched = sessions(wire, COUNT)[0]
    assert matched >= 4000
    for cookie in range(30):
        ask_sessions(wire, LIST, cookie=cookie)
    time.sleep(0.5)
    assert passes(guests, udp(1, 2, 999, 53, b"meanwhile"))
    answers = [record for _ in range(30) for record in wire.answers(T["SESSIONS_END"])]  # they are taken in turns
    told = Counter(session(body).cookie for kind, body in answers if kind == T["SESSION"])
    ends = dict(struct.unpack("=QQ", body) for kind, body in answers if kind == T["SESSIONS_END"])
    assert told == ends and len(ends) == 30 and min(ends.values()) >= 4000
    assert sessions(wire, KILL)[0] >= 4000


def test_who_leaves_takes_his_requests_along(place, wire, guests):
    fill(guests, 2000)
    for cookie in range(20):
        ask_sessions(wire, LIST, cookie=cookie)
    for cookie in range(8):
        start_capture(wire, DROPS, cookie=cookie)
    wire.close()
    with contextlib.closing(Wire(place[0])) as other:
        assert sessions(other, COUNT)[0] >= 2000
        for cookie in range(8):
            start_capture(other, DROPS, cookie=cookie, snap=64)
        for cookie in range(8):
            stop_capture(other, cookie)
            assert capture_of(other)[2].error == 0


# ---- trace ----

def test_a_trace_names_ports_and_rules(wire, guests):
    steps, delivered, drop = trace(wire, 1, udp(1, 2, 4000, 53))
    assert delivered and drop == NONE
    ingress = next(s for s in steps if s.stage == 6)
    assert (ingress.object_type, ingress.object, ingress.number) == (T["RULE"], GROUP, 1)
    assert "udp 53" in ingress.text
    assert (steps[-1].stage, steps[-1].object_type, steps[-1].object) == (9, T["PORT"], 2)
    assert sessions(wire, COUNT)[0] == 0 and not guests[1].recv(0.1)

    steps, delivered, drop = trace(wire, 1, udp(1, 2, 4000, 54))
    assert not delivered and drop == reason("sg_ingress")
    assert steps[-1].passes == 0 and "udp 54" in steps[-1].text


def test_a_trace_finds_the_session(wire, guests):
    assert passes(guests, udp(1, 2, 4000, 53))
    steps, delivered, _ = trace(wire, 2, udp(2, 1, 53, 4000))
    assert delivered
    assert "session found: udp" in next(s for s in steps if s.stage == 2).text
    assert not [s for s in steps if s.stage in (5, 6)]


def test_a_trace_knows_who_is_absent(wire, guests, module_lab):
    with VhostGuest(f"{module_lab.directory}/absent.sock") as absent:
        assert wire.commit(wire.port(3, NETWORK, absent)) == 0
        steps, delivered, drop = trace(wire, 1, udp(1, 3, 4000, 53))
        assert not delivered and drop == reason("guest_absent")


# ---- capture ----

def test_a_port_is_captured(wire, guests):
    start_capture(wire, PORT, port=2)
    began = time.time_ns()
    sent = udp(1, 2, 4000, 53)
    answer = udp(2, 1, 53, 4000)
    assert passes(guests, sent) and passes(guests, answer, receiver=0)
    stop_capture(wire)
    packets, _, end = capture_of(wire)
    assert (end.packets, end.missed, end.error) == (2, 0, 0)
    assert [(p.how, p.port, p.drop, p.frame) for p in packets] == [(TX, 2, NONE, sent), (RX, 2, NONE, answer)]
    assert began - 10**9 < packets[0].time_ns <= packets[1].time_ns < time.time_ns() + 10**9


def test_drops_are_captured_with_their_reason(wire, guests):
    start_capture(wire, DROPS)
    denied = udp(1, 2, 4000, 54)
    assert passes(guests, udp(1, 2, 4000, 53))
    guests[0].send(denied)
    guests[0].wait_sent()
    stop_capture(wire)
    packets, _, end = capture_of(wire)
    assert [(p.how, p.port, p.drop, p.frame) for p in packets] == [(DROP, 2, reason("sg_ingress"), denied)]
    assert end.packets == 1


def test_a_live_trace_follows_packets(wire, guests):
    start_capture(wire, TRACE, port=1, packets=2)
    allowed, denied = udp(1, 2, 4000, 53), udp(1, 2, 4000, 54)
    assert passes(guests, allowed)
    guests[0].send(denied)
    packets, steps, end = capture_of(wire)  # ends by itself
    assert end.packets == 2 and end.error == 0
    assert [(p.how, p.port) for p in packets] == [(RX, 1), (TX, 2), (RX, 1), (DROP, 2)]
    assert packets[0].packet == packets[1].packet != packets[2].packet == packets[3].packet
    assert packets[3].drop == reason("sg_ingress")
    assert any("begins a session" in s.text for s in steps if s.packet == packets[0].packet)
    assert [s.drop for s in steps if s.packet == packets[2].packet][-1] == reason("sg_ingress")


def test_a_capture_ends_with_its_time_and_with_its_port(wire, guests, module_lab):
    start_capture(wire, PORT, port=2, seconds=1)
    assert capture_of(wire)[2].error == 0
    with VhostGuest(f"{module_lab.directory}/going.sock") as going:
        assert wire.commit(wire.port(4, NETWORK, going)) == 0
        start_capture(wire, PORT, port=4)
        delete = wire_format.record(wire_format.DELETE, struct.pack("=II32s", T["PORT"], 0, struct.pack("=I", 4)))
        assert wire.commit(delete) == 0
        end = capture_of(wire)[2]
        assert end.error != 0 and "removed" in end.text


def test_what_nobody_reads_is_missed_and_still_forwarded(wire, guests):
    start_capture(wire, PORT, port=1)
    large = b"x" * 1200
    for i in range(12000):
        guests[0].send(udp(1, 2, 5000, 53, large))
        if i % 8 == 0:
            while guests[1].recv(0):
                pass
    assert passes(guests, udp(1, 2, 5001, 53, b"the last one"))
    stop_capture(wire)
    packets, _, end = capture_of(wire)
    assert end.missed > 0 and end.packets == len(packets)
    assert end.packets + end.missed == 12001


def test_tcp_goes_on_after_its_session_was_killed(wire, guests):
    """As with Linux' conntrack: in the middle of a connection, since tcp_loose is on."""
    def segment(source, destination, sport, dport, flags, seq, ack=0, payload=b""):
        return bytes(Ether(src=MAC[source], dst=MAC[destination])
                     / IP(src=f"10.0.0.{source}", dst=f"10.0.0.{destination}")
                     / TCP(sport=sport, dport=dport, flags=flags, seq=seq, ack=ack) / Raw(payload))
    assert passes(guests, segment(1, 2, 6000, 53, "S", 100))
    assert passes(guests, segment(2, 1, 53, 6000, "SA", 500, 101), receiver=0)
    assert passes(guests, segment(1, 2, 6000, 53, "A", 101, 501, b"hello"))
    assert sessions(wire, KILL, l4_port=6000)[0] == 1
    assert passes(guests, segment(1, 2, 6000, 53, "A", 106, 501, b"world"))
    assert sessions(wire, COUNT, l4_port=6000)[0] == 1
