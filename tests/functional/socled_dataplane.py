"""The other end of socled's wire, for fault injection: a real SOCK_SEQPACKET server that keeps what it is sent, and
misbehaves on demand. (That packets flow is for the tests with a real socle-dataplane.)"""

import ipaddress
import os
import pathlib
import re
import socket
import struct
import threading
import time

TOP = pathlib.Path(__file__).parents[2]
HEADER = (TOP / "include/socle/wire.h").read_text()


def wire_types():
    """Their numbers, read from the header that both programs are built from."""
    body = re.sub(r"/\*.*?\*/", "", re.search(r"enum wire_type \{(.*?)\}", HEADER, re.S)[1], flags=re.S)
    return {name: number for number, name in enumerate(re.findall(r"WIRE_(\w+)", body))}


def x_names(header):
    """The names in a table of X(ID, "name", …), in their order: drop reasons, session states."""
    return re.findall(r'^ +X\([A-Z_0-9]+, "(\w+)"', (TOP / "include/socle" / header).read_text(), re.M)


VERSION = int(re.search(r"#define WIRE_VERSION +(\d+)", HEADER)[1])
TYPES = wire_types()
(HELLO, BEGIN, DELETE, COMMIT, RESULT, COMMITTED, UNDERLAY, NETWORK, PORT, PEER, FDB, NEIGH, FLOOD, PORT_STATE,
 STATS_GET, PORT_STATS, WORKER_STATS, NODE_STATS, SESSION_STATS, STATS_END) = [TYPES[name] for name in (
     "HELLO BEGIN DELETE COMMIT RESULT COMMITTED UNDERLAY NETWORK PORT PEER FDB NEIGH FLOOD PORT_STATE "
     "STATS_GET PORT_STATS WORKER_STATS NODE_STATS SESSION_STATS STATS_END").split()]
KEY_SIZE = {TYPES[name]: int(size) for name, size in
            re.findall(r"RECORD\(WIRE_(\w+), \w+, (\d+)\)", (TOP / "common/wire.c").read_text()) if size != "0"}
DROP_REASONS, SESSION_STATES = x_names("drop.h"), x_names("session_states.h")
DROPS = len(DROP_REASONS)
STAGES = "receive session guard forward egress ingress track answer output".split()
LIST, COUNT, KILL = 1, 2, 3         # enum wire_sessions_action
PORT_MODE, DROPS_MODE, TRACE_MODE = 1, 2, 3  # enum wire_capture_mode


def record(kind, body):
    body += bytes(-len(body) % 8)
    return struct.pack("=HHI", kind, 8 + len(body), 0) + body


def records(datagram):
    while datagram:
        kind, length, _ = struct.unpack_from("=HHI", datagram)
        yield kind, datagram[8:length]
        datagram = datagram[length:]


def hello(version=VERSION):
    return record(HELLO, struct.pack("=IIQQII64s", version, os.getpid(), 0, 0, 2, 1, b"fake dataplane"))


def port_state(number, link=1, error=0, text=b""):
    return record(PORT_STATE, struct.pack("=IBBHQII192s", number, link, link, 1, 0x8000, error, 0, text))


def fields(layout, names, body):
    """What a record says, by name, its cookie left out."""
    return dict(zip(names.split(), struct.unpack_from(layout, body, 8)))


def mapped(address):
    """16 bytes, IPv4 as v4-mapped."""
    ip = ipaddress.ip_address(address)
    return (b"" if ip.version == 6 else bytes(10) + b"\xff\xff") + ip.packed


def session(cookie, network, ports, peers, ips, l4_ports, protocol, state, packets, octets, times, reply_allowed=1):
    family = ipaddress.ip_address(ips[0]).version
    return record(TYPES["SESSION"], cookie + struct.pack(
        "=5I16s16s2H4B4x4Q3QII", network, *ports, *peers, *map(mapped, ips), *l4_ports, protocol, family,
        SESSION_STATES.index(state), 0, *packets, *octets, *times, reply_allowed, 0))


def trace_step(cookie, stage, text, object_type="NONE", number=0, rule=0, passed=1, drop=None, packet=0):
    return record(TYPES["TRACE_STEP"], cookie + struct.pack(
        "=Q6I192s", packet, STAGES.index(stage) + 1, TYPES[object_type], number, rule, passed, reason(drop),
        text.encode()))


def trace_end(cookie, delivered=1, drop=None, packet=0):
    return record(TYPES["TRACE_END"], cookie + struct.pack("=QII", packet, delivered, reason(drop)))


def captured(cookie, port, frame, how="rx", drop=None, time_ns=0, length=None, packet=0, underlay=0):
    return record(TYPES["CAPTURED"], cookie + struct.pack(
        "=QQ6I", packet, time_ns, port, underlay, ("rx", "tx", "drop").index(how) + 1, reason(drop),
        length or len(frame), len(frame)) + frame)


def capture_end(cookie, packets, missed=0, error=0, text=b""):
    return record(TYPES["CAPTURE_END"], cookie + struct.pack("=QQII192s", packets, missed, error, 0, text))


def reason(drop):
    return DROPS if drop is None else DROP_REASONS.index(drop)


QUESTIONS = {
    TYPES["SESSIONS_GET"]: ("SESSIONS_GET", lambda body: fields(
        "=4I16s3H2B", "action limit port network ip prefix protocol l4_port state family", body)),
    TYPES["TRACE"]: ("TRACE", lambda body: {"port": (head := fields("=3I", "port underlay length", body))["port"],
                                            "underlay": head["underlay"], "frame": body[24:24 + head["length"]]}),
    TYPES["CAPTURE_START"]: ("CAPTURE_START", lambda body: fields(
        "=6I2B2H16s16s", "mode port underlay snap count seconds family protocol l4_0 l4_1 ip_0 ip_1", body)),
    TYPES["CAPTURE_STOP"]: ("CAPTURE_STOP", lambda body: {}),
}


def now(value):
    return value() if callable(value) else value


class Generation:
    def __init__(self, number, full):
        self.number, self.full, self.upserts, self.deletes = number, full, {}, []


class FakeDataplane:
    """Attributes are switches that may be thrown at any time."""

    def __init__(self, path):
        self.reset()
        self.force, self.generations, self.connections, self.greetings = {}, [], 0, []
        self.changed = threading.Condition()
        self.stopping = False
        self.connection, self.connected = None, False
        path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(path))
        self.listener.listen(8)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def reset(self):
        """All switches as they are at first."""
        self.version = VERSION
        self.greet = True            # answer HELLO
        self.commit = True           # answer COMMIT
        self.garbage = None          # send this instead of COMMITTED
        self.hang_up = 0             # so many connections are closed in the middle of a generation
        self.fail = {}               # (type, key): (errno, text)
        self.link = True             # ports come up when committed
        self.reading = True
        self.count = True            # answer STATS_GET; what was not answered is when it is on again, late
        self.workers = []            # (index, packets), as STATS_GET is answered; or what makes it
        self.nodes = []              # (worker, name, calls, packets, cycles, io_cycles), likewise
        self.session_stats = None    # ([capacity, live], [created … tsc_hz], {state: count})
        self.asked = []              # (question, what it said), of SESSIONS_GET, TRACE, CAPTURE_START and _STOP
        self.answers = {}            # question: what makes its records, of the cookie (8 bytes) and what was said

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stopping = True
        for s in (self.listener, self.connection):
            if s:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                s.close()
        self.thread.join()

    def wait_for(self, condition, patience=60):
        with self.changed:
            assert self.changed.wait_for(lambda: condition(self), patience), "the dataplane never saw it"

    def note(self):
        with self.changed:
            self.changed.notify_all()

    def serve(self):
        while not self.stopping:
            try:
                self.connection = self.listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            self.connected = True
            self.note()
            try:
                self.talk(self.connection)
            except OSError:
                pass
            self.connection.close()
            self.connected = False
            self.note()

    def talk(self, connection):
        generation, uncounted = None, []
        while True:
            while not self.reading and not self.stopping:
                time.sleep(0.01)
            datagram = connection.recv(1 << 16)
            if not datagram:
                return
            for kind, body in records(datagram):
                if kind == HELLO:
                    self.greetings.append(struct.unpack_from("=II", body))
                    if self.greet:
                        connection.send(hello(self.version))
                    if self.version != VERSION:
                        return
                elif kind == BEGIN:
                    generation = Generation(*struct.unpack_from("=QI", body))
                elif kind == DELETE:
                    deleted = struct.unpack_from("=I", body)[0]
                    generation.deletes.append((deleted, body[8:8 + KEY_SIZE[deleted]]))
                elif kind in KEY_SIZE:
                    generation.upserts[kind, body[:KEY_SIZE[kind]]] = body
                elif kind == COMMIT:
                    assert struct.unpack_from("=Q", body)[0] == generation.number
                    self.committed(connection, generation)
                elif kind == STATS_GET:
                    uncounted.append(body)
                    while self.count and uncounted:
                        self.answer_stats(connection, uncounted.pop(0))
                elif kind in QUESTIONS:
                    name, parse = QUESTIONS[kind]
                    said = parse(body)
                    self.asked.append((name, said))
                    self.note()
                    for answer in self.answers.get(name, lambda *_: [])(body[:8], said):
                        connection.send(answer)
            if generation and self.hang_up > 0:
                self.hang_up -= 1
                return

    def committed(self, connection, generation):
        if self.hang_up > 0:
            return
        if self.garbage is not None:
            connection.send(self.garbage)
            return
        if not self.commit:
            self.generations.append(generation)
            self.note()
            return
        assert not set(generation.upserts) & set(generation.deletes), "both upserted and deleted"
        before = {} if generation.full else dict(self.force)
        for key in generation.deletes:
            assert key in before, f"deleted what was never there: {key}"
            del before[key]
        failed = [key for key in generation.upserts if key in self.fail]
        before.update(generation.upserts)
        out = [self.result(generation, key) for key in failed]
        out.append(record(COMMITTED, struct.pack("=QIIIIIIQ", generation.number, 0, len(generation.upserts), 0,
                                                 len(generation.deletes), len(failed), 0, 1000)))
        if self.link:
            out += [port_state(struct.unpack("=I", key)[0]) for kind, key in generation.upserts
                    if kind == PORT and (kind, key) not in failed]
        self.force = before
        self.generations.append(generation)
        for datagram in out:
            connection.send(datagram)
        self.note()

    def result(self, generation, key):
        error, text = self.fail[key]
        return record(RESULT, struct.pack("=QIi32s192s", generation.number, key[0], error, key[1], text))

    def answer_stats(self, connection, body):
        for kind, key in self.force:
            if kind == PORT:
                counters = struct.pack("=4sIQQQQ", key, 0, 10, 1000, 20, 2000)
                connection.send(record(PORT_STATS, counters + struct.pack(f"={DROPS}Q", 3, *[0] * (DROPS - 1))))
        for index, packets in now(self.workers):
            connection.send(record(WORKER_STATS, struct.pack(f"=II5QII{DROPS}Q", index, index, 0, 0, 0, 0, packets, 1, 0,
                                                             *[0] * DROPS)))
        for worker, name, *counters in now(self.nodes):
            connection.send(record(NODE_STATS, struct.pack("=IIQQQQ64s", worker, 0, *counters, name.encode())))
        if self.session_stats:
            table, counters, states = self.session_stats
            by_state = [states.get(name, 0) for name in SESSION_STATES]
            connection.send(record(SESSION_STATS, struct.pack(f"=2I8Q{len(by_state)}I", *table, *counters, *by_state)))
        connection.send(record(STATS_END, body[:8]))

    def of(self, kind):
        return {key: body for (k, key), body in self.force.items() if k == kind}
